// <tl-attachment .chat .file>: a file that an item shows, as GetTranscript has it in Attachments. A picture is shown in
// place, from bytes that are fetched and never guessed at; every other file is saved.
import { html, nothing } from "lit";
import { bytesOf, isPicture, save } from "../lib/files.js";
import { Part } from "./part.js";

const STATES = { IN_PROGRESS: "is being scanned", REJECTED: "was rejected by the scanner" };

export class Attachment extends Part {
  static properties = {
    chat: { attribute: false },
    file: { attribute: false },
    status: {}, // of the file: another one whenever a scanner has judged it
    address: { state: true },
    problem: { state: true },
  };

  updated(changed) {
    if (changed.has("status") && this.status === "APPROVED" && isPicture(this.file)) this._show();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = null;
  }

  connectedCallback() {
    super.connectedCallback();
    if (this.hasUpdated && isPicture(this.file)) this._show(); // it was moved
  }

  async _show() {
    try {
      const blob = await bytesOf(this.chat, this.file);
      if (this.isConnected) this.address = URL.createObjectURL(blob);
    } catch (error) {
      this.problem = error.message;
    }
  }

  async _save() {
    try {
      this.problem = "";
      await save(this.chat, this.file);
    } catch (error) {
      this.problem = error.message;
    }
  }

  render() {
    const { AttachmentName: name } = this.file;
    const state = STATES[this.status];
    return html`
      ${isPicture(this.file) && !state ? this._picture(name) : nothing}
      <p class="file">
        <span>${name}</span>
        ${state ? html`<small>${state}</small>` : html`<button aria-label="Save ${name}" @click=${this._save}>Save</button>`}
      </p>
      ${this.problem ? html`<p class="refused" role="alert">${this.problem}</p>` : nothing}
    `;
  }

  // The place of a picture is as high before it is there, so that nothing moves.
  _picture(name) {
    return html`<div class="shown-picture">${this.address ? html`<img src=${this.address} alt=${name} @error=${() => (this.problem = "This is no picture.")}>` : nothing}</div>`;
  }
}

customElements.define("tl-attachment", Attachment);
