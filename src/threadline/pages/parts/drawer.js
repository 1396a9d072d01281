// <tl-drawer summary .source .count .load .content>: a line at the foot of the page that opens. Its content comes from a
// module that `load` imports when it is opened for the first time; `count`, if given, is shown in the line and
// counted again when `source` changes.
import { html, nothing } from "lit";
import { Part } from "./part.js";

export class Drawer extends Part {
  static properties = {
    summary: {},
    source: { attribute: false },
    count: { attribute: false },
    load: { attribute: false },
    content: { attribute: false },
    isOpen: { state: true },
  };

  willUpdate() {
    if (this.source) this.follow(this.source);
  }

  _onToggle = async ({ target }) => {
    if (target.open) await this.load();
    this.isOpen = target.open;
  };

  render() {
    return html`<details class="drawer card" @toggle=${this._onToggle}>
      <summary>${this.summary} ${this.count ? html`<span class="quiet">${this.count()}</span>` : nothing}</summary>
      ${this.isOpen ? this.content() : nothing}
    </details>`;
  }
}

customElements.define("tl-drawer", Drawer);
