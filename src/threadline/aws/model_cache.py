"""The files of a service model, and a cache of them in the user's cache folder, for short processes.

One call needs its operation and some ten shapes of three thousand. Unpacking and decoding the whole model for them
takes longer than the call, so it is done once. The cache is a file with an index of where each entry begins and ends.
It is written again when the model's file changes.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from zlib import crc32

FORM = 2
"""The version of the cache's format."""

Document = dict[str, Any]
Span = TypeVar("Span")


class ModelFile(NamedTuple):
    """A model: its `head` (all but operations and shapes); operations, shapes and rules of pagination by name."""

    folder: Path
    head: Document
    operations: Mapping[str, Document]
    shapes: Mapping[str, Document]
    paginators: Mapping[str, Document]


class _Entries(Mapping[str, Document]):
    """Entries by name. `decode` reads one of its span; nothing is kept."""

    def __init__(self, spans: Mapping[str, Span], decode: Callable[[Span], Document]) -> None:
        self._spans: Mapping[str, Any] = spans
        self._decode: Callable[[Any], Document] = decode

    def __getitem__(self, name: str) -> Document:
        return self._decode(self._spans[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)


def read(folder: Path) -> ModelFile:
    """The model of `folder`, which holds `service-2.json` or `service-2.json.gz`. The cache is not used."""
    import msgspec  # decodes ten times as fast as `json`, which a short process would not make up for

    raw = msgspec.json.decode(_content(folder, "service-2"), type=dict[str, msgspec.Raw])
    decode = msgspec.json.Decoder().decode
    operations, shapes = (
        _Entries(msgspec.json.decode(raw.pop(kind), type=dict[str, msgspec.Raw]), decode)
        for kind in ("operations", "shapes")
    )
    head = {name: decode(value) for name, value in raw.items()}
    return ModelFile(folder, head, operations, shapes, _paginators(folder))


def read_cached(folder: Path) -> ModelFile:
    """As `read`, from the cache if that is as new. Without a usable cache folder the model is read from its file."""
    stamp = [FORM, *(_stamp(folder, name) for name in ("service-2", "paginators-1"))]
    path = _cache() / f"{folder.parent.name}-{crc32(str(folder.absolute()).encode()):08x}.model"
    with suppress(OSError, ValueError, KeyError, TypeError):
        return _indexed(folder, path.read_bytes(), stamp)
    content = _index(folder, stamp)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(content)
        os.replace(fresh, path)
    return _indexed(folder, content, stamp)


def beside(folder: Path, name: str) -> Document:
    """A file of a model's folder, packed or plain; empty when there is none."""
    content = _content(folder, name)
    found: Document = json.loads(content) if content else {}
    return found


def _content(folder: Path, name: str) -> bytes:
    path = _file(folder, name)
    if path is None:
        return b""
    content = path.read_bytes()
    if path.suffix != ".gz":
        return content
    from gzip import decompress

    return decompress(content)


def _file(folder: Path, name: str) -> Path | None:
    paths = (folder / f"{name}.json.gz", folder / f"{name}.json")
    return next((path for path in paths if path.is_file()), None)


def _paginators(folder: Path) -> Document:
    rules: Document = beside(folder, "paginators-1").get("pagination", {})
    return rules


def _stamp(folder: Path, name: str) -> list[Any]:
    path = _file(folder, name)
    if path is None:
        return []
    status = path.stat()
    return [path.name, status.st_size, status.st_mtime_ns]


def _cache() -> Path:
    folder = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(folder).expanduser() / "threadline"


def _index(folder: Path, stamp: list[Any]) -> bytes:
    """The content of a cache file: a line with the index, then the entries."""
    head = beside(folder, "service-2")
    operations, shapes = head.pop("operations"), head.pop("shapes")
    kinds = {
        "head": {"": head},
        "operations": operations,
        "shapes": shapes,
        "paginators": _paginators(folder),
    }
    entries = bytearray()
    index: Document = {"stamp": stamp}
    for kind, named in kinds.items():
        index[kind] = {}
        for name, entry in named.items():
            start = len(entries)
            entries += json.dumps(entry).encode()
            index[kind][name] = [start, len(entries)]
    index["bytes"] = len(entries)
    return json.dumps(index).encode() + b"\n" + entries


def _indexed(folder: Path, content: bytes, stamp: list[Any]) -> ModelFile:
    """Read a cache file. Raises ValueError, KeyError or TypeError when it is not whole or not of `stamp`."""
    line, separator, entries = content.partition(b"\n")
    index = json.loads(line)
    if not separator or index["bytes"] != len(entries) or index["stamp"] != stamp:
        raise ValueError("The cached model is torn or old")

    def decode(span: list[int]) -> Document:
        entry: Document = json.loads(entries[span[0] : span[1]])
        return entry

    kinds = ("operations", "shapes", "paginators")
    operations, shapes, paginators = (_Entries(index[kind], decode) for kind in kinds)
    return ModelFile(folder, decode(index["head"][""]), operations, shapes, paginators)
