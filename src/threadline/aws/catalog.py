"""The service models as the command line reads them: lazily, one shape at a time.

`compiled` reads the files. What is added here is how a client looks at a shape, and where models are
looked for, which is as the AWS CLI does: `AWS_DATA_PATH`, `~/.aws/models`, then what is installed.
"""

import os
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from threadline.aws import model_cache, names
from threadline.aws.names import ServiceName

SERVICES = names.SERVICES


class Shape:
    """A shape of a model as one of its users sees it: the traits of the reference win over the shape's own."""

    def __init__(self, service: "Service", name: str, reference: dict[str, Any] | None = None) -> None:
        self.service = service
        self.name = name
        self.traits: dict[str, Any] = {**service.model.shapes[name], **(reference or {})}
        self.type: str = self.traits["type"]

    @cached_property
    def members(self) -> dict[str, "Shape"]:
        """Members of a structure in the model's order; empty for anything else."""
        members = self.traits.get("members", {})
        return {name: Shape(self.service, ref["shape"], ref) for name, ref in members.items()}

    def _part(self, which: str) -> "Shape":
        reference = self.traits[which]
        return Shape(self.service, reference["shape"], reference)

    @cached_property
    def member(self) -> "Shape":
        """What a list holds."""
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
        """Where in a request it travels: uri, querystring, header; None is the body."""
        return self.traits.get("location")

    @property
    def wire_name(self) -> str | None:
        """The name on the wire where that differs from the member's."""
        return self.traits.get("locationName")


class Operation:
    """One operation of a service. `paginator` is its rule of `paginators-1.json`, None when it has no pages."""

    def __init__(self, service: "Service", name: str, entry: dict[str, Any]) -> None:
        self.service = service
        self.name = name
        self.method: str = entry["http"]["method"]
        self.uri: str = entry["http"]["requestUri"]
        self.documentation: str = entry.get("documentation", "")
        self.errors = frozenset(error["shape"] for error in entry.get("errors", ()))
        self.paginator: dict[str, Any] | None = entry["paginator"]
        self._entry = entry

    @cached_property
    def input(self) -> Shape | None:
        """The request, or None when it has no member."""
        return self._shape("input")

    @cached_property
    def output(self) -> Shape | None:
        """The reply, or None when it has no member."""
        return self._shape("output")

    def _shape(self, which: str) -> Shape | None:
        return Shape(self.service, self._entry[which]["shape"]) if which in self._entry else None


class Service:
    """A service model and the files beside it."""

    def __init__(self, name: ServiceName, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self.model = model_cache.read(folder)
        self.metadata: dict[str, Any] = self.model.head["metadata"]
        self.documentation: str = self.model.head.get("documentation", "")

    @property
    def service_id(self) -> str:
        """The name that settings of a service go by: `ConnectParticipant`."""
        return str(self.metadata["serviceId"])

    @property
    def signing_name(self) -> str:
        """The name that signatures are made for."""
        return str(self.metadata.get("signingName", self.metadata["endpointPrefix"]))

    @cached_property
    def commands(self) -> dict[str, str]:
        """Command name -> operation name, in the order of the command line's lists."""
        return {kebab(name): name for name in self.model.operations}

    def operation(self, name: str) -> Operation:
        """The operation called `name` (as the model spells it). Raises KeyError."""
        return Operation(self, name, self.model.operations[name])

    def endpoint_rules(self) -> dict[str, Any]:
        """The endpoint rule set; empty when the service has none."""
        return model_cache.beside(self._folder, "endpoint-rule-set-1")


@cache
def load(service: ServiceName) -> Service:
    """The model of `service`. Raises FileNotFoundError when no folder has it."""
    return _first(service, _roots(service))


@cache
def installed(service: ServiceName) -> Service:
    """The model of `service` that was installed with this program. Raises FileNotFoundError."""
    return _first(service, (_installed(service),))


def _first(service: ServiceName, roots: Iterable[Path]) -> Service:
    for root in roots:
        versions = sorted((root / service).glob("*/service-2.json*"))
        if versions:
            return Service(service, versions[-1].parent)
    raise FileNotFoundError(f"No folder of service models has {service}")


def _installed(service: ServiceName) -> Path:
    return names.MODELS if service == "threadline" else names.botocore_models()


def _roots(service: ServiceName) -> Iterator[Path]:
    for folder in os.environ.get("AWS_DATA_PATH", "").split(os.pathsep):
        if folder:
            yield Path(os.path.expandvars(folder)).expanduser()
    yield Path("~/.aws/models").expanduser()
    yield _installed(service)


def kebab(name: str) -> str:
    """`ContactId` as `contact-id`, the way the AWS CLI names commands and options."""
    return names.snake(name).replace("_", "-")
