"""The files of an import: one file, or all of a folder, each by its name and size and read when its turn comes."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from threadline.client.failures import Failure


class SourceFile(NamedTuple):
    """A file to import: the name to report it by, its own name, its size, and the function that reads it."""

    shown: str
    name: str
    size: int
    read: Callable[[], bytes]


def files_of(place: str) -> Iterator[SourceFile]:
    """The regular files of a file or folder in the order of their names. Raises Failure when there is none."""
    path = Path(place)
    try:
        kind = path.stat()
    except (OSError, ValueError) as error:
        raise Failure(f"{place!r} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if stat.S_ISDIR(kind.st_mode):
        yield from _files_below(path)
    elif stat.S_ISREG(kind.st_mode):
        yield _file(path, kind.st_size)
    else:
        raise Failure(f"{place!r} is neither a file nor a folder.")


def _file(path: Path, size: int) -> SourceFile:
    return SourceFile(str(path), path.name, size, path.read_bytes)


def _files_below(folder: Path) -> Iterator[SourceFile]:
    """The files of a folder and those below it. Links to folders are not followed, so no path leads in a circle."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise Failure(f"The folder {str(folder)!r} cannot be read: {error.strerror}.") from None
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(Path(entry.path))
        elif entry.is_file() and not entry.name.startswith("."):
            yield _file(Path(entry.path), entry.stat().st_size)
