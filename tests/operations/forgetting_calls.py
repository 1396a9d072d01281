"""A call of each operation about erasure, legal holds and retention, with any InstanceId."""

from collections.abc import Callable
from typing import Any

from threadline.testing import Workspace

Call = Callable[[Workspace, str], Any]


def ended(workspace: Workspace) -> str:
    """A chat that has ended."""
    casey = workspace.invite()
    workspace.connect.stop_contact(InstanceId=workspace.instance_id, ContactId=casey.contact_id)
    return casey.contact_id


def _describe_erasure(workspace: Workspace, instance_id: str) -> Any:
    started = workspace.threadline.start_erasure(InstanceId=workspace.instance_id, ContactId=ended(workspace))
    return workspace.threadline.describe_erasure(InstanceId=instance_id, ErasureId=started["ErasureId"])


def _delete_hold(workspace: Workspace, instance_id: str) -> Any:
    hold = workspace.threadline.put_legal_hold(
        InstanceId=workspace.instance_id, ContactId=ended(workspace), Reason="Case 1"
    )
    return workspace.threadline.delete_legal_hold(InstanceId=instance_id, HoldId=hold["HoldId"])


FORGETTING_CALLS: dict[str, Call] = {
    "DeleteContactData": lambda w, i: w.connect.delete_contact_data(
        InstanceId=i, ContactId=ended(w), ContactFields=["CUSTOMER_ENDPOINT"]
    ),
    "DeleteLegalHold": _delete_hold,
    "DescribeErasure": _describe_erasure,
    "DescribeRetention": lambda w, i: w.threadline.describe_retention(InstanceId=i),
    "ListLegalHolds": lambda w, i: w.threadline.list_legal_holds(InstanceId=i),
    "PutLegalHold": lambda w, i: w.threadline.put_legal_hold(
        InstanceId=i, ContactId=ended(w), Reason="Case 2"
    ),
    "StartErasure": lambda w, i: w.threadline.start_erasure(InstanceId=i, ContactId=ended(w)),
    "UpdateRetention": lambda w, i: w.threadline.update_retention(InstanceId=i, Policy="OFF"),
}
