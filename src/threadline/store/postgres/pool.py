"""The connections to PostgreSQL for one purpose, and the units of work that wait for one."""

import asyncio
import contextlib
import itertools
import logging
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import psycopg

from threadline.chat.limits import Policy
from threadline.clock import Clock, Limited
from threadline.store import Committed, Unavailable, Work
from threadline.store.postgres.batch import Batch, Unit
from threadline.store.postgres.greenlets import Greenlets
from threadline.store.postgres.pipeline import Pipeline, said

T = TypeVar("T")
BATCH_MAX = 16
RECONNECT_DELAYS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0)
SWEEP_SECONDS = 1.0
"""How often those who have waited for too long are told."""

CLOSED = "the store is closed"
log = logging.getLogger(__name__)


class Lane:
    """The connections for one purpose, and the units of work that wait for one. Without `tell`, they only read."""

    def __init__(
        self,
        address: str,
        count: int,
        clock: Clock,
        policy: Policy,
        tell: Callable[[Committed], None] | None = None,
    ) -> None:
        self.clock = clock
        self.policy = policy
        self.writes = tell is not None
        self.greenlets = Greenlets()
        self.loop = asyncio.get_running_loop()
        self._address = address
        self._tell = tell
        self._count = count
        self._queue: deque[Unit] = deque()
        self._idle: list[Pipeline] = []
        self._running: set[Pipeline] = set()
        self._busy: set[int | None] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._emptied = asyncio.Event()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_woken = False
        self._late = Limited(log.error)
        self.is_away = False
        self._is_closed = False

    async def open(self) -> None:
        """Open every connection. Raises psycopg.OperationalError."""
        self._is_closed = False
        for _ in range(self._count):
            self.release(await Pipeline.open(self._address), [])

    async def run(self, work: Work[T], session: int | None = None, *, is_single: bool = False) -> T:
        """Run a unit of work, with others, and return its result once committed."""
        if self._is_closed:
            raise Unavailable(CLOSED)
        unit = Unit(work, session, is_single=is_single)
        self._queue.append(unit)
        self._look()
        result: T = await unit.future
        return result

    def tell(self, committed: Committed) -> None:
        """Pass on what a commit has to tell."""
        try:
            if self._tell is not None:
                self._tell(committed)
        except Exception:
            log.exception("a wake after a commit failed; sockets catch up from the store")

    def again(self, units: list[Unit], *, gives_way: bool = False) -> None:
        """Put units back where they were, before all others, or behind them."""
        units = [unit for unit in units if not unit.future.done()]
        if gives_way:
            self._queue.extend(units)
        else:
            self._queue.extendleft(reversed(units))

    def release(self, line: Pipeline, units: list[Unit]) -> None:
        """A batch is over and its connection idle."""
        line.lost = self._lost_idle(line)
        line.rested = lambda: None
        self._idle.append(line)
        self._over(line, units)

    def lost(self, line: Pipeline, units: list[Unit]) -> None:
        """A batch is over and its connection lost: open another."""
        self._open_another()
        self._over(line, units)

    def _over(self, line: Pipeline, units: list[Unit]) -> None:
        self._running.discard(line)
        self._busy.difference_update(unit.session for unit in units)
        self._look()
        if not self._queue and not self._running:
            self._emptied.set()

    async def close(self, seconds: float) -> None:
        """Finish what is queued, in so many seconds, and close the connections."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._queue or self._running:
                    self._emptied.clear()
                    await self._emptied.wait()
        self._is_closed = True
        for line in list(self._running):
            line.abort(Unavailable(CLOSED))
        for task in self._opening:
            task.cancel()
        while self._queue:
            self._queue.popleft().fail(Unavailable(CLOSED))
        while self._idle:
            await self._idle.pop().close()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def _look(self) -> None:
        if self._queue and self._sweeper is None and not self._is_closed:
            self._sweeper = self.loop.call_later(SWEEP_SECONDS, self._sweep)
        if self._idle and not self._is_woken:
            self._is_woken = True
            self.loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Give every idle connection a batch of what waits."""
        self._is_woken = False
        while self._idle and (units := self._take()):
            self._busy.update(unit.session for unit in units if unit.session is not None)
            line = self._idle.pop()
            self._running.add(line)
            Batch(self, line, units).start()

    def _sweep(self) -> None:
        """Tell those who have waited for too long, and forget them and those who no longer wait."""
        self._sweeper = None
        now = self.loop.time()
        for unit in self._queue:
            if now > unit.expires_at:
                unit.fail(Unavailable("PostgreSQL has let this wait for too long"))
                self._late.say("late", "PostgreSQL has let a request wait for too long: it is refused")
        self._queue = deque(unit for unit in self._queue if not unit.future.done())
        if not self._queue and not self._running:
            self._emptied.set()
        self._look()

    def _take(self) -> list[Unit]:
        """The next units for one transaction: none of a session that another batch is busy with."""
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

    def _lost_idle(self, line: Pipeline) -> Callable[[Exception], None]:
        def lost(_: Exception) -> None:
            self._idle.remove(line)
            self._open_another()

        return lost

    def _open_another(self) -> None:
        if not self._is_closed:
            task = self.loop.create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        """Connect, however long it takes."""
        for attempt in itertools.count():
            try:
                line = await Pipeline.open(self._address)
            except (psycopg.Error, OSError) as error:
                if not self.is_away:
                    log.warning("PostgreSQL cannot be reached: %s; trying until it can", said(error))
                self.is_away = True
            else:
                if self.is_away:
                    log.warning("PostgreSQL can be reached again")
                self.is_away = False
                self.release(line, [])
                return
            await asyncio.sleep(RECONNECT_DELAYS_SECONDS[min(attempt, len(RECONNECT_DELAYS_SECONDS) - 1)])
