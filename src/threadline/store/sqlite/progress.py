"""The record of the last durable state of a database: a file beside it, which is compared with it at a start.

`threadline.state` is one line of JSON of a fixed length, written in place. The database counts its batches in a table,
at most once a second and right after a checkpoint. When a WAL or a database is lost, that count is lower than the
record's. Twenty times a second the record also gets the WAL's salt and the number of its durable frames. A WAL that was
truncated or damaged has fewer.
"""

import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec

from threadline.clock import Clock, monotonic

SUFFIX = ".state"
RECORD_BYTES = 512
"""Less than a sector of any disk, so that a power cut leaves the old record or the new one."""

SALT = slice(16, 24)
"""The bytes of a WAL's header that change when it restarts. Source: sqlite.org/walformat.html."""

TABLE = "CREATE TABLE IF NOT EXISTS threadline_progress (batch INTEGER NOT NULL, at_ms INTEGER NOT NULL)"
FIRST = "INSERT INTO threadline_progress SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM threadline_progress)"
COUNT = "UPDATE threadline_progress SET batch = ?, at_ms = ?"
TOUCH = "UPDATE threadline_progress SET batch = batch"


COUNT_SECONDS = 1.0
log = logging.getLogger(__name__)


class DataLost(RuntimeError):
    """The database holds less than its record says. The text names the loss and the ways out."""


class Mark(NamedTuple):
    """A state of the database, and of its WAL: the salt, which is empty without a WAL, and the number of frames."""

    instance_id: str
    schema: int
    batch: int
    at_ms: int
    salt: str = ""
    frames: int = 0


