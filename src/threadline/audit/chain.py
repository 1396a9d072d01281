"""A chain of lines in files. Each line holds its number, the hash of the line before it, and its own.

A process writes one chain, and several processes write several chains into the same folder. Chain 1 has the files
`chain-1-DAY-NUMBER.jsonl`, named after the number of their first line, and `chain-1.head`: the number and the hash of
its last line, written after each line. So lines that are cut off at the end are missed.
"""

import errno
import fcntl
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from threadline.jsontext import decode

FILE_BYTES_MAX = 64 * 1024 * 1024
"""A file that has as many bytes is followed by another; so is the file of a day that is over, by UTC."""
CHAINS_MAX = 1_000
DAY_MS = 86_400_000
TAIL_BYTES = 262_144
"""More than a line can have."""
NO_HASH = "0" * 64
STARTED, RESUMED = "AuditStarted", "AuditResumed"
"""The events of lines that the chain writes itself: when a process takes it over, and after a line that failed."""

FILE = re.compile(r"chain-(?P<chain>[0-9]+)-(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})-(?P<number>[0-9]{12})\.jsonl")
LINK = re.compile(
    rb',"additionalEventData":\{"chain":"(?P<chain>[0-9]+)","number":(?P<number>[0-9]{1,15}),'
    rb'"previousHash":"(?P<previous>[0-9a-f]{64})"(?P<own>,"hash":"(?P<hash>[0-9a-f]{64})"\}\})'
)
encode = msgspec.json.Encoder().encode


class Head(NamedTuple):
    """The number and the hash of a line."""

    number: int
    hash: str


class Link(NamedTuple):
    """A line's place in its chain. `is_whole` says whether its text has the hash that the line holds."""

    chain: str
    number: int
    previous: str
    hash: str
    is_whole: bool

    @property
    def head(self) -> Head:
        """The number and the hash."""
        return Head(self.number, self.hash)


def read_link(line: bytes) -> Link | None:
    """The place of a line without its line end; None for text that is no line of a chain."""
    at = line.rfind(b',"additionalEventData":')
    found = LINK.fullmatch(line, at) if at > 0 else None
    if found is None:
        return None
    own = found["hash"].decode()
    is_whole = sha256(line[: found.start("own")]).hexdigest() == own
    return Link(found["chain"].decode(), int(found["number"]), found["previous"].decode(), own, is_whole)


def files_of(folder: Path, chain: str) -> list[Path]:
    """The files of a chain, in order."""
    named = [(FILE.fullmatch(file.name), file) for file in folder.glob(f"chain-{chain}-*.jsonl")]
    return [file for _, file in sorted((int(found["number"]), file) for found, file in named if found)]


def head_file(folder: Path, chain: str) -> Path:
    """The file that holds the number and the hash of a chain's last line."""
    return folder / f"chain-{chain}.head"


