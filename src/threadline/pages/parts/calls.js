// <tl-calls .client>: every call that went over the wire, the newest last.
import { html } from "lit";
import { timeOf } from "../lib/words.js";
import { Part } from "./part.js";

const SHOWN = 100;

export class Calls extends Part {
  static properties = { client: { attribute: false } };

  willUpdate() {
    this.follow(this.client);
  }

  render() {
    return html`<details class="calls">
      <summary>Calls (${this.client.log.length})</summary>
      <ol>
        ${this.client.log.slice(-SHOWN).map(
          (call) => html`<li><time>${timeOf(call.at)}</time> <code>${call.operation}</code>
            <span class="quiet">${call.by} ${call.error ?? call.status}, ${call.ms.toFixed(0)} ms</span></li>`,
        )}
      </ol>
    </details>`;
  }
}

customElements.define("tl-calls", Calls);