class Record:
    """The record beside the database `file`. One thread at a time writes it."""

    def __init__(self, file: Path) -> None:
        self._path = file.with_suffix(SUFFIX)
        self._fd = self._open()

    def write(self, mark: Mark) -> None:
        """Write `mark`. It outlives this process at once, and a power cut after `sync`. Raises OSError."""
        os.pwrite(self._fd, msgspec.json.encode(mark._asdict()).ljust(RECORD_BYTES - 1) + b"\n", 0)

    def recreate_if_removed(self) -> None:
        """Create the file again if somebody has removed it. Raises OSError."""
        if os.fstat(self._fd).st_nlink == 0:
            os.close(self._fd)
            self._fd = self._open()

    def sync(self) -> None:
        """Make the record durable. Raises OSError."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)


class Progress:
    """Counts the batches of an open database, from `start` on. `mark` is the last committed count."""

    def __init__(self, connection: apsw.Connection, clock: Clock, start: Mark) -> None:
        self.mark = start
        self._base = start.batch
        self._clock = clock
        self._counted: Mark | None = None
        self._is_behind = False
        self._at = -COUNT_SECONDS  # the first batch of a process is counted
        self._checkpoints = 0
        connection.execute(TABLE)
        connection.execute(FIRST, (start.batch, start.at_ms))

    def count(self, cursor: apsw.Cursor, batches: int, checkpoints: int, *, is_last: bool = False) -> None:
        """Count the batch number `batches` of this process in its own transaction, when it is time to.

        `checkpoints` is the number of checkpoints that have copied the whole WAL so far.
        """
        self._counted, self._is_behind = None, not is_last
        now = monotonic()
        if now - self._at < COUNT_SECONDS and checkpoints == self._checkpoints and not is_last:
            return
        self._at, self._checkpoints, self._is_behind = now, checkpoints, False
        mark = self.mark._replace(batch=self._base + batches, at_ms=self._clock.now_ms())
        if not mark.instance_id:
            mark = mark._replace(instance_id=instance_of(cursor))
        cursor.execute(COUNT, (mark.batch, mark.at_ms))
        self._counted = mark

    def committed(self) -> None:
        """Note that the transaction was committed."""
        if self._counted is not None:
            self.mark, self._counted = self._counted, None

    @property
    def is_behind(self) -> bool:
        """Whether batches were written since the last counted one."""
        return self._is_behind


def open_checked(
    file: Path, connect: Callable[[], apsw.Connection], instance_id: str, *, accept_loss: bool
) -> tuple[apsw.Connection, Mark]:
    """Open the database `file` by `connect`, and return it with its state. Creates one when none is recorded.

    Raises DataLost, and changes nothing, when it holds less than its record says or another instance. With
    `accept_loss` the loss is logged, and a file that is no database is moved aside.
    """
    try:
        mark = recorded(file)
        if what := loss_before_opening(file, mark, instance_id):
            raise DataLost(what)
        return _checked(file, connect, mark, instance_id)
    except DataLost as loss:
        if not accept_loss:
            raise DataLost(f"{loss}. {ways_out(file)}") from None
        log.warning("the loss is accepted, and the server goes on with what is there: %s", loss)
    file.with_suffix(SUFFIX).unlink(missing_ok=True)
    if loss_before_opening(file, None, "any"):
        _set_aside_all(file)  # SQLite would delete a WAL without a database
    try:
        return _checked(file, connect, None, "")
    except DataLost:
        _set_aside_all(file)
        return _checked(file, connect, None, "")


def _checked(
    file: Path, connect: Callable[[], apsw.Connection], mark: Mark | None, instance_id: str
) -> tuple[apsw.Connection, Mark]:
    file.touch(mode=0o600)  # SQLite gives the same mode to the files beside it
    connection = connect()
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # a refusal changes nothing
    try:
        now = state_of(connection, file)
        if what := loss_of(file, now, mark, instance_id):
            raise DataLost(what)
    except BaseException as error:
        connection.close()
        if isinstance(error, apsw.NotADBError | apsw.CorruptError):
            raise DataLost(f"{file} is damaged: {error}") from None
        raise
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
    return connection, now


def recorded(file: Path) -> Mark | None:
    """The mark in the record of the database `file`; None without a record. Raises DataLost if it cannot be read."""
    path = file.with_suffix(SUFFIX)
    try:
        record = path.read_bytes()
        return (
            Mark(**json.loads(record)) if record else None
        )  # empty if the disk was full when it was created
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise DataLost(
            f"{path} cannot be read as what it was written as, so nobody knows whether {file} is whole"
        ) from None


def wal_salt(file: Path) -> str:
    """The salt of the WAL of the database `file`; empty without a WAL."""
    try:
        with Path(f"{file}-wal").open("rb") as wal:
            return wal.read(SALT.stop)[SALT].hex()
    except FileNotFoundError:
        return ""


def state_of(connection: apsw.Connection, file: Path) -> Mark:
    """The state of an open database."""
    schema = int(str(connection.pragma("user_version")))
    tables = {
        str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    }
    instance_id = instance_of(connection.cursor()) if "instance" in tables else ""
    counted = (0, 0)
    if "threadline_progress" in tables:
        counted = connection.execute("SELECT batch, at_ms FROM threadline_progress").fetchone() or counted
    frames, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
    return Mark(instance_id, schema, *counted, wal_salt(file), max(frames, 0))


def instance_of(cursor: apsw.Cursor) -> str:
    """The id of the first instance, which workspace.json names; empty without one."""
    row = cursor.execute("SELECT id FROM instance ORDER BY created_at_ms, id LIMIT 1").fetchone()
    return row[0] if row else ""


def loss_before_opening(file: Path, mark: Mark | None, instance_id: str) -> str | None:
    """The loss that shows before the database `file` is opened, in words; None when there is none."""
    if mark is None and not instance_id:
        return None
    if not file.exists():
        return f"{file} is gone"
    return None if file.stat().st_size else f"{file} is empty"


def loss_of(file: Path, now: Mark, mark: Mark | None, instance_id: str) -> str | None:
    """The loss that the state `now` of the database `file` shows against its record, in words; None when complete."""
    what = _lacking(file, now, mark, instance_id)
    if mark is None or now.frames >= mark.frames or now.instance_id not in ("", mark.instance_id):
        return what
    if now.salt == mark.salt or (what and now.salt and not now.frames):
        harm = f"is damaged or cut off: {now.frames:,} of its frames can be read, and {mark.frames:,}"
    elif what and not now.salt:
        harm = f"is gone or empty, and {mark.frames:,} of its frames"
    else:
        return what
    harm = f"{file}-wal {harm} held what was acknowledged until {_time(mark.at_ms)}"
    return f"{harm}. Without them {what}" if what else harm


def _lacking(file: Path, now: Mark, mark: Mark | None, instance_id: str) -> str | None:
    """The loss by the counts and names in the database alone, in words."""
    if now.schema == 0 and (mark is not None or instance_id):
        return f"{file} holds nothing"
    expected = mark.instance_id if mark is not None else ""
    if not now.instance_id and (expected or instance_id):
        return f"{file} holds no instance, and held {expected or instance_id}"
    if instance_id not in ("", now.instance_id):
        return f"{file.parent} names instance {instance_id} in workspace.json, and {file} holds {now.instance_id}"
    if mark is None:
        return None
    if expected not in ("", now.instance_id):
        return f"{file} holds instance {now.instance_id}, and held {expected}"
    if now.schema < mark.schema:
        return f"{file} has schema {now.schema}, and had {mark.schema}"
    if now.batch < mark.batch:
        return (
            f"{file} lacks what was acknowledged until {_time(mark.at_ms)} (batch {mark.batch:,}): it ends"
            f" {f'at {_time(now.at_ms)} (batch {now.batch:,})' if now.batch else 'where it began'}"
        )
    return None


def ways_out(file: Path) -> str:
    """The ways out of a loss, in words."""
    return (
        f"Nothing was changed. Bring a backup back: `threadline restore FROM --replace --data {file.parent}`;"
        f" or go on with what is there: `threadline serve --accept-loss --data {file.parent}`."
    )


def _set_aside_all(file: Path) -> None:
    for each in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
        if each.exists():
            set_aside(each)


def set_aside(file: Path) -> Path:
    """Rename `file` to an unused name beside it, and return that name."""
    number = 1
    while (kept := file.with_name(f"{file.name}.kept-{number}")).exists():
        number += 1
    return file.rename(kept)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
