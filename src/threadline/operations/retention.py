"""Retention: the operations that set and describe how long an instance keeps its chats."""

from typing import NamedTuple

from threadline.chat.retention import RetentionPolicy
from threadline.errors import Fault
from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.store import Tx

INVALID = "InvalidRequestException"
SWEEP_AFTER_MS = 100
"""The time from a change to the sweep that it causes."""


class Retention(NamedTuple):
    """The retention of an instance. `sweep` is the number of its present sweep: tasks of earlier ones end."""

    instance_id: str
    policy: str
    days: int | None
    sweep: int
    swept_at_ms: int | None
    erased_chat_count: int


@operation("threadline")
def update_retention(
    tx: Tx, caller: AccountCaller, *, instance_id: str, policy: str, days: int | None = None
) -> Reply:
    """Set how long an instance keeps its chats after their end.

    Writes: the instance's retention, and a task that begins to erase soon.
    Faults: ResourceNotFoundException; InvalidRequestException for DAYS without Days, and for Days with another policy.
    """
    instance = require_instance(tx, caller, instance_id)
    if (policy == RetentionPolicy.DAYS) != (days is not None):
        raise Fault(INVALID, f"Days goes with the policy DAYS, and only with it; Policy is {policy}.")
    tx.run("set_retention", instance_id=instance.id, policy=policy, days=days)
    sweep_soon(tx, instance.id)
    return {}


def sweep_soon(tx: Tx, instance_id: str) -> None:
    """Begin a new sweep of an instance from its oldest chats, if it has a retention."""
    sweep = tx.row("next_sweep", int, instance_id=instance_id)
    if sweep is not None:
        payload = {"instance_id": instance_id, "sweep": sweep}
        tx.later("sweep", tx.now_ms + SWEEP_AFTER_MS, payload=payload)


@operation("threadline", writes=False)
def describe_retention(tx: Tx, caller: AccountCaller, *, instance_id: str) -> Reply:
    """Describe how long an instance keeps its chats, and how many its sweeps have erased.

    Faults: ResourceNotFoundException.
    """
    instance = require_instance(tx, caller, instance_id)
    found = tx.row("retention", Retention, instance_id=instance.id)
    return {
        "Policy": found.policy if found else RetentionPolicy.OFF,
        "Days": found.days if found else None,
        "LastSweepTimestamp": found.swept_at_ms if found else None,
        "ErasedChatCount": found.erased_chat_count if found else 0,
    }
