// The playground's state: the instance, its flow and agents, the customer's chat and the agents' ends of it.
import { Chat, kindOf } from "./chat.js";
import { Lineages, TYPES, WHOLE } from "./lineage.js";

const KEPT = "threadline.desk";
const FLOW = "Demo inbound";
const LINEAGE_EVENTS = new Set(["participant.joined", "transfer.succeeded", "chat.rehydrated", "chat.ended"]);
const ACCEPT_WITHIN_MS = 5_000;
const ACCEPT_AGAIN_MS = 150;
const CONTACTS_PAGE = 1000;
const LEAVES_MAX = 20;
const AGENTS_MAX = 6;

export class Desk extends EventTarget {
  constructor(client) {
    super();
    this.client = client;
    this.agents = []; // {id, username, name, chat}
    this.customer = null; // a Chat
    this.customerName = "Casey";
    this.contacts = new Map(); // DescribeLineage's contacts of the customer's chat by id, newest first
    this.lineages = new Lineages(); // of all chats that this tab has started
    this.looked = null; // the id of the contact that one looks at
    this.isPinned = false; // it was chosen, so looking at others does not change it
    this.supposed = null; // the RehydrationType that one looks at
    this.previews = {}; // DescribeLineage's answers if one continued from there, by RehydrationType
    this.problem = "";
    this.isReady = false;
    this.isStarting = false;
    this.hasKept = sessionStorage.getItem(KEPT) !== null;
  }

  // Whether there is something to show: a tab without chats shows where they will be, and need not wait for the server.
  get isShown() {
    return this.isReady || !(this.hasKept || this.problem);
  }

  // Find the instance, its flow and its users, and go on with the chats of this tab.
  open() {
    this._opened = this._open();
    return this._opened;
  }

  async _open() {
    try {
      const [instance] = await this.client.list("ListInstances", "InstanceSummaryList");
      if (!instance) throw new Error("The account has no instance. Make one: threadline admin instance create.");
      this.instanceId = instance.Id;
      const members = { InstanceId: instance.Id };
      const [flows, users] = await Promise.all([
        this.client.list("ListContactFlows", "ContactFlowSummaryList", members),
        this.client.list("SearchUsers", "Users", members),
      ]);
      this.flowId = (flows.find((flow) => flow.Name === FLOW) ?? flows[0])?.Id;
      users.sort((one, other) => one.Username.localeCompare(other.Username));
      this.agents = users.slice(0, AGENTS_MAX).map(agentOf);
      this._restore();
      this.isReady = true;
      this.problem = "";
    } catch (error) {
      this.problem = error.message;
    }
    this._changed();
  }

  // Start a chat as the customer. `more` are further members of StartChatContact, such as PersistentChat.
  async startChat(more = {}) {
    if (this.isStarting) return undefined;
    this.isStarting = true;
    this._changed();
    await this._opened;
    const started = this.isReady ? await this._start(more) : undefined;
    this.isStarting = false;
    this._changed();
    return started;
  }

  _start(more) {
    return this._try(async () => {
      if (!this.flowId) throw new Error("The instance has no flow. Push one: threadline flow push.");
      const reply = await this.client.call(
        "StartChatContact",
        {
          InstanceId: this.instanceId,
          ContactFlowId: this.flowId,
          ParticipantDetails: { DisplayName: this.customerName },
          SupportedMessagingContentTypes: ["text/plain", "text/markdown"],
          ClientToken: crypto.randomUUID(),
          ...more,
        },
        { by: this.customerName },
      );
      this.customer?.close();
      for (const agent of this.agents) this._dropAgent(agent);
      this.customer = this._chat({
        role: "customer",
        name: this.customerName,
        contactId: reply.ContactId,
        participantId: reply.ParticipantId,
        token: reply.ParticipantToken,
      });
      this._keep();
      this.describe();
      return reply;
    });
  }

  // Accept the customer's current contact as an agent. The flow needs a moment to queue it, so try again for a while.
  async accept(agent) {
    return this._try(async () => {
      const until = Date.now() + ACCEPT_WITHIN_MS;
      for (;;) {
        const members = {
          InstanceId: this.instanceId,
          ContactId: this.customer.currentContactId,
          UserId: agent.id,
        };
        try {
          const reply = await this.client.call("AcceptContact", members, { by: agent.name });
          this._dropAgent(agent);
          agent.chat = this._chat({
            role: "agent",
            name: agent.name,
            contactId: reply.ContactId,
            participantId: reply.ParticipantId,
            token: reply.ParticipantToken,
          });
          this._keep();
          return;
        } catch (error) {
          const isEarly = error.code === "InvalidRequestException" && /not queued|not connected/.test(error.message);
          if (!isEarly || Date.now() > until) throw error;
          await new Promise((resolve) => setTimeout(resolve, ACCEPT_AGAIN_MS));
        }
      }
    });
  }

  // Transfer the chat from its agent to another, who may then accept it.
  async transfer(agent, other) {
    return this._try(async () => {
      const members = {
        InstanceId: this.instanceId,
        ContactId: this.customer.currentContactId,
        UserId: other.id,
        ClientToken: crypto.randomUUID(),
      };
      const reply = await this.client.call("TransferChat", members, { by: agent.name });
      this.customer.currentContactId = reply.ContactId;
    });
  }

  // Continue from a past contact: associate the running chat, or else start the next one that way.
  async continueFrom(contactId, RehydrationType) {
    this.lookAway();
    const past = { SourceContactId: this.sourceOf(contactId, RehydrationType), RehydrationType };
    if (!this.isRunning) return this.startChat({ PersistentChat: past });
    return this._try(async () => {
      const members = { InstanceId: this.instanceId, InitialContactId: this.customer.contactId, ...past };
      await this.client.call("CreatePersistentContactAssociation", members, { by: this.customerName });
      this.describe();
    });
  }

