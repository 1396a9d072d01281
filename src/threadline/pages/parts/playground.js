// <tl-playground .client>: left the customer, right the agents, between them the lineage, below the calls.
import { html, nothing } from "lit";
import { Desk } from "../lib/desk.js";
import "./calls.js";
import "./comeback.js";
import "./controls.js";
import "./conversation.js";
import "./lineage.js";
import { Part } from "./part.js";

export class Playground extends Part {
  static properties = { client: { attribute: false } };

  willUpdate(changed) {
    if (changed.has("client")) this._begin();
  }

  _begin() {
    this.desk?.close();
    this.desk = new Desk(this.client);
    this.follow(this.desk);
    this.desk.open();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.desk?.close();
  }

  _onReset = () => {
    this.desk.forget();
    this._begin();
    this.requestUpdate();
  };

  // Choose a contact: its ways of continuing take the focus. Escape gives it back to the picture.
  _pin = async ({ detail }) => {
    this.desk.look(detail.contactId, { pin: true });
    await this.updateComplete;
    await this.querySelector("tl-comeback")?.updateComplete;
    (this.querySelector(".way button") ?? this.querySelector(".comeback button"))?.focus();
  };

  _unpin = () => {
    const looked = this.querySelector(".contact.looked button");
    this.desk.lookAway();
    looked?.focus({ preventScroll: true });
    this.desk.lookAway();
  };

  _onKey = (event) => {
    if (event.key === "Escape" && this.desk.looked) this._unpin();
  };

  render() {
    const { desk } = this;
    return html`
      <header class="bar">
        <p class="brand"><span class="mark" aria-hidden="true"></span>Threadline</p>
        <button class="plain" @click=${() => this.tell("sign-out")}>Sign out</button>
      </header>
      <main class="playground">
        <h1 class="visually-hidden">Playground</h1>
        ${desk.problem ? html`<p class="notice" role="alert">${desk.problem}</p>` : nothing}
        ${desk.isReady ? this._views() : nothing}
      </main>
    `;
  }

  _views() {
    const { desk } = this;
    return html`
      <section class="view card customer" aria-label="The customer">${this._customer()}</section>
      <section class="view middle" aria-label="Lineage" @keydown=${this._onKey}>
        <tl-lineage
          .lineages=${desk.lineages}
          .version=${desk.lineages.version}
          .shown=${desk.shown}
          .currentId=${desk.customer?.contactId}
          .lookedId=${desk.looked}
          @look=${({ detail }) => desk.look(detail.contactId)}
          @pin=${this._pin}
        ></tl-lineage>
        ${this._comeback()}
        <div class="wire-tools">
          <tl-calls .client=${this.client}></tl-calls>
          <tl-controls .client=${this.client} @reset=${this._onReset}></tl-controls>
        </div>
      </section>
      <section class="view card agents" aria-label="The agents">${desk.agents.map((agent) => this._agent(agent))}</section>
    `;
  }

  _comeback() {
    const { desk } = this;
    const contact = desk.lineages.get(desk.looked);
    if (!contact) return nothing;
    return html`<tl-comeback
      .contact=${contact}
      .lineages=${desk.lineages}
      .previews=${desk.previews}
      .isRunning=${desk.isRunning}
      .canContinue=${desk.canContinue(desk.looked)}
      @suppose=${({ detail }) => desk.suppose(detail.type)}
      @continue=${({ detail }) => desk.continueFrom(detail.contactId, detail.type)}
      @unpin=${this._unpin}
    ></tl-comeback>`;
  }

  _customer() {
    const { desk } = this;
    const start = html`<button class="primary" @click=${() => desk.startChat()}>Start a chat</button>`;
    if (!desk.customer) {
      return html`<div class="empty">
        <h2>${desk.customerName} has not written yet</h2>
        <p class="quiet">Start a chat as the customer. Then let an agent accept it.</p>
        ${start}
      </div>`;
    }
    return html`<tl-conversation
      .chat=${desk.customer}
      .contacts=${desk.contacts}
      .lineages=${desk.lineages}
      .heading=${desk.customerName}
      .actions=${desk.customer.state === "ended" ? start : nothing}
    ></tl-conversation>`;
  }

  _agent(agent) {
    const { desk } = this;
    if (!agent.chat) {
      return html`<div class="empty agent">
        <h2>${agent.username}</h2>
        <button ?disabled=${!desk.canAccept(agent)} @click=${() => desk.accept(agent)}>Accept the chat</button>
      </div>`;
    }
    const others = desk.agents.filter((other) => other !== agent);
    const hand = others.map(
      (other) => html`<button @click=${() => desk.transfer(agent, other)}>Transfer to ${other.username}</button>`,
    );
    const again = html`<button ?disabled=${!desk.canAccept(agent)} @click=${() => desk.accept(agent)}>Accept again</button>`;
    return html`<tl-conversation
      .chat=${agent.chat}
      .contacts=${desk.contacts}
      .lineages=${desk.lineages}
      .heading=${agent.username}
      .actions=${agent.chat.state === "ended" ? again : hand}
    ></tl-conversation>`;
  }
}

customElements.define("tl-playground", Playground);
