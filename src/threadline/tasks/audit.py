"""The task that has the audit tell what the server did by itself: which contacts it erased, and by which rule.

The row is written in the transaction that erases, so no kill comes between the two. Without an audit there is none.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from threadline.operations.continuations import OUTSIDE, OutsideCall
from threadline.operations.erasure import Part
from threadline.operations.instances import Instance, instance_arn
from threadline.store import Task, Tx
from threadline.tasks.files import run_again


def audit_erased(tx: Tx, parts: Sequence[Part], details: Mapping[str, Any]) -> None:
    """Write a line for each part of a chat that was erased. `details` name the rule."""
    if not parts or not tx.policy.is_audited:
        return
    instance = tx.row("instance", Instance, instance_id=parts[0].session.instance_id)
    if instance is None:
        return
    shared = {
        "name": "EraseContacts",
        "at_ms": tx.now_ms,
        "region": instance.region,
        "arn": instance_arn(instance),
        "account_id": instance.account_id,
        "details": details,
    }
    events = [
        {"id": tx.clock.contact_id(), "contacts": [contact.id for contact in part.chosen], **shared}
        for part in parts
    ]
    tx.later("audit", tx.now_ms, payload={"events": events}, outside=True)


def prepare(tx: Tx, task: Task) -> dict[str, Any] | None:
    """The events of a task; None once there is no audit any more."""
    if not tx.policy.is_audited:
        return None
    return {"kind": "audit", "contact_id": "", **json.loads(task.payload)}


def written(tx: Tx, task: Task, given: Mapping[str, Any]) -> None:
    """Write the lines again later where they could not be written. They keep their ids."""
    if "failed" in given:
        run_again(tx, task)


OUTSIDE["audit"] = OutsideCall(prepare, written)
