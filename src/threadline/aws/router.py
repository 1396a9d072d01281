"""Routing: from the method and path of a request to an operation of the service models."""

from functools import cache
from typing import NamedTuple

from threadline.aws.model import OperationModel, load
from threadline.aws.names import SERVICES
from threadline.errors import Fault


class _Route(NamedTuple):
    """The operation at a path, and the index of the segment of each label."""

    operation: OperationModel
    labels: tuple[tuple[int, str], ...]


class _Node:
    __slots__ = ("label", "literals", "route")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.label: _Node | None = None
        self.route: _Route | None = None


class Router:
    """Finds the operation of a method and a path, among all operations of the three services."""

    def __init__(self) -> None:
        self._roots: dict[str, _Node] = {}
        for service in SERVICES:
            for operation in load(service).operations.values():
                self._add(operation)

    def _add(self, operation: OperationModel) -> None:
        node = self._roots.setdefault(operation.method, _Node())
        for segment in operation.uri.split("/")[1:]:
            if segment.startswith("{"):
                node.label = node = node.label or _Node()
            else:
                node = node.literals.setdefault(segment, _Node())
        names = enumerate(operation.uri.split("/"))
        node.route = _Route(operation, tuple((i, name[1:-1]) for i, name in names if name.startswith("{")))

    def route(self, method: str, raw_path: str) -> tuple[OperationModel, dict[str, str]]:
        """The operation at `raw_path` (the bytes received, read as Latin-1, without the query string) and its labels.

        The labels are left percent-encoded. `restjson.parse` decodes them after authentication.
        Faults: UnknownOperationException.
        """
        segments = raw_path.split("/")
        found = _find(self._roots.get(method), segments, 1) if not segments[0] else None
        if found is None:
            raise Fault("UnknownOperationException", self._unknown(method, segments))
        return found.operation, {name: segments[i] for i, name in found.labels}

    def _unknown(self, method: str, segments: list[str]) -> str:
        others = [(other, _find(root, segments, 1)) for other, root in self._roots.items()]
        known = [f"{other} ({found.operation.name})" for other, found in others if found]
        shown = ascii("/".join(segments)[:100])[1:-1]
        if known:
            return f"No operation at {method[:10]} {shown}; that path takes {', '.join(known)}."
        return f"No operation at {method[:10]} {shown} in connect, connectparticipant or threadline."


@cache
def router() -> Router:
    """The one router of the process. It takes a few milliseconds to make, and nothing changes it."""
    return Router()


def _find(node: _Node | None, segments: list[str], i: int) -> _Route | None:
    """Literal segments win over labels. `.` and `..` never match a label: signatures do not distinguish such paths."""
    for at in range(i, len(segments)):
        if node is None:
            return None
        segment = segments[at]
        following, label = node.literals.get(segment), node.label
        if following is None:
            node = label if segment not in {".", ".."} else None
        elif label is None:
            node = following
        elif found := _find(following, segments, at + 1):
            return found
        else:
            node = label
    return node.route if node else None
