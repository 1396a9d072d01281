// Calls of the public API: signed with this tab's credentials, or with a participant's token. Every call is told as an
// event "call", and every frame of a socket as an event "frame", for the list of what went over the wire.
import { AwsClient } from "aws4fetch";
import { OPERATIONS } from "./operations.js";

const REGION = "us-east-1";
const LOGGED_MAX = 1000;

// A refusal of the server: `code` is the exception's name. `status` 0 means that no answer came.
export class CallError extends Error {
  constructor(operation, status, code, message) {
    super(message);
    this.operation = operation;
    this.status = status;
    this.code = code;
  }

  // Whether the same call may succeed later.
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export class Client extends EventTarget {
  constructor(session) {
    super();
    this.log = [];
    this.session = session;
    this._signer = new AwsClient({
      accessKeyId: session.AccessKeyId,
      secretAccessKey: session.SecretAccessKey,
      sessionToken: session.SessionToken,
      region: REGION,
      service: "connect",
      retries: 0,
    });
  }

  // Call an operation with the model's members; `token` is a participant's, for operations that take one. `by` says
  // for the log whose call it is. Answers with the reply's members; throws CallError.
  async call(operation, members = {}, { token, by = "" } = {}) {
    const [service, method, path] = OPERATIONS[operation];
    const [url, body] = written(method, path, members);
    const entry = { kind: "call", at: Date.now(), by, service, operation, request: members, token, status: 0, ms: 0 };
    const began = performance.now();
    try {
      const answer = await this._send(url, method, body, token);
      entry.status = answer.status;
      entry.requestId = answer.headers.get("x-amzn-requestid");
      const text = await answer.text();
      entry.response = text ? JSON.parse(text) : {};
      if (!answer.ok) {
        const code = (answer.headers.get("x-amzn-errortype") ?? "Unknown").split(":")[0];
        entry.error = code;
        if (!token && answer.status === 403 && code === "UnrecognizedClientException") this._tell("signed-out");
        throw new CallError(operation, answer.status, code, entry.response.Message ?? code);
      }
      return entry.response;
    } catch (error) {
      if (error instanceof CallError) throw error;
      entry.error = "no answer";
      throw new CallError(operation, 0, "NoAnswer", "The server does not answer.");
    } finally {
      entry.ms = performance.now() - began;
      this.note(entry);
    }
  }

  // Every page of a listing, as one list.
  async list(operation, member, members = {}) {
    const found = [];
    let NextToken;
    do {
      const reply = await this.call(operation, { ...members, ...(NextToken && { NextToken }) });
      found.push(...reply[member]);
      NextToken = reply.NextToken;
    } while (NextToken);
    return found;
  }

  note(entry) {
    this.log.push(entry);
    if (this.log.length > LOGGED_MAX) this.log.shift();
    this._tell(entry.kind, entry);
    this._tell("change");
  }

  _send(url, method, body, token) {
    const headers = { "Content-Type": "application/json" };
    const request = { method, body, headers: body === undefined ? {} : headers, cache: "no-store" };
    if (!token) return this._signer.fetch(url, request);
    request.headers["X-Amz-Bearer"] = token;
    return fetch(url, request);
  }

  _tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

// The address and the body of a call.
function written(method, path, members) {
  const rest = { ...members };
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => {
    const value = encodeURIComponent(rest[name]);
    delete rest[name];
    return value;
  });
  const url = new URL(filled, location.origin);
  if (method !== "GET") return [url.href, JSON.stringify(rest)];
  for (const [name, value] of Object.entries(rest)) {
    url.searchParams.set(name[0].toLowerCase() + name.slice(1), value);
  }
  return [url.href, undefined];
}
