// <tl-calls .client>: every call and every frame that went over the wire as a line, the newest last. Opened, a call is
// shown as boto3, AWS CLI and JSON, to be copied, with its answer.
import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { FORMATS, masked, shownJson } from "../lib/snippets.js";
import { clockOf } from "../lib/words.js";
import { Part } from "./part.js";

const SHOWN = 150;
const AT_END_PX = 24;
const COPIED_MS = 2_000;

export class Calls extends Part {
  static properties = {
    client: { attribute: false },
    opened: { state: true },
    format: { state: true },
    copied: { state: true },
  };

  constructor() {
    super();
    this.format = "boto3";
  }

  willUpdate() {
    this.follow(this.client);
    const list = this.querySelector(".wire");
    this._isAtEnd = !list || list.scrollHeight - list.scrollTop - list.clientHeight < AT_END_PX;
  }

  updated() {
    const list = this.querySelector(".wire");
    if (list && this._isAtEnd && !this.opened) list.scrollTop = list.scrollHeight;
  }

  render() {
    return html`<ol class="wire">${repeat(this._lines(), (entry) => entry, (entry) => this._line(entry))}</ol>`;
  }

  // The newest lines, and the opened one for as long as it is open.
  _lines() {
    const lines = this.client.log.slice(-SHOWN);
    return !this.opened || lines.includes(this.opened) ? lines : [this.opened, ...lines];
  }

  _line(entry) {
    const isOpened = this.opened === entry;
    const words = entry.kind === "frame" ? frameWords(entry) : callWords(entry);
    return html`<li class="${entry.kind} ${entry.error ? "refused-call" : ""}">
      <button class="line" aria-expanded=${isOpened ? "true" : "false"} @click=${() => this._open(entry)}>
        <time>${clockOf(entry.at)}</time> <code>${words.name}</code> <span class="quiet">${words.more}</span>
      </button>
      ${isOpened ? (entry.kind === "frame" ? this._frame(entry) : this._call(entry)) : nothing}
    </li>`;
  }

  _open(entry) {
    this.opened = this.opened === entry ? null : entry;
    this.copied = "";
  }

  _frame({ frame }) {
    const content = frame.topic === "aws/chat" ? { ...frame, content: JSON.parse(frame.content) } : frame;
    return html`<pre tabindex="0" aria-label="The frame"><code>${shownJson(content)}</code></pre>`;
  }

  _call(entry) {
    const { session } = this.client;
    const text = FORMATS[this.format](entry, session);
    return html`
      <div class="formats" role="group" aria-label="Shown as">
        ${Object.keys(FORMATS).map(
          (name) => html`<button aria-pressed=${name === this.format ? "true" : "false"} @click=${() => (this.format = name)}>${name}</button>`,
        )}
        <button class="copy" @click=${() => this._copy(text)}>Copy</button>
        <span class="quiet" role="status">${this.copied}</span>
      </div>
      <pre tabindex="0" aria-label="The call as ${this.format}"><code>${masked(text, entry, session)}</code></pre>
      <p class="quiet">The copy has this tab's key, which expires by itself. It is hidden here.</p>
      <h3>The answer</h3>
      <pre tabindex="0" aria-label="The answer"><code>${shownJson(entry.response ?? {})}</code></pre>
    `;
  }

  async _copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      this.copied = "Copied";
    } catch {
      this.copied = "The browser does not allow it: it copies only over https or on this machine.";
    }
    setTimeout(() => (this.copied = ""), COPIED_MS);
  }
}

function callWords({ operation, by, status, error, ms }) {
  return { name: operation, more: [by, error ?? status, `${ms.toFixed(0)} ms`].filter(Boolean).join(", ") };
}

function frameWords({ isSent, frame, by }) {
  const item = frame.topic === "aws/chat" ? JSON.parse(frame.content) : null;
  const kind = item ? (item.ContentType ?? item.Type ?? "").split(/event\.|\//).pop() : "";
  return { name: `${isSent ? "\u2191" : "\u2193"} ${frame.topic}`, more: [by, kind].filter(Boolean).join(", ") };
}

customElements.define("tl-calls", Calls);
