// <tl-comeback .contact .lineages .previews .isRunning .isLater>: a contact's details, and both ways of continuing from
// it: each with the contacts that it would show or leave out, and why. `previews` has DescribeLineage's answer for each
// RehydrationType, or its refusal as {problem}; `isLater` says that only the chat after the running one can do so.
// Tells "suppose" with a type when one points at a way, "continue" with contactId and type, "read" with a contactId, and
// "unpin".
import { html, nothing } from "lit";
import { TYPES, WHOLE } from "../lib/lineage.js";
import { dayOf, endWords, startWords, timeOf } from "../lib/words.js";
import { Part } from "./part.js";

const NAMES = { ENTIRE_PAST_SESSION: "The whole chat", FROM_SEGMENT: "Up to this contact" };

export class Comeback extends Part {
  static properties = {
    contact: { attribute: false },
    lineages: { attribute: false },
    previews: { attribute: false },
    isRunning: { type: Boolean },
    isLater: { type: Boolean },
    canContinue: { type: Boolean },
  };

  render() {
    const label = this.lineages.label(this.contact.ContactId);
    return html`<section class="comeback card" aria-label="Contact ${label}">
      <header>
        <h3>${label}</h3>
        <button class="plain" aria-label="Read ${label}" @click=${() => this.tell("read", { contactId: this.contact.ContactId })}>Read</button>
        <button class="plain" @click=${() => this.tell("unpin")}>Close</button>
      </header>
      ${this.canContinue ? this._ways(label) : nothing}
      ${this._details()}
    </section>`;
  }

  // A refusal that holds for both ways is said once.
  _ways(label) {
    const later = this.isLater
      ? html`<p class="quiet">The running chat continues a past one already, and a chat continues one at most. When it has ended, the next one can start from here:</p>`
      : nothing;
    const problems = new Set(TYPES.map((type) => this.previews?.[type]?.problem));
    const [problem] = problems;
    if (problem && problems.size === 1) return html`<p class="refused">${this._sentence(problem)}</p>`;
    return html`${later}<div class="ways">${TYPES.map((type) => this._way(type, label))}</div>`;
  }

  _way(type, label) {
    const preview = this.previews?.[type];
    const isOpen = preview?.contacts && !this.isLater;
    const suppose = () => this.tell("suppose", { type });
    return html`<section class="way" aria-label=${NAMES[type]} @mouseenter=${suppose} @focusin=${suppose}>
      <h4>${NAMES[type]}</h4>
      <p class="quiet"><code>${type}</code>${this._source(type)}</p>
      <button
        class="primary"
        aria-disabled=${isOpen ? "false" : "true"}
        aria-label=${`${this._act()}: ${NAMES[type].toLowerCase()}, ${label}`}
        @click=${() => isOpen && this.tell("continue", { contactId: this.contact.ContactId, type })}
      >
        ${this._act()}
      </button>
      ${preview ? this._answer(preview) : html`<p class="quiet">Asking the server</p>`}
    </section>`;
  }

  // ENTIRE_PAST_SESSION takes the chat's first contact, FROM_SEGMENT any.
  _source(type) {
    const { ContactId, InitialContactId } = this.contact;
    const id = type === WHOLE ? InitialContactId : ContactId;
    return html` from <abbr title=${id}>${this.lineages.label(id)}</abbr>${id === ContactId ? nothing : ", the first contact of its chat"}`;
  }

  _act() {
    return this.isRunning && !this.isLater ? "Bring it back" : "Start the next chat";
  }

  _answer(preview) {
    if (preview.problem) return html`<p class="refused">${this._sentence(preview.problem)}</p>`;
    const past = preview.contacts.filter((contact) => contact.SessionNumber > 0);
    return html`<ul class="verdicts">
      ${past.map(
        (contact) => html`<li class=${contact.Shown ? "shown" : "dropped"}>
          <strong>${this.lineages.label(contact.ContactId)} ${contact.Shown ? "is shown" : "is left out"}</strong>
          <span class="quiet">${this._sentence(contact.Explanation)}</span>
        </li>`,
      )}
    </ul>`;
  }

  // A sentence of the server, with the numbers of the picture in place of ids.
  _sentence(text) {
    return this.lineages
      .cut(text)
      .map((part) => (part.contactId ? html`<abbr title=${part.contactId}>${this.lineages.label(part.contactId)}</abbr>` : part.text));
  }

  _details() {
    const { contact } = this;
    const rows = [
      ["Contact", html`<code>${contact.ContactId}</code>`],
      ["Agent", contact.AgentName ?? "none"],
      ["Began", `${this._when(contact.InitiationTimestamp)}, ${startWords(contact)}`],
      ["Ended", contact.DisconnectTimestamp ? `${this._when(contact.DisconnectTimestamp)}, ${endWords(contact)}` : "it is running"],
      ["Transcript", `${contact.ItemCount ?? 0} items`],
    ];
    if (contact.RelatedContactId) rows.push(["Its chat continues", this.lineages.label(contact.RelatedContactId)]);
    return html`<dl>${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
  }

  _when(seconds) {
    return `${dayOf(seconds * 1000)}, ${timeOf(seconds * 1000)}`;
  }
}

customElements.define("tl-comeback", Comeback);
