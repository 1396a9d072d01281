// <tl-playground>: both ends of a chat, side by side.
import { html } from "lit";
import { Part } from "./part.js";

export class Playground extends Part {
  static properties = { client: { attribute: false } };

  render() {
    return html`
      <header class="bar">
        <p class="brand"><span class="mark" aria-hidden="true"></span>Threadline</p>
        <button class="plain" @click=${() => this.tell("sign-out")}>Sign out</button>
      </header>
      <main class="playground"><h1 class="visually-hidden">Playground</h1></main>
    `;
  }
}

customElements.define("tl-playground", Playground);
