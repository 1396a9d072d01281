// <tl-app>: the welcome until somebody has signed in, then the playground.
import { html, nothing } from "lit";
import { Client } from "../lib/client.js";
import { SignInError, forget, signIn } from "../lib/session.js";
import { Part } from "./part.js";
import "./playground.js";
import "./welcome.js";

export class App extends Part {
  static properties = { client: { state: true }, problem: { state: true }, isReady: { state: true } };

  connectedCallback() {
    super.connectedCallback();
    if (location.pathname.startsWith("/docs/")) {
      import("./document.js");
      return;
    }
    addEventListener("hashchange", this._enter); // a link that is opened in a tab that has the page
    this._enter();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("hashchange", this._enter);
  }

  _enter = async () => {
    try {
      const session = await signIn();
      this.problem = "";
      if (session) this._use(session);
    } catch (error) {
      if (!(error instanceof SignInError)) throw error;
      this.problem = error.message;
    }
    this.isReady = true;
  };

  _use(session) {
    const client = new Client(session);
    client.addEventListener("signed-out", () => this._leave("Your session has ended."));
    this.client = client;
  }

  _leave(problem = "") {
    forget();
    this.client = null;
    this.problem = problem;
  }

  async _signOut() {
    await this.client.call("SignOut").catch(() => {}); // ended or not, this tab forgets it
    this._leave();
  }

  render() {
    if (location.pathname.startsWith("/docs/")) return html`<tl-document .path=${location.pathname}></tl-document>`;
    if (!this.isReady) return nothing;
    if (!this.client) return html`<tl-welcome .problem=${this.problem}></tl-welcome>`;
    return html`<tl-playground .client=${this.client} @sign-out=${this._signOut}></tl-playground>`;
  }
}

customElements.define("tl-app", App);
