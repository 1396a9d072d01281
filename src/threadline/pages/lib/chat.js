// One participant's end of a chat: its items in the server's order, messages that wait to be sent, typing, receipts.
// It tells "change" whenever something that is shown has changed, and "keep" when `kept()` has changed.
import { ChatSocket } from "./socket.js";

const EVENT = "application/vnd.amazonaws.connect.event.";
const PAGE = 100;
const TYPING_SENT_MS = 10_000;
const TYPING_SHOWN_MS = 12_000;
const RETRY_MS = 2_000;
const READ_AGAIN_MS = 1_000;
const KEPT_ITEMS_MAX = 200;

export const isPast = (item) => Boolean(item.RelatedContactId) && !item.ContactId;
const isMessage = (item) => item.Type === "MESSAGE" || item.Type === "ATTACHMENT";
export const kindOf = (item) => (item.ContentType ?? "").replace(EVENT, "");

export class Chat extends EventTarget {
  // `role` is "customer" or "agent". `contactId` is the chat's first contact, or the one that the agent accepted.
  // `kept` of an earlier page goes on where that was.
  constructor(client, kept) {
    super();
    const { role, name, contactId, participantId, draft = "", pending = [] } = kept;
    Object.assign(this, { client, role, name, contactId, participantId, draft, pending });
    this.past = []; // items of the chats that this one continues, oldest first
    this.current = []; // items of this chat, by time
    this.currentContactId = contactId;
    this.sending = ""; // the name of a file
    this.typing = null; // the name of who types
    this.state = kept.state === "ended" ? "ended" : "connecting"; // or open, reconnecting
    this.problem = "";
    this.isLoading = false;
    this._token = kept.token;
    this._ids = new Map();
    this._older = undefined; // NextToken of the next older page; null when there is none
    if (kept.items?.length) this._addPage(kept.items);
    this._socket = new ChatSocket(() => this._connect());
    this._socket.addEventListener("state", () => this._onState());
    this._socket.addEventListener("subscribed", () => this._onSubscribed());
    this._socket.addEventListener("frame", ({ detail }) =>
      client.note({ kind: "frame", at: Date.now(), by: this.name, ...detail }),
    );
    this._socket.addEventListener("item", ({ detail }) => this._onItem(detail));
  }

  // Connect, unless the chat has ended: nobody may read it from the server then.
  start() {
    if (this.state !== "ended") this._socket.start();
    return this;
  }

  // All that a reload needs to go on; of a chat that has ended, the newest items too.
  kept() {
    const { role, name, contactId, participantId, draft, pending, state } = this;
    const items = state === "ended" ? this.items.slice(-KEPT_ITEMS_MAX) : [];
    return { role, name, contactId, participantId, draft, pending, state, items, token: this._token };
  }

  get items() {
    return this.past.length ? this.past.concat(this.current) : this.current;
  }

  get hasOlder() {
    return Boolean(this._older);
  }

  isOwn(item) {
    return item.ParticipantId === this.participantId;
  }

  setDraft(text) {
    this.draft = text;
    this._tell("keep");
    if (text) this._sayTyping();
  }

  // Send a message. It waits, in order, until the server has it; sent twice it counts once, by its ClientToken.
  send(text) {
    this.pending = [...this.pending, { token: crypto.randomUUID(), text, at: Date.now() }];
    this.draft = "";
    this._typed = 0;
    this._changed();
    this._tell("keep");
    this._flush();
  }

  // Send a file, which is not kept over a reload.
  async sendFile(file) {
    this.sending = file.name;
    this.problem = "";
    this._changed();
    try {
      const { upload } = await import("./files.js");
      await upload(this, file);
    } catch (error) {
      this.problem = error.message;
    }
    this.sending = "";
    this._changed();
  }

  async leave() {
    try {
      await this.call("DisconnectParticipant", { ClientToken: crypto.randomUUID() });
      if (this.role === "agent") this._end();
    } catch (error) {
      this._fail(error);
    }
  }

  // Stop without leaving the chat: the page shows it no more.
  close() {
    this._socket.stop();
  }

