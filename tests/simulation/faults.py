"""Faults of a disk: it fails, fills up or loses power.

The disk is a layer below SQLite (a VFS), so real accesses fail, and the store above it is the real one.
"""

import errno
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import apsw

Trouble = Callable[[], None]


class Disk(apsw.VFS):
    """A disk in the folder `root`. `trouble`, if set, is called before each access, and may raise.

    Writes since a file's last sync are remembered, since a power cut may undo any part of them. The store has several
    threads, so a lock orders the cut and the changes of files: it sees all files at one moment.
    """

    def __init__(self, name: str, root: Path) -> None:
        self.root = root
        self.below = apsw.vfs_names()[0]
        self.trouble: Trouble | None = None
        self.stand: Trouble | None = None
        """Called once, before the next sync beside SQLite, on its thread: a disk that takes its time."""
        self.unsynced: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
        self.changing = threading.Lock()
        super().__init__(name, self.below)
        self.name = name

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "File":  # noqa: N802
        return File(self, name, flags)

    def sync(self, path: str, stand: Trouble | None = None) -> None:
        """Keep the writes to the file so far, as a sync does."""
        written = len(self.unsynced[path])
        if stand is not None:
            stand()
        if self.trouble is not None:
            self.trouble()
        with self.changing:
            del self.unsynced[path][:written]

    def sync_beside(self, path: str) -> None:
        """Sync as the system does for a program that calls fdatasync itself. Raises OSError."""
        stand, self.stand = self.stand, None
        try:
            self.sync(path, stand)
        except apsw.Error as error:
            raise OSError(errno.EIO, str(error)) from error

    def power_cut(self, random: Random, into: Path) -> None:
        """Copy to the folder `into` the files that a machine would find after losing its power now."""
        into.mkdir()
        with self.changing:
            for path in sorted(self.root.iterdir()):
                if path.name.endswith("-shm"):
                    continue
                copy = into / path.name
                shutil.copyfile(path, copy)
                with copy.open("r+b") as file:
                    for offset, before in reversed(self.unsynced[str(path)]):
                        if random.random() < 0.5:
                            file.seek(offset)
                            file.write(before)


class File(apsw.VFSFile):
    """A file of a Disk. Nothing is really synced: the disk simulates the loss of unsynced writes."""

    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__(disk.below, name, flags)
        self.disk = disk
        self.path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        if self.disk.trouble is not None:
            self.disk.trouble()
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        if self.disk.trouble is not None:
            self.disk.trouble()
        with self.disk.changing:
            here = max(0, min(len(data), super().xFileSize() - offset))
            before = super().xRead(here, offset) if here else b""
            self.disk.unsynced[self.path].append((offset, before.ljust(len(data), b"\0")))
            super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self.disk.sync(self.path)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        with self.disk.changing:
            super().xTruncate(size)
            self.disk.unsynced[self.path].clear()


@contextmanager
def on_disk(disk: Disk) -> Iterator[None]:
    """Have every database that is opened meanwhile opened on this disk."""
    apsw.set_default_vfs(disk.name)
    try:
        yield
    finally:
        apsw.set_default_vfs(disk.below)


def failing(first: int, count: int, error: type[Exception]) -> Trouble:
    """A disk whose accesses from the `first` on fail, `count` of them."""
    accesses = 0

    def trouble() -> None:
        nonlocal accesses
        accesses += 1
        if first <= accesses < first + count:
            raise error("the simulated disk")

    return trouble


def once(at: int, action: Callable[[], None]) -> Trouble:
    """Do something right before the disk's access number `at`, counted from 1."""
    accesses = 0

    def trouble() -> None:
        nonlocal accesses
        accesses += 1
        if accesses == at:
            action()

    return trouble
