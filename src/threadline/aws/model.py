"""The service models: which operations exist, what they take, answer and refuse.

The models of Amazon's services are botocore's own files, read without importing botocore; ours stands in the same
format beside the code. A model is read once and decoded only as far as somebody looks: a shape when it is asked for.
It says nothing about behaviour, and nothing here knows an operation by name.
"""

import functools
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from threadline.aws.names import MODELS, ServiceName, botocore_models

Shape = dict[str, Any]
"""One shape as the model file has it: `type`, and by type `members`, `required`, `member`, `key`, `enum`, `max`..."""

_VERSIONS = {"connect": "2017-08-08", "connectparticipant": "2018-09-07", "threadline": "2026-11-22"}


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class OperationModel:
    """One operation of a service model.

    `input` and `output` are names of shapes; `errors` maps the code of each error it may answer to its HTTP status;
    `statuses` those of all operations of the service: an older model lists fewer of them here.
    """

    service: ServiceName
    name: str
    method: str
    uri: str
    input: str | None
    output: str | None
    errors: Mapping[str, int]
    statuses: Mapping[str, int]
    documentation: str


class Shapes(Mapping[str, Shape]):
    """The shapes of a model by name, decoded on first use."""

    def __init__(self, raw: dict[str, msgspec.Raw]) -> None:
        self._raw = raw
        self._decoded: dict[str, Shape] = {}

    def __getitem__(self, name: str) -> Shape:
        if (shape := self._decoded.get(name)) is None:
            shape = self._decoded[name] = msgspec.json.decode(self._raw[name])
        return shape

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def reachable(self, name: str) -> set[str]:
        """`name` and every shape that a value of it may hold, at any depth."""
        found = {name}
        waiting = [name]
        while waiting:
            shape = self[waiting.pop()]
            inner = [*shape.get("members", {}).values(), *(shape[part] for part in _PARTS if part in shape)]
            new = {reference["shape"] for reference in inner} - found
            found |= new
            waiting += new
        return found


_PARTS = ("member", "key", "value")


@dataclass(frozen=True, eq=False, slots=True)
class Service:
    """One service model."""

    name: ServiceName
    signing_name: str
    metadata: Mapping[str, Any]
    operations: Mapping[str, OperationModel]
    shapes: Shapes
    documentation: str


@functools.cache
def load(service: ServiceName) -> Service:
    """The model of `service`: botocore's for Amazon's two, ours for `threadline`."""
    models = MODELS if service == "threadline" else botocore_models()
    return read(service, models / service / _VERSIONS[service])


def read(service: ServiceName, folder: Path) -> Service:
    """Read a model from `folder`, which holds `service-2.json` or `service-2.json.gz`."""
    packed = folder / "service-2.json.gz"
    plain = folder / "service-2.json"
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
    file = msgspec.json.decode(content, type=_File)
    shapes = Shapes(file.shapes)
    codes = {error.shape for entry in file.operations.values() for error in entry.errors}
    statuses = {code: int(shapes[code]["error"]["httpStatusCode"]) for code in codes}
    operations = {
        name: OperationModel(
            service=service,
            name=name,
            method=entry.http.method,
            uri=entry.http.request_uri,
            input=entry.input.shape if entry.input else None,
            output=entry.output.shape if entry.output else None,
            errors={error.shape: statuses[error.shape] for error in entry.errors},
            statuses=statuses,
            documentation=entry.documentation,
        )
        for name, entry in file.operations.items()
    }
    signing_name = file.metadata.get("signingName", file.metadata["endpointPrefix"])
    return Service(service, signing_name, file.metadata, operations, shapes, file.documentation)


class _Reference(msgspec.Struct):
    shape: str


class _Http(msgspec.Struct):
    method: str
    request_uri: str = msgspec.field(name="requestUri")


class _Operation(msgspec.Struct):
    http: _Http
    input: _Reference | None = None
    output: _Reference | None = None
    errors: list[_Reference] = []
    documentation: str = ""


class _File(msgspec.Struct):
    metadata: dict[str, Any]
    operations: dict[str, _Operation]
    shapes: dict[str, msgspec.Raw]
    documentation: str = ""
