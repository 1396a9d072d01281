// <tl-composer .chat name label>: the text that is being typed, and the button that sends it. Enter sends, Shift+Enter
// breaks. Files are attached as `name`.
import { html, nothing } from "lit";
import { live } from "lit/directives/live.js";
import { Part } from "./part.js";

const BYTES_MAX = 16384; // of SendMessage

export class Composer extends Part {
  static properties = { chat: { attribute: false }, label: {}, name: {} };

  willUpdate(changed) {
    this.follow(this.chat);
    if (!changed.has("chat")) return;
    changed.get("chat")?.removeEventListener("keep", this._onKeep);
    this.chat.addEventListener("keep", this._onKeep);
  }

  _onKeep = () => this.requestUpdate(); // the draft may come from elsewhere

  _onInput(event) {
    this.chat.setDraft(event.target.value);
    this.requestUpdate();
  }

  _onKey(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this._send();
  }

  _send(event) {
    event?.preventDefault();
    const text = this.chat.draft.trim();
    if (text && !this._excess()) this.chat.send(text);
    this.querySelector("textarea").focus();
  }

  // By how many bytes the message is too long; 0 when it can be sent.
  _excess() {
    return Math.max(0, new TextEncoder().encode(this.chat.draft.trim()).length - BYTES_MAX);
  }

  _choose() {
    this.querySelector("input").click();
  }

  _onChosen({ target }) {
    for (const file of target.files) this.chat.sendFile(file);
    target.value = "";
  }

  _attach() {
    return html`
      <input type="file" hidden @change=${this._onChosen}>
      <button
        type="button"
        class="attach"
        aria-label="Attach a file as ${this.name}"
        title="Attach a file"
        ?disabled=${this.chat.state !== "open"}
        @click=${this._choose}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M20 11.5 12.4 19a5 5 0 0 1-7-7l8-8a3.3 3.3 0 0 1 4.7 4.7l-8 8a1.7 1.7 0 0 1-2.4-2.4L15 7"></path></svg>
      </button>
    `;
  }

  render() {
    const hasEnded = this.chat.state === "ended";
    const excess = hasEnded ? 0 : this._excess();
    return html`
      ${this.chat.sending ? html`<p class="sending quiet" aria-live="polite">Sending ${this.chat.sending}</p>` : nothing}
      ${excess ? html`<p class="sending" role="status">This message is too long by ${excess.toLocaleString("en")} bytes. Shorten it to send it.</p>` : nothing}
      <form class="composer" @submit=${this._send}>
        ${hasEnded ? nothing : this._attach()}
        <textarea
          rows="1"
          aria-label=${this.label}
          placeholder=${hasEnded ? "The chat has ended" : "Message"}
          ?disabled=${hasEnded}
          .value=${live(this.chat.draft)}
          @input=${this._onInput}
          @keydown=${this._onKey}
        ></textarea>
        <button class="primary" ?disabled=${hasEnded || excess || !this.chat.draft.trim()}>Send</button>
      </form>
    `;
  }
}

customElements.define("tl-composer", Composer);
