"""The connections to PostgreSQL for one purpose, and the queue of the units of work that wait for one."""

import asyncio
import contextlib
import itertools
import logging
from collections import deque
from functools import partial
from typing import TypeVar

import psycopg

from threadline.chat.limits import Policy
from threadline.clock import Clock, Limited
from threadline.store import Unavailable, Work
from threadline.store.observer import StoreObserver
from threadline.store.postgres.batch import Batch, BatchContext, BatchOutcome
from threadline.store.postgres.greenlets import Greenlets
from threadline.store.postgres.pipeline import Pipeline, error_line
from threadline.store.postgres.unit import Unit

T = TypeVar("T")
BATCH_MAX = 16
RECONNECT_DELAYS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0)
SWEEP_SECONDS = 1.0
"""How often units that have waited for too long are failed."""

CLOSED = "the store is closed"
log = logging.getLogger(__name__)


class Pool:
    """The connections for one purpose and the units of work that wait for one.

    `observer` gets every unit that committed. Without it, the connections only read.
    """

    def __init__(
        self,
        address: str,
        count: int,
        clock: Clock,
        policy: Policy,
        observer: StoreObserver | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = BatchContext(clock, policy, observer is not None, Greenlets(), self._loop)
        self._address = address
        self._observer = observer
        self._count = count
        self._queue: deque[Unit] = deque()
        self._idle: list[Pipeline] = []
        self._running: set[Pipeline] = set()
        self._busy: set[int | None] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._emptied = asyncio.Event()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_scheduled = False
        self._late = Limited(log.error)
        self.is_away = False
        self._is_closed = False
        self._batches = 0

    @property
    def waiting(self) -> int:
        """The units of work that wait for a connection."""
        return len(self._queue)

    async def open(self) -> None:
        """Open every connection. Raises psycopg.OperationalError."""
        self._is_closed = False
        for _ in range(self._count):
            self._add(await Pipeline.open(self._address))

    async def run(self, work: Work[T], session: int | None = None, *, is_single: bool = False) -> T:
        """Run a unit of work, in a batch with others, and return its result once committed."""
        if self._is_closed:
            raise Unavailable(CLOSED)
        unit = Unit(work, session, is_single=is_single)
        self._queue.append(unit)
        self._schedule()
        result: T = await unit.future
        return result

    def _end(self, connection: Pipeline, units: list[Unit], outcome: BatchOutcome) -> None:
        """Answer the units that a batch finished, queue those that run again, and use the connection for others."""
        if self._observer is not None and outcome.finished:
            self._batches += 1
            self._observer.written(self._batches, len(outcome.finished))
        for unit in outcome.finished:
            self._answer(unit)
        retried = [unit for unit in outcome.retried if not unit.future.done()]
        if outcome.retries_last:
            self._queue.extend(retried)
        else:
            self._queue.extendleft(reversed(retried))
        self._running.discard(connection)
        self._busy.difference_update(unit.session for unit in units)
        if outcome.is_lost:
            self._open_another()
        else:
            self._add(connection)
        self._schedule()
        if not self._queue and not self._running:
            self._emptied.set()

    def _answer(self, unit: Unit) -> None:
        """Wake the sockets, then answer the caller, so that a push comes soon after the sender's own answer."""
        if unit.error is not None:
            unit.fail(unit.error)
            return
        try:
            if self._observer is not None and unit.tx is not None:
                self._observer.committed(unit.tx.committed())
        except Exception:
            log.exception("a wake after a commit failed; sockets catch up from the store")
        if not unit.future.done():
            unit.future.set_result(unit.result)

    def _add(self, connection: Pipeline) -> None:
        """Keep an idle connection for the next batch."""
        connection.on_lost = lambda _: self._lose_idle(connection)
        connection.on_idle = lambda: None
        self._idle.append(connection)
        self._schedule()

    def _lose_idle(self, connection: Pipeline) -> None:
        self._idle.remove(connection)
        self._open_another()

    async def close(self, seconds: float) -> None:
        """Finish the queued units within `seconds`, then close the connections."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._queue or self._running:
                    self._emptied.clear()
                    await self._emptied.wait()
        self._is_closed = True
        for connection in list(self._running):
            connection.abort(Unavailable(CLOSED))
        for task in self._opening:
            task.cancel()
        while self._queue:
            self._queue.popleft().fail(Unavailable(CLOSED))
        while self._idle:
            await self._idle.pop().close()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def _schedule(self) -> None:
        if self._queue and self._sweeper is None and not self._is_closed:
            self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)
        if self._idle and not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._start_batches)

    def _start_batches(self) -> None:
        """Give every idle connection a batch of the units that wait."""
        self._is_scheduled = False
        while self._idle and (units := self._take()):
            self._busy.update(unit.session for unit in units if unit.session is not None)
            connection = self._idle.pop()
            self._running.add(connection)
            Batch(self._context, connection, units, partial(self._end, connection, units)).start()

    def _sweep(self) -> None:
        """Fail the units that have waited for too long, and drop units whose callers have gone away."""
        self._sweeper = None
        now = self._loop.time()
        for unit in self._queue:
            if now > unit.expires_at:
                unit.fail(Unavailable("PostgreSQL has let this wait for too long"))
                self._late.say("late", "PostgreSQL has let a request wait for too long: it is refused")
        self._queue = deque(unit for unit in self._queue if not unit.future.done())
        if not self._queue and not self._running:
            self._emptied.set()
        self._schedule()

    def _take(self) -> list[Unit]:
        """The next units for one transaction. No two batches run units of the same session at the same time."""
        taken: list[Unit] = []
        passed: list[Unit] = []
        while self._queue and len(taken) < BATCH_MAX:
            unit = self._queue.popleft()
            if unit.future.done():
                continue
            if unit.session in self._busy or (unit.is_alone and taken):
                passed.append(unit)
                continue
            taken.append(unit)
            if unit.is_alone:
                break
        self._queue.extendleft(reversed(passed))
        return taken

    def _open_another(self) -> None:
        if not self._is_closed:
            task = self._loop.create_task(self._reconnect())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _reconnect(self) -> None:
        """Open a connection. Tries until PostgreSQL accepts one."""
        for attempt in itertools.count():
            try:
                connection = await Pipeline.open(self._address)
            except (psycopg.Error, OSError) as error:
                if not self.is_away:
                    log.warning("PostgreSQL cannot be reached: %s; trying until it can", error_line(error))
                self.is_away = True
            else:
                if self.is_away:
                    log.warning("PostgreSQL can be reached again")
                self.is_away = False
                self._add(connection)
                return
            await asyncio.sleep(RECONNECT_DELAYS_SECONDS[min(attempt, len(RECONNECT_DELAYS_SECONDS) - 1)])
