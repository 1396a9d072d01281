"""Checkpoints of a SQLite file off the path of requests: a thread moves pages from the WAL into the database.

SQLite's own are run by whichever commit fills the WAL, and everyone of that batch waits for two more syncs and a few
megabytes. Here commits go on meanwhile; the WAL starts anew once a checkpoint has met its end.
"""

import logging
import threading
from pathlib import Path

import apsw

PAGES = 16_000
"""Length of the WAL (64 MB) from which on it is checkpointed: pages that are written again and again are moved once."""

PAGES_MAX = 48_000
"""Length of the WAL (192 MB) from which on a commit waits for a checkpoint: while commits follow each other without a
pause, one beside them never meets the end of the WAL, and leaves little for this one."""

PASSES_MAX = 8
"""Times that a checkpoint goes on with what was written during the last."""

log = logging.getLogger(__name__)


class Checkpoints:
    """The thread and its connection, for the WAL that `writer` writes."""

    def __init__(self, file: Path, writer: apsw.Connection) -> None:
        self._connection = apsw.Connection(str(file))
        self._connection.set_busy_timeout(5_000)
        self._connection.execute("PRAGMA synchronous = FULL")
        self._lock = threading.Lock()
        self._pages = 0
        self._wanted = threading.Event()
        self._is_closing = False
        writer.wal_autocheckpoint(0)
        writer.set_wal_hook(self._grown)
        self._thread = threading.Thread(target=self._run, name="threadline-checkpoints", daemon=True)
        self._thread.start()

    @property
    def is_overdue(self) -> bool:
        """Whether the WAL is so long that writing has to pause for a checkpoint."""
        return self._pages >= PAGES_MAX

    def look(self) -> None:
        """See to it that the WAL does not grow for ever; here and now where it is overdue."""
        if self.is_overdue:
            self._checkpoint()
        elif self._pages >= PAGES:
            self._wanted.set()

    def close(self) -> None:
        """End the thread; a checkpoint under way is finished."""
        self._is_closing = True
        self._wanted.set()
        self._thread.join()
        self._connection.close()

    def _grown(self, connection: apsw.Connection, database: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._is_closing:
                return
            for _ in range(PASSES_MAX):
                if self._checkpoint():
                    break

    def _checkpoint(self) -> bool:
        """Move what can be moved; True when nothing is left, so that the next write starts the WAL anew."""
        try:
            with self._lock:
                pages, moved = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as error:
            log.warning("the WAL could not be checkpointed, and grows: %s", error)
            return True
        return pages == moved
