"""Checkpoints of a SQLite file off the path of requests: a thread moves pages from the WAL into the database.

SQLite's own checkpoint runs in the commit that fills the WAL. The callers of that batch would wait for two more syncs
and a few megabytes. Here commits go on meanwhile; the WAL starts anew once a checkpoint has met its end.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import apsw

from threadline.clock import Limited, monotonic
from threadline.store.sqlite.trouble import trouble_of

PAGES = 16_000
"""Length of the WAL (64 MB) from which on it is checkpointed: pages that are written again and again are moved once."""

PAGES_MAX = 48_000
"""Length of the WAL (192 MB) from which on a commit waits for a checkpoint: while commits follow each other without a
pause, one beside them never meets the end of the WAL, and leaves little for this one. A WAL that has become longer,
beside a reader that took its time, is cut to this length when it starts anew."""

REST_MAX = 16_000
"""Pages that a commit waits for at most. After a long reader there may be gigabytes, which are moved beside commits."""

FRAME_BYTES = 4_096 + 24
PASSES_MAX = 8
"""Times that a checkpoint goes on with what was written during the last."""

HELD_SECONDS = 0.5
"""Time without any progress after which a reader is taken to need the WAL still; and between two attempts then."""

log = logging.getLogger(__name__)


class Checkpoints:
    """The thread and its connection, for the WAL that `writer` writes. `completed` counts those that met its end.

    `on_completed` is called on the thread after each of them.
    """

    def __init__(self, file: Path, writer: apsw.Connection, on_completed: Callable[[], None]) -> None:
        self._file = file
        self._said = Limited(log.warning)
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
        self._wanted = threading.Event()
        self._closing = threading.Event()
        writer.wal_autocheckpoint(0)
        writer.execute(f"PRAGMA journal_size_limit = {PAGES_MAX * FRAME_BYTES}")
        writer.set_wal_hook(self._grown)
        self._thread = threading.Thread(target=self._run, name="threadline-checkpoints", daemon=True)
        self._thread.start()
        if self.is_behind:
            self.want()

    @property
    def is_overdue(self) -> bool:
        """Whether the WAL is so long that writing has to pause for a checkpoint, which is going to be short."""
        return self.pages >= PAGES_MAX and not self._is_held and self.pages - self._moved <= REST_MAX

    @property
    def is_behind(self) -> bool:
        """Whether there is anything in the WAL that the database has not."""
        return self.pages > self._moved

    def look(self) -> None:
        """See to it that the WAL does not grow for ever; here and now where it is overdue."""
        if self.is_overdue:
            self._checkpoint()
        elif self.pages >= PAGES:
            self.want()

    def want(self) -> None:
        """Have the thread move what can be moved."""
        self._wanted.set()

    def now(self) -> bool:
        """Move what can be moved, on this thread; True when nothing is left."""
        before = self.completed
        self._checkpoint()
        return self.completed > before

    def close(self) -> None:
        """End the thread; a checkpoint under way is finished."""
        self._closing.set()
        self._wanted.set()
        self._thread.join()
        self._connection.close()

    def _grown(self, connection: apsw.Connection, database: str, pages: int) -> int:
        if pages <= self.pages:
            self._moved = 0  # it has started anew
        self.pages = pages
        return apsw.SQLITE_OK

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._closing.is_set():
                return
            for _ in range(PASSES_MAX):
                if self._checkpoint() or self._is_held:
                    break
            if self._is_held:
                self._closing.wait(HELD_SECONDS)

    def _checkpoint(self) -> bool:
        """Move what can be moved; True when nothing is left, so that the next write starts the WAL anew."""
        try:
            with self._lock:
                pages, moved = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:  # another connection, be it one of ours that closes, moves the pages now
            return True
        except apsw.Error as error:
            trouble = trouble_of(error, self._file, self._connection.system_errno)
            self._said.say(
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
