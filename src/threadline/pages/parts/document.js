// <tl-document path>: a page of the documentation that the server has in its package.
import { html } from "lit";
import { markdown } from "../lib/markdown.js";
import { Part } from "./part.js";

export class Document extends Part {
  static properties = { path: {}, text: { state: true } };

  willUpdate(changed) {
    if (changed.has("path")) this._load();
  }

  async _load() {
    const answer = await fetch(this.path, { headers: { Accept: "text/markdown" } });
    this.text = answer.ok ? await answer.text() : "# There is no such page\n\n[All pages](/docs/README.md)";
    await this.updateComplete;
    document.title = `${this.querySelector("h1")?.textContent ?? "Documentation"} · Threadline`;
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }

  render() {
    return html`
      <header class="bar">
        <a class="brand" href="/"><span class="mark" aria-hidden="true"></span>Threadline</a>
        <a href="/docs/README.md">Documentation</a>
      </header>
      <main class="document">${markdown(this.text ?? "", within)}</main>
    `;
  }
}

// Where a link of a document leads: other pages of the documentation, headings, and other sites.
function within(to) {
  if (/^(https?:\/\/|#)/.test(to)) return to;
  return /^[\w-]+\.md(#.*)?$/.test(to) ? `/docs/${to}` : null;
}

customElements.define("tl-document", Document);
