// The tour plays the documentation's example of CreatePersistentContactAssociation in six steps, at reading speed. It
// tells "change", and "stopped" when it is over or was stopped.
const WORD_MS = 300; // 200 words a minute
const PAUSE_MS = 900;
const TYPING_MS = 1_400;
const WITHIN_MS = 20_000;

export const STEPS = [
  {
    title: "A chat",
    view: "customer",
    text: "Casey writes. Alex accepts the chat and answers. This is contact C1.",
    play: chat,
  },
  {
    title: "A transfer",
    view: "agents",
    text: "Alex transfers the chat to Robin: a new contact, C2, in the same chat.",
    play: transfer,
  },
  {
    title: "The survey",
    view: "customer",
    text: "Robin leaves, and the survey asks. That is C3. Casey answers and leaves: the chat has ended.",
    play: survey,
  },
  {
    title: "What would come back",
    view: "lineage",
    text: "Casey can continue from each contact. From C2, FROM_SEGMENT would leave the survey out, for it came later.",
    play: preview,
  },
  {
    title: "Back without the survey",
    view: "customer",
    text: "Casey comes back with FROM_SEGMENT from C2. The divider says what was left out, and why.",
    play: backToSegment,
  },
  {
    title: "Back with everything",
    view: "customer",
    text: "ENTIRE_PAST_SESSION from C1 brings the whole chat back, the survey too. The two chats fork. Now it is yours.",
    play: backToAll,
  },
];

class Stopped extends Error {}

export class Tour extends EventTarget {
  constructor(desk) {
    super();
    this.desk = desk;
    this.number = 0; // of the step, from 0
    this.isOn = false;
    this.missing = ""; // words for something that has not come for a long time
    this.problem = ""; // why it cannot go on
    this.contacts = {}; // C1, C2: their ids
  }

  get step() {
    return STEPS[this.number];
  }

  async play() {
    this.isOn = true;
    try {
      for (const [number, step] of STEPS.entries()) {
        this.number = number;
        this._changed();
        await this.pause(step.text.split(" ").length * WORD_MS);
        await step.play(this, this.desk);
        await this.pause(PAUSE_MS);
      }
    } catch (error) {
      if (this.isOn && !(error instanceof Stopped)) {
        this.problem = error.message;
        return this._changed();
      }
    }
    return this.stop();
  }

  // Leave everything as it is.
  stop() {
    if (!this.isOn) return;
    this.isOn = false;
    this.next();
    this._changed();
    this.dispatchEvent(new CustomEvent("stopped"));
  }

  // Go on at once.
  next() {
    this._goOn?.();
  }

  async pause(ms) {
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this._goOn = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.check();
  }

  check() {
    if (!this.isOn) throw new Stopped();
  }

  // Wait until the desk is in a state. When that takes long it is told in `words`, and goes on as soon as it comes.
  async until(isReached, words) {
    this._by = Date.now() + WITHIN_MS;
    while (!isReached()) {
      this.check();
      if (Date.now() > this._by && !this.missing) {
        this.missing = words;
        this._changed();
      }
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, 200);
        this.desk.addEventListener("change", () => (clearTimeout(timer), resolve()), { once: true });
      });
    }
    this.check();
    this.wait();
  }

  // Wait as long again before it is told.
  wait() {
    this._by = Date.now() + WITHIN_MS;
    if (!this.missing) return;
    this.missing = "";
    this._changed();
  }

  async say(end, text) {
    await this.until(() => end.state === "open", `${end.name} is not connected yet`);
    end.setDraft(text);
    await this.pause(TYPING_MS);
    end.send(text);
    await this.until(() => !end.pending.length, `the message of ${end.name} has not arrived yet`);
    await this.pause(PAUSE_MS);
  }

  async accept(agent) {
    await this.until(() => this.desk.canAccept(agent), `the chat is not there yet for ${agent.name} to accept`);
    await this.desk.accept(agent);
    await this.until(() => agent.chat?.state === "open", `${agent.name} is not connected yet`);
  }

  _changed() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}

async function chat(tour, desk) {
  await desk.startChat();
  if (desk.isReady && desk.agents.length < 2) {
    throw new Error("It needs two agents. Make one: threadline admin user create USERNAME. Then load the page again.");
  }
  await tour.until(() => desk.customer?.state === "open", "the chat has not begun yet");
  tour.contacts.C1 = desk.customer.contactId;
  await tour.accept(desk.agents[0]);
  await tour.say(desk.customer, "My parcel has not come.");
  await tour.say(desk.agents[0].chat, "I will ask the depot.");
}

async function transfer(tour, desk) {
  const [first, second] = desk.agents;
  await desk.transfer(first, second);
  tour.contacts.C2 = desk.customer.currentContactId;
  await tour.accept(second);
  await tour.say(second.chat, "It left this morning.");
  await tour.say(desk.customer, "Wonderful, thank you.");
}

async function survey(tour, desk) {
  await desk.agents[1].chat.leave();
  const isAsking = (item) => item.Type === "MESSAGE" && item.ParticipantRole === "SYSTEM";
  await tour.until(() => desk.customer.current.some(isAsking), "the survey has not asked yet");
  await tour.pause(PAUSE_MS);
  await tour.say(desk.customer, "5");
  await end(tour, desk);
}

async function end(tour, desk) {
  await desk.customer.leave();
  const hasEnded = () => desk.customer.state === "ended" && desk.canContinue(tour.contacts.C2);
  await tour.until(hasEnded, "the chat has not ended yet");
}

async function preview(tour, desk) {
  await desk.look(tour.contacts.C2, { pin: true });
  await tour.until(() => desk.previews.FROM_SEGMENT, "the server has not said yet what would come back");
  desk.suppose("FROM_SEGMENT");
  await tour.pause(4 * PAUSE_MS);
}

async function comeBack(tour, desk, contactId, type) {
  await desk.continueFrom(contactId, type);
  const isBack = () => desk.customer.state === "open" && desk.customer.past.length > 0;
  await tour.until(isBack, "the past chat has not come back yet");
}

async function backToSegment(tour, desk) {
  await comeBack(tour, desk, tour.contacts.C2, "FROM_SEGMENT");
  await tour.pause(4 * PAUSE_MS);
  await end(tour, desk);
}

async function backToAll(tour, desk) {
  await comeBack(tour, desk, tour.contacts.C1, "ENTIRE_PAST_SESSION");
  await tour.pause(4 * PAUSE_MS);
}
