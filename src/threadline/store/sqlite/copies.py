"""A copy of a SQLite database while a server writes it: one consistent state, without slowing the server.

The copy is made in steps within one read transaction, so it has exactly the commits from before its start. (With one
transaction a step, the copy would restart at every commit.) Each step ends with an fsync, and `PausingProgress` pauses
after it: one fsync for a whole copy delayed the server's own fsyncs by 100 ms.
"""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import apsw

from threadline.clock import monotonic
from threadline.store import migrations, named_statements

STEP_PAGES = 256
"""Pages of 4 KB that one step copies."""

PAUSE_SECONDS_MAX = 0.25

COUNTED = {
    "instances": "count_instances",
    "chats": "count_sessions",
    "contacts": "count_contacts",
    "entries": "count_items",
}
"""The counts that describe a copy, and their statements."""

Progress = Callable[[str, int, int], None]
"""(the name of the work, the amount done, the whole amount)."""


def newest_schema() -> int:
    """The version of the schema that this Threadline writes."""
    return migrations()[-1][0]


@contextmanager
def reading(file: Path, *, is_at_rest: bool = False) -> Iterator[apsw.Connection]:
    """A read-only connection to `file`, whether or not a server uses it. Raises apsw.Error when it cannot be opened.

    `is_at_rest` says that no process writes the file: then it may be on a read-only medium.
    """
    options = "mode=ro&immutable=1" if is_at_rest else "mode=ro"
    address = f"file:{quote(str(file.absolute()))}?{options}"
    with closing(apsw.Connection(address, apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)) as connection:
        connection.set_busy_timeout(5_000)
        yield connection


def copy(file: Path, to: Path, progress: Progress) -> None:
    """Copy the database `file` to the new file `to`, which only this user may read, and make it durable.

    Raises apsw.Error or OSError.
    """
    to.touch(mode=0o600, exist_ok=False)
    written = os.open(to, os.O_RDWR)
    try:
        with reading(file) as source, closing(apsw.Connection(str(to))) as target:
            source.execute(
                "BEGIN; SELECT count(*) FROM sqlite_schema"
            ).fetchall()  # the snapshot that is copied
            target.execute("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF").fetchall()
            try:
                _copy_in_steps(source, target, written, progress)
            except (apsw.FullError, apsw.IOError) as error:  # the text may belong to another error
                said = target.system_errno or source.system_errno or errno.EIO
                number = errno.ENOSPC if isinstance(error, apsw.FullError) else said
                raise OSError(number, os.strerror(number), str(to)) from error
        with closing(
            apsw.Connection(str(to))
        ) as target:  # without a WAL, so that it can be read on a read-only medium
            target.execute("PRAGMA journal_mode = DELETE").fetchall()
        os.fsync(written)
    finally:
        os.close(written)


def copy_at_once(source: apsw.Connection, to: Path) -> None:
    """Copy the database that `source` reads to the new file `to`, which only this user may read."""
    to.touch(mode=0o600, exist_ok=False)
    with closing(apsw.Connection(str(to))) as target:
        with target.backup("main", source, "main") as backup:
            backup.step(-1)
        target.execute("PRAGMA journal_mode = DELETE").fetchall()


def _copy_in_steps(
    source: apsw.Connection, target: apsw.Connection, written: int, progress: Progress
) -> None:
    with target.backup("main", source, "main") as backup:
        while not backup.done:
            backup.step(STEP_PAGES)
            os.fsync(written)
            progress("copied", backup.page_count - backup.remaining, backup.page_count)


class PausingProgress:
    """Progress that pauses after each step, for as long as the step took."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._pause = threading.Event()
        self._began = monotonic()

    def __call__(self, what: str, done: int, of: int) -> None:
        self._progress(what, done, of)
        if done < of:
            self._pause.wait(min(monotonic() - self._began, PAUSE_SECONDS_MAX))
        self._began = monotonic()


def schema_of(connection: apsw.Connection) -> int:
    """The version of the schema in a database; 0 where there is none of ours."""
    return int(str(connection.pragma("user_version")))


def first_instance_of(connection: apsw.Connection) -> str | None:
    """The instance that the database began with."""
    row = connection.execute(named_statements()["first_instance"]).fetchone()
    return str(row[0]) if row else None


def counts_of(connection: apsw.Connection) -> dict[str, int]:
    """The counts that describe a database."""
    statements = named_statements()
    return {what: _number(connection, statements[name]) for what, name in COUNTED.items()}


def _number(connection: apsw.Connection, statement: str) -> int:
    return int(str(connection.execute(statement).fetchall()[0][0]))
