// <tl-playground .client>: left the customer, right the agents, between them the lineage, below the calls.
import { html, nothing } from "lit";
import { Desk } from "../lib/desk.js";
import "./conversation.js";
import "./drawer.js";
import "./lineage.js";
import { Part } from "./part.js";

const VIEWS = { customer: "Customer", lineage: "Lineage", agents: "Agents" };

export class Playground extends Part {
  static properties = { client: { attribute: false }, view: { state: true }, records: { state: true } };

  constructor() {
    super();
    this.view = "customer"; // the one that a narrow screen shows
  }

  willUpdate(changed) {
    if (changed.has("client")) this._begin();
  }

  async _begin() {
    this.tour?.stop();
    this.desk?.close();
    const desk = new Desk(this.client);
    this.desk = desk;
    this.tour = null;
    this.follow(desk);
    await desk.open();
    const address = new URL(location.href);
    if (!address.searchParams.has("tour") || !desk.isReady) return;
    address.searchParams.delete("tour");
    history.replaceState(null, "", address); // a reload does not play it again
    this._playTour();
  }

  async _playTour() {
    const [{ Tour }] = await Promise.all([import("../lib/tour.js"), import("./tour.js")]);
    const tour = new Tour(this.desk);
    this.tour = tour;
    tour.addEventListener("change", () => tour.isOn && (this.view = tour.step.view));
    tour.addEventListener("stopped", () => this.requestUpdate());
    this.desk.lookAway();
    tour.play();
    this.requestUpdate();
  }

  // Typing or clicking in a view takes over.
  _takeOver = (event) => {
    if (event.isTrusted) this.tour?.stop();
  };

  disconnectedCallback() {
    super.disconnectedCallback();
    this.tour?.stop();
    this.desk?.close();
  }

  // Search all chats, or read the chat of a contact.
  async _openRecords(contactId = null) {
    await import("./records.js");
    this.tour?.stop();
    this.records = { contactId };
  }

  _onReset = () => {
    this.desk.forget();
    this._begin();
    this.requestUpdate();
  };

  // Once something is done, write at that end: the button that did it is gone, and the focus with it.
  async _then(work, end) {
    await work;
    await new Promise(requestAnimationFrame);
    if (document.activeElement === document.body) this.querySelector(`${end} textarea`)?.focus();
  }

  // Choose a contact: its ways of continuing take the focus. Escape gives it back to the picture.
  _pin = async ({ detail }) => {
    this.desk.look(detail.contactId, { pin: true });
    await Promise.all([import("./comeback.js"), this.updateComplete]);
    await this.querySelector("tl-comeback")?.updateComplete;
    (this.querySelector(".way button") ?? this.querySelector(".comeback button"))?.focus();
  };

  _unpin = () => {
    const looked = this.querySelector(".contact.looked button");
    this.desk.lookAway();
    looked?.focus({ preventScroll: true });
    this.desk.lookAway();
  };

  _onKey = (event) => {
    if (event.key === "Escape" && this.desk.looked) this._unpin();
  };

  render() {
    const { desk } = this;
    return html`
      <header class="bar">
        <p class="brand"><span class="mark" aria-hidden="true"></span>Threadline</p>
        <nav aria-label="Page">
          ${desk.isReady ? html`<button class="plain" @click=${() => this._openRecords()}>Search</button>` : nothing}
          ${this.tour?.isOn || !desk.isReady ? nothing : html`<button class="plain" @click=${() => this._playTour()}>Tour</button>`}
          <a class="plain" href="/docs/README.md">Docs</a>
          <button class="plain" @click=${() => this.tell("sign-out")}>Sign out</button>
        </nav>
      </header>
      <main class="playground">
        <h1 class="visually-hidden">Playground</h1>
        ${desk.problem ? html`<p class="notice" role="alert">${desk.problem}</p>` : nothing}
        ${this.tour ? html`<tl-tour .tour=${this.tour}></tl-tour>` : nothing}
        ${desk.isShown ? this._views() : this._waiting()}
      </main>
      ${this.records ? html`<tl-records .desk=${desk} .contactId=${this.records.contactId} @closed=${() => (this.records = null)}></tl-records>` : nothing}
    `;
  }

  _waiting() {
    const { problem } = this.desk;
    return html`<div class="empty">
      ${problem ? html`<p class="quiet">Start it with <code>threadline serve</code> if it does not run.</p><button class="primary" @click=${() => this._begin()}>Try again</button>` : html`<p class="quiet late">Asking the server</p>`}
    </div>`;
  }

