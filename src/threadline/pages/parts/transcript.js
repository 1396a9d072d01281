// <tl-transcript .chat .contacts>: the items of a chat, past chats above dividers. `contacts` is a Map from contact ids
// to DescribeLineage's contacts, for the words of the dividers. `foundId` is the item that one has looked for.
//
// Only a window of the items is in the document. It moves when one scrolls near its end, and the item under the eye
// stays where it is.
import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { kindOf } from "../lib/chat.js";
import { agentless, dayOf, endWords, eventWords, nameOf, timeOf } from "../lib/words.js";
import { Part } from "./part.js";

const WINDOW = 160;
const STEP = 60;
const NEAR_PX = 500;
const AT_END_PX = 48;

export class Transcript extends Part {
  static properties = { chat: { attribute: false }, contacts: { attribute: false }, lineages: { attribute: false }, label: {}, foundId: {} };

  constructor() {
    super();
    this._first = null; // the Id of the first item in the document; null follows the newest
    this._reach = 0; // the items before it that belong into the document too
    this._announced = "";
  }

  connectedCallback() {
    super.connectedCallback();
    this._resized = new ResizeObserver(() => this._onResize());
    this._resized.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._resized.disconnect();
  }

  // A transcript that was hidden begins at its newest item, and loads the past that it could not place before. One that
  // shows its newest item does so in another size too.
  _onResize() {
    const isHidden = !this.clientHeight;
    if (this._isHidden && !isHidden) {
      this._first = null;
      this._isFresh = true;
      this.requestUpdate();
    } else if (this._isAtEnd && !isHidden) this._log.scrollTop = this._log.scrollHeight;
    this._isHidden = isHidden;
  }

  willUpdate(changed) {
    this.follow(this.chat);
    if (changed.has("chat")) this._meet(changed.get("chat"));
    this._isAtEnd = this._isFresh || this._distanceToEnd() < AT_END_PX;
    this._anchor = this._isAtEnd ? null : this._topItem();
  }

  _meet(before) {
    before?.removeEventListener("item", this._announce);
    this.chat.addEventListener("item", this._announce);
    this._first = null;
    this._isFresh = true;
  }

  updated() {
    const log = this._log;
    if (this._isAtEnd) log.scrollTop = log.scrollHeight;
    else if (this._anchor?.element.isConnected) {
      log.scrollTop += this._anchor.element.getBoundingClientRect().bottom - this._anchor.bottom;
    }
    if (this.chat.items.length) this._isFresh = false;
    if (log.scrollTop < NEAR_PX && log.clientHeight) this._onScroll(); // load the pages before while there is time
  }

  // Put an item in the middle of the view.
  async showItem(id) {
    const at = this.chat.items.findIndex((item) => item.Id === id);
    if (at < 0) return;
    this._isFresh = false;
    this._show(this.chat.items, at - STEP);
    await this.updateComplete;
    this.querySelector("li.found")?.scrollIntoView({ block: "center" });
  }

  get _log() {
    return this.querySelector(".log");
  }

  _distanceToEnd() {
    const log = this._log;
    return log ? log.scrollHeight - log.scrollTop - log.clientHeight : 0;
  }

  // The first item that is seen, and where it ends: that stays when others come above it, or its divider goes.
  _topItem() {
    const top = this._log.getBoundingClientRect().top;
    for (const element of this._log.querySelectorAll("li[data-id]")) {
      const box = element.getBoundingClientRect();
      if (box.bottom > top) return { element, bottom: box.bottom };
    }
    return null;
  }

  // Items that arrive are read out; items that are loaded are not.
  _announce = ({ detail: item }) => {
    if (this.chat.isOwn(item)) return;
    const text = item.Content ?? item.Attachments?.map((file) => file.AttachmentName).join(", ");
    const said = item.Type === "EVENT" ? eventWords(kindOf(item), item) : `${nameOf(item)}: ${text}`;
    if (said) this._announced = said;
  };

  _slice() {
    const items = this.chat.items;
    const last = Math.max(0, items.length - WINDOW);
    const found = this._first === null ? last : items.findIndex((item) => item.Id === this._first);
    const start = found < 0 ? last : Math.min(Math.max(0, found - this._reach), last);
    return { items, start, end: Math.min(items.length, start + WINDOW) };
  }

  _onScroll = async () => {
    const log = this._log;
    this._isAtEnd = this._distanceToEnd() < AT_END_PX;
    const { items, start, end } = this._slice();
    if (log.scrollTop < NEAR_PX) {
      if (start > 0) this._show(items, start - STEP);
      else if (this.chat.hasOlder && !this.chat.isLoading) {
        this._first ??= items[start]?.Id ?? null;
        this._reach = STEP; // so that they are in the document as soon as they are there
        const count = await this.chat.loadOlder();
        this._reach = 0;
        if (count) this._show(this.chat.items, count - STEP);
      }
    } else if (end < items.length && this._distanceToEnd() < NEAR_PX) this._show(items, start + STEP);
  };

  _show(items, start) {
    const from = Math.max(0, Math.min(start, items.length - WINDOW));
    this._first = from >= items.length - WINDOW ? null : items[from].Id;
    this.requestUpdate();
  }

