"""What has been committed becomes durable: a thread that waits for the disk, one sync for all that is written by then.

SQLite would sync within the commit, and nothing can be written meanwhile. Here a commit only writes (`synchronous =
NORMAL`), the next one follows while the disk works, and whoever waits is answered after the sync. A sync that fails is
final: what the system has dropped by then, a later one does not bring back. So is a file that has lost its name: what
is written to it ends with this process.
"""

import asyncio
import logging
import os
import queue
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

import apsw

from threadline.clock import Limited, monotonic
from threadline.store.sqlite.checkpoints import Checkpoints
from threadline.store.sqlite.progress import Mark, Progress, Record
from threadline.store.sqlite.trouble import Unlinked

Done = Callable[[int, OSError | None], None]
"""(how many commits, the oldest first, are durable; or why nobody knows), called on the loop."""

IDLE_SECONDS = 2.0
"""Time without a commit after which the WAL is moved into the database."""

RECORD_SECONDS = 0.05
"""Between two records of how far the database is durable. A process that is killed has recorded all but this time."""

LOOK_SECONDS = 1.0
"""Between two looks at the names of the files; whether the WAL has one at all is asked at each sync."""

log = logging.getLogger(__name__)


class Syncs:
    """The thread for the database `file`, which `writer` writes. `sync` is what makes its WAL durable, or OSError.

    `ended` is what has come of it and `done` has not been told yet. `start` is the state of the database, from which on
    its record is kept.
    """

    def __init__(self, file: Path, writer: apsw.Connection, start: Mark, done: Done) -> None:
        self._wal = os.open(f"{file}-wal", os.O_RDWR)
        self.sync: Callable[[], None] = partial(getattr(os, "fdatasync", os.fsync), self._wal)
        self.sync()  # what a process has left that was killed may be seen from now on
        self._nodes = {path: path.stat().st_ino for path in (file, Path(f"{file}-wal"), Path(f"{file}-shm"))}
        self._looked_at = monotonic()
        self._done = done
        self._record = Record(file)
        self._record.write(start)
        self._record.sync()
        self._unrecorded: Mark | None = None
        self._recorded_at = self._looked_at
        self._is_unlinked = False
        self._salt, self._frames, self._counted = "", 0, start
        self._said = Limited(log.warning)
        self.checkpoints = Checkpoints(file, writer, self._keep)
        self.ended: deque[tuple[int, OSError | None]] = deque()
        self._wanted: queue.SimpleQueue[Mark | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="threadline-syncs", daemon=True)
        self._thread.start()

    def have_room(self, unsynced: int) -> bool:
        """Whether to write on. A WAL that is too long starts anew only while nobody writes."""
        return not unsynced or not self.checkpoints.is_overdue

    def want(self, progress: Progress) -> None:
        """One more commit has been written, which `progress` knows of. To be called on the loop."""
        self._loop = asyncio.get_running_loop()
        if not os.fstat(
            self._wal
        ).st_nlink:  # here, since each call of the system on the thread waits for the loop
            self._is_unlinked = True
        frames = self.checkpoints.pages
        if frames <= self._frames or progress.mark is not self._counted:
            # A new generation that is not noticed here, since it began with a long commit, is at the next count: until
            # then the record has frames of a WAL that is not there any more, which say nothing.
            self._salt = os.pread(self._wal, 8, 16).hex()
        self._frames, self._counted = frames, progress.mark
        self._wanted.put(progress.state(self._salt, frames))

    def settle(self) -> None:
        """Tell of what has ended: on the loop, which is told to do so, and sooner where it is busy for long."""
        while self.ended:
            self._done(*self.ended.popleft())

    def close(self) -> None:
        """End the thread, after what is wanted; the loop must go on meanwhile."""
        self._wanted.put(None)
        self._thread.join()
        self._write()
        self.checkpoints.close()
        self._keep()
        self._record.close()
        os.close(self._wal)

    def _run(self) -> None:
        is_open = True
        while is_open:
            if (mark := self._next()) is None:
                return
            count, failure = 1, None
            while is_open and not self._wanted.empty():
                following = self._wanted.get()
                is_open = following is not None
                count += is_open
                mark = following or mark
            try:
                self._look()
                self.sync()
            except OSError as error:
                failure = error
            else:
                self._unrecorded = mark
            if self._wanted.empty():
                self.checkpoints.look()
            self.ended.append((count, failure))
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self.settle)
            if self._unrecorded is not None and monotonic() - self._recorded_at >= RECORD_SECONDS:
                self._write()

    def _next(self) -> Mark | None:
        """The next commit to make durable.

        While there is none, the record is written, and after a while the WAL is moved into the database.
        """
        if self._unrecorded is not None:
            try:
                return self._wanted.get(timeout=RECORD_SECONDS)
            except queue.Empty:
                self._write()
        if self.checkpoints.is_behind:
            try:
                return self._wanted.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                self.checkpoints.want()
        return self._wanted.get()

    def _look(self) -> None:
        """Raise Unlinked when a file has lost its name: nobody will find what is written to it."""
        now = monotonic()
        if not self._is_unlinked and now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        self._record.look()
        for path, node in self._nodes.items():
            try:
                is_there = path.stat().st_ino == node
            except FileNotFoundError:
                is_there = False
            if not is_there:
                raise Unlinked(self._gone(path))

    def _gone(self, gone: Path) -> str:
        """Save what can be saved; say what has happened."""
        database, wal, _ = self._nodes
        what = f"{gone} was removed or replaced while the server was writing."
        try:
            is_safe = database.stat().st_ino == self._nodes[database] and (
                not wal.exists() or wal.stat().st_ino == self._nodes[wal] or wal.stat().st_size == 0
            )
        except FileNotFoundError:
            is_safe = False
        if is_safe and self.checkpoints.now():
            return f"{what} All that was acknowledged is in {database} now."
        return f"{what} What was acknowledged since the last checkpoint may be lost with this process."

    def _write(self) -> None:
        """Record the last commit that is durable."""
        mark, self._unrecorded, self._recorded_at = self._unrecorded, None, monotonic()
        try:
            if mark is not None:
                self._record.write(mark)
        except OSError as error:
            self._said.say("record", f"how far the database is cannot be recorded: {error}")

    def _keep(self) -> None:
        try:
            self._record.sync()
        except OSError as error:
            self._said.say("record", f"how far the database is cannot be recorded: {error}")
