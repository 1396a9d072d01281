"""Who takes part in a chat, and the names AWS has for it."""

from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """Source: model shape ParticipantRole of connectparticipant."""

    CUSTOMER = "CUSTOMER"
    AGENT = "AGENT"
    SUPERVISOR = "SUPERVISOR"
    CUSTOM_BOT = "CUSTOM_BOT"
    SYSTEM = "SYSTEM"


class Token(StrEnum):
    """The kinds of token a participant holds: for CreateParticipantConnection, for all else, for opening a socket."""

    PARTICIPANT = "PARTICIPANT"
    CONNECTION = "CONNECTION"
    SOCKET = "SOCKET"


class Participant(NamedTuple):
    """A participant of a session. `left_seq` is the last entry of the log that is theirs to see, once they left."""

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
        """Connected and not gone."""
        return self.connected_at_ms is not None and self.left_at_ms is None