  render() {
    const { items, start, end } = this._slice();
    return html`
      ${this.chat.isLoading ? html`<p class="loading">Loading earlier messages</p>` : nothing}
      <div class="log" role="log" aria-live="off" aria-label=${this.label} tabindex="0" @scroll=${this._onScroll}>
        <ol>
          ${repeat(
            items.slice(start, end),
            (item) => item.Id,
            (item, i) => this._row(item, items[start + i - 1]),
          )}
        </ol>
        ${this.chat.pending.filter((message) => !message.isShown).map((message) => html`<p class="bubble own waiting">${message.text}<small>waiting</small></p>`)}
        ${this.chat.typing ? html`<p class="typing">${this.chat.typing} is typing</p>` : nothing}
      </div>
      <p class="visually-hidden" aria-live="polite">${this._announced}</p>
    `;
  }

  _row(item, before) {
    const divider = this._divider(item, before);
    const body = item.Type === "EVENT" ? this._event(item) : this._message(item, divider === nothing ? before : null);
    return html`<li data-id=${item.Id} class=${item.Id === this.foundId ? "found" : ""}>${divider}${body}</li>`;
  }

  // Above the first item of each past contact, and above the first of the current chat when a past one is before it.
  _divider(item, before) {
    const past = item.ContactId ? null : item.RelatedContactId;
    const pastBefore = before && !before.ContactId ? before.RelatedContactId : null;
    if (past === pastBefore || (!past && !pastBefore)) return nothing;
    const left = this._leftOut(pastBefore, past);
    return html`<div class="divider">
      ${left.map((contact) => this._leftOutWords(contact))}
      ${past ? this._pastWords(past, item) : html`<h3>This chat</h3>`}
    </div>`;
  }

  _leftOutWords(contact) {
    const words = this.lineages.cut(contact.Explanation).map((part) => (part.contactId ? this.lineages.label(part.contactId) : part.text));
    return html`<p class="left-out" title=${contact.ContactId}><strong>${this.lineages.label(contact.ContactId)} is left out.</strong> ${words}</p>`;
  }

  // When, with whom, and how it ended.
  _pastWords(contactId, item) {
    const contact = this.contacts?.get(contactId);
    const label = this.lineages?.label(contactId);
    const when = html`<time datetime=${item.AbsoluteTime}>${dayOf(item.AbsoluteTime)}, ${timeOf(item.AbsoluteTime)}</time>`;
    return html`<h3>${when}</h3>
      ${contact ? html`<p class="quiet">${label} with ${contact.AgentName ?? agentless(contact)}, ${endWords(contact)}${contact.ErasedTimestamp ? ", erased since" : ""}</p>` : nothing}`;
  }

  // The contacts between two shown ones that are not shown. The Map has the newest first.
  _leftOut(older, newer) {
    if (!older || !this.contacts) return [];
    const all = [...this.contacts.values()];
    const from = newer ? all.findIndex((contact) => contact.ContactId === newer) : -1;
    const to = all.findIndex((contact) => contact.ContactId === older);
    return all.slice(from + 1, Math.max(to, 0)).filter((contact) => !contact.Shown);
  }

  _event(item) {
    const words = eventWords(kindOf(item), item);
    return words ? html`<p class="event">${words} <time datetime=${item.AbsoluteTime}>${timeOf(item.AbsoluteTime)}</time></p>` : nothing;
  }

  _message(item, before) {
    const isOwn = item.ParticipantRole === this.chat.role.toUpperCase(); // in past chats too
    const isFollowing = before?.Type === "MESSAGE" && before.ParticipantId === item.ParticipantId;
    const name = nameOf(item);
    return html`
      ${isFollowing ? nothing : html`<p class="from ${isOwn ? "own" : ""}">${name} <time datetime=${item.AbsoluteTime}>${timeOf(item.AbsoluteTime)}</time></p>`}
      <div class="bubble ${isOwn ? "own" : ""} ${(item.ParticipantRole ?? "").toLowerCase()}">
        ${this._content(item)}${this._receipt(item, isOwn)}
      </div>
    `;
  }

  _files(item) {
    import("./attachment.js"); // the first file loads it
    return (item.Attachments ?? []).map(
      (file) => html`<tl-attachment .chat=${this.chat} .file=${file} .status=${file.Status}></tl-attachment>`,
    );
  }

  // Markdown is shown as text until its module is there, which the first such message loads.
  _content(item) {
    if (item.Type === "ATTACHMENT") return this._files(item);
    if (item.ContentType !== "text/markdown") return html`<p>${item.Content}</p>`;
    if (this._markdown) return this._markdown(item.Content);
    import("../lib/markdown.js").then(({ markdown }) => {
      this._markdown = markdown;
      this.requestUpdate();
    });
    return html`<p>${item.Content}</p>`;
  }

  _receipt(item, isOwn) {
    const receipts = isOwn ? (item.MessageMetadata?.Receipts ?? []) : [];
    if (!receipts.length) return nothing;
    return html`<small>${receipts.some((receipt) => receipt.ReadTimestamp) ? "read" : "delivered"}</small>`;
  }
}

customElements.define("tl-transcript", Transcript);
