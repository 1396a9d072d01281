"""The messages between the writer and its frontends. `processes.channel` carries them."""

from typing import Any

import msgspec

from threadline.operations.units import AnyUnit
from threadline.server.measures import FrontendMeasures
from threadline.server.timing import Times
from threadline.store import Committed


class Message(msgspec.Struct, array_like=True, tag=True, gc=False):
    """A message; its class is its kind."""


class Begin(Message):
    """To a frontend: the store is open and `synced` batches are durable."""

    synced: int


class Ready(Message):
    """From a frontend: it serves clients."""


class WriteRequest(Message):
    """From a frontend: run a unit of work. The response has its times and statements only if they are asked for."""

    number: int
    unit: AnyUnit
    with_times: bool = False
    with_statements: bool = False


class WriteResponse(Message):
    """To a frontend: the result of the unit of work with this number."""

    number: int
    result: Any
    times: Times | None = None


class WriteError(Message):
    """To a frontend: the Fault that the unit of work with this number raised.

    An empty code with a message means that nothing can be written now. Both empty mean that the unit failed, and the
    writer's log says why.
    """

    number: int
    code: str
    message: str
    members: dict[str, Any]
    times: Times | None = None


class Follow(Message):
    """From a frontend: it has its first socket for a session, or has lost its last."""

    session: int
    is_followed: bool


class CommitNotice(Message):
    """To a frontend: a commit, reduced to the sessions that it follows."""

    committed: Committed


class Durable(Message):
    """To a frontend: this number of batches is durable."""

    batches: int


class Blocked(Message):
    """To a frontend: the reason why nothing can be written, or None once writes work again. See `Store.trouble`."""

    reason: str | None


class Measure(Message):
    """To a frontend: send your measures."""


class Measured(Message):
    """From a frontend: its measures."""

    measures: FrontendMeasures


class Drain(Message):
    """To a frontend: accept nothing more, answer running requests within `seconds`, close the sockets."""

    seconds: float


class Drained(Message):
    """From a frontend: every client is gone. `is_clean` is False when one had to be cut off."""

    is_clean: bool


ToWriter = Ready | WriteRequest | Follow | Measured | Drained
ToFrontend = Begin | WriteResponse | WriteError | CommitNotice | Durable | Blocked | Measure | Drain
