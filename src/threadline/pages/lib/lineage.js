// The lineages that this tab has seen, as one picture: chats grow sideways, the contacts of a chat stand below each
// other, and two chats that continue the same one fork.
export const WHOLE = "ENTIRE_PAST_SESSION";
export const TYPES = [WHOLE, "FROM_SEGMENT"];

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

export class Lineages {
  constructor() {
    this._contacts = new Map();
    this._labels = new Map();
    this.version = 0; // another one whenever something has changed
    this.chats = []; // {id, contacts, anchorId, hasEnded, column, lane}, in the order in which they began
  }

  get(contactId) {
    return this._contacts.get(contactId);
  }

  // C1, C2, ..: contacts are numbered as they began.
  label(contactId) {
    return this._labels.get(contactId) ?? contactId.slice(0, 8);
  }

  // A sentence of the server, cut up so that each id of a contact stands alone: [{text}, {contactId}, ..].
  cut(sentence) {
    const parts = [];
    let from = 0;
    for (const found of sentence.matchAll(ID)) {
      parts.push({ text: sentence.slice(from, found.index) }, { contactId: found[0] });
      from = found.index + found[0].length;
    }
    return [...parts, { text: sentence.slice(from) }];
  }

  // Take in the contacts of DescribeLineage, which lists the newest first.
  add(found) {
    for (const contact of [...found].reverse()) this._contacts.set(contact.ContactId, contact);
    this._arrange();
  }

  // The chats that no other continues: their lineages have all contacts.
  get leaves() {
    const continued = new Set(this.chats.map((chat) => this.get(chat.anchorId)?.InitialContactId));
    return this.chats.filter((chat) => !continued.has(chat.id)).map((chat) => chat.id);
  }

  _arrange() {
    const began = (contact) => contact.InitiationTimestamp ?? 0;
    const sorted = [...this._contacts.values()].sort((one, other) => began(one) - began(other));
    const chats = new Map();
    this._labels.clear();
    for (const contact of sorted) {
      this._labels.set(contact.ContactId, `C${this._labels.size + 1}`);
      const id = contact.InitialContactId;
      if (!chats.has(id)) chats.set(id, { id, contacts: [], anchorId: contact.RelatedContactId, column: 0, lane: 0 });
      chats.get(id).contacts.push(contact);
    }
    const taken = new Set(); // "column lane" of every chat
    let lanes = 0;
    for (const chat of chats.values()) {
      chat.hasEnded = chat.contacts.every((contact) => contact.DisconnectTimestamp);
      const past = chats.get(this.get(chat.anchorId)?.InitialContactId);
      if (past) chat.column = past.column + 1;
      chat.lane = past && !taken.has(`${chat.column} ${past.lane}`) ? past.lane : lanes++;
      taken.add(`${chat.column} ${chat.lane}`);
    }
    this.chats = [...chats.values()];
    this.version++;
  }
}
