"""A service model cut up for quick access: kept in the user's cache folder, made anew when the model's file changes.

A call needs one operation and its shapes, some ten of three thousand. Unpacking and decoding the whole model for them
takes longer than the call does, so it is done once; from then on an index says where each entry stands.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

FORM = 1
"""Goes up whenever what is written here changes."""
Document = dict[str, Any]


class Compiled:
    """A model: its `head` (everything but operations and shapes), operations and shapes by name."""

    def __init__(self, content: bytes) -> None:
        """Raises ValueError, KeyError or TypeError when `content` is not whole."""
        index, separator, entries = content.partition(b"\n")
        places = json.loads(index)
        if not separator or places["bytes"] != len(entries):
            raise ValueError("The compiled model is not whole")
        self.stamp: Any = places["stamp"]
        self.head: Document = _Entries(entries, places["head"])["head"]
        self.operations: Mapping[str, Document] = _Entries(entries, places["operations"])
        self.shapes: Mapping[str, Document] = _Entries(entries, places["shapes"])


class _Entries(Mapping[str, Document]):
    """Entries by name, decoded when asked for."""

    def __init__(self, content: bytes, places: dict[str, list[int]]) -> None:
        self._content = content
        self._places = places

    def __getitem__(self, name: str) -> Document:
        start, end = self._places[name]
        entry: Document = json.loads(self._content[start:end])
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def read(folder: Path) -> Compiled:
    """The model of `folder`, from the cache if that is as new. Where nothing can be cached, it is read as it is."""
    stamp = [FORM, *(_stamp(folder, name) for name in ("service-2", "paginators-1"))]
    path = _cache() / f"{folder.parent.name}-{crc32(str(folder.absolute()).encode()):08x}.model"
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = Compiled(path.read_bytes())
        if found.stamp == stamp:
            return found
    content = _compile(folder, stamp)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(content)
        os.replace(fresh, path)
    return Compiled(content)


def beside(folder: Path, name: str) -> Document:
    """A file of a model's folder, packed or plain; empty when there is none."""
    found: Document = {}
    path = _file(folder, name)
    if path:
        from gzip import decompress

        content = path.read_bytes()
        found = json.loads(decompress(content) if path.suffix == ".gz" else content)
    return found


def _file(folder: Path, name: str) -> Path | None:
    paths = (folder / f"{name}.json.gz", folder / f"{name}.json")
    return next((path for path in paths if path.is_file()), None)


def _stamp(folder: Path, name: str) -> list[Any]:
    path = _file(folder, name)
    if path is None:
        return []
    status = path.stat()
    return [path.name, status.st_size, status.st_mtime_ns]


def _cache() -> Path:
    folder = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(folder).expanduser() / "threadline"


def _compile(folder: Path, stamp: list[Any]) -> bytes:
    model, rules = beside(folder, "service-2"), beside(folder, "paginators-1").get("pagination", {})
    operations, shapes = model.pop("operations"), model.pop("shapes")
    for name, operation in operations.items():
        operation["paginator"] = rules.get(name)
    entries = bytearray()
    places: Document = {"stamp": stamp}
    for kind, named in (("head", {"head": model}), ("operations", operations), ("shapes", shapes)):
        places[kind] = {}
        for name, entry in named.items():
            start = len(entries)
            entries += json.dumps(entry).encode()
            places[kind][name] = [start, len(entries)]
    places["bytes"] = len(entries)
    return json.dumps(places).encode() + b"\n" + entries
