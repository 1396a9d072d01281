// The WebSocket of one participant, which comes back whenever it was lost: after a killed server, a cut network or a
// laptop's sleep. It tells "state", "subscribed" after each subscription, "item" for each item of the chat, and "frame"
// for every frame either way.
const HEARTBEAT_MS = 10_000;
const OPEN_WITHIN_MS = 8_000;
const WAITS_MS = [0, 500, 1_000, 2_000, 4_000, 8_000];
const RENEW_BEFORE_MS = 60_000;

export class ChatSocket extends EventTarget {
  // `connect` calls CreateParticipantConnection and returns its reply. A thrown error with `isPassing` false ends all.
  constructor(connect) {
    super();
    this.state = "connecting";
    this.opened = false;
    this._connect = connect;
    this._failures = 0;
    this._wake = () => this._awake?.();
  }

  start() {
    addEventListener("online", this._wake);
    document.addEventListener("visibilitychange", this._wake);
    this._run();
  }

  // End for good: the chat is over, or the page leaves it.
  stop(state = "ended") {
    if (this.state === "ended") return;
    this._set(state);
    removeEventListener("online", this._wake);
    document.removeEventListener("visibilitychange", this._wake);
    this._awake?.();
    this._drop(1000);
  }

  async _run() {
    while (this.state !== "ended") {
      try {
        const reply = await this._connect();
        if (this.state === "ended") return;
        await this._serve(reply);
      } catch (error) {
        if (error.isPassing === false) return this.stop();
      }
      if (this.state === "ended") return;
      this._set(this.opened ? "reconnecting" : "connecting");
      const wait = WAITS_MS[Math.min(this._failures++, WAITS_MS.length - 1)];
      await this._pause(wait * (0.7 + 0.6 * Math.random()));
    }
  }

  // Wait, but no longer once the network is back or the page is looked at again.
  _pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this._awake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  // Hold one socket until it is lost.
  _serve(reply) {
    const expiry = Date.parse(reply.ConnectionCredentials.Expiry) - RENEW_BEFORE_MS;
    const address = new URL(reply.Websocket.Url); // by the host that serves this page, which reaches the server
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${address.pathname}${address.search}`);
    this._socket = socket;
    return new Promise((resolve) => {
      let isAnswered = true;
      const send = (topic, content) => {
        const frame = content ? { topic, content } : { topic };
        socket.send(JSON.stringify(frame));
        this.dispatchEvent(new CustomEvent("frame", { detail: { isSent: true, frame } }));
      };
      const lost = () => {
        clearInterval(timer);
        clearTimeout(opening);
        this._lost = null;
        this._drop();
        resolve();
      };
      const tick = () => {
        if (!isAnswered || Date.now() > expiry) return lost(); // nothing came since the last tick
        isAnswered = false;
        send("aws/heartbeat");
      };
      const opening = setTimeout(lost, OPEN_WITHIN_MS);
      let timer;
      this._lost = lost;
      socket.onopen = () => send("aws/subscribe", { topics: ["aws/chat"] });
      socket.onclose = lost;
      socket.onmessage = ({ data }) => {
        isAnswered = true;
        const frame = JSON.parse(data);
        this.dispatchEvent(new CustomEvent("frame", { detail: { isSent: false, frame } }));
        if (frame.topic === "aws/subscribe") {
          clearTimeout(opening);
          timer = setInterval(tick, HEARTBEAT_MS);
          this._failures = 0;
          this.opened = true;
          this._set("open");
          this.dispatchEvent(new CustomEvent("subscribed"));
        } else if (frame.topic === "aws/chat") {
          this.dispatchEvent(new CustomEvent("item", { detail: JSON.parse(frame.content) }));
        }
      };
    });
  }

  _drop(code) {
    const socket = this._socket;
    this._socket = null;
    if (!socket) return;
    socket.onclose = socket.onmessage = socket.onopen = null;
    socket.close(code ?? 1000);
    this._lost?.();
  }

  _set(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state"));
  }
}
