// One browser tab with amazon-connect-chatjs in it, driven by JSON lines.
//   node chatjs.js MAJOR ENDPOINT
//   in:  {"id": 1, "call": "sendMessage", "argument": {...}}    out: {"id": 1, "result": ...} or {"id": 1, "error": {...}}
//   out, whenever one happens: {"event": "onMessage", "data": {...}}, also for each request and frame on the wire.
// Besides the session's own methods: "create" (arguments of ChatSession.create), "drop" (the network fails), "sockets".
"use strict";
const { createInterface } = require("node:readline");
const [major, endpoint] = process.argv.slice(2);

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
globalThis.console = new console.Console(process.stderr);
globalThis.self = globalThis.window = globalThis;
Object.defineProperty(navigator, "onLine", { value: true });

const sockets = new Set();
globalThis.WebSocket = class extends WebSocket {
  constructor(url) {
    super(url);
    sockets.add(this);
    this.addEventListener("message", ({ data }) => say({ event: "frame", data: JSON.parse(data) }));
    this.addEventListener("close", ({ code }) => {
      sockets.delete(this);
      say({ event: "closed", data: { code } });
    });
  }
};

// What a browser's network stack does and node's does not: a request that meets a kept-alive connection which has
// died is sent again on another. Beyond that nothing is tried again, and the error tells no cause.
const { fetch } = globalThis;
const sent = async (request, resends = 3) => {
  try {
    return await fetch(request.clone());
  } catch ({ cause }) {
    if (resends > 0 && ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"].includes(cause?.code)) return sent(request, resends - 1);
    throw new TypeError("Failed to fetch");
  }
};
globalThis.fetch = async (resource, options) => {
  const request = new Request(resource, options);
  const body = await request.clone().text();
  const response = await sent(request);
  say({ event: "request", data: { path: new URL(request.url).pathname, body, status: response.status } });
  return response;
};

require(`chatjs-${major}`);
connect.ChatSession.setGlobalConfig({ endpoint, region: "us-east-1", features: { messageReceipts: { throttleTime: 1 } } });

let session;
const own = {
  create(options) {
    // What streams adds to an agent's details: without a token of its own, chatjs turns to CreateParticipantConnection.
    if (options.type === "AGENT") options.chatDetails.getConnectionToken = () => Promise.reject(new Error("no streams"));
    session = connect.ChatSession.create({ disableCSM: true, options: { region: "us-east-1" }, ...options });
    const prototypes = [];
    for (let at = session; at !== Object.prototype; at = Object.getPrototypeOf(at)) prototypes.push(at);
    const names = new Set(prototypes.flatMap(Object.getOwnPropertyNames).filter((name) => /^on[A-Z]/.test(name)));
    // onTranscriptUpdated makes chatjs read transcripts by itself: only whoever asks for it gets that.
    names.delete("onTranscriptUpdated");
    for (const name of names) session[name]((event) => say({ event: name, data: event?.data ?? null }));
    return [...names];
  },
  watchTranscript: () => session.onTranscriptUpdated((event) => say({ event: "onTranscriptUpdated", data: event.data })),
  drop: () => [...sockets].forEach((socket) => socket.close(4000, "network")),
  sockets: () => sockets.size,
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, call, argument } = JSON.parse(line);
  try {
    const result = await (own[call] ? own[call](argument) : session[call](argument));
    say({ id, result: result?.data ?? result ?? null });
  } catch (error) {
    const cause = error?._debug?._debug ?? error?._debug ?? error;
    say({ id, error: cause instanceof Error ? { type: cause.name, message: cause.message } : cause });
  }
}).on("close", () => process.exit(0));
say({ event: "ready", data: process.version });
