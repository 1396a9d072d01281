// <tl-conversation .chat .contacts .lineages>: one participant's end of a chat: who, in which state, the transcript, the composer.
// Tells "leave" when its user leaves.
import { html, nothing } from "lit";
import { stateWords } from "../lib/words.js";
import "./composer.js";
import { Part } from "./part.js";
import "./transcript.js";

export class Conversation extends Part {
  static properties = {
    chat: { attribute: false },
    contacts: { attribute: false },
    lineages: { attribute: false },
    heading: {},
    username: {},
    actions: { attribute: false },
  };

  willUpdate() {
    this.follow(this.chat);
  }

  connectedCallback() {
    super.connectedCallback();
    document.addEventListener("visibilitychange", this._read);
    this.addEventListener("dragover", this._onDrag);
    this.addEventListener("drop", this._onDrop);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener("visibilitychange", this._read);
  }

  updated() {
    this._read();
  }

  // Files that are dropped anywhere on this end are sent.
  _onDrag = (event) => {
    if (this.chat.state === "open" && event.dataTransfer.types.includes("Files")) event.preventDefault();
  };

  _onDrop = (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    for (const file of event.dataTransfer.files) this.chat.sendFile(file);
  };

  _read = () => {
    if (document.visibilityState === "visible") this.chat.markRead();
  };

  render() {
    const { chat } = this;
    return html`
      <header class="who">
        <h2>${this.heading}${this.username ? html` <small class="quiet">${this.username}</small>` : nothing}</h2>
        <p class="state ${chat.state}" role="status">${stateWords(chat.state, chat.pending.length)}</p>
        <div class="actions">
          ${this.actions ?? nothing}
          ${chat.state === "ended" ? nothing : html`<button @click=${() => chat.leave()}>Leave</button>`}
        </div>
      </header>
      <tl-transcript
        .chat=${chat}
        .contacts=${this.contacts}
        .lineages=${this.lineages}
        label="Messages as ${this.heading} sees them"
      ></tl-transcript>
      ${chat.problem ? html`<p class="notice" role="alert">${chat.problem}</p>` : nothing}
      ${chat.state === "ended" && chat.role === "agent" ? nothing : html`<tl-composer .chat=${chat} name=${this.heading} label="Message of ${this.heading}"></tl-composer>`}
    `;
  }
}

customElements.define("tl-conversation", Conversation);
