// <tl-records .desk .contactId>: a dialog that finds messages in all chats by their words, and shows a chat, running or
// ended, without starting one. With a contactId it begins with the chat of that contact. Tells "closed".
import { html, nothing } from "lit";
import { PastChat } from "../lib/past.js";
import { dayOf, endWords, nameOf, timeOf } from "../lib/words.js";
import { Part } from "./part.js";
import "./transcript.js";

const HITS = 25;

export class Records extends Part {
  static properties = {
    desk: { attribute: false },
    contactId: {},
    chat: { state: true }, // the one that is read
    hits: { state: true },
    isSearching: { state: true },
    problem: { state: true },
  };

  constructor() {
    super();
    this.words = "";
  }

  async firstUpdated() {
    this.querySelector("dialog").showModal();
    if (this.contactId) this._read(this.contactId);
  }

  willUpdate() {
    if (this.chat) this.follow(this.chat);
  }

  get _client() {
    return this.desk.client;
  }

  _onSubmit(event) {
    event.preventDefault();
    this.words = new FormData(event.target).get("words").trim();
    this.hits = this._next = undefined;
    if (this.words) this._search();
  }

  // A page may be empty although others follow.
  async _search() {
    this.isSearching = true;
    this.problem = "";
    try {
      const members = { InstanceId: this.desk.instanceId, SearchText: this.words, MaxResults: HITS };
      const before = this.hits?.length ?? 0;
      do {
        const reply = await this._client.call("SearchTranscripts", { ...members, ...(this._next && { NextToken: this._next }) });
        this.hits = [...(this.hits ?? []), ...reply.Hits];
        this._next = reply.NextToken;
      } while (this._next && this.hits.length === before);
    } catch (error) {
      this.problem = error.message;
    }
    this.isSearching = false;
  }

  // Show the chat of a contact, at an item of it.
  async _read(contactId, itemId) {
    this.problem = "";
    this._itemId = itemId;
    const chat = new PastChat(this._client, this.desk.instanceId, contactId, this.desk.lineages);
    this.chat = chat;
    await chat.open(itemId);
    await this.updateComplete;
    if (this.chat !== chat) return;
    if (itemId) await this.querySelector("tl-transcript")?.showItem(itemId);
    this.querySelector(".log")?.focus({ preventScroll: true });
  }

  async _back() {
    this.chat = null;
    await this.updateComplete;
    const at = this._itemId && this.querySelector(`[data-item="${this._itemId}"]`);
    (at || this.querySelector("input"))?.focus();
  }

  async _save(format) {
    try {
      const { download } = await import("../lib/export.js");
      await download(this._client, this.desk.instanceId, this.chat.contact, format);
    } catch (error) {
      this.problem = error.message;
    }
  }

  render() {
    return html`<dialog class="records card" aria-label=${this.chat ? "A chat" : "Search"} @close=${() => this.tell("closed")}>
      ${this.chat ? this._reader() : this._finder()}
    </dialog>`;
  }

  _close = () => this.querySelector("dialog").close();

  _finder() {
    return html`
      <header class="records-head">
        <h2>Search all chats</h2>
        <button class="plain" @click=${this._close}>Close</button>
      </header>
      <form class="records-form" role="search" @submit=${this._onSubmit}>
        <input name="words" type="search" aria-label="Words" placeholder="Words" .defaultValue=${this.words} maxlength="1000" autofocus>
        <button class="primary">Search</button>
      </form>
      <div class="records-body">
        <p class="quiet" role="status">${this._said()}</p>
        ${this.problem ? html`<p class="notice" role="alert">${this.problem}</p>` : nothing}
        ${this.hits?.length ? html`<ol class="hits">${this.hits.map((hit) => this._hit(hit))}</ol>` : nothing}
        ${this._next && !this.isSearching ? html`<button @click=${() => this._search()}>Show more</button>` : nothing}
      </div>
    `;
  }

  _said() {
    if (this.isSearching) return "Searching";
    if (!this.hits) return "A message is found when it has all words. Choose one to read its chat; nobody joins it.";
    if (this.hits.length) return `${this.hits.length}${this._next ? " or more" : ""} found, the newest chat first.`;
    return this.problem
      ? ""
      : "No message has all of these words. One of a running chat is found after half a minute, of an ended chat after a few seconds.";
  }

  _hit(hit) {
    return html`<li>
      <button class="hit" data-item=${hit.ItemId} @click=${() => this._read(hit.ContactId, hit.ItemId)}>
        <span class="quiet">
          ${nameOf(hit)}, ${dayOf(hit.AbsoluteTime)}, ${timeOf(hit.AbsoluteTime)}, contact ${this.desk.lineages.label(hit.ContactId)}
        </span>
        <span class="snippet">${marked(hit.Snippet, this.words)}</span>
      </button>
    </li>`;
  }

  _reader() {
    const { chat } = this;
    const { contact } = chat;
    const label = chat.lineages.label(chat.contactId);
    return html`
      <header class="records-head">
        <h2>${contact ? `${dayOf(contact.InitiationTimestamp * 1000)}, ${timeOf(contact.InitiationTimestamp * 1000)}` : "A chat"}</h2>
        <p class="quiet">${contact ? `${label}: ${contact.DisconnectTimestamp ? endWords(contact) : "it is running"}` : ""}</p>
        <div class="actions">
          <button @click=${() => this._back()}>${this.hits ? "Back to the results" : "Search"}</button>
          <button class="plain" @click=${this._close}>Close</button>
        </div>
      </header>
      ${chat.problem || this.problem ? html`<p class="notice" role="alert">${chat.problem || this.problem}</p>` : nothing}
      <tl-transcript
        .chat=${chat}
        .contacts=${chat.contacts}
        .lineages=${chat.lineages}
        .foundId=${this._itemId}
        label="The chat of ${label}"
      ></tl-transcript>
      <footer class="records-foot">
        <p class="quiet">Read only. Download contact ${label}:</p>
        <button ?disabled=${!contact} aria-label="Download ${label} as JSON" @click=${() => this._save("json")}>JSON</button>
        <button ?disabled=${!contact} aria-label="Download ${label} as HTML" @click=${() => this._save("html")}>HTML</button>
      </footer>
    `;
  }
}

// A text with the words that were looked for marked in it.
function marked(text, words) {
  const wanted = words.split(/\s+/).filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!wanted.length) return text;
  const parts = text.split(new RegExp(`(${wanted.join("|")})`, "giu"));
  return parts.map((part, i) => (i % 2 ? html`<mark>${part}</mark>` : part));
}

customElements.define("tl-records", Records);
