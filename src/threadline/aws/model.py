"""The service models: the operations, the shapes of their requests and replies, and their errors.

The models of Amazon's services are botocore's own files, read without importing botocore. Threadline's own model has
the same format and comes with the package. A model is decoded lazily: an operation or a shape when it is first used.
A model describes data, not behaviour, and no code here knows an operation by name.

A server reads a model from its file. A command line makes one call and ends, so it reads from a cache (`model_cache`).
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

from threadline.aws import model_cache
from threadline.aws.model_cache import ModelFile
from threadline.aws.names import MODELS, ServiceName, botocore_models, kebab

Traits = dict[str, Any]
"""A shape as the model file has it: `type`, and by type `members`, `required`, `member`, `key`, `enum`, `max`..."""

_PARTS = ("member", "key", "value")
T = TypeVar("T")


class _Lazy(Mapping[str, T]):
    """Values by name, made on first use and kept."""

    def __init__(self, names: Mapping[str, object], make: Callable[[str], T]) -> None:
        self._names = names
        self._make = make
        self._made: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if (found := self._made.get(name)) is None:
            found = self._made[name] = self._make(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Shapes(_Lazy[Traits]):
    """The shapes of a model by name."""

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


class Shape:
    """A shape as one of its users sees it: the traits of the reference override the shape's own."""

    def __init__(self, model: "ServiceModel", name: str, reference: Traits | None = None) -> None:
        self.model = model
        self.name = name
        self.traits: Traits = {**model.shapes[name], **(reference or {})}
        self.type: str = self.traits["type"]

    @cached_property
    def members(self) -> dict[str, "Shape"]:
        """Members of a structure in the model's order; empty for anything else."""
        members = self.traits.get("members", {})
        return {name: Shape(self.model, ref["shape"], ref) for name, ref in members.items()}

    def _part(self, which: str) -> "Shape":
        reference = self.traits[which]
        return Shape(self.model, reference["shape"], reference)

    @cached_property
    def member(self) -> "Shape":
        """The entries of a list."""
        return self._part("member")

    @cached_property
    def key(self) -> "Shape":
        """The keys of a map."""
        return self._part("key")

    @cached_property
    def value(self) -> "Shape":
        """The values of a map."""
        return self._part("value")

    @property
    def required(self) -> list[str]:
        """Names of the members a structure must have."""
        required: list[str] = self.traits.get("required", [])
        return required

    @property
    def enum(self) -> list[str]:
        """The values a string may have; empty when any."""
        values: list[str] = self.traits.get("enum", [])
        return values

    @property
    def documentation(self) -> str:
        """HTML of the model."""
        text: str = self.traits.get("documentation", "")
        return text

    @property
    def sensitive(self) -> bool:
        """Whether a value must not be shown in a log."""
        return bool(self.traits.get("sensitive"))

    @property
    def location(self) -> str | None:
        """The member's place in a request: uri, querystring, header; None is the body."""
        return self.traits.get("location")

    @property
    def wire_name(self) -> str | None:
        """The name in requests and replies, where it differs from the member's."""
        return self.traits.get("locationName")


class OperationModel:
    """One operation of a service model. `input` and `output` are names of shapes."""

    def __init__(self, model: "ServiceModel", name: str, entry: dict[str, Any]) -> None:
        self.model = model
        self.service = model.name
        self.name = name
        self.method: str = entry["http"]["method"]
        self.uri: str = entry["http"]["requestUri"]
        self.input: str | None = entry["input"]["shape"] if "input" in entry else None
        self.output: str | None = entry["output"]["shape"] if "output" in entry else None
        self.documentation: str = entry.get("documentation", "")
        self._codes = [error["shape"] for error in entry.get("errors", ())]

    @cached_property
    def errors(self) -> dict[str, int]:
        """The HTTP status of each error that the operation lists, by its code."""
        return {code: self.model.status(code) for code in self._codes}

    @property
    def statuses(self) -> Mapping[str, int]:
        """The errors of all operations of the service. An older model lists fewer of them for the operation itself."""
        return self.model.statuses

    @cached_property
    def input_shape(self) -> Shape | None:
        """The request, or None when it has no member."""
        return Shape(self.model, self.input) if self.input else None

    @cached_property
    def output_shape(self) -> Shape | None:
        """The reply, or None when it has no member."""
        return Shape(self.model, self.output) if self.output else None

    @property
    def paginator(self) -> dict[str, Any] | None:
        """The operation's rule of `paginators-1.json`, None when it has no pages."""
        return self.model.file.paginators.get(self.name)


class ServiceModel:
    """One service model and the files beside it."""

    def __init__(self, name: ServiceName, file: ModelFile) -> None:
        self.name = name
        self.file = file
        self.metadata: dict[str, Any] = file.head["metadata"]
        self.documentation: str = file.head.get("documentation", "")
        self.shapes = Shapes(file.shapes, file.shapes.__getitem__)
        self.operations = _Lazy(file.operations, self._operation)

    def _operation(self, name: str) -> OperationModel:
        return OperationModel(self, name, self.file.operations[name])

    def status(self, code: str) -> int:
        """The HTTP status of an error."""
        return int(self.shapes[code]["error"]["httpStatusCode"])

    @cached_property
    def statuses(self) -> dict[str, int]:
        """The HTTP status of each error that any operation lists, by its code."""
        listed = [operation.errors for operation in self.operations.values()]
        return {code: status for errors in listed for code, status in errors.items()}

    @property
    def service_id(self) -> str:
        """The name that settings of a service go by: `ConnectParticipant`."""
        return str(self.metadata["serviceId"])

    @property
    def signing_name(self) -> str:
        """The service's name in signatures."""
        return str(self.metadata.get("signingName", self.metadata["endpointPrefix"]))

    @cached_property
    def commands(self) -> dict[str, str]:
        """Command name -> operation name, in the order of the command line's lists."""
        return {kebab(name): name for name in self.operations}

    def endpoint_rules(self) -> dict[str, Any]:
        """The endpoint rule set; empty when the service has none."""
        return model_cache.beside(self.file.folder, "endpoint-rule-set-1")


@cache
def load(service: ServiceName) -> ServiceModel:
    """The installed model of `service`, for a process that uses much of it."""
    return ServiceModel(service, model_cache.read(_newest(service, (_installed(service),))))


@cache
def load_cached(service: ServiceName) -> ServiceModel:
    """The installed model of `service`, for a short process. Raises FileNotFoundError."""
    return ServiceModel(service, model_cache.read_cached(_newest(service, (_installed(service),))))


@cache
def find_cached(service: ServiceName) -> ServiceModel:
    """As `load_cached`, from the first folder that the AWS CLI would take it from.

    The folders are those of `AWS_DATA_PATH`, `~/.aws/models` and the installed one.
    Raises FileNotFoundError when no folder has the model.
    """
    return ServiceModel(service, model_cache.read_cached(_newest(service, _folders(service))))


def _newest(service: ServiceName, folders: Iterable[Path]) -> Path:
    for folder in folders:
        versions = sorted((folder / service).glob("*/service-2.json*"))
        if versions:
            return versions[-1].parent
    raise FileNotFoundError(f"No folder of service models has {service}")


def _installed(service: ServiceName) -> Path:
    return MODELS if service == "threadline" else botocore_models()


def _folders(service: ServiceName) -> Iterator[Path]:
    for folder in os.environ.get("AWS_DATA_PATH", "").split(os.pathsep):
        if folder:
            yield Path(os.path.expandvars(folder)).expanduser()
    yield Path("~/.aws/models").expanduser()
    yield _installed(service)
