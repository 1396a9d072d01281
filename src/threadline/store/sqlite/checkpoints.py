"""Checkpoints of a SQLite file on a thread: it copies pages from the WAL into the database while requests are served.

SQLite's own checkpoint runs inside the commit that fills the WAL. The callers of that batch would wait for two more
fsyncs and a few megabytes. Here commits go on meanwhile. The WAL restarts once a checkpoint has copied all of it.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from threadline.clock import Limited, monotonic
from threadline.store.sqlite.trouble import trouble_of

PAGES = 16_000
"""Length of the WAL (64 MB) at which it is checkpointed. A page that was written many times is copied once."""

PAGES_MAX = 48_000
"""Length of the WAL (192 MB) at which commits wait for a checkpoint. While commits follow each other without a pause, a
concurrent checkpoint never reaches the end of the WAL, but it leaves little to copy. A WAL that grew longer behind a
slow reader is truncated to this length when it restarts."""

REST_MAX = 16_000
"""The most pages that commits wait for. After a slow reader there may be gigabytes, which are copied meanwhile."""

FRAME_BYTES = 4_096 + 24
PASSES_MAX = 8
"""The most checkpoints in a row, each for the pages that were written during the one before."""

HELD_SECONDS = 0.5
"""Time without progress after which a reader is assumed to hold the WAL; and the time between two attempts then."""

TRUNCATE_AGAIN_SECONDS = 0.05
PATIENT_EVERY, PATIENT_MS = 20, 20
log = logging.getLogger(__name__)


class Checkpoints:
    """The thread and its connection, for the WAL that `writer` writes. `completed` counts checkpoints of all of it.

    `on_completed` is called on the thread after each of them.
    """

    def __init__(self, file: Path, writer: apsw.Connection, on_completed: Callable[[], None]) -> None:
        self._file = file
        self._warnings = Limited(log.warning)
        self._connection = apsw.Connection(str(file))
        self._connection.set_busy_timeout(5_000)
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(
            "SELECT count(*) FROM sqlite_schema"
        ).fetchall()  # opens the WAL by its name now
        self._on_completed = on_completed
        self._lock = threading.Lock()
        self.completed = 0
        self.pages, self._moved = writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
        self._stuck_at: float | None = None
        self._is_held = False
        self._truncations = [0, 0]  # the last request, and the last one that was met
        self._attempts = 0
        self._process = f"{os.getpid()}-{monotonic()}"
        self._requested = threading.Event()
        self._closing = threading.Event()
        writer.wal_autocheckpoint(0)
        writer.execute(f"PRAGMA journal_size_limit = {PAGES_MAX * FRAME_BYTES}")
        writer.set_wal_hook(self._on_wal_written)
        self._thread = threading.Thread(target=self._run, name="threadline-checkpoints", daemon=True)
        self._thread.start()
        if self.is_behind:
            self.request()

    @property
    def is_overdue(self) -> bool:
        """Whether the WAL is so long that writes have to pause for a checkpoint, and that checkpoint will be short."""
        return self.pages >= PAGES_MAX and not self._is_held and self.pages - self._moved <= REST_MAX

    @property
    def is_behind(self) -> bool:
        """Whether the WAL has pages that are not in the database yet."""
        return self.pages > self._moved

    def run_if_due(self) -> None:
        """Checkpoint a long WAL: on the thread, or on this one and at once when it is overdue."""
        if self.is_overdue:
            self._checkpoint()
        elif self.pages >= PAGES:
            self.request()

    def request(self) -> None:
        """Have the thread copy all pages that no reader holds back."""
        self._requested.set()

    def request_truncation(self) -> str:
        """Have the thread empty the WAL file, in which earlier states of pages stay, and return the request's name."""
        self._truncations[0] += 1
        self.request()
        return f"{self._process}.{self._truncations[0]}"

    def has_truncated(self, request: str) -> bool:
        """Whether the WAL file was emptied after a request of this name."""
        return self.knows(request) and int(request.rpartition(".")[2]) <= self._truncations[1]

    def knows(self, request: str) -> bool:
        """Whether this process has made the request."""
        return request.rpartition(".")[0] == self._process

    @contextmanager
    def held_up(self) -> Iterator[bool]:
        """Keep checkpoints from running meanwhile. False when one runs now."""
        is_free = self._lock.acquire(blocking=False)
        try:
            yield is_free
        finally:
            if is_free:
                self._lock.release()

    def run_now(self) -> bool:
        """Checkpoint on the calling thread. True when the database has all pages."""
        before = self.completed
        self._checkpoint()
        return self.completed > before

    def close(self) -> None:
        """End the thread, after the checkpoint that is running."""
        self._closing.set()
        self._requested.set()
        self._thread.join()
        self._connection.close()

    def _on_wal_written(self, connection: apsw.Connection, database: str, pages: int) -> int:
        if pages <= self.pages:
            self._moved = 0  # it has restarted
        self.pages = pages
        return apsw.SQLITE_OK

    def _run(self) -> None:
        while True:
            self._requested.wait()
            self._requested.clear()
            if self._closing.is_set():
                return
            for _ in range(PASSES_MAX):
                if self._checkpoint() or self._is_held:
                    break
            if self._truncations[0] > self._truncations[1]:
                self._truncate()
            elif self._is_held:
                self._closing.wait(HELD_SECONDS)

    def _truncate(self) -> None:
        """Empty the WAL file once all its pages are copied. While another connection reads, try again later.

        Writers wait meanwhile, so most attempts do not wait for readers, and one a second waits for short reads.
        """
        request = self._truncations[0]
        self._attempts += 1
        try:
            with self._lock:
                self._connection.set_busy_timeout(0 if self._attempts % PATIENT_EVERY else PATIENT_MS)
                try:
                    self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
                finally:
                    self._connection.set_busy_timeout(5_000)
        except apsw.Error:
            self._closing.wait(TRUNCATE_AGAIN_SECONDS)
            self._requested.set()
        else:
            self._truncations[1] = request
            self.completed += 1
            self._on_completed()

    def _checkpoint(self) -> bool:
        """Copy what can be copied. True when the database has all pages, so that the next write restarts the WAL."""
        try:
            with self._lock:
                pages, moved = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:  # another connection checkpoints now, perhaps one of ours that closes
            return True
        except apsw.Error as error:
            trouble = trouble_of(error, self._file, self._connection.system_errno)
            self._warnings.say(
                "", f"the WAL grows until it can be checkpointed: {trouble.line if trouble else error}"
            )
            return True
        now = monotonic()
        if moved == pages or moved != self._moved:
            self._moved, self._stuck_at = moved, None
        else:
            self._stuck_at = self._stuck_at or now
        self._is_held = self._stuck_at is not None and now - self._stuck_at > HELD_SECONDS
        if pages == moved:
            self.completed += 1
            self._on_completed()
        return pages == moved
