// The playground's state: the instance, its flow and agents, the customer's chat and the agents' ends of it.
import { Chat, kindOf } from "./chat.js";

const KEPT = "threadline.desk";
const FLOW = "Demo inbound";
const LINEAGE_EVENTS = new Set(["participant.joined", "transfer.succeeded", "chat.rehydrated", "chat.ended"]);
const ACCEPT_WITHIN_MS = 5_000;
const ACCEPT_AGAIN_MS = 150;

export class Desk extends EventTarget {
  constructor(client) {
    super();
    this.client = client;
    this.agents = []; // {id, username, chat}
    this.customer = null; // a Chat
    this.customerName = "Casey";
    this.contacts = new Map(); // DescribeLineage's contacts of the customer's chat by id, newest first
    this.problem = "";
    this.isReady = false;
  }

  // Find the instance, its flow and its users, and go on with the chats of this tab.
  async open() {
    try {
      const [instance] = await this.client.list("ListInstances", "InstanceSummaryList");
      if (!instance) throw new Error("The account has no instance. Make one: threadline admin instance create.");
      this.instanceId = instance.Id;
      const members = { InstanceId: instance.Id };
      const [flows, users] = await Promise.all([
        this.client.list("ListContactFlows", "ContactFlowSummaryList", members),
        this.client.list("ListUsers", "UserSummaryList", members),
      ]);
      this.flowId = (flows.find((flow) => flow.Name === FLOW) ?? flows[0])?.Id;
      this.agents = users.map((user) => ({ id: user.Id, username: user.Username, chat: null }));
      this.agents.sort((one, other) => one.username.localeCompare(other.username));
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
    return this._try(async () => {
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
          const reply = await this.client.call("AcceptContact", members, { by: agent.username });
          this._dropAgent(agent);
          agent.chat = this._chat({
            role: "agent",
            name: agent.username,
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
      const reply = await this.client.call("TransferChat", members, { by: agent.username });
      this.customer.currentContactId = reply.ContactId;
    });
  }

  // Read the lineage of the customer's chat again.
  async describe() {
    const chat = this.customer;
    if (!chat) return;
    const members = { InstanceId: this.instanceId, ContactId: chat.contactId };
    try {
      const found = await this.client.list("DescribeLineage", "Contacts", members);
      if (chat !== this.customer) return;
      this.contacts = new Map(found.map((contact) => [contact.ContactId, contact]));
      this._changed();
    } catch (error) {
      this.problem = error.message;
      this._changed();
    }
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

  _chat(members) {
    const chat = new Chat(this.client, members);
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
      agents: agents.map((agent) => [agent.id, agent.chat.kept()]),
    };
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
  }

  _restore() {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    if (kept?.instanceId !== this.instanceId) return;
    if (kept.customer) this.customer = this._chat(kept.customer);
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
