// <tl-app>: the welcome until somebody has signed in, then the playground.
import { html } from "lit";
import { Part } from "./part.js";
import "./welcome.js";

export class App extends Part {
  render() {
    return html`<tl-welcome></tl-welcome>`;
  }
}

customElements.define("tl-app", App);
