// A chat that is read as the account, running or ended, without a participant in it. It has what <tl-transcript> shows
// of a Chat, and tells "change" whenever that has changed.
import { Lineages } from "./lineage.js";

const PAGE = 100;
const CONTACTS_PAGE = 1000;

export class PastChat extends EventTarget {
  // `lineages` is where the labels of the contacts come from, if it knows them.
  constructor(client, instanceId, contactId, lineages) {
    super();
    this.client = client;
    this.instanceId = instanceId;
    this._members = { InstanceId: instanceId, ContactId: contactId };
    this.contactId = contactId;
    this.role = "customer"; // the side that it is seen from
    this.items = []; // oldest first
    this.pending = [];
    this.typing = null;
    this.isLoading = false;
    this.problem = "";
    this.contacts = new Map(); // DescribeLineage's contacts by id, newest first
    this.lineages = lineages.get(contactId) ? lineages : new Lineages();
  }

  get hasOlder() {
    return Boolean(this._older);
  }

  get contact() {
    return this.contacts.get(this.contactId);
  }

  isOwn() {
    return false;
  }

  // Read the newest page; with an item's id as many as it takes to have that.
  async open(itemId) {
    await Promise.all([this._describe(), this.loadOlder()]);
    while (itemId && this._older && !this.items.some((item) => item.Id === itemId)) await this.loadOlder();
  }

  async _describe() {
    try {
      const found = await this.client.list("DescribeLineage", "Contacts", { ...this._members, MaxResults: CONTACTS_PAGE });
      this.contacts = new Map(found.map((contact) => [contact.ContactId, contact]));
      if (!this.lineages.get(this.contactId)) this.lineages.add(found);
    } catch (error) {
      this.problem = error.message;
    }
    this._changed();
  }

  // Load the page before the oldest item. Returns the number of items.
  async loadOlder() {
    if (this._older === null || this.isLoading) return 0;
    this.isLoading = true;
    this._changed();
    try {
      const members = { ...this._members, MaxResults: PAGE, ScanDirection: "BACKWARD", SortOrder: "ASCENDING" };
      const reply = await this.client.call("GetContactTranscript", { ...members, NextToken: this._older });
      this._older = reply.NextToken ?? null;
      this.items = [...reply.Transcript, ...this.items];
      return reply.Transcript.length;
    } catch (error) {
      this.problem = error.message;
      this._older = null;
      return 0;
    } finally {
      this.isLoading = false;
      this._changed();
    }
  }

  _changed() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}
