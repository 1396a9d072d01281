"""The participants of a chat: their roles, their kinds of token and their rows."""

from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """The role of a participant. Source: model shape ParticipantRole of connectparticipant."""

    CUSTOMER = "CUSTOMER"
    AGENT = "AGENT"
    SUPERVISOR = "SUPERVISOR"
    CUSTOM_BOT = "CUSTOM_BOT"
    SYSTEM = "SYSTEM"


class Token(StrEnum):
    """The kinds of token: for CreateParticipantConnection, the other operations, a socket, and reading only.

    A reader's socket stays open and delivers nothing.
    """

    PARTICIPANT = "PARTICIPANT"
    CONNECTION = "CONNECTION"
    SOCKET = "SOCKET"
    READ = "READ"
    READ_SOCKET = "READ_SOCKET"


class Participant(NamedTuple):
    """A participant of a session. `left_seq` is the last entry of the log that they may see, once they have left."""

    session: int
    id: str
    role: str
    display_name: str
    user_id: str | None
    contact_id: str
    created_at_ms: int
    connected_at_ms: int | None
    subscribed_at_ms: int | None
    left_at_ms: int | None
    left_seq: int | None

    @property
    def is_active(self) -> bool:
        """Whether they have connected and not left."""
        return self.connected_at_ms is not None and self.left_at_ms is None
