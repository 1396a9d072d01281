"""The loop that runs due tasks: it sleeps until the earliest task in the store is due."""

import asyncio
import logging

from threadline.clock import Clock
from threadline.errors import where
from threadline.operations.continuations import due_tasks
from threadline.operations.units import PutOff, RunTask
from threadline.store import Store, Task, Unavailable

BATCH = 100
SLEEP_SECONDS_MAX = 5.0
"""The longest sleep. A task whose node ended before it could run it waits no longer than that for another node."""
RETRY_SECONDS = 1.0
log = logging.getLogger("threadline.timers")


class Timers:
    """Runs due tasks, each as a unit of work of its own. A node also runs tasks that other nodes have written."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._woken = asyncio.Event()
        self._next_ms: int | None = None

    def due(self, at_ms: int | None) -> None:
        """Sleep no longer than until this time (epoch milliseconds), at which a new task is due."""
        if at_ms is not None and (self._next_ms is None or at_ms < self._next_ms):
            self._woken.set()

    def wake(self) -> None:
        """End the present sleep, since the clock was moved."""
        self._woken.set()

    async def tick(self) -> None:
        """Run all tasks that are due now, and return when they have been committed."""
        self._next_ms = None  # unknown until the end, so that every task written meanwhile wakes the loop
        while True:
            tasks, next_ms = await self._store.read(lambda tx: due_tasks(tx, BATCH))
            if not tasks:
                break
            await asyncio.gather(*(self._run(task) for task in tasks))
        self._next_ms = next_ms

    async def _run(self, task: Task) -> None:
        """Run a task, or put it off when its transaction fails, so that other tasks need not wait for it."""
        try:
            await self._store.write(RunTask(task))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - after any error the task runs again
            log.error("task %s of contact %s failed\n%s", task.kind, task.contact_id, where(error))
            await self._store.write(PutOff(task))

    async def run(self) -> None:
        """Run due tasks and sleep, in an endless loop."""
        while True:
            self._woken.clear()
            try:
                await self.tick()
                seconds = self._seconds_left()
            except Unavailable:
                seconds = RETRY_SECONDS
            except Exception as error:  # noqa: BLE001 - later tasks must run all the same
                log.error("timers failed\n%s", where(error))
                seconds = RETRY_SECONDS
            try:
                async with asyncio.timeout(seconds):
                    await self._woken.wait()
            except TimeoutError:
                pass

    def _seconds_left(self) -> float:
        if self._next_ms is None:
            return SLEEP_SECONDS_MAX
        return min(max(0.0, (self._next_ms - self._clock.now_ms()) / 1000), SLEEP_SECONDS_MAX)
