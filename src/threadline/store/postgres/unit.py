"""A unit of work on PostgreSQL: from the call of `Store.write` or `Store.read` to its answer."""

import asyncio
from typing import Any

from greenlet import greenlet

from threadline.store import Tx, Work

PATIENCE_SECONDS = 15.0
"""How long a unit of work waits for its turn: while PostgreSQL is away, slow, or others hold the locks it needs."""


class Unsure(Exception):
    """The connection was lost during a commit: the commit may have taken place or not."""


class Unit:
    """One unit of work. `session` is the key of the only session it writes, if the caller knows it; `is_single` says
    that the unit is one statement that reads.
    """

    __slots__ = (
        "attempts",
        "error",
        "expires_at",
        "future",
        "greenlet",
        "has_queried",
        "is_alone",
        "is_finished",
        "is_single",
        "result",
        "session",
        "tx",
        "work",
        "wrote",
    )

    def __init__(self, work: Work[Any], session: int | None, *, is_single: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self.work = work
        self.session = session
        self.future: asyncio.Future[Any] = loop.create_future()
        self.expires_at = loop.time() + PATIENCE_SECONDS
        self.attempts = 0
        self.is_alone = False
        self.is_single = is_single
        self.reset()

    def reset(self) -> None:
        """Forget the last attempt. The unit runs from its beginning again."""
        self.is_finished = False
        self.greenlet: greenlet | None = None
        self.tx: Tx | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.wrote = False
        self.has_queried = False

    def fail(self, error: BaseException) -> None:
        """Answer with `error`, unless the caller has been answered or has gone away."""
        if not self.future.done():
            self.future.set_exception(error)
