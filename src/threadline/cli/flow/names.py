"""The resources that flows name, by id and by name, so that a copy of a flow works in another instance."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from threadline.cli.connection_options import Listing, listed
from threadline.client.client import Client
from threadline.client.failures import ServiceRefusal

FLOW, MODULE = "contact-flow", "flow-module"
KINDS = {
    FLOW: Listing("ListContactFlows", "ContactFlowSummaryList", "Name"),
    MODULE: Listing("ListContactFlowModules", "ContactFlowModulesSummaryList", "Name"),
    "queue": Listing("ListQueues", "QueueSummaryList", "Name"),
    "operating-hours": Listing("ListHoursOfOperations", "HoursOfOperationSummaryList", "Name"),
    "prompt": Listing("ListPrompts", "PromptSummaryList", "Name"),
    "transfer-destination": Listing("ListQuickConnects", "QuickConnectSummaryList", "Name"),
    "agent": Listing("ListUsers", "UserSummaryList", "Username"),
}
"""How to list each kind of resource that a flow may name; a kind is called as in the ARNs of its resources."""
NOT_IMPLEMENTED = "NotImplementedException"
ARN = re.compile(r"arn:[^:/]+:connect:[^:/]*:[^:/]*:instance/[^/]+/([a-z-]+)/([^/:]+)(:.+)?")


class Referred(NamedTuple):
    """A resource as a flow names it: its kind and its name."""

    kind: str
    name: str


class Names:
    """The resources of one instance."""

    def __init__(self, client: Client, instance_id: str) -> None:
        self.by_id: dict[str, Referred] = {}
        self.by_name: dict[Referred, tuple[str, str]] = {}
        for kind, listing in KINDS.items():
            try:
                entries = listed(client, instance_id, listing)
            except ServiceRefusal as refusal:
                if refusal.code != NOT_IMPLEMENTED:
                    raise
                continue
            for entry in entries:
                if listing.name in entry:
                    self.add(Referred(kind, entry[listing.name]), entry["Id"], entry["Arn"])

    def add(self, resource: Referred, id_: str, arn: str) -> None:
        """Know one more resource."""
        self.by_id[id_] = resource
        self.by_name[resource] = id_, arn


def named(content: Any, known: Mapping[str, Referred]) -> dict[str, Referred]:
    """The resources of `known` that the parameters of a flow's actions name, by id."""
    found: dict[str, Referred] = {}

    def note(text: str) -> str:
        id_ = _id(text)
        if id_ in known:
            found[id_] = known[id_]
        return text

    replaced(content, note)
    return found


def moved(content: Any, sources: Mapping[str, Referred], names: Names) -> Any:
    """The flow with the ids and ARNs of `sources` replaced by those that their names have in another instance."""

    def move(text: str) -> str:
        resource = sources.get(_id(text))
        if resource is None or resource not in names.by_name:
            return text
        id_, arn = names.by_name[resource]
        found = ARN.fullmatch(text)
        return arn + (found[3] or "") if found else text.replace(_id(text), id_)

    return replaced(content, move)


def replaced(content: Any, replace: Callable[[str], str]) -> Any:
    """The flow with each text in the parameters of its actions replaced."""
    actions = [
        {**action, "Parameters": _replaced(action.get("Parameters"), replace)}
        for action in content["Actions"]
    ]
    return {**content, "Actions": actions}


def _id(text: str) -> str:
    """The id in an ARN of a resource, or before the qualifier of an id."""
    found = ARN.fullmatch(text)
    return found[2] if found else text.partition(":")[0]


def _replaced(value: Any, replace: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return replace(value)
    if isinstance(value, Mapping):
        return {name: _replaced(entry, replace) for name, entry in value.items()}
    if isinstance(value, list):
        return [_replaced(entry, replace) for entry in value]
    return value