  // The SourceContactId of a way of continuing: the whole chat is named by its first contact.
  sourceOf(contactId, type) {
    return (type === WHOLE && this.lineages.get(contactId)?.InitialContactId) || contactId;
  }

  get isRunning() {
    return Boolean(this.customer) && this.customer.state !== "ended";
  }

  // Whether the picture offers to continue from a contact: its chat has ended.
  canContinue(contactId) {
    const id = this.lineages.get(contactId)?.InitialContactId;
    return Boolean(this.lineages.chats.find((chat) => chat.id === id)?.hasEnded);
  }

  // Look at a contact: ask the server what each way of continuing from it would show.
  async look(contactId, { pin = false } = {}) {
    if (this.isPinned && !pin) return;
    this.isPinned = pin;
    if (this.looked !== contactId) {
      this.looked = contactId;
      this.previews = {};
      this.supposed = null;
      if (this.canContinue(contactId)) this._preview(contactId);
    }
    this._changed();
  }

  lookAway() {
    this.looked = this.supposed = null;
    this.isPinned = false;
    this._changed();
  }

  suppose(type) {
    this.supposed = type;
    this._changed();
  }

  // By contact whether it is shown, in what one supposes or else in the customer's chat.
  get shown() {
    const found = this.supposed && this.previews[this.supposed]?.contacts;
    const listed = found ?? [...this.contacts.values()];
    return new Map(listed.map((contact) => [contact.ContactId, contact.Shown]));
  }

  // A chat continues one past at most. While the running one does so, the ways are those of the chat after it.
  get isLater() {
    return this.isRunning && [...this.contacts.values()].some((contact) => contact.SessionNumber > 0);
  }

  async _preview(contactId) {
    const ContactId = this.isLater ? contactId : this.customer.contactId;
    const own = { InstanceId: this.instanceId, ContactId, MaxResults: CONTACTS_PAGE };
    const answers = TYPES.map(async (RehydrationType) => {
      try {
        const members = { ...own, SourceContactId: this.sourceOf(contactId, RehydrationType), RehydrationType };
        const contacts = await this.client.list("DescribeLineage", "Contacts", members);
        return [RehydrationType, { contacts }];
      } catch (error) {
        return [RehydrationType, { problem: error.message }];
      }
    });
    const previews = Object.fromEntries(await Promise.all(answers));
    if (this.looked === contactId) this.previews = previews;
    this._changed();
  }

  // Read the lineage of the customer's chat again.
  async describe() {
    const chat = this.customer;
    if (!chat) return;
    try {
      const found = await this._lineageOf(chat.contactId);
      if (chat !== this.customer) return;
      this.contacts = new Map(found.map((contact) => [contact.ContactId, contact]));
      this.lineages.add(found);
      this._keep();
    } catch (error) {
      this.problem = error.message;
    }
    this._changed();
  }

  _lineageOf(ContactId) {
    const members = { InstanceId: this.instanceId, ContactId, MaxResults: CONTACTS_PAGE };
    return this.client.list("DescribeLineage", "Contacts", members);
  }

  // Whether an agent may accept the customer's contact now: nobody else is in the chat.
  canAccept(agent) {
    const chat = this.customer;
    if (!chat || chat.state !== "open" || agent.chat?.state === "open") return false;
    return !this.agents.some((each) => each.chat && each.chat.state !== "ended");
  }

  close() {
    this.customer?.close();
    for (const agent of this.agents) agent.chat?.close();
  }

  // Forget the chats of this tab, which the server has no more.
  forget() {
    this.close();
    sessionStorage.removeItem(KEPT);
  }

  _chat(members) {
    const chat = new Chat(this.client, members);
    chat.instanceId = this.instanceId;
    chat.addEventListener("change", () => this._changed());
    chat.addEventListener("keep", () => this._keep());
    chat.addEventListener("ended", () => this._keep());
    if (members.role === "customer") {
      chat.addEventListener("item", ({ detail }) => LINEAGE_EVENTS.has(kindOf(detail)) && this.describe());
    }
    return chat.start();
  }

  _dropAgent(agent) {
    agent.chat?.close();
    agent.chat = null;
  }

  _keep() {
    const agents = this.agents.filter((agent) => agent.chat && agent.chat.state !== "ended");
    const kept = {
      instanceId: this.instanceId,
      customer: this.customer?.kept(),
      chats: this.lineages.leaves.slice(-LEAVES_MAX),
      agents: agents.map((agent) => [agent.id, agent.chat.kept()]),
    };
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
  }

  _restore() {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    if (kept?.instanceId !== this.instanceId) return;
    if (kept.customer) this.customer = this._chat(kept.customer);
    for (const id of kept.chats) {
      this._lineageOf(id).then((found) => this.lineages.add(found), () => {}).then(() => this._changed());
    }
    this.describe();
    for (const [id, chat] of kept.agents) {
      const agent = this.agents.find((each) => each.id === id);
      if (agent) agent.chat = this._chat(chat);
    }
  }

  async _try(work) {
    this.problem = "";
    try {
      return await work();
    } catch (error) {
      this.problem = error.message;
      return undefined;
    } finally {
      this._changed();
    }
  }

  _changed() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}

// An agent, with the name under which customers see them.
const agentOf = ({ Id, Username, IdentityInfo }) => ({ id: Id, username: Username, name: IdentityInfo?.FirstName || Username, chat: null });
