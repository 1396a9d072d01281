"""A naive model of chats: lists of contacts with the messages of each. It has no store and no SQL.

Each method either changes the model, or returns the code with which the server must refuse the same call.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.chat.rows import ENTIRE
from threadline.chat.contact import State
from threadline.operations.registry import ParticipantCaller

INVALID, DENIED, FULL = "InvalidRequestException", "AccessDeniedException", "ServiceQuotaExceededException"
ASK = "SYSTEM_MESSAGE: How did we do? Please answer with a number from 1 (poor) to 5 (great)."
THANKS = "SYSTEM_MESSAGE: Thank you. Goodbye!"
NAMES = {"a1": "Alex", "a2": "Robin"}
CONTACTS_MAX = 12

Line = tuple[str, str]
"""What was said or happened, in a few words, and before it the contact on which it was."""


@dataclass
class Segment:
    """One contact: its id, empty until the server has returned it, and its messages."""

    id: str
    lines: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Chat:
    """A session. `association` is the older chat it continues from, with the number of segments that it brings back."""

    segments: list[Segment]
    customer: ParticipantCaller
    stays: bool
    """Started with DisconnectOnCustomerExit: the customer's first leaving removes the agent only."""
    asked: tuple[str, str] | None = None
    related: bool = False
    association: tuple[Chat, int] | None = None
    state: State = State.CREATED
    user: str | None = None
    agent: ParticipantCaller | None = None
    surveyed: bool = False

    @property
    def ended(self) -> bool:
        return self.state is State.ENDED

    @property
    def lines(self) -> list[str]:
        """The entries of the last segment, to which new ones are appended."""
        return self.segments[-1].lines

    def own(self, segments: int | None = None) -> list[Line]:
        """The entries of the chat itself, oldest first, of all segments or the first `segments`."""
        return [(segment.id, line) for segment in self.segments[:segments] for line in segment.lines]

    def past(self) -> list[Line]:
        """The entries of the past, oldest first: those of the older chat, and those of its own past."""
        if self.association is None:
            return []
        older, segments = self.association
        return older.past() + older.own(segments)

    def shown_past(self) -> list[Segment]:
        """The past segments that are shown, oldest first."""
        if self.association is None:
            return []
        older, segments = self.association
        return older.shown_past() + older.segments[:segments]

    def connect(self) -> str | None:
        if self.ended:
            return DENIED
        if self.state is State.CREATED:
            self.lines.append("participant.joined Casey")
            self.state = State.QUEUED
        return None

    def say(self, who: str, text: str) -> str | None:
        if self.ended:
            return DENIED
        self.lines.append(f"{who}: {text}")
        return None

    def accept(self, user: str) -> str | None:
        if self.state is State.WITH_AGENT and self.user == user:
            return None
        if self.state is State.QUEUED or (self.state is State.OFFERED and self.user == user):
            self.state, self.user = State.WITH_AGENT, user
            self.lines.append(f"participant.joined {NAMES[user]}")
            return None
        return INVALID

    def transfer(self, user: str | None) -> str | None:
        """Transfer the chat to a user or to the queue: all get transfer.succeeded before its agent leaves."""
        if self.state is not State.WITH_AGENT:
            return INVALID
        if self.is_full:
            return FULL
        self.lines.append("transfer.succeeded")
        self._agent_goes()
        self.segments.append(Segment(""))
        self.state, self.user = (State.OFFERED, user) if user else (State.QUEUED, None)
        return None

    def agent_leaves(self) -> str | None:
        if self.ended or self.state is not State.WITH_AGENT:
            return DENIED
        if not self._survey():
            self._agent_goes()
            self.end()
        return None

    def customer_leaves(self) -> str | None:
        if self.ended:
            return DENIED
        if not (self.stays and self.state is State.WITH_AGENT and self._survey()):
            self.lines.append("participant.left Casey")
            self.end()
        return None

    def stop(self, position: int) -> str | None:
        if self.ended:
            return None
        if position != len(self.segments) - 1:
            return INVALID
        self.end()
        return None

    def five_minutes_pass(self) -> None:
        if self.surveyed and not self.ended:
            self.lines.append(THANKS)
            self.end()
        elif self.state is State.CREATED:
            self.end()

    def end(self) -> None:
        self.lines.append("chat.ended")
        self.state, self.user, self.agent = State.ENDED, None, None

    def continue_from(self, kind: str, source: Chat, position: int) -> str | None:
        if self.ended:
            return INVALID
        asked = (kind, source.segments[position].id)
        if self.asked == asked:
            return None
        if self.asked or self.related or source is self or self.refused(kind, source, position):
            return INVALID
        self.continues(kind, source, position)
        return None

    def continues(self, kind: str, source: Chat, position: int) -> None:
        self.asked = (kind, source.segments[position].id)
        self.association = (source, len(source.segments) if kind == ENTIRE else position + 1)

    @staticmethod
    def refused(kind: str, source: Chat, position: int) -> bool:
        return not source.ended or (kind == ENTIRE and position != 0)

    @property
    def is_full(self) -> bool:
        return len(self.segments) == CONTACTS_MAX

    def _agent_goes(self) -> None:
        self.lines.append(f"participant.left {NAMES[self.user or '']}")
        self.agent = None

    def _survey(self) -> bool:
        if self.is_full:
            return False
        self._agent_goes()
        self.segments.append(Segment("", [ASK]))
        self.state, self.user, self.surveyed = State.IN_FLOW, None, True
        return True
