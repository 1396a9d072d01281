"""Checks the files of an audit: whether a line was changed, removed, put elsewhere or cut off at the end.

Each line has its number, the hash of the line before it and its own. So a changed line has another hash, a removed one
leaves a gap in the numbers, and the head of a chain says how far it went. Lines that a killed server did not finish are
known by the line after them, which gives their bytes.

A user who may write the folder can write a chain anew, hashes and head included. Only an anchor that is kept elsewhere,
the number and hash of a line, shows that.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from threadline.audit.chain import (
    FILE,
    NO_HASH,
    RESUMED,
    STARTED,
    Head,
    Link,
    files_of,
    head_file,
    read_head,
    read_link,
)

LINE_BYTES_MAX = 1_048_576
HEAD = re.compile(r"chain-(?P<chain>[0-9]+)\.head")


class AuditAnchor(NamedTuple):
    """A line that was there once: its chain, number and hash."""

    chain: str
    number: int
    hash: str

    @classmethod
    def read(cls, text: str) -> "AuditAnchor":
        """The anchor in `CHAIN:LINE:HASH`. Raises ValueError."""
        found = re.fullmatch(r"([0-9]+):([0-9]{1,15}):([0-9a-f]{64})", text)
        if found is None:
            raise ValueError(
                f"{text!r} is no anchor: write CHAIN:LINE:HASH, as `threadline audit verify` prints it"
            )
        return cls(found[1], int(found[2]), found[3])

    def __str__(self) -> str:
        return f"{self.chain}:{self.number}:{self.hash}"


@dataclass
class Report:
    """The result of a check. `findings` say what is wrong, `notes` what happened without being wrong."""

    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ends: list[AuditAnchor] = field(default_factory=list)
    files: int = 0
    lines: int = 0


def verify(target: Path, anchors: Sequence[AuditAnchor] = (), *, is_part: bool = False) -> Report:
    """Check a folder, or one file of it alone. With `is_part` the first lines may be elsewhere.

    Raises OSError for files that cannot be read.
    """
    report = Report()
    if target.is_dir():
        chains = {found["chain"] for file in target.iterdir() if (found := _named(file))}
        heads = {
            chain: read_head(head_file(target, chain)) for chain in chains
        }  # before the files, which grow
        for chain in sorted(chains, key=int):
            check = _Check(report, chain, _wanted(anchors, chain), is_part=is_part)
            check.run(files_of(target, chain), heads[chain], has_head=True)
    else:
        named = FILE.fullmatch(target.name)
        chain = named["chain"] if named else ""
        _Check(report, chain, _wanted(anchors, chain), is_part=True).run([target], None, has_head=False)
    known = {end.chain for end in report.ends}
    for anchor in anchors:
        if anchor.chain not in known:
            report.findings.append(f"chain {anchor.chain}, of which an anchor is given, is not here")
    return report


def _named(file: Path) -> re.Match[str] | None:
    return FILE.fullmatch(file.name) or HEAD.fullmatch(file.name)


def _wanted(anchors: Sequence[AuditAnchor], chain: str) -> dict[int, str]:
    return {anchor.number: anchor.hash for anchor in anchors if anchor.chain == chain}


class _Broken(NamedTuple):
    """A line that has not the hash that it holds, or none. `is_complete` says whether it has a line end."""

    place: str
    line: bytes
    is_complete: bool


class _Check:
    """The check of one chain, line after line. `_last` is the line before, None where it is not known."""

    def __init__(self, report: Report, chain: str, anchors: dict[int, str], *, is_part: bool) -> None:
        self._report = report
        self._chain = chain
        self._anchors = anchors
        self._is_part = is_part
        self._last: Head | None = None
        self._broken: _Broken | None = None

    def run(self, files: Sequence[Path], head: Head | None, *, has_head: bool) -> None:
        """Check all lines of the files, then the end against the head and the anchors."""
        wanted = dict(self._anchors)
        if head is not None and head.number:
            wanted.setdefault(head.number, head.hash)
        for file in files:
            self._report.files += 1
            for place, line, is_complete in _lines(file):
                self._line(_Broken(place, line, is_complete), wanted)
        self._end(head, has_head=has_head)
        for number in sorted(set(wanted) & set(self._anchors)):
            self._finding(f"line {number:,} of chain {self._chain}, of which an anchor is given, is not here")

    def _finding(self, text: str) -> None:
        self._report.findings.append(text)

    def _line(self, read: _Broken, wanted: dict[int, str]) -> None:
        link = read_link(read.line)
        if link is None or not link.is_whole or (self._chain and link.chain != self._chain):
            self._break_off(None)
            self._broken = read
            return
        self._report.lines += 1
        self._explain(link, _details(read.line))
        if wanted.pop(link.number, link.hash) != link.hash:
            self._finding(f"{read.place}: line {link.number:,} was replaced by another")
        self._follow(read.place, link)
        self._last = link.head

    def _explain(self, link: Link, details: Mapping[str, Any]) -> None:
        """Say what the chain itself tells: of a line that broke off, of lines that were lost, of a missing head."""
        partial = details.get("partialBytes")
        if partial and self._broken is not None and partial == len(self._broken.line):
            self._report.notes.append(
                f"{self._broken.place}: the server was stopped while it wrote this line; it went on with line"
                f" {link.number:,}"
            )
            self._broken = None
        self._break_off(link)
        if details.get("lostLines"):
            self._report.notes.append(
                f"chain {link.chain}: calls that could not be written before line {link.number:,}, as when a disk is"
                f" full: {details['lostLines']:,}"
            )
        if details.get("headMissing"):
            self._finding(
                f"chain {link.chain} had no head when the server started with line {link.number:,}: lines before it may"
                " have been cut off"
            )

    def _break_off(self, following: Link | None) -> None:
        """Report the broken line, which nothing explains: it was changed, or added before `following`."""
        if self._broken is None:
            return
        place, line, _ = self._broken
        self._broken = None
        number = self._last.number + 1 if self._last else 0
        if following is not None and following.number <= number:
            self._finding(f"{place}: this line was added or changed: it has not the hash that it should have")
            return
        self._finding(
            f"{place}: line {number:,} was changed" if number else f"{place}: this line was changed"
        )
        link = read_link(line)
        is_known = link is not None and link.number == number
        if self._last is not None:
            self._last = Head(number, link.hash if link is not None and is_known else "")

    def _follow(self, place: str, link: Link) -> None:
        """Compare a line with the one before it."""
        if self._last is None:
            self._begin(place, link)
            return
        number, own = self._last
        if link.number > number + 1:
            self._finding(f"{place}: {_missing(number + 1, link.number - 1)} before this line")
        elif link.number <= number:
            self._finding(
                f"{place}: line {link.number:,} is not in its place: it stands behind line {number:,}"
            )
        elif own and link.previous != own:
            self._finding(f"{place}: line {number:,}, before this one, was replaced by another")

    def _begin(self, place: str, link: Link) -> None:
        if link.number > 1 and not self._is_part:
            self._finding(
                f"{place}: {_missing(1, link.number - 1)} before this line. If you moved older files away, check with"
                " --part"
            )
        elif link.number == 1 and link.previous != NO_HASH:
            self._finding(f"{place}: line 1 names a line before it")

    def _end(self, head: Head | None, *, has_head: bool) -> None:
        last = self._last or Head(0, "")
        if self._broken is not None and not self._broken.is_complete and (head or last).number <= last.number:
            self._report.notes.append(
                f"{self._broken.place}: the last line is not complete: the server was stopped while it wrote it, or"
                " writes it now"
            )
            self._broken = None
        self._break_off(None)
        last = self._last or Head(0, "")
        if has_head and head is None and last.number:
            self._finding(
                f"chain-{self._chain}.head is missing: lines may be cut off at the end of chain {self._chain}"
            )
        elif head is not None and head.number > last.number:
            self._finding(f"chain {self._chain}: {_missing(last.number + 1, head.number)} at the end")
        if last.number:
            self._report.ends.append(AuditAnchor(self._chain, *last))


def _lines(file: Path) -> Iterator[tuple[str, bytes, bool]]:
    """The lines of a file with their place. An endless line comes in pieces, none of which is whole."""
    with file.open("rb") as opened:
        number = 0
        while line := opened.readline(LINE_BYTES_MAX):
            number += 1
            yield f"{file.name}:{number}", line.removesuffix(b"\n"), line.endswith(b"\n")


def _details(line: bytes) -> Mapping[str, Any]:
    """The details of a line of the chain's own; empty for any other."""
    if b'"AwsServiceEvent"' not in line:
        return {}
    event = msgspec.json.decode(line)
    if event.get("eventName") not in (STARTED, RESUMED):
        return {}
    details: Mapping[str, Any] = event["serviceEventDetails"]
    return details


def _missing(first: int, last: int) -> str:
    return f"line {first:,} is missing" if first == last else f"lines {first:,} to {last:,} are missing"
