"""Backups of a data folder: make one while a server runs, verify it, restore it.

A backup is a folder with the database, the workspace file, the attachments and transcript files of the data folder, and
`manifest.json`, which describes it and has the hash of each file. The folder gets its name only once it is complete.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

import apsw
import msgspec

from threadline import __version__, datadir
from threadline.clock import Clock
from threadline.store.checks import content_findings, database_findings, pages_of
from threadline.store.sqlite import copies
from threadline.store.sqlite import progress as progress_file
from threadline.store.sqlite.copies import Progress

MANIFEST = "manifest.json"
FORMAT = 1
CHUNK_BYTES = 1 << 20
DRAFT = "draft-"
"""Prefix of the name of a folder that holds an incomplete backup or restore."""


class BackupRefused(Exception):
    """A backup cannot be made or restored. The text says why and what to do."""


class File(msgspec.Struct, frozen=True):
    """One file of a backup."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """The description of a backup: `format` of this manifest, versions of program and schema, its start, its files."""

    format: int
    threadline: str
    schema: int
    instance_id: str | None
    created: str
    files: dict[str, File]
    counts: dict[str, int]


class Restored(NamedTuple):
    """The restored backup, and the folder with the earlier data, if there was any."""

    manifest: Manifest
    replaced: Path | None


def back_up(folder: Path, to: Path, progress: Progress) -> Manifest:
    """Make the backup `to` of the data folder `folder`, with every commit from before the call.

    Raises BackupRefused when there is nothing to back up or `to` is not empty, apsw.Error and OSError.
    """
    database = _database(folder)
    if what := _loss(database):
        raise BackupRefused(
            f"{what}: a backup would lack it too. `threadline check` says what else is wrong."
        )
    progress = copies.PausingProgress(progress)

    def fill(draft: Path) -> None:
        copies.copy(database, draft / datadir.DATABASE, progress)
        if (folder / datadir.WORKSPACE).exists():
            _copy_file(folder / datadir.WORKSPACE, draft / datadir.WORKSPACE, progress)
        _copy_objects(folder / datadir.OBJECTS, draft / datadir.OBJECTS, progress)

    return _make(to, fill, _iso(Clock().now_ms(), "seconds"), progress)


def save(
    source: apsw.Connection, workspace: dict[str, Any], objects: Path | None, to: Path, now_ms: int
) -> Manifest:
    """Make the backup `to` of the database that `source` reads, which may have no name in any folder.

    `objects` is the folder with the files of its chats, if they are in a folder.
    Raises BackupRefused when `to` is not empty or the database cannot be read, and OSError.
    """

    def fill(draft: Path) -> None:
        try:
            copies.copy_at_once(source, draft / datadir.DATABASE)
        except apsw.Error as error:
            raise BackupRefused(f"The database cannot be copied: {error}") from error
        datadir.write_private(draft / datadir.WORKSPACE, workspace)
        if objects is not None:
            _copy_objects(objects, draft / datadir.OBJECTS, _no_progress)

    return _make(to, fill, _iso(now_ms, "milliseconds"), _no_progress)


def _make(to: Path, fill: Callable[[Path], None], created: str, progress: Progress) -> Manifest:
    """Make the backup `to` of the files that `fill` puts into a folder."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise BackupRefused(
            f"{to} is there already and not empty: a backup needs a folder of its own. Name a new one."
        )
    to.parent.mkdir(parents=True, exist_ok=True)
    if to.is_mount():
        raise BackupRefused(f"{to} is where a disk is mounted, and cannot be made anew: name a folder in it.")
    draft = Path(tempfile.mkdtemp(prefix=f"{to.name}.{DRAFT}", dir=to.parent))
    try:
        fill(draft)
        manifest = _manifest(draft, created, progress)
        datadir.write_private(draft / MANIFEST, msgspec.to_builtins(manifest))
        _sync_folders(draft)
        try:
            draft.rename(to)
        except OSError as error:
            raise BackupRefused(
                f"The backup cannot be called {to}: {error.strerror}. Name a new folder."
            ) from error
        datadir.sync_folder(to.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def restore(backup: Path, folder: Path, progress: Progress, *, replaces: bool = False) -> Restored:
    """Restore `backup` into the data folder `folder`.

    An interrupted restore leaves the earlier data, or a folder from which the next start of a server completes it. With
    `replaces`, earlier data is moved to a folder beside it. Raises BackupRefused, `datadir.Taken` while a server uses
    the folder, apsw.Error and OSError.
    """
    manifest = manifest_of(backup)
    if backup.resolve() == folder.resolve():
        raise BackupRefused(
            f"{backup} is the backup itself: a server needs a data folder of its own. Name another --data."
        )
    for finding in chain(file_findings(backup, manifest, progress), _integrity(backup, progress)):
        raise BackupRefused(f"The backup {backup} is not as it was made, and nothing is restored: {finding}.")
    if manifest.schema > copies.newest_schema():
        raise BackupRefused(
            f"The backup {backup} was made by a newer Threadline ({manifest.threadline}): restore it with that one."
        )
    with contextlib.closing(_Lock(folder)):
        if not replaces and (there := _held(folder)):
            raise BackupRefused(
                f"{folder} holds data already ({', '.join(there)}). With --replace it is moved aside, and kept."
            )
        for left in folder.glob(f"{DRAFT}*"):
            shutil.rmtree(left)
        stamp = _stamp(folder)
        draft = folder / f"{DRAFT}{stamp}"
        try:
            draft.mkdir(mode=0o700)
            for name in manifest.files:
                (draft / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                if _copy_file(backup / name, draft / name, progress) != manifest.files[name]:
                    raise BackupRefused(
                        f"{backup / name} changed while it was restored, and nothing is restored."
                    )
            _sync_folders(draft)
            draft.rename(folder / f"{datadir.RESTORING}{stamp}")
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        datadir.sync_folder(folder)
        datadir.finish_restoring(folder)
    replaced = folder / f"{datadir.REPLACED}{stamp}"
    return Restored(manifest, replaced if replaced.exists() else None)


def manifest_of(backup: Path) -> Manifest:
    """The manifest of a backup. Raises BackupRefused when `backup` is no backup or cannot be read."""
    file = backup / MANIFEST
    try:
        content = file.read_bytes()
        if json.loads(content)["format"] > FORMAT:
            raise BackupRefused(f"The backup {backup} was made by a newer Threadline: use that one.")
        manifest = msgspec.json.decode(content, type=Manifest)
    except FileNotFoundError:
        if not backup.exists():
            raise BackupRefused(f"There is no backup {backup}.") from None
        raise BackupRefused(f"{backup} is no backup: it has no {MANIFEST}.") from None
    except NotADirectoryError:
        raise BackupRefused(f"{backup} is no backup: a backup is a folder, and this is a file.") from None
    except (OSError, ValueError, KeyError, TypeError, msgspec.DecodeError) as error:
        raise BackupRefused(f"{file} cannot be read: {error}.") from error
    if datadir.DATABASE not in manifest.files or not all(map(_is_known, manifest.files)):
        raise BackupRefused(
            f"{file} lists {', '.join(manifest.files) or 'no files'}: no backup of a data folder."
        )
    return manifest


def _is_known(name: str) -> bool:
    """Whether a name in a manifest is of a file that a backup has, within its folder."""
    first, *others = name.split("/")
    if not others:
        return name in (datadir.DATABASE, datadir.WORKSPACE)
    return first == datadir.OBJECTS and not any(part.startswith(".") or not part for part in others)


def file_findings(backup: Path, manifest: Manifest, progress: Progress) -> Iterator[str]:
    """The files of a backup that differ from its manifest, one sentence each."""
    for name, expected in manifest.files.items():
        try:
            found = _file(backup / name, progress)
        except FileNotFoundError:
            yield f"{name} is not there"
        except OSError as error:
            yield f"{name} cannot be read: {error.strerror}"
        else:
            if found.size != expected.size:
                yield f"{name} has {found.size:,} bytes, the manifest says {expected.size:,}"
            elif found.sha256 != expected.sha256:
                yield f"{name} has other content than the manifest says (SHA-256 {found.sha256})"


def check(folder: Path, counts: dict[str, int], progress: Progress) -> Iterator[str]:
    """The faults of a data folder or a backup, one sentence each. Fills `counts` with the rows checked.

    Raises BackupRefused when `folder` is neither, apsw.Error and OSError.
    """
    manifest = manifest_of(folder) if (folder / MANIFEST).exists() else None
    if manifest is not None:
        counts["files"] = len(manifest.files)
        yield from file_findings(folder, manifest, progress)
        if not (folder / datadir.DATABASE).exists():
            return
    elif what := _loss(folder / datadir.DATABASE):
        yield what
        if not (folder / datadir.DATABASE).exists():
            return
    with copies.reading(_database(folder), is_at_rest=manifest is not None) as connection:
        is_readable = True
        for finding in database_findings(connection, progress):
            is_readable = False
            yield finding
        if not is_readable:
            return
        yield from _workspace_findings(folder, connection, needs_one=manifest is None)
        yield from content_findings(pages_of(connection), counts, progress)
        if manifest is not None:
            for what, expected in manifest.counts.items():
                if counts.get(what, expected) != expected:
                    yield f"the backup holds {counts[what]:,} {what}, the manifest says {expected:,}"


def _held(folder: Path) -> list[str]:
    """The names of the files in a data folder that hold chats."""
    files = [folder / name for name in (datadir.DATABASE, f"{datadir.DATABASE}-wal")]
    return [file.name for file in files if file.exists() and file.stat().st_size]


def _loss(database: Path) -> str | None:
    """The loss of a database against its record, in words; None when it is complete."""
    try:
        mark = progress_file.recorded(database)
        if mark is None:
            return None
        if what := progress_file.loss_before_opening(database, mark, ""):
            return what
        with copies.reading(database) as connection:
            return progress_file.loss_of(database, progress_file.state_of(connection, database), mark, "")
    except progress_file.DataLost as loss:
        return str(loss)
    except apsw.Error:  # damaged: the checks that follow report it
        return None


def _integrity(backup: Path, progress: Progress) -> Iterator[str]:
    with copies.reading(backup / datadir.DATABASE, is_at_rest=True) as connection:
        yield from database_findings(connection, progress)


def _workspace_findings(folder: Path, connection: apsw.Connection, *, needs_one: bool) -> Iterator[str]:
    """Whether workspace.json names an instance of the store."""
    first = copies.first_instance_of(connection)
    try:
        named = json.loads((folder / datadir.WORKSPACE).read_text(encoding="utf-8"))["instance_id"]
    except FileNotFoundError:
        if needs_one and first is not None:
            yield f"{datadir.WORKSPACE} is not there: the next start of the server writes it"
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"{datadir.WORKSPACE} cannot be read: {error}"
    else:
        if named != first:
            yield f"{datadir.WORKSPACE} names instance {named}, and the database holds {first or 'none'}"


def _database(folder: Path) -> Path:
    """The database of a data folder. Raises BackupRefused when there is none, or a restore waits to be finished."""
    if unfinished := [*folder.glob(f"{datadir.RESTORING}*"), *folder.glob(f"{datadir.PLACING}*")]:
        raise BackupRefused(
            f"A restore was interrupted ({unfinished[0]}): start the server, which finishes it, and try again."
        )
    file = folder / datadir.DATABASE
    if not file.exists():
        raise BackupRefused(f"{folder} holds no data of Threadline's: it has no {datadir.DATABASE}.")
    return file


def _manifest(draft: Path, created: str, progress: Progress) -> Manifest:
    with copies.reading(draft / datadir.DATABASE, is_at_rest=True) as connection:
        schema = copies.schema_of(connection)
        if schema == 0:
            raise BackupRefused(
                "The database holds nothing of Threadline's: it has no schema. Is it the right folder?"
            )
        counts, instance = copies.counts_of(connection), copies.first_instance_of(connection)
    files = {
        file.relative_to(draft).as_posix(): _file(file, progress)
        for file in sorted(draft.rglob("*"))
        if file.is_file()
    }
    return Manifest(FORMAT, __version__, schema, instance, created, files, counts)


def _file(file: Path, progress: Progress) -> File:
    with file.open("rb") as source:
        return _read(source, _nothing, file.stat().st_size, progress)


def _copy_file(file: Path, to: Path, progress: Progress) -> File:
    """Copy a file to the new file `to`, which only this user may read, and make it durable."""
    with (
        file.open("rb") as source,
        open(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target,
    ):
        copied = _read(source, target.write, file.stat().st_size, progress)
        target.flush()
        os.fsync(target.fileno())
    return copied


def _copy_objects(objects: Path, to: Path, progress: Progress) -> None:
    """Copy the complete objects of a data folder. One that is deleted meanwhile is left out."""
    for file in sorted(objects.rglob("*")):
        key = PurePosixPath(file.relative_to(objects))
        if any(part.startswith(".") for part in key.parts) or not file.is_file():
            continue
        (to / key).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            _copy_file(file, to / key, progress)


def _sync_folders(top: Path) -> None:
    """Write the lists of the files of a folder and of all folders in it to the disk."""
    for folder in [top, *(each for each in top.rglob("*") if each.is_dir())]:
        datadir.sync_folder(folder)


def _read(source: BinaryIO, use: Callable[[bytes], object], expected: int, progress: Progress) -> File:
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        use(chunk)
        size += len(chunk)
        progress("verified", size, expected)
    return File(size, digest.hexdigest())


def _nothing(chunk: bytes) -> None:
    pass


def _iso(ms: int, timespec: str) -> str:
    """A time in UTC, as ISO 8601."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def _no_progress(what: str, done: int, of: int) -> None:
    pass


def _stamp(folder: Path) -> str:
    """The present time, as a part of folder names that are still unused in `folder`."""
    now = _iso(Clock().now_ms(), "seconds").replace("-", "").replace(":", "")
    stamps = chain([now], (f"{now}-{number}" for number in count(2)))
    return next(stamp for stamp in stamps if not (folder / f"{datadir.REPLACED}{stamp}").exists())


class _Lock:
    """The lock of a data folder, held until `close`."""

    def __init__(self, folder: Path) -> None:
        self._lock = datadir.own(folder)

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._lock)
