// <tl-composer .chat>: the text that is being typed, and the button that sends it. Enter sends, Shift+Enter breaks.
import { html } from "lit";
import { live } from "lit/directives/live.js";
import { Part } from "./part.js";

export class Composer extends Part {
  static properties = { chat: { attribute: false }, label: {} };

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
    if (text) this.chat.send(text);
    this.querySelector("textarea").focus();
  }

  render() {
    const hasEnded = this.chat.state === "ended";
    return html`
      <form class="composer" @submit=${this._send}>
        <textarea
          rows="1"
          aria-label=${this.label}
          placeholder=${hasEnded ? "The chat has ended" : "Write a message"}
          maxlength="16000"
          ?disabled=${hasEnded}
          .value=${live(this.chat.draft)}
          @input=${this._onInput}
          @keydown=${this._onKey}
        ></textarea>
        <button class="primary" ?disabled=${hasEnded || !this.chat.draft.trim()}>Send</button>
      </form>
    `;
  }
}

customElements.define("tl-composer", Composer);
