"""A disk that can be full: a small file system in memory where one may mount, else a bound on the size of files.

With the bound the system refuses to make a file longer, as on a full disk, but says EFBIG and not ENOSPC. It keeps what
is written within a file either way.
"""

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

SIZE_BYTES = 64 << 20


class Disk(Protocol):
    """A folder on a disk of its own."""

    folder: Path

    def fill(self, left: int, writer: int) -> None:
        """Leave room for so many bytes. `writer` is the process that writes."""

    def free(self) -> None:
        """Make room again."""


class MountedDisk:
    """A file system in memory, and a file that takes up its room."""

    def __init__(self, mount: Path) -> None:
        self.folder = mount / "data"
        self._ballast = mount / "ballast"

    def fill(self, left: int, writer: int) -> None:
        with self._ballast.open("wb") as ballast:
            while (more := shutil.disk_usage(self.folder).free - left) > 0:
                with contextlib.suppress(OSError):  # the server was quicker
                    os.posix_fallocate(ballast.fileno(), os.fstat(ballast.fileno()).st_size, more)

    def free(self) -> None:
        self._ballast.unlink()


class BoundedDisk:
    """A bound on how long the writer's files may become."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"
        self._writer = 0

    def fill(self, left: int, writer: int) -> None:
        self._writer = writer
        self._bound(left + max(file.stat().st_size for file in self.folder.iterdir()))

    def free(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # killed: the next one has no bound
            self._bound(resource.RLIM_INFINITY)

    def _bound(self, size: int) -> None:
        resource.prlimit(self._writer, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A disk whose data are in a folder below `folder`."""
    folder.mkdir()
    mounted = subprocess.run(  # for root alone, and not everywhere
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "threadline-attack", folder],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        yield BoundedDisk(folder)
        return
    try:
        yield MountedDisk(folder)
    finally:
        subprocess.run(["umount", folder], check=True)
