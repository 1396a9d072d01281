"""Faults on demand: which call, handshake or frame fails, and how. Pure: the same events give the same choices.

A rule with a probability draws from its seed and from the number of the event among those of the same participant or
chat. So a chat's faults do not depend on the order in which other chats act.
"""

import hashlib
from collections import Counter
from enum import StrEnum
from typing import NamedTuple

WEBSOCKET = "WebSocket"
"""The name of a WebSocket's handshake, in the place of an operation's."""

FRAME = "Frame"
"""The name of an item of the chat that is pushed to a socket, in the place of an operation's."""


QUEUE, LAMBDA, LEX = "Queue", "Lambda", "Lex"
"""The names of a contact's way into a queue, and of a flow's calls of a function and a bot."""


class FaultKind(StrEnum):
    """A fault that is no answer of AWS. An answer is named by its error code instead."""

    DELAY = "DELAY"
    """The call, the handshake or the frame waits for `seconds` first."""
    CONNECTION_RESET = "CONNECTION_RESET"
    """The connection is reset before anything is done."""
    REPLY_LOST = "REPLY_LOST"
    """The call is done and committed, then the connection is reset without an answer."""
    HALF_RESPONSE = "HALF_RESPONSE"
    """The call is done and committed, then the connection closes after half of the answer's body."""
    TOKEN_EXPIRED = "TOKEN_EXPIRED"
    """The token of the call has expired, for this call and all later ones; a new token is accepted."""
    SOCKET_CLOSED = "SOCKET_CLOSED"
    """The socket is dropped in place of the frame."""
    SOCKET_SILENT = "SOCKET_SILENT"
    """The socket stays open and carries nothing from this frame on."""
    FRAME_DUPLICATED = "FRAME_DUPLICATED"
    """The frame is sent twice."""
    FRAME_LOST = "FRAME_LOST"
    """The frame is not sent."""
    QUEUE_FULL = "QUEUE_FULL"
    """The queue counts as full: the flow goes on at QueueAtCapacity."""
    NEIGHBOUR_FAILED = "NEIGHBOUR_FAILED"
    """The function or the bot is not called; the flow goes on at its error branch."""


OF_CALLS = frozenset(
    {
        FaultKind.DELAY,
        FaultKind.CONNECTION_RESET,
        FaultKind.REPLY_LOST,
        FaultKind.HALF_RESPONSE,
        FaultKind.TOKEN_EXPIRED,
    }
)
OF_HANDSHAKES = frozenset({FaultKind.DELAY, FaultKind.CONNECTION_RESET})
OF_FRAMES = frozenset(
    {
        FaultKind.DELAY,
        FaultKind.SOCKET_CLOSED,
        FaultKind.SOCKET_SILENT,
        FaultKind.FRAME_DUPLICATED,
        FaultKind.FRAME_LOST,
    }
)


OF_NEIGHBOURS = frozenset({FaultKind.DELAY, FaultKind.NEIGHBOUR_FAILED})
OF_EVENTS = {
    WEBSOCKET: OF_HANDSHAKES,
    FRAME: OF_FRAMES,
    QUEUE: frozenset({FaultKind.QUEUE_FULL}),
    LAMBDA: OF_NEIGHBOURS,
    LEX: OF_NEIGHBOURS,
}
"""The kinds of fault of events that are no calls, by their names. A further kind of event needs a row."""


def kinds_of(target: str) -> frozenset[FaultKind]:
    """The kinds of fault that calls of an operation, handshakes or frames can have."""
    return OF_EVENTS.get(target, OF_CALLS)


class Rule(NamedTuple):
    """A fault that was set, and the events to which it happens.

    `operation` is the name of an operation or of another event (OF_EVENTS), or empty for every operation. `fault` is an
    error code or a FaultKind. It fires for the first `times` events that fit (0: all), or with `probability` for each
    of them. `participant_id` and `contact_id` restrict it to one participant or to one chat, if not empty.
    """

    id: str
    operation: str
    fault: str
    times: int = 0
    probability: float = 1.0
    seed: int = 0
    participant_id: str = ""
    contact_id: str = ""
    seconds: float = 0.0
    message: str = ""


class Event(NamedTuple):
    """A call, a handshake or a frame: its name, its participant if it has one, and the contacts it is about.

    `token` is the hash of the participant's token, where one was shown.
    """

    name: str
    participant_id: str
    contact_ids: frozenset[str]
    token: str = ""


class Faults:
    """The rules that are set, in their order, and how often each has fired."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}
        self._fired: Counter[str] = Counter()
        self._seen: dict[str, Counter[str]] = {}
        self._expired: dict[str, set[str]] = {}
        self._count = 0

    def next_id(self) -> str:
        """The id of the next rule: counted, so that it is the same in every run."""
        self._count += 1
        return f"fault-{self._count}"

    def set(self, rule: Rule) -> None:
        """Add a rule."""
        self._rules[rule.id] = rule
        self._seen[rule.id] = Counter()
        self._expired[rule.id] = set()

    def clear(self, fault_id: str) -> bool:
        """Remove a rule. False when there is none of this id."""
        return self._rules.pop(fault_id, None) is not None

    def clear_all(self) -> None:
        """Remove all rules."""
        self._rules.clear()

    def all(self) -> list[tuple[Rule, int]]:
        """The rules in their order, each with the number of times that it has fired."""
        return [(rule, self._fired[rule.id]) for rule in self._rules.values()]

    def fired(self, fault_id: str) -> int:
        """How often a rule has fired, be it cleared or not."""
        return self._fired[fault_id]

    def choose(self, event: Event) -> Rule | None:
        """The rule that fires for an event: the first that fits it; None when none does."""
        for rule in self._rules.values():
            if _fits(rule, event) and self._fires(rule, event):
                self._fired[rule.id] += 1
                return rule
        return None

    def _fires(self, rule: Rule, event: Event) -> bool:
        if rule.fault == FaultKind.TOKEN_EXPIRED:
            if event.token in self._expired[rule.id]:
                return True
            if not event.token:
                return False
        if rule.times and self._used(rule) >= rule.times:
            return False
        if rule.probability < 1.0 and self._draw(rule, event) >= rule.probability:
            return False
        if rule.fault == FaultKind.TOKEN_EXPIRED:
            self._expired[rule.id].add(event.token)
        return True

    def _used(self, rule: Rule) -> int:
        """How many of its `times` a rule has used. A token that has expired is one, however often it is shown."""
        return len(self._expired[rule.id]) or self._fired[rule.id]

    def _draw(self, rule: Rule, event: Event) -> float:
        """A number from 0 to 1 that the rule's seed and the event's place among those of its subject decide.

        Subjects are numbered as they come: their ids differ from run to run.
        """
        seen = self._seen[rule.id]
        subject = event.participant_id or min(event.contact_ids, default="")
        number = list(seen).index(subject) if subject in seen else len(seen)
        seen[subject] += 1
        text = f"{rule.seed}/{rule.operation}/{rule.fault}/{number}/{seen[subject]}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


def _fits(rule: Rule, event: Event) -> bool:
    if rule.operation != event.name and (rule.operation or event.name in OF_EVENTS):
        return False
    if rule.participant_id and rule.participant_id != event.participant_id:
        return False
    return not rule.contact_id or rule.contact_id in event.contact_ids
