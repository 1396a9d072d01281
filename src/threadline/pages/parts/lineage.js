// <tl-lineage .lineages .shown .currentId .lookedId>: the picture of the chats and their contacts. `shown` is a Map from
// contact ids to whether, as one looks at it, the contact is shown; `lookedId` is the contact whose details are open.
// Tells "look" with a contactId when one points at a contact, and "pin" when one chooses it.
import { html, nothing, svg } from "lit";
import { agentless, endWords, timeOf } from "../lib/words.js";
import { Part } from "./part.js";

const COLUMN = 192;
const COLUMN_GAP = 32;
const ROW = 84;
const ROW_GAP = 10;
const HEAD = 26;
const LANE_GAP = 18;
const COLUMNS_MAX = 24;

export class Lineage extends Part {
  static properties = {
    lineages: { attribute: false },
    version: { attribute: false },
    shown: { attribute: false },
    currentId: {},
    lookedId: {},
    isWhole: { state: true },
  };

  updated(changed) {
    if (!changed.has("currentId") && !changed.has("version")) return;
    const current = this.querySelector("li.current");
    if (current && this._seenId !== this.currentId) {
      this._seenId = this.currentId;
      current.scrollIntoView({ block: "nearest", inline: "end" });
    }
  }

  render() {
    const { chats } = this.lineages;
    if (!chats.length) {
      return html`<div class="lineage-empty">
        <h2>Lineage</h2>
        <p class="quiet">
          Each chat stands here with its contacts. When it has ended, the customer can come back, and you choose how
          much of the past comes along.
        </p>
      </div>`;
    }
    const last = Math.max(...chats.map((chat) => chat.column));
    const from = this.isWhole ? 0 : Math.max(0, last - COLUMNS_MAX + 1);
    const places = placed(chats.filter((chat) => chat.column >= from), from);
    const size = `width: ${places.width}px; height: ${places.height}px`;
    return html`
      <h2 class="visually-hidden">Lineage</h2>
      ${from ? html`<button class="plain" @click=${() => (this.isWhole = true)}>Show ${from} earlier chats</button>` : nothing}
      <div class="picture" tabindex="0" role="group" aria-label="The chats and how they continue each other">
        <div class="canvas" .style=${size}>
          <svg aria-hidden="true" width=${places.width} height=${places.height}>${places.chats.map((chat) => this._link(chat, places))}</svg>
          <ol>${places.chats.map((chat) => this._chat(chat))}</ol>
        </div>
      </div>
    `;
  }

  _link(chat, places) {
    const anchor = places.contacts.get(chat.anchorId);
    if (!anchor) return nothing;
    const [x, y, toX, toY] = [anchor.x + COLUMN, anchor.y + ROW / 2, chat.x, chat.y + HEAD + ROW / 2];
    const middle = (x + toX) / 2;
    return svg`<path d="M${x} ${y}C${middle} ${y} ${middle} ${toY} ${toX} ${toY}"></path><circle cx=${toX} cy=${toY} r="3.5"></circle>`;
  }

  _chat(chat) {
    const at = `left: ${chat.x}px; top: ${chat.y}px; width: ${COLUMN}px`;
    const isCurrent = chat.contacts.some((contact) => contact.ContactId === this.currentId);
    return html`<li class="chat ${isCurrent ? "current" : ""}" .style=${at}>
      <p class="chat-head">${chat.hasEnded ? "Ended" : "Running"} <time>${timeOf(chat.contacts[0].InitiationTimestamp * 1000)}</time></p>
      <ol>${chat.contacts.map((contact) => this._contact(contact, chat))}</ol>
    </li>`;
  }

  _contact(contact, chat) {
    const id = contact.ContactId;
    const label = this.lineages.label(id);
    const shown = this.shown.get(id);
    const state = shown === undefined ? "other" : shown ? "shown" : "dropped";
    const says = { other: "", shown: "shown", dropped: "left out" }[state];
    const looked = id === this.lookedId ? "looked" : "";
    const look = () => this.tell("look", { contactId: id });
    return html`<li class="contact ${state} ${looked}" data-contact=${id} @mouseenter=${look} @focusin=${look}>
      <p class="contact-name"><span><strong>${label}</strong> ${contact.AgentName ?? agentless(contact)}</span> <small>${says}</small></p>
      <p class="quiet">${contact.DisconnectTimestamp ? endWords(contact) : "running"}</p>
      <button aria-label=${`${chat.hasEnded ? "Continue from here" : "Details"}: ${label}`} @click=${() => this.tell("pin", { contactId: id })}>
        ${chat.hasEnded ? "Continue from here" : "Details"}
      </button>
    </li>`;
  }
}

// Where each chat and contact stands, in pixels, from column number `from` on.
function placed(chats, from) {
  const tallest = new Map();
  for (const chat of chats) tallest.set(chat.lane, Math.max(tallest.get(chat.lane) ?? 0, chat.contacts.length));
  const tops = new Map();
  let height = 0;
  for (const lane of [...tallest.keys()].sort((one, other) => one - other)) {
    tops.set(lane, height);
    height += HEAD + tallest.get(lane) * (ROW + ROW_GAP) + LANE_GAP;
  }
  const contacts = new Map();
  const stood = chats.map((chat) => {
    const x = (chat.column - from) * (COLUMN + COLUMN_GAP);
    const y = tops.get(chat.lane);
    chat.contacts.forEach((contact, i) => contacts.set(contact.ContactId, { x, y: y + HEAD + i * (ROW + ROW_GAP) }));
    return { ...chat, x, y };
  });
  const width = Math.max(...stood.map((chat) => chat.x)) + COLUMN;
  return { chats: stood, contacts, width, height: height - LANE_GAP };
}

customElements.define("tl-lineage", Lineage);
