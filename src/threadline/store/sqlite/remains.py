"""The remains of deleted content in the files of a SQLite database, and their removal in small steps.

A deleted row leaves copies. The index of words keeps the terms of a deleted row until its segments are merged. The WAL
keeps earlier states of pages until it is overwritten. And a page whose rows were moved keeps old bytes between the
directory of its rows and the rows, also with `secure_delete`: SQLite's `rebuildPage` does not clear them.

These unused bytes are cleared in the file itself, behind SQLite's back: no row lies there in the file's state of the
page, so no reader notices. The caller's transaction keeps writers away, and the lock of the checkpoints keeps them from
replacing the page. The writer's cached pages are dropped, since it would write the old bytes again.
"""

import os
from pathlib import Path
from typing import NamedTuple

import apsw

from threadline.store.sqlite.checkpoints import Checkpoints

MERGED_PAGES = 64
"""Pages of the index that one step merges: it takes some three milliseconds."""

SCANNED_PAGES = 256
"""Pages of the file that one step looks at: it takes one millisecond."""

PASSES_MAX = 4
"""The most passes over the file. A pass that has cleared bytes is followed by one that looks for them again."""

FILE_PAGES_MAX = 1 << 24
"""Pages (64 GB) up to which the first byte of a page tells its kind: other pages begin with the number of a page."""

MERGE = "INSERT INTO item_words (item_words, rank) VALUES ('merge', ?)"
HEADERS = {2: 12, 5: 12, 10: 8, 13: 8}
"""The length of a b-tree page's header by its first byte. Source: sqlite.org/fileformat2.html, b-tree pages."""

FILE_HEADER = 100


class Reached(NamedTuple):
    """The state after a step: of the stage `log` the request, of `pages` the next page and the bytes cleared so far."""

    stage: str
    passes: int = 0
    request: str = ""
    page: int = 1
    cleared: int = 0

    def written(self) -> str:
        """The state as text."""
        return " ".join(map(str, self))

    @classmethod
    def read(cls, text: str) -> "Reached":
        """The state that `written` has written."""
        stage, passes, request, page, cleared = text.split(" ")
        return cls(stage, int(passes), request, int(page), int(cleared))


class Remains:
    """Removes remains from the database `file`, over the connection that writes.

    Without `checkpoints` the files of the database have no names, and nothing of them outlives the process.
    """

    def __init__(self, file: Path, writer: apsw.Connection, checkpoints: Checkpoints | None) -> None:
        self._file = file
        self._writer = writer
        self._checkpoints = checkpoints
        self._fd: int | None = None

    def remove(self, cursor: apsw.Cursor, reached: str | None) -> str | None:
        """Do the next step after the state `reached`, None at first. Return the new state, None when all is done."""
        following = self._step(cursor, self._checkpoints, Reached.read(reached) if reached else None)
        return following.written() if following else None

    def close(self) -> None:
        """Let go of the file. To close it earlier would release the locks that SQLite holds on it in this process."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _step(
        self, cursor: apsw.Cursor, checkpoints: Checkpoints | None, reached: Reached | None
    ) -> Reached | None:
        if reached is None:
            cursor.execute(MERGE, (-MERGED_PAGES,))  # a negative number begins to merge all segments into one
            return Reached("merge")
        if reached.stage == "merge":
            before = self._writer.total_changes()
            cursor.execute(MERGE, (MERGED_PAGES,))
            if self._writer.total_changes() - before > 1:
                return reached
            return Reached("log", request=checkpoints.request_truncation()) if checkpoints else None
        if checkpoints is None:
            return None
        if reached.stage == "pages":
            return self._clear_pages(checkpoints, reached)
        if checkpoints.has_truncated(reached.request):
            return Reached("pages", reached.passes)
        if checkpoints.knows(reached.request):
            return reached
        return reached._replace(request=checkpoints.request_truncation())  # that process has ended

    def _clear_pages(self, checkpoints: Checkpoints, reached: Reached) -> Reached | None:
        """Clear the unused bytes of some pages."""
        self._writer.release_memory()
        with checkpoints.held_up() as is_held_up:
            if not is_held_up:
                return reached
            count, size = (int(str(self._writer.pragma(name))) for name in ("page_count", "page_size"))
            end = min(reached.page + SCANNED_PAGES, count + 1, FILE_PAGES_MAX)
            cleared = reached.cleared + self._clear(reached.page, end, size)
        if end > reached.page:
            return reached._replace(page=end, cleared=cleared)
        passes = reached.passes + 1
        if not cleared or passes == PASSES_MAX:
            return None
        return Reached("log", passes, checkpoints.request_truncation())

    def _clear(self, first: int, end: int, size: int) -> int:
        """Clear the unused bytes of the pages from `first` to before `end`, and return how many were not zero."""
        if self._fd is None:
            self._fd = os.open(self._file, os.O_RDWR)
        cleared = 0
        read = os.pread(self._fd, (end - first) * size, (first - 1) * size)
        for at in range(0, len(read) - size + 1, size):
            page = read[at : at + size]
            start, stop = unused(page, FILE_HEADER if first == 1 and at == 0 else 0)
            remains = page[start:stop].rstrip(b"\0")
            if remains:
                os.pwrite(self._fd, bytes(len(remains)), (first - 1) * size + at + start)
                cleared += len(remains)
        return cleared


def unused(page: bytes, offset: int) -> tuple[int, int]:
    """The bytes of a b-tree page between the directory of its rows and the first row; none of another page."""
    length = HEADERS.get(page[offset])
    if length is None:
        return 0, 0
    count = int.from_bytes(page[offset + 3 : offset + 5], "big")
    content = int.from_bytes(page[offset + 5 : offset + 7], "big") or 65_536
    start = offset + length + 2 * count
    return (start, content) if start <= content <= len(page) else (0, 0)