  _views() {
    const { client, desk } = this;
    return html`
      <div class="tabs" role="group" aria-label="View">
        ${Object.entries(VIEWS).map(
          ([view, name]) => html`<button aria-pressed=${view === this.view ? "true" : "false"} @click=${() => (this.view = view)}>${name}</button>`,
        )}
      </div>
      <div class="views ${this.view}-first" @pointerdown=${this._takeOver} @keydown=${this._takeOver}>
      <section class="view card customer" aria-label="The customer">${this._customer()}</section>
      <section class="view middle" aria-label="Lineage" @keydown=${this._onKey}>
        <tl-lineage
          .lineages=${desk.lineages}
          .version=${desk.lineages.version}
          .shown=${desk.shown}
          .currentId=${desk.customer?.contactId}
          .lookedId=${desk.looked}
          @look=${({ detail }) => desk.look(detail.contactId)}
          @pin=${this._pin}
        ></tl-lineage>
        ${this._comeback()}
        <div class="wire-tools">
          <tl-drawer
            summary="Over the wire"
            .source=${client}
            .count=${() => client.log.length}
            .load=${() => import("./calls.js")}
            .content=${() => html`<tl-calls .client=${client}></tl-calls>`}
          ></tl-drawer>
          <tl-drawer
            summary="Flow steps"
            .load=${() => import("./steps.js")}
            .content=${() => html`<tl-steps .client=${client} .chat=${desk.customer} .lineages=${desk.lineages}></tl-steps>`}
          ></tl-drawer>
          <tl-drawer
            summary="Faults and the clock"
            .load=${() => import("./controls.js")}
            .content=${() => html`<tl-controls .client=${client} @reset=${this._onReset}></tl-controls>`}
          ></tl-drawer>
        </div>
      </section>
      <section class="view card agents" aria-label="The agents">${this._agents()}</section>
      </div>
    `;
  }

  _comeback() {
    const { desk } = this;
    const contact = desk.lineages.get(desk.looked);
    if (!contact) return nothing;
    import("./comeback.js"); // nobody needs it before
    return html`<tl-comeback
      .contact=${contact}
      .lineages=${desk.lineages}
      .previews=${desk.previews}
      .isRunning=${desk.isRunning}
      .isLater=${desk.isLater}
      .canContinue=${desk.canContinue(desk.looked)}
      @suppose=${({ detail }) => desk.suppose(detail.type)}
      @continue=${({ detail }) => this._then(desk.continueFrom(detail.contactId, detail.type), ".customer")}
      @read=${({ detail }) => this._openRecords(detail.contactId)}
      @unpin=${this._unpin}
    ></tl-comeback>`;
  }

  _customer() {
    const { desk } = this;
    const start = html`<button class="primary" ?disabled=${desk.isStarting} @click=${() => this._then(desk.startChat(), ".customer")}>Start a chat</button>`;
    if (!desk.customer) {
      return html`<div class="empty">
        <h2>${desk.customerName} has not written yet</h2>
        <p class="quiet">Start a chat as the customer. Then let an agent accept it.</p>
        ${start}
        <button @click=${() => this._playTour()}>Watch the tour</button>
      </div>`;
    }
    return html`<tl-conversation
      .chat=${desk.customer}
      .contacts=${desk.contacts}
      .lineages=${desk.lineages}
      .heading=${desk.customerName}
      .actions=${desk.customer.state === "ended" ? start : nothing}
    ></tl-conversation>`;
  }

  _agents() {
    const { agents, isReady } = this.desk;
    if (agents.length) return agents.map((agent) => this._agent(agent));
    return html`<p class="empty quiet late">
      ${isReady ? html`The instance has no users. Make one: <code>threadline admin user create USERNAME</code>` : "Asking the server"}
    </p>`;
  }

  _agent(agent) {
    const { desk } = this;
    if (!agent.chat) {
      return html`<div class="empty agent">
        <h2>${agent.name} <small class="quiet">${agent.username}</small></h2>
        <button ?disabled=${!desk.canAccept(agent)} @click=${() => this._then(desk.accept(agent), `[data-agent="${agent.id}"]`)}>Accept the chat</button>
      </div>`;
    }
    const others = desk.agents.filter((other) => other !== agent);
    const hand = others.map(
      (other) => html`<button @click=${() => desk.transfer(agent, other)}>Transfer to ${other.name}</button>`,
    );
    const again = html`<button ?disabled=${!desk.canAccept(agent)} @click=${() => this._then(desk.accept(agent), `[data-agent="${agent.id}"]`)}>Accept again</button>`;
    return html`<tl-conversation
      data-agent=${agent.id}
      .chat=${agent.chat}
      .contacts=${desk.contacts}
      .lineages=${desk.lineages}
      .heading=${agent.name}
      .username=${agent.username}
      .actions=${agent.chat.state === "ended" ? again : hand}
    ></tl-conversation>`;
  }
}

customElements.define("tl-playground", Playground);
