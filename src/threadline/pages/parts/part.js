// The base of every part of the page.
//
// A part is a custom element in a file of its own: `parts/NAME.js` defines `<tl-NAME>`. It renders into the document
// itself, so that the one style sheet, focus order and ids hold everywhere. It is given objects by properties
// (`.chat=${chat}`), says what its user did by events that bubble (`this.tell("send", {text})`), and calls no server.
import { LitElement } from "lit";

export class Part extends LitElement {
  createRenderRoot() {
    return this;
  }

  // Dispatch an event that bubbles to the parts around this one.
  tell(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }

  // Render again whenever `source`, an EventTarget, says that it has changed. Call it in `willUpdate` or the setter.
  follow(source) {
    if (source === this._followed) return;
    this._unfollow();
    this._followed = source;
    if (this.isConnected) this._subscribe();
  }

  connectedCallback() {
    super.connectedCallback();
    this._subscribe();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._unfollow();
  }

  _subscribe() {
    this._onchange ??= () => this.requestUpdate();
    this._followed?.addEventListener("change", this._onchange);
  }

  _unfollow() {
    this._followed?.removeEventListener("change", this._onchange);
  }
}
