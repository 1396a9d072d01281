"""One run: a seed, people who chat, and a world in which things go wrong.

Each step is drawn from the seed and awaited before the next, except where several requests are let race on purpose.
People behave as SDKs do: without an answer they repeat the call with the same ClientToken. Acknowledgements, and
entries that were visible once, are remembered. They must stay true through all faults of the server.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import apsw

from tests.flows.flows import content, do, say, wait
from tests.simulation import faults
from tests.simulation.node import Connection, Lost, Refused
from tests.simulation.world import World
from threadline.chat.contact import Contact, Session
from threadline.chat.participant import Participant
from threadline.chat.transcript import Item
from threadline.operations.sessions import contacts_of, participants_of, require_past
from threadline.store import Tx

PATIENCE = 4
"""Times that somebody asks while things go wrong; the time after that all goes well."""

WAIT_SECONDS = 120
REST_MS = 900_000
"""Longer than any flow waits, and than a customer may take to connect."""

WELCOME, LATE, EARLY = "flow: welcome", "flow: the time is over", "flow: the customer is back"

Reply = dict[str, Any]
Ask = Callable[[], Awaitable[Reply]]


@dataclass
class Said:
    """A message that was acknowledged. `began` and `known` are the steps in which it was sent and acknowledged."""

    id: str
    time: str
    began: int
    known: int


@dataclass
class Truth:
    """A chat's rows in the store."""

    session: Session
    contacts: tuple[Contact, ...]
    people: dict[str, Participant]
    log: list[Item]

    @property
    def is_over(self) -> bool:
        return self.session.ended_at_ms is not None


@dataclass
class Chat:
    """A chat as its people know it. `past` is the acknowledged association: its type and source."""

    contact_id: str
    flow: str
    truth: Truth
    people: list["Person"] = field(default_factory=list)
    said: dict[str, Said] = field(default_factory=dict)
    past: tuple[str, str] | None = None


@dataclass
class Person:
    """A participant with the tokens they hold."""

    chat: Chat
    id: str
    role: str
    participant_token: str
    connection_token: str = ""
    expires: str = ""

    @property
    def may_act(self) -> bool:
        return not self.chat.truth.is_over and self.chat.truth.people[self.id].left_at_ms is None


@dataclass
class Watch:
    """A subscribed socket: it shows what comes after an entry whose number is from `low` to `high`."""

    person: Person
    connection: Connection
    low: int
    high: int


