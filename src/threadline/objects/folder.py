"""Objects as files of a folder. An object is there once its file is renamed to its name, after a sync."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from threadline.objects import Entry, NoObject, Objects, ObjectsFailed, Writer, checked

DRAFTS = ".drafts"
"""The folder of files that are not complete. No key has a part that begins with a full stop."""
CHUNK_BYTES = 262_144
TEMPORARY = "threadline-files-"
"""How the names of temporary folders begin. Only folders that are locked have such a name."""
BUCKET = "threadline"
"""The name of the bucket in replies, where a folder stands for it."""


class FolderObjects(Objects):
    """The objects of a folder. `is_durable` syncs files and folders before an object counts as written.

    A folder with a `lock`, a descriptor, is temporary: it is deleted when it is closed.
    """

    bucket, prefix = BUCKET, ""

    def __init__(self, folder: Path, *, is_durable: bool = True, lock: int | None = None) -> None:
        self.folder: Path = folder
        self._is_durable = is_durable
        self._lock = lock

    @classmethod
    def temporary(cls) -> "FolderObjects":
        """The objects of a new folder of the system's temporary files. It is deleted with them.

        Its process holds a lock on it. Those of processes that were killed have none, and are deleted now.
        """
        _delete_abandoned()
        while True:
            folder = Path(tempfile.mkdtemp(prefix=TEMPORARY))
            lock = _lock(folder)
            if lock is not None and folder.exists():  # another process may have taken it for an abandoned one
                return cls(folder, is_durable=False, lock=lock)

    def writer(self, key: str) -> Writer:
        return _FileWriter(self._file(key), self.folder, is_durable=self._is_durable)

    def read(self, key: str) -> Iterator[bytes]:
        file = self._file(key)
        with _failing(key):
            source = file.open("rb")
        return _pieces(source, key)

    def delete(self, key: str) -> None:
        file = self._file(key)
        with contextlib.suppress(NoObject), _failing(key):
            file.unlink()
            self._sync(file.parent)
        for parent in file.parents:  # folders that are empty now
            if parent == self.folder:
                break
            try:
                parent.rmdir()
            except OSError:
                break

    def list(self, prefix: str = "") -> Iterator[Entry]:
        top = self._file(prefix) if prefix else self.folder
        for place, folders, names in os.walk(top):
            folders[:] = [name for name in folders if name != DRAFTS]
            for name in names:
                file = Path(place, name)
                with contextlib.suppress(FileNotFoundError):
                    found = file.stat()
                    key = file.relative_to(self.folder).as_posix()
                    yield Entry(key, found.st_size, found.st_mtime_ns // 1_000_000)

    def sweep_drafts(self, before: float) -> int:
        count = 0
        with contextlib.suppress(FileNotFoundError):
            for draft in list((self.folder / DRAFTS).iterdir()):
                with contextlib.suppress(FileNotFoundError):
                    if draft.stat().st_mtime < before:
                        draft.unlink()
                        count += 1
        return count

    def close(self) -> None:
        if self._lock is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self._lock)
            self._lock = None

    def _file(self, key: str) -> Path:
        return self.folder / checked(key)

    def _sync(self, folder: Path) -> None:
        if self._is_durable:
            sync_folder(folder)


def _lock(folder: Path) -> int | None:
    """Lock a folder, until the descriptor is closed or its process has ended; None when another process has it."""
    descriptor = None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if descriptor is not None:
            os.close(descriptor)
        return None
    return descriptor


def _delete_abandoned() -> None:
    """Delete the temporary folders of processes that have ended without deleting them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*"):
        if (lock := _lock(folder)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


class _FileWriter(Writer):
    def __init__(self, file: Path, folder: Path, *, is_durable: bool) -> None:
        self._final = file
        self._folder = folder
        self._is_durable = is_durable
        drafts = folder / DRAFTS
        with _failing(file.name):
            drafts.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, name = tempfile.mkstemp(dir=drafts)
            self._draft: Path | None = Path(name)
            self._out = os.fdopen(descriptor, "wb")

    def write(self, data: bytes) -> None:
        with _failing(self._final.name):
            self._out.write(data)

    def commit(self) -> None:
        draft = self._draft
        if draft is None:
            raise ObjectsFailed(f"the object {self._final.name} was written already")
        with _failing(self._final.name):
            self._out.flush()
            if self._is_durable:
                os.fsync(self._out.fileno())
            self._out.close()
            self._place(draft)
            self._draft = None

    def _place(self, draft: Path) -> None:
        """Rename the draft. Another's deletion may take an empty folder away meanwhile, so it is tried again."""
        for _ in range(100):
            made = self._made_folders()
            try:
                draft.rename(self._final)
            except FileNotFoundError:
                continue
            if self._is_durable:
                for folder in made:
                    sync_folder(folder)
            return
        raise ObjectsFailed(f"the folder of {self._final.name} is deleted again and again")

    def _made_folders(self) -> list[Path]:
        """Make the folders of the file. Return those whose entries are new, the file's own first."""
        parent, made = self._final.parent, [self._final.parent]
        while not parent.exists() and parent != self._folder:
            parent = parent.parent
            made.append(parent)
        self._final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return made

    def abort(self) -> None:
        with contextlib.suppress(OSError):
            self._out.close()
        draft, self._draft = self._draft, None
        if draft is not None:
            draft.unlink(missing_ok=True)


@contextlib.contextmanager
def _failing(name: str) -> Iterator[None]:
    """Raise the errors of the file system as ours."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise NoObject(f"there is no object {name}") from None
    except OSError as error:
        raise ObjectsFailed(f"{error.strerror or type(error).__name__} at object {name}") from None


def _pieces(source: BinaryIO, key: str) -> Iterator[bytes]:
    with source, _failing(key):
        while piece := source.read(CHUNK_BYTES):
            yield piece


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. A folder that is gone has none."""
    try:
        fd = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
