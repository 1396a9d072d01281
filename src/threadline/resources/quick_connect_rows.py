"""Quick connects as stored. The operations about them are in `quick_connects`, and those about queues name them too."""

from collections.abc import Iterable, Mapping
from typing import Any

from threadline.errors import Fault
from threadline.operations.instances import Instance
from threadline.operations.registry import Reply
from threadline.resources.declaration import INVALID, WireNames
from threadline.resources.resource_type import Resource, ResourceType
from threadline.store import Tx

PER_QUEUE_MAX = 700
"""Source: Admin Guide, quotas: quick connects of a queue."""


class QuickConnect(Resource, kw_only=True, frozen=True):
    """A quick connect, with its QuickConnectConfig as it was given."""

    description: str | None = None
    config: dict[str, Any]

    @property
    def type(self) -> str:
        """USER, QUEUE, FLOW or PHONE_NUMBER."""
        return str(self.config["QuickConnectType"])

    def own_members(self, tx: Tx, instance: Instance) -> Reply:
        """See `Resource`."""
        return {"QuickConnectConfig": self.config}

    def own_summary(self) -> Reply:
        """See `Resource`."""
        return {"QuickConnectType": self.type}


QUICK_CONNECTS = ResourceType(
    QuickConnect,
    kind="transfer-destination",
    noun="Quick connect",
    names=WireNames(
        "QuickConnectId",
        "QuickConnectARN",
        described="QuickConnect",
        listed="QuickConnectSummaryList",
        found="QuickConnects",
    ),
    taken_later=INVALID,
)
CONFIGS = {
    "USER": ("UserConfig", "AGENT_TRANSFER"),
    "QUEUE": ("QueueConfig", "QUEUE_TRANSFER"),
    "FLOW": ("FlowConfig", None),
    "PHONE_NUMBER": ("PhoneConfig", None),
}
"""The member of a QuickConnectConfig for each type, and the type of flow that it runs."""


def target_of(config: Mapping[str, Any]) -> Mapping[str, str]:
    """The member of a QuickConnectConfig that its type reads. Faults: InvalidRequestException without it."""
    kind = config["QuickConnectType"]
    target: Mapping[str, str] | None = config.get(CONFIGS[kind][0])
    if target is None:
        raise Fault("InvalidRequestException", f"A quick connect of type {kind} needs {CONFIGS[kind][0]}.")
    return target


def of_queue(tx: Tx, instance_id: str, kept: Iterable[str], added: Iterable[str]) -> list[str]:
    """The ids of a queue's quick connects, without those that were deleted.

    Faults: ResourceNotFoundException; LimitExceededException for too many of them.
    """
    ids = [each for each in kept if QUICK_CONNECTS.find(tx, instance_id, each)]
    ids += [QUICK_CONNECTS.require(tx, instance_id, each).id for each in added]
    if len(set(ids)) > PER_QUEUE_MAX:
        raise Fault("LimitExceededException", f"A queue has at most {PER_QUEUE_MAX} quick connects.")
    return list(dict.fromkeys(ids))
