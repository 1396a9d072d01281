"""The files of an import: one file, or all of a folder or bucket. Each is read when its turn comes."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from threadline import extras
from threadline.client.failures import Failure
from threadline.config import BadSettings, Settings
from threadline.objects import Objects, ObjectsFailed
from threadline.setting import BUCKET


class SourceFile(NamedTuple):
    """A file to import: the name to report it by, its own name, its size, and the function that reads it."""

    shown: str
    name: str
    size: int
    read: Callable[[], bytes]


def files_of(place: str) -> Iterator[SourceFile]:
    """The regular files of a file, folder or bucket in the order of their names. Raises Failure when there is none."""
    if place.startswith("s3://"):
        yield from _files_of_bucket(place)
        return
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


def _refused(path: Path, why: str) -> SourceFile:
    """A file that is reported when it is read, so that the others are imported."""

    def read() -> bytes:
        raise OSError(errno.EINVAL, why)

    return SourceFile(str(path), path.name, 0, read)


def _files_below(folder: Path, top: Path | None = None) -> Iterator[SourceFile]:
    """The files of a folder and those below it. Links to folders are not followed, so no path leads in a circle.

    Nor are links to files outside `top`: a folder from elsewhere could send any file of this machine.
    """
    top = top or folder.resolve()
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise Failure(f"The folder {str(folder)!r} cannot be read: {error.strerror}.") from None
    for entry in entries:
        path = Path(entry.path)
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(path, top)
                continue
            status = entry.stat()
            is_outside = entry.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(top)
        except OSError as error:
            yield _refused(path, error.strerror or str(error))
            continue
        if entry.name.startswith(".") or stat.S_ISDIR(status.st_mode):
            continue
        if not stat.S_ISREG(status.st_mode):
            yield _refused(path, "it is neither a file nor a folder")
        elif is_outside:
            yield _refused(path, "it is a link that leads out of the folder")
        else:
            yield _file(path, status.st_size)


def _files_of_bucket(place: str) -> Iterator[SourceFile]:
    """The objects below `s3://BUCKET/PREFIX`, or the one of that name.

    Endpoint and credentials are those of the settings of the object store, so that nothing of AWS's own configuration
    leads to a bucket. Raises Failure.
    """
    try:
        settings = Settings.read(os.environ, objects=place)
    except BadSettings as error:
        raise Failure(str(error)) from None
    found = BUCKET.fullmatch(settings.objects)
    if found is None:
        raise Failure(f"{place!r} is no bucket: write s3://BUCKET or s3://BUCKET/PREFIX.")
    prefix, _, name = (found["prefix"] or "").strip("/").rpartition("/")
    if name and not name.endswith(".json"):
        prefix, name = f"{prefix}/{name}".strip("/"), ""
    try:
        from threadline.objects.s3 import Bucket, S3Objects

        bucket = S3Objects(
            Bucket(
                name=found["name"],
                prefix=prefix,
                region=settings.objects_region,
                endpoint=settings.objects_url,
                access_key_id=settings.objects_access_key_id,
                secret_access_key=settings.objects_secret_access_key,
            )
        )
        for entry in bucket.list():
            if name in ("", entry.key):
                shown = f"s3://{found['name']}/{bucket.prefix}{entry.key}"
                yield SourceFile(
                    shown, entry.key.rpartition("/")[2], entry.size, partial(_read, bucket, entry.key)
                )
    except ModuleNotFoundError as error:
        raise Failure(extras.missing(error.name, "s3")) from None
    except ObjectsFailed as error:
        raise Failure(f"{place}: {error}.") from None


def _read(bucket: Objects, key: str) -> bytes:
    try:
        return b"".join(bucket.read(key))
    except (ObjectsFailed, ValueError) as error:
        raise OSError(errno.EIO, str(error)) from None
