// <tl-welcome>: what this is and how to get in, for a visitor without a session. It tells nothing about the server.
import { html, nothing } from "lit";
import { Part } from "./part.js";

export class Welcome extends Part {
  static properties = { problem: { type: String } };

  render() {
    return html`
      <main class="welcome">
        <p class="brand"><span class="mark" aria-hidden="true"></span>Threadline</p>
        <h1>A customer left. Here is how they come back.</h1>
        <p class="lead">
          Threadline is a chat contact server that speaks Amazon Connect's API. This page shows both ends of a chat, the
          chats that continue one another, and every call that goes over the wire.
        </p>
        ${this.problem ? html`<p class="notice" role="alert">${this.problem}</p>` : nothing}
        <section class="card" aria-labelledby="how">
          <h2 id="how">To get in</h2>
          <p>Run this in a terminal on the machine of the server. It opens this page with a link that works once.</p>
          <pre><code>threadline open</code></pre>
          <p class="quiet">
            With a server on another data folder: <code>threadline open --data DIR</code>. Where there is no browser,
            it prints the link.
          </p>
        </section>
        <p class="quiet"><a href="/docs/README.md">Documentation</a></p>
      </main>
    `;
  }
}

customElements.define("tl-welcome", Welcome);