class Simulation:
    """A world, its people, and the trace of the steps."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = Random(seed)
        self.world = World(folder, self.random, self.random.choice((1, 2, 3)))
        self.trace: list[str] = []
        self.chats: list[Chat] = []
        self.watches: list[Watch] = []
        self.step = 0
        self.latest_ms = 0
        self.trouble = self.random.choice((0.0, 0.1, 0.3))
        self.air = self.world.air
        self.air.lost = self.random.choice((0.0, 0.2, 1.0))
        self.air.doubled = self.random.choice((0.0, 0.3))
        self.air.late = self.random.choice((0.0, 0.3))
        self.air.distorted = self.random.choice((0.0, 0.2))
        self.note(
            f"{self.world.count} nodes, trouble {self.trouble}, wakes {self.air.lost} lost, "
            f"{self.air.doubled} doubled, {self.air.late} late, {self.air.distorted} distorted"
        )

    def note(self, text: str) -> None:
        """Write a line of the trace."""
        self.trace.append(f"{self.step:4}  {text}")

    def advance(self, ms: int) -> None:
        """Move the clocks, forwards or backwards."""
        self.world.advance(ms)
        self.latest_ms = max(self.latest_ms, self.world.now_ms())

    async def prepare(self) -> None:
        """Make a workspace, with a flow that waits."""
        await self.world.make()
        workspace = self.world.workspace
        hook = {"EventHooks": {"CustomerRemaining": workspace.survey_flow_id}}
        reply = await self.account(
            "CreateContactFlow",
            Name="Waits",
            Type="CONTACT_FLOW",
            Content=content(
                hook=do("UpdateContactEventHooks", hook, "welcome", NoMatchingError="end"),
                welcome=say(WELCOME, "pause", NoMatchingError="end"),
                pause=wait(str(WAIT_SECONDS), "late", returned="early", NoMatchingError="end"),
                late=say(LATE, "queue", NoMatchingError="end"),
                early=say(EARLY, "queue", NoMatchingError="end"),
                queue=do(
                    "UpdateContactTargetQueue", {"QueueId": workspace.queue_id}, "go", NoMatchingError="end"
                ),
                go=do("TransferContactToQueue", None, "end", NoMatchingError="end", QueueAtCapacity="end"),
            ),
        )
        self.flows = {"waits": reply["ContactFlowId"], "plain": workspace.contact_flow_id}

    async def rest(self) -> None:
        """End the faults: time passes, due tasks run, and all clients connect and read."""
        self.note("rest")
        self.trouble = self.air.lost = self.air.doubled = self.air.late = self.air.distorted = 0
        self.air.clear.set()
        self.air.bring()
        for _ in range(2):  # once for tasks that failed and were put off, once for the tasks that these began
            self.latest_ms += REST_MS
            self.world.set_clocks(self.latest_ms)
            await self.world.tick()
        for connection in self.world.connections:
            connection.flow()
            connection.send("aws/heartbeat")
        await self.world.settle()
        await self.learn()
        for chat in self.running():  # from here on wakes alone have to do
            for person in self.active(chat)[:1]:
                last = {"ContentType": "text/plain", "Content": "the last word", "ClientToken": "last"}
                await self.surely(partial(self.participant, person, "SendMessage", **last))
        await self.world.settle()
        await self.learn()

    # Calls

    async def account(self, name: str, service: Any = "connect", **members: Any) -> Reply:
        """An operation of the account, once."""
        return await self.world.ask(service, name, InstanceId=self.world.workspace.instance_id, **members)

    async def participant(self, person: Person, name: str, **members: Any) -> Reply:
        """An operation of a participant, once."""
        needs_first = name == "CreateParticipantConnection"
        token = person.participant_token if needs_first else person.connection_token
        return await self.world.ask("connectparticipant", name, token, **members)

    async def surely(self, ask: Ask) -> Reply:
        """Repeat a call until it is answered. Raises Refused."""
        (answer,) = await self.all_surely(ask)
        if isinstance(answer, Refused):
            raise answer
        return answer

    async def all_surely(self, *asks: Ask) -> list[Reply | Refused]:
        """Make all calls at once, and repeat those that got no answer."""
        answers: dict[int, Reply | Refused] = {}
        for attempt in range(PATIENCE + 1):
            left = [i for i in range(len(asks)) if i not in answers]
            fate = self.fate() if attempt < PATIENCE else "well"
            given = await self.together([asks[i] for i in left], fate)
            answers |= {
                i: answer for i, answer in zip(left, given, strict=True) if not isinstance(answer, Lost)
            }
            if len(answers) == len(asks):
                break
        assert len(answers) == len(asks), "a server in good order answers"
        return [answers[i] for i in range(len(asks))]

    def fate(self) -> str:
        """Draw the faults of the next requests."""
        if self.random.random() >= self.trouble:
            return "well"
        fates = ["slow", "failing", "failing", "killed", "killed"]
        if self.world.count > 1:
            fates += ["crashed", "again", "unsure"]
        return self.random.choice(fates)

    async def together(self, asks: Sequence[Ask], fate: str) -> list[Reply | Refused | Lost]:
        """Let requests race, on any nodes: several share a commit. A server that dies meanwhile answers none."""
        world, random = self.world, self.random
        if fate != "well":
            self.note(f"      {len(asks)} requests: {fate}")
        trouble = None
        victim = world.draw() if fate == "killed" else None
        strike = partial(world.strike, victim)
        is_fatal = fate in ("killed", "crashed")
        if fate == "failing":
            error = random.choice((apsw.IOError, apsw.FullError))
            trouble = faults.failing(random.randint(1, 6), random.randint(1, 8), error)
        elif is_fatal:
            trouble = faults.once(random.randint(1, 12), strike)
        world.database.again = 0.3 if fate == "again" else 0
        world.database.unsure = 0.5 if fate == "unsure" else 0
        if len(asks) > 1 or fate == "slow":
            async with world.database.held():
                tasks = [asyncio.ensure_future(_answer(ask)) for ask in asks]
                await world.settle()
                if fate == "slow":
                    await self.heartbeats()
                world.database.life.disk.trouble = trouble
        else:
            world.database.life.disk.trouble = trouble
            tasks = [asyncio.ensure_future(_answer(ask)) for ask in asks]
        answers = await asyncio.gather(*tasks)
        world.database.life.disk.trouble = None
        world.database.again = world.database.unsure = 0
        if is_fatal and not world.is_hurt:
            strike()
            answers = [Lost("the answer was lost on its way") for _ in asks]
        if world.is_hurt:  # also by a sync that failed
            await world.mend()
        await world.settle()
        await self.learn()
        return answers

    async def heartbeats(self) -> None:
        """All connected clients send a heartbeat. The server then sends the items that they have missed."""
        for connection in self.world.connections:
            connection.send("aws/heartbeat")
        await self.world.settle()

    # Observations

    async def learn(self) -> None:
        """Read the store. No entry that was visible once may have changed."""
        for chat in self.chats:
            before, chat.truth = chat.truth, await self.truth_of(chat.contact_id)
            now = chat.truth
            assert now.log[: len(before.log)] == before.log, "what was in the log is in the log"
            assert now.is_over or not before.is_over, "an end is an end"
            assert (
                now.session.related_contact_id == before.session.related_contact_id
                or not before.session.is_associated
            )

    async def truth_of(self, contact_id: str) -> Truth:
        """A chat's rows in the store."""
        instance_id = self.world.workspace.instance_id

        def look(tx: Tx) -> Truth:
            session, _ = require_past(tx, instance_id, contact_id, "Contact")
            key = session.key
            people = {p.id: p for p in participants_of(tx, key)}
            rows = tx.all("entries_after", session=key, participant_id=min(people), seq=0, limit=-1)
            log = [Item(*row[1:]) for row in rows if row[1] is not None]
            return Truth(session, contacts_of(tx, key), people, log)

        return await self.world.look(look)

    def running(self) -> list[Chat]:
        """The chats that go on."""
        return [chat for chat in self.chats if not chat.truth.is_over]

    def over(self) -> list[Chat]:
        """The chats that have ended."""
        return [chat for chat in self.chats if chat.truth.is_over]

    def active(self, *chats: Chat) -> list[Person]:
        """The participants who can act in these chats, or in all."""
        people = (person for chat in chats or self.chats for person in chat.people)
        return [person for person in people if person.connection_token and person.may_act]


async def _answer(ask: Ask) -> Reply | Refused | Lost:
    try:
        return await ask()
    except (Refused, Lost) as answer:
        return answer
