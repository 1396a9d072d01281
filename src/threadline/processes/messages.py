"""What the process that writes and its frontends have to say to each other; `server.channel` carries it."""

from typing import Any

import msgspec

from threadline.operations.units import Call, Look, Subscribe
from threadline.store import Committed


class Message(msgspec.Struct, array_like=True, tag=True, gc=False):
    """Something to say; its class says what."""


class Begin(Message):
    """To a frontend: the store is open, and so many batches are durable."""

    synced: int


class Ready(Message):
    """From a frontend: it serves."""


class Asked(Message):
    """From a frontend: run a unit of work."""

    number: int
    unit: Call | Subscribe | Look


class Answered(Message):
    """To a frontend: what the unit of work of this number has come to."""

    number: int
    result: Any


class Refused(Message):
    """To a frontend: the Fault that a unit of work has come to. Without a code it failed, and a log says how; with a
    message alone nothing can be written now.
    """

    number: int
    code: str
    message: str
    members: dict[str, Any]


class Follow(Message):
    """From a frontend: it has sockets for a session, or none any more."""

    session: int
    is_followed: bool


class News(Message):
    """To a frontend: what has been committed in the sessions that it follows."""

    committed: Committed


class Synced(Message):
    """To a frontend: so many batches are durable."""

    batches: int


class Blocked(Message):
    """To a frontend: why nothing can be written now, or None when it can be again; see `Store.trouble`."""

    reason: str | None


class Drain(Message):
    """To a frontend: take nothing more, answer what is running, close the sockets."""

    seconds: float


class Drained(Message):
    """From a frontend: all are gone; `is_clean` when nobody had to be cut off."""

    is_clean: bool


ToWriter = Ready | Asked | Follow | Drained
ToFrontend = Begin | Answered | Refused | News | Synced | Blocked | Drain
