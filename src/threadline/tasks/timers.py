"""The loop that runs due tasks: it sleeps until the earliest task in the store is due."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from threadline.clock import Clock
from threadline.errors import where
from threadline.operations.continuations import OUTSIDE, NextTimes, due_tasks
from threadline.operations.units import AnswerTask, LeaseTask, PutOff, RunTask
from threadline.store import Store, Task, Unavailable

BATCH = 100
SLEEP_SECONDS_MAX = 5.0
"""The longest sleep. A task whose node ended before it could run it waits no longer than that for another node."""
RETRY_SECONDS = 1.0
PAUSE = 10
"""The background rests this many times as long as its last task took, so it takes a tenth of the writer at most. Under
load a task waits for the writer like every other unit of work, and the pause grows with that."""
PAUSE_ALONE, ALONE_MS = 1, 1_000
"""The same once nobody else has written anything for so long."""
PAUSE_SECONDS_MAX = 1.0
log = logging.getLogger("threadline.timers")


MakeCall = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Makes a call outside any transaction and returns its answer; it never raises."""


class Timers:
    """Runs due tasks, each as a unit of work of its own. A node also runs tasks that other nodes have written.

    A task of a kind in `OUTSIDE` makes a call between two units of work: it is taken under a lease, and its answer
    deletes it. Such calls run beside the loop, so that a slow one delays no other task. Tasks of a kind in
    `BACKGROUND` have a loop of their own, which runs one at a time and pauses after each.
    """

    def __init__(self, store: Store, clock: Clock, call: MakeCall | None = None) -> None:
        self._store = store
        self._call = call
        self._calls: set[asyncio.Task[None]] = set()
        self._clock = clock
        self._woken = asyncio.Event()
        self._background_is_due = asyncio.Event()
        self._next_ms: int | None = None
        self._commits = self._commits_seen = self._busy_at_ms = 0

    def due(self, at_ms: int | None) -> None:
        """Note a commit, and sleep no longer than until this time (epoch milliseconds), at which a new task is due."""
        self._commits += 1
        if at_ms is not None and (self._next_ms is None or at_ms < self._next_ms):
            self._woken.set()

    def wake(self) -> None:
        """End the present sleep, since the clock was moved."""
        self._woken.set()

    async def tick(self) -> None:
        """Run all tasks that are due now, those of the background too, and return when they have been committed."""
        await self._run_due()
        while tasks := (await self._read(background=True))[0]:
            await asyncio.gather(*(self._run(task) for task in tasks))
            await self._run_due()

    async def _run_due(self) -> None:
        """Run all tasks that are due now but for those of the background, and note when the next is due."""
        self._next_ms = None  # unknown until the end, so that every task written meanwhile wakes the loop
        while True:
            tasks, next_times = await self._read()
            if not tasks:
                break
            await asyncio.gather(*(self._run(task) for task in tasks))
        self._next_ms = next_times.task_ms
        at_ms = next_times.background_ms
        if at_ms is not None:
            if at_ms <= self._clock.now_ms():
                self._background_is_due.set()
            elif self._next_ms is None or at_ms < self._next_ms:
                self._next_ms = at_ms

    async def _read(self, *, background: bool = False) -> tuple[list[Task], NextTimes]:
        return await self._store.read(lambda tx: due_tasks(tx, BATCH, background=background))

    async def _call_outside(self, task: Task, request: dict[str, Any]) -> None:
        """Make a call and write its answer. After an error the task's lease runs out, and the call is made again."""
        if self._call is None:
            return
        answer = await self._call(request)
        try:
            await self._store.write(AnswerTask(task, answer))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - after any error the call is made again
            log.error("task %s of contact %s failed\n%s", task.kind, task.contact_id, where(error))

    async def _run(self, task: Task) -> None:
        """Run a task, or put it off when its transaction fails, so that other tasks need not wait for it."""
        try:
            if task.kind in OUTSIDE:
                request = await self._store.write(LeaseTask(task))
                if request is not None:
                    making = asyncio.create_task(self._call_outside(task, request))
                    self._calls.add(making)
                    making.add_done_callback(self._calls.discard)
                return
            await self._store.write(RunTask(task))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - after any error the task runs again
            log.error("task %s of contact %s failed\n%s", task.kind, task.contact_id, where(error))
            await self._store.write(PutOff(task))

    async def close(self) -> None:
        """Give up the calls that run: their leases end, and another node, or a later start, makes them again."""
        for making in self._calls:
            making.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def run(self) -> None:
        """Run due tasks and sleep, in an endless loop."""
        while True:
            self._woken.clear()
            seconds = RETRY_SECONDS
            try:
                await self._run_due()
                seconds = self._seconds_left()
            except Unavailable:
                pass
            except Exception as error:  # noqa: BLE001 - later tasks must run all the same
                log.error("timers failed\n%s", where(error))
            try:
                async with asyncio.timeout(seconds):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def run_background(self) -> None:
        """Run due tasks of the background, one at a time and with pauses, in an endless loop."""
        loop = asyncio.get_running_loop()
        while True:
            await self._background_is_due.wait()
            self._background_is_due.clear()
            try:
                while tasks := (await self._read(background=True))[0]:
                    for task in tasks:
                        began = loop.time()
                        await self._run(task)
                        await asyncio.sleep(self.pause_after(loop.time() - began))
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - later tasks must run all the same
                log.error("tasks of the background failed\n%s", where(error))
                await asyncio.sleep(RETRY_SECONDS)

    def pause_after(self, seconds: float) -> float:
        """The time in which the background rests after a task that took so many seconds, and one commit."""
        now_ms = self._clock.now_ms()
        if self._commits > self._commits_seen + 1:
            self._busy_at_ms = now_ms
        self._commits_seen = self._commits
        is_alone = now_ms - self._busy_at_ms > ALONE_MS
        return min(seconds * (PAUSE_ALONE if is_alone else PAUSE), PAUSE_SECONDS_MAX)

    def _seconds_left(self) -> float:
        if self._next_ms is None:
            return SLEEP_SECONDS_MAX
        return min(max(0.0, (self._next_ms - self._clock.now_ms()) / 1000), SLEEP_SECONDS_MAX)
