"""Reasons why nothing can be written: classify an error, log one line that says what to do, and not too often."""

import asyncio
import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import apsw

from threadline.clock import Limited
from threadline.store import Unavailable

DISK_FULL, DISK_ERROR, READ_ONLY = "disk full", "disk error", "read-only"
LOCKED, UNLINKED, DAMAGED = "locked", "files unlinked", "damaged"
"""The reasons, as `Store.trouble` and `/ready` have them."""

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NO_PERMISSION = {errno.EROFS, errno.EACCES, errno.EPERM}
ROOM_BYTES_MIN = 1 << 20
PROBE_SECONDS = 1.0
"""Time between two attempts to write while writes fail, even if no caller asks for one."""

log = logging.getLogger(__name__)


class Unlinked(OSError):
    """A file of the database was unlinked, or its name belongs to another file now."""


class Trouble(NamedTuple):
    """`reason` is one of those above. `line` tells the operator the fault, the file, and what to do."""

    reason: str
    line: str


def trouble_of(error: BaseException, file: Path, system_errno: int = 0) -> Trouble | None:
    """The reason why the database `file` cannot be written; None for an error of another kind.

    `system_errno` is the last error of the system that SQLite saw.
    """
    number = error.errno or 0 if isinstance(error, OSError) else system_errno
    said = str(error)
    if isinstance(error, Unlinked):
        return Trouble(UNLINKED, f"{said} Nothing is answered on it any more.")
    is_io = isinstance(error, apsw.IOError | apsw.CantOpenError | OSError)
    if isinstance(error, apsw.FullError) or (is_io and (number in NO_ROOM or not _has_room(file.parent))):
        return Trouble(
            DISK_FULL,
            f"{file} cannot be written, the disk is full: make room in {file.parent}, or raise the quota.",
        )
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return Trouble(LOCKED, f"{file} is locked by {holder_of(file)}: let it finish, or end it.")
    if isinstance(error, apsw.ReadOnlyError | apsw.PermissionsError | apsw.AuthError) or (
        is_io and number in NO_PERMISSION
    ):
        return Trouble(
            READ_ONLY,
            f"{file} cannot be written, it is read-only: give this user the right to write in {file.parent},"
            " or mount it writable.",
        )
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return Trouble(
            DAMAGED,
            f"{file} is damaged ({said}): stop the server, then `threadline check` says where, and"
            f" `threadline restore` brings a backup back.",
        )
    if is_io:
        return Trouble(
            DISK_ERROR, f"{file} cannot be used, the disk fails: {said}. Look at the system's log."
        )
    return None


def holder_of(file: Path) -> str:
    """The program that holds a write lock on the database `file`, as far as the system tells.

    Source: proc_locks(5). A lock within another container, or of an open file description, has no process there.
    """
    try:
        nodes = {str(path.stat().st_ino) for path in (file, Path(f"{file}-shm")) if path.exists()}
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            words = line.split()
            if words[1] == "->" or words[3] != "WRITE" or words[5].rpartition(":")[2] not in nodes:
                continue
            if int(words[4]) > 0:
                name = Path(f"/proc/{words[4]}/comm").read_text(encoding="utf-8").strip()
                return f"another program, {name} (process {words[4]})"
    except (OSError, IndexError, ValueError):
        pass
    return "another program"


class WriteHealth:
    """Whether the database `file` can be written. `reason` says why not; `on_change` is called when it changes.

    `probe` is called a second after a failed attempt, to make another.
    """

    def __init__(
        self, file: Path, on_change: Callable[[str | None], None], probe: Callable[[], None]
    ) -> None:
        self.reason: str | None = None
        self._file = file
        self._on_change = on_change
        self._probe = probe
        self._errors = Limited(log.error)
        self._recoveries = Limited(log.warning)
        self._probing: asyncio.TimerHandle | None = None
        self._first_good: int | None = None

    def explain(self, error: BaseException, system_errno: int = 0, count: int = 1) -> BaseException:
        """The error for the callers of `count` units that failed with `error`. A reason of the disk is logged."""
        trouble = trouble_of(error, self._file, system_errno)
        if trouble is None:
            return error
        self._errors.say(trouble.reason, trouble.line, count)
        self._first_good = None
        if self.reason != trouble.reason:
            self.reason = trouble.reason
            self._on_change(self.reason)
        self._schedule_probe()
        unavailable = Unavailable(trouble.line)
        unavailable.__cause__ = error
        return unavailable

    def committed(self, batch: int) -> None:
        """Note that the batch of this number was written."""
        if self.reason is not None and self._first_good is None:
            self._first_good = batch

    def durable(self, batch: int) -> None:
        """End the trouble if the first batch that was written after it is durable."""
        if self._first_good is None or batch < self._first_good or self.reason is None:
            return
        self._first_good = None
        if self.reason == DISK_FULL and not _has_room(self._file.parent):
            self._schedule_probe()
            return
        count = self._errors.left_out(self.reason)
        more = f" ({count:,} more requests were refused)" if count else ""
        self._recoveries.say("", f"{self._file} can be written again{more}")
        self.reason = None
        self._on_change(None)
        self.close()

    def close(self) -> None:
        """Cancel the next attempt."""
        if self._probing is not None:
            self._probing.cancel()
            self._probing = None

    def _schedule_probe(self) -> None:
        if self._probing is None:
            self._probing = asyncio.get_running_loop().call_later(PROBE_SECONDS, self._probe_again)

    def _probe_again(self) -> None:
        self._probing = None
        self._probe()


def _has_room(folder: Path) -> bool:
    """Whether the disk has room for more than a few messages. On a full disk a small write may still succeed."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return True
    return disk.f_blocks == 0 or disk.f_bavail * disk.f_frsize >= ROOM_BYTES_MIN