def read_head(file: Path) -> Head | None:
    """The content of a head's file; None when there is none, or none that can be read."""
    try:
        found = decode(file.read_text(encoding="utf-8"))
        return Head(int(found["number"]), str(found["hash"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None


@lru_cache(maxsize=8)
def second(at: int) -> str:
    """A time in seconds since 1970, as events have it."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


class Chain:
    """The chain that this process writes, from its making to `close`.

    It continues the first chain of the folder that no other process writes. Lines that were added are written together
    by `flush`. Raises OSError when the folder cannot be used.
    """

    def __init__(self, folder: Path, now_ms: int, *, bytes_max: int = FILE_BYTES_MAX) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._lost = 0
        self._partial = 0
        self._file = -1
        self._day, self._bytes = -1, 0
        self._lines: list[bytes] = []
        self._last = self._written = Head(0, NO_HASH)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._head, self.name = _locked_head(folder)
        try:
            self._continue(now_ms)
        except OSError:
            self._close_files()
            raise

    def add(self, event: Mapping[str, Any] | msgspec.Raw) -> None:
        """Make an event the chain's next line. `flush` writes it."""
        number, previous = self._last
        body = b'%b,"additionalEventData":{"chain":"%b","number":%d,"previousHash":"%b"' % (
            encode(event)[:-1],
            self.name.encode(),
            number + 1,
            previous.encode(),
        )
        own = sha256(body).hexdigest()
        self._lines.append(b'%b,"hash":"%b"}}\n' % (body, own.encode()))
        self._last = Head(number + 1, own)

    def flush(self, now_ms: int) -> None:
        """Write the lines that were added. Raises OSError when they cannot be written: then they are lost.

        The next lines that can be written tell how many were lost.
        """
        lines, count, before = self._lines, len(self._lines), self._written.number
        try:
            if self._bytes >= self._bytes_max or now_ms // DAY_MS != self._day:
                self._next_file(now_ms // DAY_MS)
            if self._lost or self._partial:
                lines = self._behind_a_mark(RESUMED, now_ms)
            self._write(b"".join(lines))
        except OSError:
            self._lost += max(0, count - (self._written.number - before))
            self._lines, self._last = [], self._written
            raise

    def sync(self) -> None:
        """Have the disk keep all lines that are written."""
        os.fsync(self._file)
        os.fsync(self._head)

    def close(self) -> None:
        """Sync and let go of the chain."""
        try:
            self.sync()
        finally:
            self._close_files()

    def _close_files(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        os.close(self._head)

    def _continue(self, now_ms: int) -> None:
        """Find the end of the chain, open its file and write that this process goes on with it."""
        files = files_of(self._folder, self.name)
        found_head = read_head(head_file(self._folder, self.name))
        last = Head(0, NO_HASH)
        for file in reversed(files):
            found, partial = _end_of(file)
            self._partial = self._partial or partial
            if found is not None:
                last = found
                break
        self._last = self._written = max(last, found_head or last, key=lambda head: head.number)
        if files:
            named = FILE.fullmatch(files[-1].name)
            self._file = _opened(files[-1])
            self._day, self._bytes = _day_of(named["day"]) if named else -1, files[-1].stat().st_size
        if self._bytes >= self._bytes_max or now_ms // DAY_MS != self._day:
            self._next_file(now_ms // DAY_MS)
        is_headless = found_head is None and last.number > 0
        self._write(b"".join(self._behind_a_mark(STARTED, now_ms, is_headless=is_headless)))

    def _behind_a_mark(self, name: str, now_ms: int, *, is_headless: bool = False) -> list[bytes]:
        """The lines that were added, behind a line of the chain's own, which tells of lines that are lost or broken."""
        details = {
            "partialBytes": self._partial,
            "lostLines": self._lost,
            "headMissing": is_headless,
            "processId": os.getpid(),
        }
        mark = {
            "eventVersion": "1.11",
            "userIdentity": {"type": "AWSService", "invokedBy": "threadline"},
            "eventTime": second(now_ms // 1000),
            "eventSource": "threadline",
            "eventName": name,
            "serviceEventDetails": details,
            "readOnly": False,
            "eventType": "AwsServiceEvent",
            "managementEvent": True,
            "eventCategory": "Management",
        }
        ending = [b"\n"] if self._partial and self._bytes else []
        events = [line[: line.rindex(b',"additionalEventData":')] + b"}" for line in self._lines]
        self._lines, self._last = [], self._written
        self.add(mark)
        for event in events:
            self.add(msgspec.Raw(event))
        return [*ending, *self._lines]

    def _write(self, data: bytes) -> None:
        written = os.write(self._file, data)
        if written < len(data):
            self._take_back(written)
            raise OSError(errno.ENOSPC, "the disk is full", str(self._folder))
        self._bytes += written
        self._written = self._last
        self._lines, self._lost, self._partial = [], 0, 0
        os.pwrite(self._head, _head_text(*self._last), 0)

    def _take_back(self, written: int) -> None:
        """Remove the part of the lines that was written; keep it where the file only allows appending."""
        try:
            os.ftruncate(self._file, self._bytes)
        except OSError:
            self._bytes += written
            found, self._partial = _end_of(files_of(self._folder, self.name)[-1])
            self._written = found or self._written

    def _next_file(self, day: int) -> None:
        at = datetime.fromtimestamp(day * 86_400, UTC)
        name = f"chain-{self.name}-{at:%Y-%m-%d}-{self._written.number + 1:012}.jsonl"
        opened = _opened(self._folder / name)
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
        self._file, self._day, self._bytes = opened, day, os.fstat(opened).st_size


def _head_text(number: int, own: str) -> bytes:
    """As long for every number, so that it is written in place."""
    return b'{"number":%15d,"hash":"%b"}\n' % (number, own.encode())


def _locked_head(folder: Path) -> tuple[int, str]:
    """The head of the first chain that no process writes, open and locked, and the chain's name."""
    for number in range(1, CHAINS_MAX):
        opened = os.open(head_file(folder, str(number)), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(opened)
        else:
            return opened, str(number)
    raise OSError(errno.EAGAIN, f"{CHAINS_MAX - 1} processes write to it already", str(folder))


def _opened(file: Path) -> int:
    return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _day_of(text: str) -> int:
    """The number of a day since 1970; -1 for none."""
    try:
        return int(datetime.fromisoformat(f"{text}T00:00:00+00:00").timestamp()) // 86_400
    except ValueError:
        return -1


def _end_of(file: Path) -> tuple[Head | None, int]:
    """The last whole line of a file, and the bytes behind the last line end."""
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - TAIL_BYTES))
        lines = opened.read().split(b"\n")
    links = [link for line in reversed(lines[:-1]) if (link := read_link(line)) is not None and link.is_whole]
    return (links[0].head if links else None), len(lines[-1])
