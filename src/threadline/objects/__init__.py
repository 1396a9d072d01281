"""The object store: files of chats, by key, in a folder or in a bucket of S3.

A key is a path of a few parts. `key_of` makes one from any texts, so that no name of a client leaves the store. Every
function blocks; the server calls them in threads.
"""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import quote

PART = re.compile(r"(?!\.)[A-Za-z0-9_.%:=-]{1,200}")
PART_CHARACTERS_MAX = 150
"""A longer part of a key is replaced by its hash, since a folder's names have at most 255 bytes."""
KEY_CHARACTERS_MAX = 1_000
"""Source: S3: a key has at most 1,024 bytes."""


class ObjectsFailed(Exception):
    """The object store cannot be reached, is full, or holds a damaged object. The text says which, for people."""


class NoObject(ObjectsFailed):
    """There is no object of this key."""


class Entry(NamedTuple):
    """An object in a listing: its key, the bytes that it takes, and when it was written (epoch milliseconds)."""

    key: str
    size: int
    written_at_ms: int


class Writer(ABC):
    """An object that is being written. It is there, whole and durable, once `commit` returns; never before.

    As a context manager it is aborted unless it was committed.
    """

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Add bytes. Raises ObjectsFailed."""

    @abstractmethod
    def commit(self) -> None:
        """Make the object, in place of one of the same key. Raises ObjectsFailed."""

    @abstractmethod
    def abort(self) -> None:
        """Forget the bytes. After a commit it does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()


class Objects(ABC):
    """The objects of one server. All nodes of a store need the same ones."""

    bucket: str
    """The bucket's name, or a name that stands for the folder."""
    folder: Path | None = None
    """The folder that has the objects as files; None for a bucket."""
    prefix: str
    """The first parts of every key in the bucket, which the keys here do not have; empty or with a slash at its end."""

    @abstractmethod
    def writer(self, key: str) -> Writer:
        """Begin to write an object. Raises ObjectsFailed; ValueError for a key that is none."""

    @abstractmethod
    def read(self, key: str) -> Iterator[bytes]:
        """The bytes of an object, piece by piece. Raises NoObject, ObjectsFailed; ValueError."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete an object, if it is there. Raises ObjectsFailed; ValueError."""

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[Entry]:
        """The objects whose keys are below the parts `prefix`, in no order. Raises ObjectsFailed; ValueError."""

    def put(self, key: str, content: bytes) -> None:
        """Write a whole object. Raises ObjectsFailed; ValueError."""
        with self.writer(key) as writer:
            writer.write(content)
            writer.commit()

    def get(self, key: str) -> bytes:
        """The bytes of an object. Raises NoObject, ObjectsFailed; ValueError."""
        return b"".join(self.read(key))

    def delete_below(self, prefix: str, *, but: str = "") -> int:
        """Delete the objects below the parts `prefix`, except `but`, and return their number. Raises as `delete`."""
        found = [entry.key for entry in self.list(prefix) if entry.key != but]
        for key in found:
            self.delete(key)
        return len(found)

    @abstractmethod
    def sweep_drafts(self, before: float) -> int:
        """Delete the drafts that were last written before a time (epoch seconds); return their number."""

    @abstractmethod
    def close(self) -> None:
        """Release its resources. A temporary folder is deleted."""


def key_of(parts: Iterable[str]) -> str:
    """The key of any texts as its parts. Different texts give different keys.

    Letters, digits and `_ - : =` stay as they are, and a full stop that is not the first character. All other
    characters are written as in a URL, so that a part is never `..` and has no slash.
    """
    return "/".join(_part(text) for text in parts)


def checked(key: str) -> str:
    """`key`, if it is one. Raises ValueError."""
    if len(key) > KEY_CHARACTERS_MAX or not all(PART.fullmatch(part) for part in key.split("/")):
        raise ValueError(f"{key[:100]!r} is no key of an object")
    return key


def _part(text: str) -> str:
    part = quote(text, safe=":=", errors="surrogatepass").replace("~", "%7E")
    if part.startswith("."):
        part = f"%2E{part[1:]}"
    if not part or len(part) > PART_CHARACTERS_MAX:
        part = f"={hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
    elif part.startswith("="):
        part = f"%3D{part[1:]}"
    return part
