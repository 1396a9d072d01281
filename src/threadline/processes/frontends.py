"""The writer's side of its frontends, each a process of its own.

A frontend is forked after the program is loaded and before it runs anything. It reads the store's file itself and sends
writes to the writer, which is the only process that writes. Most of the work runs in frontends, on other cores: reading
requests, checking signatures and feeding sockets. When one of these processes ends, the others end too, and the
supervisor starts them again.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from functools import partial
from typing import Any

from threadline.config import Settings
from threadline.errors import Fault, where
from threadline.processes import messages
from threadline.processes.channel import Channel
from threadline.processes.fork import Forked
from threadline.processes.messages import ToFrontend, ToWriter
from threadline.server.measures import FrontendMeasures
from threadline.server.timing import Timed
from threadline.store import Committed, Unavailable
from threadline.store.observer import Observers, StoreObserver
from threadline.store.sqlite.store import SqliteStore

MEASURE_SECONDS = 2.0
"""The time that frontends have to send their measures. Without an answer, the last ones count."""

log = logging.getLogger("threadline.server")


def cores_of_this_process() -> int:
    """The number of cores that the system lets this process run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


FRONTENDS_BY_CORES = ((8, 3), (4, 2), (2, 1), (1, 0))
"""Frontends of a machine that has at least so many cores: the writer has one core, the system and the rest another."""


def wanted(settings: Settings, cores: int | None = None) -> int:
    """The number of frontends that a server with these settings forks, by default on the cores of this process.

    Rates are counted by one process, so there is one frontend at most while rate limits are on.
    """
    if settings.store or settings.keeps_nothing or settings.test_controls:
        return 0
    if settings.frontend_processes == "auto":
        cores = cores or cores_of_this_process()
        count = next(count for least, count in FRONTENDS_BY_CORES if cores >= least)
    else:
        count = int(settings.frontend_processes)
    return min(count, 1) if settings.rate_limits else count


class Frontends(StoreObserver):
    """The frontends of the process that owns the store. Each gets the commits of the sessions that it follows.

    They observe the store through `observers`. `lost` is called when one of them ends.
    """

    def __init__(
        self, forked: Forked, store: SqliteStore, observers: Observers, lost: Callable[[], None]
    ) -> None:
        self._ends = forked.ends
        self._lost = lost
        self._store = store
        self._written = forked.written
        self._channels: list[Channel] = []
        self._followed: list[set[int]] = [set() for _ in forked.ends]
        self._replies: list[asyncio.Future[Any]] = []
        self._measures: dict[int, FrontendMeasures] = {}
        self._measuring: list[asyncio.Future[None]] = []
        self._batches = 0
        self._is_whole = True
        self._is_closing = False
        observers.add(self)

    async def start(self) -> None:
        """Start all frontends and wait until they serve. Raises RuntimeError when one ends instead."""
        self._await_replies()
        for frontend, end in enumerate(self._ends):
            channel = Channel(partial(self._receive, frontend), partial(self._gone, frontend))
            await channel.open(end)
            self._channels.append(channel)
        self._broadcast(messages.Begin(self._batches))
        self.troubled(self._store.trouble)
        await asyncio.gather(*self._replies)

    async def close(self, seconds: float) -> bool:
        """See `Frontend.close`. Returns False at once when a frontend has already ended."""
        self._is_closing = True
        if not self._is_whole:
            return False
        self._await_replies()
        self._broadcast(messages.Drain(seconds))
        replies = await asyncio.gather(*self._replies, return_exceptions=True)
        for channel in self._channels:
            channel.close()
        return all(isinstance(message, messages.Drained) and message.is_clean for message in replies)

    async def measure(self) -> dict[int, FrontendMeasures]:
        """The measures of each frontend, from number 1 on. Calls at the same time share one answer."""
        if all(answered.done() for answered in self._measuring):
            loop = asyncio.get_running_loop()
            self._measuring = [loop.create_future() for _ in self._channels]
            self._broadcast(messages.Measure())
        if self._measuring:
            _, late = await asyncio.wait(self._measuring, timeout=MEASURE_SECONDS)
            for answered in late:
                answered.cancel()  # so that the next call asks all of them again
        return dict(self._measures)

    def committed(self, committed: Committed) -> None:
        """Send each frontend the part that concerns its sessions."""
        sessions = [appended.session for appended in committed.appended]
        if committed.signals:
            sessions += [signal.session for signal in committed.signals]
        if not sessions and not committed.access_keys:
            return
        for channel, followed in zip(self._channels, self._followed, strict=False):  # some are not open yet
            if followed.issuperset(sessions):
                channel.send(messages.CommitNotice(committed))
            elif committed.access_keys or not followed.isdisjoint(sessions):
                channel.send(messages.CommitNotice(committed.of(followed)))

    def written(self, batches: int, units: int) -> None:
        """Raise the counter that the frontends share, before they can see the batch."""
        self._written.set(batches)

    def durable(self, batches: int) -> None:
        """Let the frontends answer reads that saw these batches."""
        self._batches = batches
        self._broadcast(messages.Durable(batches))
        for channel in self._channels:
            channel.flush()  # the next turn of the loop may be late

    def troubled(self, reason: str | None) -> None:
        """See `messages.Blocked`."""
        self._broadcast(messages.Blocked(reason))

    def _broadcast(self, message: ToFrontend) -> None:
        for channel in self._channels:
            channel.send(message)

    def _await_replies(self) -> None:
        """Make a future for the next reply of each frontend. The end of a frontend fails it."""
        self._replies = [asyncio.get_running_loop().create_future() for _ in self._ends]

    def _receive(self, frontend: int, message: ToWriter) -> None:
        if isinstance(message, messages.WriteRequest):
            timed = None
            if message.with_times:
                timed = Timed[Any](message.unit.run, message.with_statements, message.unit)
            answer = partial(self._answer, frontend, message.number, timed)
            self._store.submit(timed or message.unit, answer)
        elif isinstance(message, messages.Follow):
            if message.is_followed:
                self._followed[frontend].add(message.session)
            else:
                self._followed[frontend].discard(message.session)
        elif isinstance(message, messages.Measured):
            self._measures[frontend + 1] = message.measures
            if not self._measuring[frontend].done():
                self._measuring[frontend].set_result(None)
        else:
            self._replies[frontend].set_result(message)

    def _answer(
        self, frontend: int, number: int, timed: Timed[Any] | None, result: Any, error: BaseException | None
    ) -> None:
        channel = self._channels[frontend]
        times = timed.times if timed is not None else None
        try:
            if error is None:
                channel.send(messages.WriteResponse(number, result, times))
                return
            if isinstance(error, Fault):
                channel.send(messages.WriteError(number, error.code, error.message, error.members, times))
                return
            if isinstance(error, Unavailable):
                channel.send(messages.WriteError(number, "", str(error), {}, times))
                return
        except (OverflowError, TypeError, UnicodeError) as unsendable:
            error = unsendable
        log.error("a unit of work failed\n%s", where(error))
        channel.send(messages.WriteError(number, "", "", {}, times))

    def _gone(self, frontend: int) -> None:
        if not self._replies[frontend].done():
            self._replies[frontend].set_exception(RuntimeError("a frontend process has ended"))
        elif not self._is_closing:
            log.error("a frontend process has ended: the server restarts")
        self._is_whole = False
        self._lost()
