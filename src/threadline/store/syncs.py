"""What has been committed becomes durable: a thread that waits for the disk, one sync for all that is written by then.

SQLite would sync within the commit, and nothing can be written meanwhile. Here a commit only writes (`synchronous =
NORMAL`), the next one follows while the disk works, and whoever waits is answered after the sync. A sync that fails is
final: what the system has dropped by then, a later one does not bring back.
"""

import asyncio
import os
import queue
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

import apsw

from threadline.store.checkpoints import Checkpoints

Done = Callable[[int, OSError | None], None]
"""(how many commits, the oldest first, are durable; or why nobody knows), called on the loop."""


class Syncs:
    """The thread for the database `file`, which `writer` writes. `sync` is what makes its WAL durable, or OSError.

    `ended` is what has come of it and `done` has not been told yet.
    """

    def __init__(self, file: Path, writer: apsw.Connection, done: Done) -> None:
        self._wal = os.open(f"{file}-wal", os.O_RDWR)
        self.sync: Callable[[], None] = partial(getattr(os, "fdatasync", os.fsync), self._wal)
        self.sync()  # what a process has left that was killed may be seen from now on
        self._done = done
        self._checkpoints = Checkpoints(file, writer)
        self.ended: deque[tuple[int, OSError | None]] = deque()
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="threadline-syncs", daemon=True)
        self._thread.start()

    def have_room(self, unsynced: int) -> bool:
        """Whether to write on. A WAL that is too long starts anew only while nobody writes."""
        return not unsynced or not self._checkpoints.is_overdue

    def want(self) -> None:
        """One more commit has been written. To be called on the loop."""
        self._loop = asyncio.get_running_loop()
        self._wanted.put(True)

    def settle(self) -> None:
        """Tell of what has ended: on the loop, which is told to do so, and sooner where it is busy for long."""
        while self.ended:
            self._done(*self.ended.popleft())

    def close(self) -> None:
        """End the thread, after what is wanted; the loop must go on meanwhile."""
        self._wanted.put(False)
        self._thread.join()
        self._checkpoints.close()
        os.close(self._wal)

    def _run(self) -> None:
        is_open = True
        while is_open and (is_open := self._wanted.get()):
            count, failure = 1, None
            while is_open and not self._wanted.empty():
                is_open = self._wanted.get()
                count += is_open
            try:
                self.sync()
            except OSError as error:
                failure = error
            if self._wanted.empty():
                self._checkpoints.look()
            self.ended.append((count, failure))
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self.settle)
