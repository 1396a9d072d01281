// How times, people and events are said.
// The first format takes a browser 30 ms to make, so it waits until there is a time to say.
const formats = new Map();

function format(at, options) {
  if (!formats.has(options)) formats.set(options, new Intl.DateTimeFormat(undefined, options));
  return formats.get(options).format(at);
}

const TIME = { hour: "2-digit", minute: "2-digit" };
const DAY = { weekday: "short", day: "numeric", month: "long" };
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false };

const said = new Map();

// The time of day. A transcript says the same minutes again and again, and formatting is slow.
export function timeOf(at) {
  const minute = Math.floor(new Date(at) / 60_000);
  if (!said.has(minute)) said.set(minute, format(new Date(at), TIME));
  return said.get(minute);
}

export const clockOf = (at) => format(at, CLOCK);
export const dayOf = (at) => format(new Date(at), DAY);

const EVENTS = {
  "participant.joined": (name) => `${name} joined`,
  "participant.left": (name) => `${name} left`,
  "transfer.succeeded": () => "Transferred",
  "chat.ended": () => "The chat has ended",
  "chat.rehydrated": () => "A past chat was brought in",
  "participant.returned": (name) => `${name} is back`,
  "item.erased": () => "Erased",
  "participant.idle": (name) => `${name} is idle`,
};

// An event of the chat in words; null for one that nobody needs to read.
export function eventWords(kind, item) {
  return EVENTS[kind]?.(nameOf(item)) ?? null;
}

const ROLES = { CUSTOMER: "The customer", AGENT: "The agent", SYSTEM: "System", CUSTOM_BOT: "The bot" };

// Who sent an item. The system's messages have a name that is for programs.
export function nameOf(item) {
  const name = item.ParticipantRole === "SYSTEM" ? null : item.DisplayName;
  return name || ROLES[item.ParticipantRole] || "Somebody";
}

const NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split(" ");

// The state of a connection, and the messages that wait for it.
export function stateWords(state, waiting) {
  const messages = waiting === 1 ? "one message waits" : `${NUMBERS[waiting] ?? waiting} messages wait`;
  const said = {
    connecting: "connecting",
    open: waiting ? "sending" : "connected",
    reconnecting: "reconnecting",
    ended: "ended",
  }[state];
  return waiting && state !== "open" ? `${said}, ${messages}` : said;
}

const ENDS = {
  CUSTOMER_DISCONNECT: "the customer left",
  AGENT_DISCONNECT: "the agent left",
  CONTACT_FLOW_DISCONNECT: "the flow ended it",
  API: "ended by a call",
  EXPIRED: "it expired",
  CUSTOMER_CONNECTION_NOT_ESTABLISHED: "the customer never came",
};

// How a contact ended. It has no reason when it was transferred.
export function endWords(contact) {
  return ENDS[contact.DisconnectReason] ?? "transferred";
}

const STARTS = {
  API: "by the customer",
  TRANSFER: "by a transfer",
  QUEUE_TRANSFER: "by a transfer to a queue",
  DISCONNECT: "by the disconnect flow",
};

export const startWords = (contact) => STARTS[contact.InitiationMethod] ?? contact.InitiationMethod ?? "";

// A contact without an agent, in words.
export const agentless = (contact) => (contact.InitiationMethod === "DISCONNECT" ? "the survey" : "no agent");