  // Tell the senders that everything up to the newest message was read.
  async markRead() {
    const newest = this.current.findLast((item) => item.Type === "MESSAGE" && !this.isOwn(item));
    if (!newest || newest.Id === this._read || this.state !== "open" || newest.ParticipantRole === "SYSTEM") return;
    this._read = newest.Id;
    await this._event("message.read", { messageId: newest.Id }).catch(() => {});
  }

  // Load the page before the oldest item. Returns the number of items.
  async loadOlder() {
    if (!this._older || this.isLoading) return 0;
    this.isLoading = true;
    this._changed();
    try {
      const reply = await this._transcript({ NextToken: this._older });
      this._older = reply.NextToken ?? null;
      return this._addPage(reply.Transcript);
    } catch (error) {
      this._fail(error);
      return 0;
    } finally {
      this.isLoading = false;
      this._changed();
    }
  }

  async _connect() {
    const members = { Type: ["WEBSOCKET", "CONNECTION_CREDENTIALS"] };
    if (this.role === "agent") members.ConnectParticipant = true;
    const reply = await this.client.call("CreateParticipantConnection", members, { token: this._token, by: this.name });
    this._connection = reply.ConnectionCredentials.ConnectionToken;
    return reply;
  }

  async _onSubscribed() {
    this._isCaughtUp = false;
    await this._inTurn(() => this._catchUp());
    this._flush();
  }

