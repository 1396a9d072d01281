"""What the process that writes and its edges have to say to each other; `server.channel` carries it."""

from typing import Any

import msgspec

from threadline.operations.units import Call, Look, Subscribe
from threadline.store import Committed


class Message(msgspec.Struct, array_like=True, tag=True, gc=False):
    """Something to say; its class says what."""


class Begin(Message):
    """To an edge: the store is open, and so many batches are durable."""

    synced: int


class Ready(Message):
    """From an edge: it serves."""


class Asked(Message):
    """From an edge: run a unit of work."""

    number: int
    unit: Call | Subscribe | Look


class Answered(Message):
    """To an edge: what the unit of work of this number has come to."""

    number: int
    result: Any


class Refused(Message):
    """To an edge: the Fault that a unit of work has come to. Without a code it failed, and a log says how; with a
    message alone nothing can be written now.
    """

    number: int
    code: str
    message: str
    members: dict[str, Any]


class Follow(Message):
    """From an edge: it has sockets for a session, or none any more."""

    session: int
    is_followed: bool


class News(Message):
    """To an edge: what has been committed in the sessions that it follows."""

    committed: Committed


class Synced(Message):
    """To an edge: so many batches are durable."""

    batches: int


class Blocked(Message):
    """To an edge: why nothing can be written now, or None when it can be again; see `Store.trouble`."""

    reason: str | None


class Drain(Message):
    """To an edge: take nothing more, answer what is running, close the sockets."""

    seconds: float


class Drained(Message):
    """From an edge: all are gone; `is_clean` when nobody had to be cut off."""

    is_clean: bool


ToWriter = Ready | Asked | Follow | Drained
ToEdge = Begin | Answered | Refused | News | Synced | Blocked | Drain
