"""Group commit: a thread waits for fsync, and one fsync makes all batches durable that were written before it.

SQLite would fsync within each commit, and no other commit could be written meanwhile. Here a commit only writes
(`synchronous = NORMAL`), the next one follows while the disk works, and callers are answered after the fsync. A failed
fsync is final: a later one does not bring back the dirty pages that the kernel has dropped. A database file that was
unlinked is as final: its content is gone when this process ends.
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

OnDurable = Callable[[int, OSError | None], None]
"""(number of batches, the oldest first, that are durable; the error if that is unknown), called on the loop."""

OnSynced = Callable[[int, float], None]
"""(number of batches that one fsync made durable, its seconds), called on the loop before `OnDurable`."""

IDLE_SECONDS = 2.0
"""Time without a commit after which the WAL is checkpointed."""

RECORD_SECONDS = 0.05
"""Time between two records of the last durable batch. A killed process has recorded all but its last batches."""

CHECK_SECONDS = 1.0
"""Time between two checks of the names of the files. Each commit checks that the WAL still has a name at all."""

log = logging.getLogger(__name__)


class GroupCommit:
    """The fsync thread of the database `file`, which `writer` writes.

    `sync` makes the WAL durable or raises OSError. The thread only waits, since each step of Python there would take
    the interpreter from the loop. The loop does the rest. `results` holds the ends of fsyncs that `deliver` has yet to
    report. `start` is the state of the database, with which its record begins.
    """

    def __init__(
        self, file: Path, writer: apsw.Connection, start: Mark, on_durable: OnDurable, on_synced: OnSynced
    ) -> None:
        self._wal = os.open(f"{file}-wal", os.O_RDWR)
        self.sync: Callable[[], None] = partial(getattr(os, "fdatasync", os.fsync), self._wal)
        self.sync()  # commits of a killed process may be read from now on
        self._inodes = {path: path.stat().st_ino for path in (file, Path(f"{file}-wal"), Path(f"{file}-shm"))}
        self._on_durable = on_durable
        self._on_synced = on_synced
        self._record = Record(file)
        self._record.write(start)
        self._record.sync()
        self._mark = start
        self._salt, self._frames = "", 0
        self._unsynced: deque[tuple[Mark, str, int]] = deque()
        self._unrecorded: tuple[Mark, str, int] | None = None
        self._is_unlinked = self._has_failed = False
        self._checked_at = self._recorded_at = self._durable_at = 0.0
        self._recording: asyncio.TimerHandle | None = None
        self._idling: asyncio.TimerHandle | None = None
        self._warnings = Limited(log.warning)
        self._clock = Clock()
        self.checkpoints = Checkpoints(file, writer, self._sync_record)
        self.results: deque[tuple[int, float, OSError | None]] = deque()
        self._requests: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="threadline-fsync", daemon=True)
        self._thread.start()

    def has_room(self, unsynced: int) -> bool:
        """Whether another batch may be written now. An overlong WAL can restart only while no batch is under way."""
        return not unsynced or not self.checkpoints.is_overdue

    def request(self, mark: Mark) -> None:
        """Ask for one more batch to be made durable; `mark` is the last count of batches. Runs on the loop."""
        self._loop = asyncio.get_running_loop()
        if not os.fstat(self._wal).st_nlink:
            self._is_unlinked = True
        frames = self.checkpoints.pages
        if frames <= self._frames or mark is not self._mark:
            # The salt is read when the WAL seems to have restarted, and at each count. A restart whose first commit is
            # longer than the old WAL is noticed only at the next count. Until then the record names the old salt.
            self._salt = os.pread(self._wal, 8, 16).hex()
        self._frames, self._mark = frames, mark
        self._unsynced.append((mark, self._salt, frames))
        self._requests.put(True)

    def deliver(self) -> None:
        """Report the fsyncs that have ended. Runs on the loop, at the thread's request and between units of a batch."""
        while self.results:
            count, seconds, failure = self.results.popleft()
            for _ in range(count):
                self._unrecorded = self._unsynced.popleft()
            if failure is None:
                self._on_synced(count, seconds)
                failure = self._after_sync()
            self._has_failed = self._has_failed or failure is not None
            self._on_durable(count, failure)

    async def close(self) -> None:
        """End the thread after the requested fsyncs. If a checkpoint empties the WAL, the record then needs no WAL."""
        self._loop = asyncio.get_running_loop()
        self._requests.put(False)
        await asyncio.to_thread(self._thread.join)
        self.deliver()
        for timer in (self._recording, self._idling):
            if timer is not None:
                timer.cancel()
        if not self._has_failed and await asyncio.to_thread(self.checkpoints.run_now):
            self._unrecorded = (self._mark, "", 0)
        self._write_record()
        await asyncio.to_thread(self.checkpoints.close)
        self._sync_record()
        self._record.close()
        os.close(self._wal)

    def _run(self) -> None:
        is_open = True
        while is_open and (is_open := self._requests.get()):
            count, failure = 1, None
            while is_open and not self._requests.empty():
                is_open = self._requests.get()
                count += is_open
            began = monotonic()
            try:
                self.sync()
            except OSError as error:
                failure = error
            seconds = monotonic() - began
            if self._requests.empty():
                self.checkpoints.run_if_due()
            self.results.append((count, seconds, failure))
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self.deliver)

    def _after_sync(self) -> OSError | None:
        """Check the files' names and write the record, when it is time. Returns an error that voids the fsync."""
        now = self._durable_at = self._loop.time()
        if self._is_unlinked or now - self._checked_at >= CHECK_SECONDS:
            self._checked_at = now
            try:
                self._check_names()
            except OSError as error:
                return error
        if now - self._recorded_at >= RECORD_SECONDS:
            self._write_record()
        elif self._recording is None:
            self._recording = self._loop.call_later(RECORD_SECONDS, self._write_record)
        if self._idling is None:
            self._idling = self._loop.call_later(IDLE_SECONDS, self._checkpoint_if_idle)
        return None

    def _checkpoint_if_idle(self) -> None:
        """Request a checkpoint when nothing has been written for IDLE_SECONDS."""
        left = self._durable_at + IDLE_SECONDS - self._loop.time()
        self._idling = None
        if left > 0 or self._unsynced:
            self._idling = self._loop.call_later(max(left, 0.01), self._checkpoint_if_idle)
        elif self.checkpoints.is_behind:
            self.checkpoints.request()

    def _check_names(self) -> None:
        """Raise Unlinked when a database file has lost its name. Its content is gone when this process ends."""
        self._record.recreate_if_removed()
        for path, inode in self._inodes.items():
            try:
                is_there = path.stat().st_ino == inode
            except FileNotFoundError:
                is_there = False
            if not is_there:
                raise Unlinked(self._rescue(path))

    def _rescue(self, removed: Path) -> str:
        """Checkpoint into the database if that still helps. Returns a description of the loss for the operator."""
        database, wal, _ = self._inodes
        what = f"{removed} was removed or replaced while the server was writing."
        try:
            is_safe = database.stat().st_ino == self._inodes[database] and (
                not wal.exists() or wal.stat().st_ino == self._inodes[wal] or wal.stat().st_size == 0
            )
        except FileNotFoundError:
            is_safe = False
        if is_safe and self.checkpoints.run_now():
            return f"{what} All that was acknowledged is in {database} now."
        return f"{what} What was acknowledged since the last checkpoint may be lost with this process."

    def _write_record(self) -> None:
        """Record the last durable batch."""
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
            self._warnings.say("record", f"the last durable batch cannot be recorded: {error}")

    def _sync_record(self) -> None:
        try:
            self._record.sync()
        except OSError as error:
            self._warnings.say("record", f"the last durable batch cannot be recorded: {error}")
