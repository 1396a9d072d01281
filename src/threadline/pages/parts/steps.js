// <tl-steps .client .chat .lineages>: the blocks of flows that the customer's chat has run through, in their order, and
// what each decided. They are read again whenever the chat has a new item.
import { html, nothing } from "lit";
import { clockOf } from "../lib/words.js";
import { Part } from "./part.js";

const PAGE = 1000;
const AGAIN_MS = 400; // a flow goes on a moment after an item

export class Steps extends Part {
  static properties = {
    client: { attribute: false },
    chat: { attribute: false },
    lineages: { attribute: false },
    steps: { state: true },
    opened: { state: true },
    problem: { state: true },
  };

  constructor() {
    super();
    this.steps = [];
  }

  willUpdate(changed) {
    if (!changed.has("chat")) return;
    changed.get("chat")?.removeEventListener("item", this._again);
    this.chat?.addEventListener("item", this._again);
    this.steps = [];
    this.opened = null;
    this._from = this._before = undefined;
    this._load();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.chat?.removeEventListener("item", this._again);
    clearTimeout(this._timer);
  }

  _again = () => {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._load(), AGAIN_MS);
  };

  // Read the last page again, and those that follow.
  async _load() {
    const { chat } = this;
    if (!chat) return;
    try {
      const members = { MaxResults: PAGE };
      let steps = this._before ?? [];
      for (;;) {
        const reply = await this.client.call("ListFlowSteps", { ...members, ...(this._from && { NextToken: this._from }) });
        if (chat !== this.chat) return;
        const own = reply.Steps.filter((step) => step.InitialContactId === chat.contactId);
        steps = [...steps, ...own];
        if (!reply.NextToken) break;
        this._from = reply.NextToken;
        this._before = steps;
      }
      this.steps = steps;
      this.problem = "";
    } catch (error) {
      if (error.code === "AccessDeniedException") await this._where(chat);
      else this.problem = error.message;
    }
  }

  // Without test controls a server keeps no steps, but knows in which block a flow waits.
  async _where(chat) {
    try {
      const members = { InstanceId: chat.instanceId, ContactId: chat.currentContactId };
      const { ContactFlowName: name, Type } = await this.client.call("DescribeFlowRun", members);
      const here = name ? `${name} waits at ${Type}.` : "No flow of this contact runs now.";
      this.problem = `${here} This server keeps no steps: start it with threadline serve --test-controls to see each block and what it decided.`;
    } catch (error) {
      this.problem = error.message;
    }
  }

  render() {
    if (this.problem) return html`<p class="quiet" role="status">${this.problem}</p>`;
    if (!this.chat) return html`<p class="quiet" role="status">Start a chat: each block of its flow stands here.</p>`;
    const last = this.steps.length - 1;
    const isRunning = this.chat.state !== "ended";
    return html`<ol class="wire">${this.steps.map((step, i) => this._step(step, i, isRunning && i === last))}</ol>`;
  }

  // The flow and the contact stand above their first block.
  _step(step, number, isLast) {
    const isOpened = this.opened === number;
    const before = this.steps[number - 1];
    const isSame = before?.ContactId === step.ContactId && before.ContactFlowName === step.ContactFlowName;
    return html`<li class=${step.Error ? "refused-call" : ""}>
      ${isSame ? nothing : html`<h3>${step.ContactFlowName}, ${this.lineages.label(step.ContactId)}</h3>`}
      <button class="line" aria-expanded=${isOpened ? "true" : "false"} @click=${() => (this.opened = isOpened ? null : number)}>
        <time>${clockOf(Date.parse(step.Timestamp))}</time> <code>${step.ContactFlowModuleType}</code>
        <span class="quiet">${decided(step, isLast)}</span>
      </button>
      ${isOpened ? this._details(step) : nothing}
    </li>`;
  }

  _details(step) {
    const parameters = JSON.stringify(JSON.parse(step.Parameters || "{}"), null, 2);
    return html`<p class="quiet">Block <code>${step.Identifier}</code> of ${step.ContactFlowName}, contact <code>${step.ContactId}</code></p>
      <pre tabindex="0" aria-label="Its parameters"><code>${parameters}</code></pre>`;
  }
}

function decided({ Results, Error: error }, isLast) {
  if (error) return `failed: ${error}`;
  return Results ?? (isLast ? "is here" : "");
}

customElements.define("tl-steps", Steps);
