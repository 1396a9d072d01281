// <tl-lineage .contacts>: the contacts of the customer's chat and of those it continues, oldest first, in a list.
import { html, nothing } from "lit";
import { dayOf, timeOf } from "../lib/words.js";
import { Part } from "./part.js";

export class Lineage extends Part {
  static properties = { contacts: { attribute: false } };

  render() {
    const contacts = [...(this.contacts?.values() ?? [])].reverse();
    if (!contacts.length) return html`<p class="quiet">The contacts of the chat appear here.</p>`;
    return html`<ol class="lineage">
      ${contacts.map(
        (contact) => html`<li class=${contact.Shown ? "shown" : "dropped"}>
          <strong>${contact.AgentName ?? "No agent"}</strong>
          ${contact.InitiationTimestamp ? html`<time>${this._when(contact)}</time>` : nothing}
          <p class="quiet">${contact.Explanation}</p>
        </li>`,
      )}
    </ol>`;
  }

  _when(contact) {
    const at = contact.InitiationTimestamp * 1000;
    return `${dayOf(at)}, ${timeOf(at)}`;
  }
}

customElements.define("tl-lineage", Lineage);
