"""Durability of commits: a thread waits for the disk, and one sync covers all that is written by then.

SQLite would sync within the commit, and no other commit could be written meanwhile. Here a commit only writes
(`synchronous = NORMAL`), the next one follows while the disk works, and callers are answered after the sync. A sync
that fails is final: a later one does not bring back the pages that the system has dropped. A file that has lost its
name is as final: its content ends with this process.
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

from threadline.clock import Clock, Limited, monotonic
from threadline.store.sqlite.checkpoints import Checkpoints
from threadline.store.sqlite.progress import Mark, Record
from threadline.store.sqlite.trouble import Unlinked

Done = Callable[[int, OSError | None], None]
"""(how many commits, the oldest first, are durable; or why nobody knows), called on the loop."""

Timed = Callable[[int, float], None]
"""(how many commits a sync made durable, how many seconds it took), called on the loop before `Done`."""

IDLE_SECONDS = 2.0
"""Time without a commit after which the WAL is moved into the database."""

RECORD_SECONDS = 0.05
"""Between two records of how far the database is durable. A process that is killed has recorded all but this time."""

LOOK_SECONDS = 1.0
"""Between two looks at the names of the files. Whether the WAL has one at all is looked at with each commit."""

log = logging.getLogger(__name__)


class Syncs:
    """The thread for the database `file`, which `writer` writes. `sync` makes its WAL durable, or raises OSError.

    The thread does nothing but wait: each step of Python there takes the interpreter from the loop, which does the
    rest. `ended` holds syncs of which `done` has not been told. `start` is the state of the database; from then on its
    record is kept.
    """

    def __init__(self, file: Path, writer: apsw.Connection, start: Mark, done: Done, timed: Timed) -> None:
        self._wal = os.open(f"{file}-wal", os.O_RDWR)
        self.sync: Callable[[], None] = partial(getattr(os, "fdatasync", os.fsync), self._wal)
        self.sync()  # commits of a process that was killed may be read from now on
        self._nodes = {path: path.stat().st_ino for path in (file, Path(f"{file}-wal"), Path(f"{file}-shm"))}
        self._done = done
        self._timed = timed
        self._record = Record(file)
        self._record.write(start)
        self._record.sync()
        self._mark = start
        self._salt, self._frames = "", 0
        self._unsynced: deque[tuple[Mark, str, int]] = deque()
        self._unrecorded: tuple[Mark, str, int] | None = None
        self._is_unlinked = self._has_failed = False
        self._looked_at = self._recorded_at = self._settled_at = 0.0
        self._recording: asyncio.TimerHandle | None = None
        self._idling: asyncio.TimerHandle | None = None
        self._said = Limited(log.warning)
        self._clock = Clock()
        self.checkpoints = Checkpoints(file, writer, self._keep)
        self.ended: deque[tuple[int, float, OSError | None]] = deque()
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="threadline-syncs", daemon=True)
        self._thread.start()

    def have_room(self, unsynced: int) -> bool:
        """Whether to write on. A WAL that is too long starts anew only while nothing is written."""
        return not unsynced or not self.checkpoints.is_overdue

    def want(self, mark: Mark) -> None:
        """Have one more commit made durable; `mark` is the last count of batches. To be called on the loop."""
        self._loop = asyncio.get_running_loop()
        if not os.fstat(self._wal).st_nlink:
            self._is_unlinked = True
        frames = self.checkpoints.pages
        if frames <= self._frames or mark is not self._mark:
            # A generation that began with a long commit is noticed at the next count. Until then the record has frames
            # of a WAL that is not there any more, which say nothing.
            self._salt = os.pread(self._wal, 8, 16).hex()
        self._frames, self._mark = frames, mark
        self._unsynced.append((mark, self._salt, frames))
        self._wanted.put(True)

    def settle(self) -> None:
        """Tell of the syncs that have ended: on the loop, which the thread asks to, and between units of a batch."""
        while self.ended:
            count, seconds, failure = self.ended.popleft()
            for _ in range(count):
                self._unrecorded = self._unsynced.popleft()
            if failure is None:
                self._timed(count, seconds)
                failure = self._kept()
            self._has_failed = self._has_failed or failure is not None
            self._done(count, failure)

    async def close(self) -> None:
        """End the thread, after the syncs that are wanted. The record then asks for no WAL, if none is needed."""
        self._loop = asyncio.get_running_loop()
        self._wanted.put(False)
        await asyncio.to_thread(self._thread.join)
        self.settle()
        for timer in (self._recording, self._idling):
            if timer is not None:
                timer.cancel()
        if not self._has_failed and await asyncio.to_thread(self.checkpoints.now):
            self._unrecorded = (self._mark, "", 0)
        self._write()
        await asyncio.to_thread(self.checkpoints.close)
        self._keep()
        self._record.close()
        os.close(self._wal)

    def _run(self) -> None:
        is_open = True
        while is_open and (is_open := self._wanted.get()):
            count, failure = 1, None
            while is_open and not self._wanted.empty():
                is_open = self._wanted.get()
                count += is_open
            began = monotonic()
            try:
                self.sync()
            except OSError as error:
                failure = error
            seconds = monotonic() - began
            if self._wanted.empty():
                self.checkpoints.look()
            self.ended.append((count, seconds, failure))
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self.settle)

    def _kept(self) -> OSError | None:
        """Look after the files once a sync has ended; the error that takes its success back."""
        now = self._settled_at = self._loop.time()
        if self._is_unlinked or now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            try:
                self._look()
            except OSError as error:
                return error
        if now - self._recorded_at >= RECORD_SECONDS:
            self._write()
        elif self._recording is None:
            self._recording = self._loop.call_later(RECORD_SECONDS, self._write)
        if self._idling is None:
            self._idling = self._loop.call_later(IDLE_SECONDS, self._idle)
        return None

    def _idle(self) -> None:
        """Have the WAL moved into the database when nothing has been written for a while."""
        left = self._settled_at + IDLE_SECONDS - self._loop.time()
        self._idling = None
        if left > 0 or self._unsynced:
            self._idling = self._loop.call_later(max(left, 0.01), self._idle)
        elif self.checkpoints.is_behind:
            self.checkpoints.want()

    def _look(self) -> None:
        """Raise Unlinked when a file has lost its name: its content ends with this process."""
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
        if self._recording is not None:
            self._recording.cancel()
            self._recording = None
        if self._unrecorded is None:
            return
        mark, salt, frames = self._unrecorded
        self._unrecorded, self._recorded_at = None, self._loop.time()
        try:
            self._record.write(mark._replace(at_ms=self._clock.now_ms(), salt=salt, frames=frames))
        except OSError as error:
            self._said.say("record", f"how far the database is cannot be recorded: {error}")

    def _keep(self) -> None:
        try:
            self._record.sync()
        except OSError as error:
            self._said.say("record", f"how far the database is cannot be recorded: {error}")