  // Run one reading of the transcript after the other, so that none sees another's half. One that gets no answer is
  // tried again for as long as the chat goes on.
  _inTurn(work) {
    this._reading = (this._reading ?? Promise.resolve()).then(async () => {
      for (;;) {
        try {
          await work();
          this.problem = "";
          break;
        } catch (error) {
          if (!error.isPassing) this._fail(error);
          if (!error.isPassing || this.state === "ended") break;
        }
        await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS));
      }
      this._changed();
    });
    return this._reading;
  }

  // Read the newest page; after a reconnect as many as it takes to meet the newest message from before it, so that no
  // gap stays. What the new socket brings meanwhile does not count.
  async _catchUp() {
    const isFirst = this._older === undefined;
    await this._pages((reply) => {
      if (isFirst) this._older = reply.NextToken ?? null;
      return isFirst || reply.Transcript.some((item) => item.Id === this._upTo || isPast(item));
    });
    this._isCaughtUp = true;
    this._upTo = this.current.findLast(isMessage)?.Id;
  }

  // An association in mid-chat: the past goes on where the pages of this chat end.
  async _findPast() {
    if (this._older || this.past.length) return;
    await this._pages((reply) => {
      this._older = reply.NextToken ?? null;
      return reply.Transcript.some(isPast);
    });
  }

  // Read pages from the newest on, until there is none or `isLast` says so.
  async _pages(isLast) {
    let NextToken;
    do {
      const reply = await this._transcript({ NextToken });
      const isEnough = isLast(reply);
      this._addPage(reply.Transcript);
      NextToken = isEnough ? undefined : reply.NextToken;
    } while (NextToken);
  }

  _transcript(members) {
    return this.call("GetTranscript", {
      MaxResults: PAGE,
      ScanDirection: "BACKWARD",
      SortOrder: "ASCENDING",
      ...members,
    });
  }

  // Add a page of the transcript, oldest first. Items of past chats stand before all that are known.
  _addPage(items) {
    const older = [];
    for (const item of items) {
      if (this._ids.has(item.Id)) this._merge(item);
      else if (isPast(item)) {
        this._ids.set(item.Id, item);
        older.push(item);
      } else this._insert(item);
    }
    if (older.length) this.past = [...older, ...this.past];
    return items.length;
  }

  _insert(item) {
    const list = this.current;
    let at = list.length;
    while (at > 0 && list[at - 1].AbsoluteTime > item.AbsoluteTime) at--;
    this._ids.set(item.Id, item);
    this.current = [...list.slice(0, at), item, ...list.slice(at)];
  }

  _merge(item) {
    const known = this._ids.get(item.Id);
    if (item.MessageMetadata) known.MessageMetadata = item.MessageMetadata;
    if (item.Attachments) known.Attachments = item.Attachments;
  }

  _onItem(item) {
    if (item.Type === "MESSAGEMETADATA") return this._onReceipt(item);
    const kind = kindOf(item);
    if (kind === "typing") return this._onTyping(item);
    if (!this._ids.has(item.Id)) this._insert(item);
    else if (item.Attachments) {
      this._merge(item); // a scanner has judged it
      return this._changed();
    }
    if (this._isCaughtUp && isMessage(item)) this._upTo = item.Id;
    const [first] = this.pending; // its frame may come before its answer: then it is shown once, as an item
    if (first && this.isOwn(item) && item.Content === first.text) first.isShown = true;
    if (item.ContactId) this.currentContactId = item.ContactId;
    if (item.Type === "MESSAGE") this.typing = null;
    if (kind === "chat.rehydrated") this._inTurn(() => this._findPast());
    if (kind === "chat.ended") this._end();
    this._tell("item", item);
    this._changed();
  }

  _onReceipt({ MessageMetadata }) {
    const item = this._ids.get(MessageMetadata.MessageId);
    if (!item) return;
    const receipts = item.MessageMetadata?.Receipts ?? [];
    item.MessageMetadata = { ...MessageMetadata, Receipts: [...receipts, ...MessageMetadata.Receipts] };
    this._changed();
  }

  _onTyping(item) {
    if (this.isOwn(item)) return;
    this.typing = item.DisplayName;
    clearTimeout(this._typingTimer);
    this._typingTimer = setTimeout(() => {
      this.typing = null;
      this._changed();
    }, TYPING_SHOWN_MS);
    this._changed();
  }

  _sayTyping() {
    const now = Date.now();
    if (this.state !== "open" || now - (this._typed ?? 0) < TYPING_SENT_MS) return;
    this._typed = now;
    this._event("typing").catch(() => {});
  }

  // Send the messages that wait, one after the other, so that their order stays.
  async _flush() {
    if (this._isFlushing) return;
    this._isFlushing = true;
    try {
      while (this.pending.length && this.state === "open") {
        const [{ token, text }] = this.pending;
        const members = { ContentType: "text/plain", Content: text, ClientToken: token };
        const reply = await this.call("SendMessage", members);
        if (!this._ids.has(reply.Id)) this._insert(this._sent(reply, text));
        this.pending = this.pending.filter((message) => message.token !== token);
        this._changed();
        this._tell("keep");
      }
    } catch (error) {
      if (error.isPassing) setTimeout(() => this._flush(), RETRY_MS);
      else this._fail(error);
    } finally {
      this._isFlushing = false;
    }
  }

  _sent(reply, text) {
    return {
      Id: reply.Id,
      AbsoluteTime: reply.AbsoluteTime,
      Type: "MESSAGE",
      ContentType: "text/plain",
      Content: text,
      ParticipantId: this.participantId,
      ParticipantRole: this.role.toUpperCase(),
      DisplayName: this.name,
      ContactId: this.currentContactId,
    };
  }

  _event(kind, content) {
    return this.call("SendEvent", {
      ContentType: EVENT + kind,
      ...(content && { Content: JSON.stringify(content) }),
    });
  }

  // Call an operation as this participant.
  call(operation, members) {
    return this.client.call(operation, members, { token: this._connection, by: this.name });
  }

  _onState() {
    this.state = this._socket.state;
    this._changed();
    if (this.state === "ended") this._tell("ended");
  }

  _end() {
    this.typing = null;
    this._socket.stop();
  }

  // Say a problem in words. A message that the server refuses for good stays in the draft.
  _fail(error) {
    this.problem = error.message;
    if (error.operation === "SendMessage" && this.pending.length) {
      const [{ text }] = this.pending;
      this.pending = this.pending.slice(1);
      this.draft = [text, this.draft].filter(Boolean).join("\n");
      this._tell("keep");
    }
    this._changed();
  }

  _changed() {
    this._tell("change");
  }

  _tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
