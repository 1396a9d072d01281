// <tl-controls .client>: faults, the clock and a reset, on a server with test controls. Tells "reset" when the server
// has begun anew.
import { html, nothing } from "lit";
import { Part } from "./part.js";

const TARGETS = ["SendMessage", "GetTranscript", "CreateParticipantConnection", "StartChatContact", "WebSocket", "Frame"];
const FAULTS = {
  Frame: ["SOCKET_CLOSED", "FRAME_LOST", "FRAME_DUPLICATED"],
  WebSocket: ["CONNECTION_RESET", "AccessDeniedException"],
};
const CALL_FAULTS = ["REPLY_LOST", "CONNECTION_RESET", "ThrottlingException", "InternalServerException"];
const MOVES = [
  ["5 minutes", 300],
  ["1 hour", 3_600],
  ["1 day", 86_400],
];

export class Controls extends Part {
  static properties = {
    client: { attribute: false },
    target: { state: true },
    faults: { state: true },
    problem: { state: true },
    said: { state: true },
  };

  constructor() {
    super();
    this.target = TARGETS[0];
  }

  firstUpdated() {
    this._try("ListFaults");
  }

  async _try(operation, members = {}, said = "") {
    try {
      const reply = await this.client.call(operation, members);
      this.problem = "";
      this.said = said;
      if (operation === "ResetServer") return this.tell("reset");
      this.faults = operation === "ListFaults" ? reply.Faults : (await this.client.call("ListFaults")).Faults;
    } catch (error) {
      this.problem =
        error.code === "AccessDeniedException" && !this.faults
          ? "This server has no test controls. Start one with threadline serve --test-controls."
          : error.message;
    }
  }

  _set(event) {
    event.preventDefault();
    const chosen = new FormData(event.target);
    const fault = chosen.get("fault");
    const members = { Operation: this.target, Fault: fault, Times: Number(chosen.get("times")) };
    this._try("SetFault", members, `${this.target} fails next: ${fault}`);
  }

  render() {
    return html`<p class="quiet" role="status">${this.problem || this.said}</p>
      ${this.faults ? this._forms() : nothing}`;
  }

  _forms() {
    const faults = FAULTS[this.target] ?? CALL_FAULTS;
    return html`
      <form @submit=${this._set}>
        <label>Let <select name="target" @change=${(event) => (this.target = event.target.value)}>${TARGETS.map(option)}</select></label>
        <label>fail with <select name="fault">${faults.map(option)}</select></label>
        <label>times <input name="times" type="number" min="1" max="99" value="1" required></label>
        <button>Set</button>
      </form>
      ${this.faults.length
        ? html`<ul>${this.faults.map((fault) => html`<li><code>${fault.Operation}</code> ${fault.Fault} <span class="quiet">happened ${fault.Fired ?? 0} times</span></li>`)}</ul>
            <button @click=${() => this._try("ClearFaults", {}, "No fault is set.")}>Clear all faults</button>`
        : nothing}
      <div class="formats" role="group" aria-label="Move the clock">
        Move the clock by
        ${MOVES.map(([name, Seconds]) => html`<button @click=${() => this._try("MoveClock", { Seconds }, `The clock was moved by ${name}.`)}>${name}</button>`)}
      </div>
      <button @click=${() => this._try("ResetServer")}>Reset the server</button>
    `;
  }
}

const option = (name) => html`<option value=${name}>${name}</option>`;

customElements.define("tl-controls", Controls);
