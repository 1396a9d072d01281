"""Reasons why nothing can be written: told apart, put into one line that says what to do, and not said too often."""

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
"""Between two attempts to write something, while nothing can be written and perhaps nobody asks for it."""

log = logging.getLogger(__name__)


class Unlinked(OSError):
    """A file of the database has lost its name, or the name belongs to another file."""


class Trouble(NamedTuple):
    """`reason` is one of those above; `line` says to an operator what is wrong with which file, and what to do."""

    reason: str
    line: str


def trouble_of(error: BaseException, file: Path, system_errno: int = 0) -> Trouble | None:
    """The reason why the database `file` cannot be written; None for an error of another kind.

    `system_errno` is what the system said to SQLite last.
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
    """The program that holds a lock for writing on the database `file`, as far as the system tells.

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


class Troubles:
    """The reason why the database `file` cannot be written. `reason` is for `Store.trouble`, `changed` is told of it.

    `probe` is called a second after an attempt that failed, and is to make another.
    """

    def __init__(self, file: Path, changed: Callable[[str | None], None], probe: Callable[[], None]) -> None:
        self.reason: str | None = None
        self._file = file
        self._changed = changed
        self._probe = probe
        self._said = Limited(log.error)
        self._recovered = Limited(log.warning)
        self._probing: asyncio.TimerHandle | None = None
        self._good: int | None = None

    def met(self, error: BaseException, system_errno: int = 0, count: int = 1) -> BaseException:
        """Tell the operator, when that is why `error` kept `count` units from being written; what to tell callers."""
        trouble = trouble_of(error, self._file, system_errno)
        if trouble is None:
            return error
        self._said.say(trouble.reason, trouble.line, count)
        self._good = None
        if self.reason != trouble.reason:
            self.reason = trouble.reason
            self._changed(self.reason)
        self._try_again()
        unavailable = Unavailable(trouble.line)
        unavailable.__cause__ = error
        return unavailable

    def wrote(self, batch: int) -> None:
        """The batch of this number has been committed."""
        if self.reason is not None and self._good is None:
            self._good = batch

    def settled(self, batch: int) -> None:
        """All up to the batch of this number is durable."""
        if self._good is None or batch < self._good or self.reason is None:
            return
        self._good = None
        if self.reason == DISK_FULL and not _has_room(self._file.parent):
            self._try_again()
            return
        count = self._said.left_out(self.reason)
        more = f" ({count:,} more requests were refused)" if count else ""
        self._recovered.say("", f"{self._file} can be written again{more}")
        self.reason = None
        self._changed(None)
        self.close()

    def close(self) -> None:
        """Make no more attempts."""
        if self._probing is not None:
            self._probing.cancel()
            self._probing = None

    def _try_again(self) -> None:
        if self._probing is None:
            self._probing = asyncio.get_running_loop().call_later(PROBE_SECONDS, self._again)

    def _again(self) -> None:
        self._probing = None
        self._probe()


def _has_room(folder: Path) -> bool:
    """Whether the disk has more than a few messages' worth. One write may succeed where the next one does not."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return True
    return disk.f_blocks == 0 or disk.f_bavail * disk.f_frsize >= ROOM_BYTES_MIN
