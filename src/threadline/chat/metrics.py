"""The metrics of a contact that has ended: how many messages its participants sent, and how fast they answered.

Source: model shapes ChatMetrics, ChatContactMetrics and ParticipantMetrics.
Assumed: messages of flows, bots and the system are automated messages.
Assumed: a turn is a message of the customer, or several in a row, that somebody or a bot has answered.
Assumed: a response is a message that follows one of the other side, between agent and customer; its time is the one
    between the two. The last message before a response counts.
On purpose: ConversationAbandon is left out, since no source says when a participant has abandoned a chat. MultiParty is
    false, since a contact has one agent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from threadline.chat.contact import Contact
from threadline.chat.participant import Role

MESSAGES_MAX = 10_000
"""A contact with more messages has no metrics, so that describing one takes a few milliseconds at most."""


class Sent(NamedTuple):
    """A message: its sender, its length in characters, and its time."""

    participant_role: str | None
    participant_id: str | None
    characters: int
    at_ms: int


@dataclass
class _Side:
    """The messages of one participant so far."""

    participant_id: str | None = None
    messages: int = 0
    characters: int = 0
    responses: int = 0
    response_ms: int = 0
    slowest_ms: int = 0
    last_at_ms: int | None = None

    def add(self, message: Sent, before: Sent | None) -> None:
        """Count a message. `before` is the last message between agent and customer."""
        self.participant_id = message.participant_id
        self.messages += 1
        self.characters += message.characters
        self.last_at_ms = message.at_ms
        if before is not None and before.participant_role != message.participant_role:
            waited = message.at_ms - before.at_ms
            self.responses += 1
            self.response_ms += waited
            self.slowest_ms = max(self.slowest_ms, waited)

    def members(self, kind: str) -> dict[str, Any] | None:
        """The members of ParticipantMetrics; None for a participant who sent nothing."""
        if not self.messages:
            return None
        return {
            "ParticipantId": self.participant_id,
            "ParticipantType": kind,
            "MessagesSent": self.messages,
            "NumResponses": self.responses,
            "MessageLengthInChars": self.characters,
            "TotalResponseTimeInMillis": self.response_ms,
            "MaxResponseTimeInMillis": self.slowest_ms,
            "LastMessageTimestamp": self.last_at_ms,
        }


def chat_metrics(contact: Contact, messages: Sequence[Sent]) -> dict[str, Any]:
    """The members of ChatMetrics. `messages` are those of the contact, in order."""
    sides = {str(Role.AGENT): _Side(), str(Role.CUSTOMER): _Side()}
    bots = _Side()
    before: Sent | None = None
    turns, is_open = 0, False
    first_answer: int | None = None
    for message in messages:
        side = sides.get(message.participant_role or "")
        if message.participant_role == Role.CUSTOMER:
            is_open = True
        elif is_open:
            turns, is_open = turns + 1, False
        if side is None:
            bots.add(message, None)
            continue
        side.add(message, before)
        before = message
        if message.participant_role == Role.AGENT and first_answer is None:
            first_answer = message.at_ms
    customer = sides[str(Role.CUSTOMER)]
    ended, accepted = contact.disconnected_at_ms, contact.accepted_at_ms
    return {
        "ChatContactMetrics": {
            "MultiParty": False,
            "TotalMessages": len(messages),
            "TotalBotMessages": bots.messages,
            "TotalBotMessageLengthInChars": bots.characters,
            "ConversationCloseTimeInMillis": _between(customer.last_at_ms, ended),
            "ConversationTurnCount": turns,
            "AgentFirstResponseTimestamp": first_answer,
            "AgentFirstResponseTimeInMillis": _between(accepted, first_answer),
        },
        "AgentMetrics": sides[str(Role.AGENT)].members("AGENT"),
        "CustomerMetrics": customer.members("CUSTOMER"),
    }


def _between(first_ms: int | None, last_ms: int | None) -> int | None:
    return None if first_ms is None or last_ms is None else max(0, last_ms - first_ms)
