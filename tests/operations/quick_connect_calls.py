"""A call of each operation about quick connects, with any InstanceId."""

from typing import Any

from tests.flows.flows import Document, content, do
from tests.operations.admin_calls import Call, call_of, create_queue, fresh
from threadline.testing import Workspace

PHONE = {"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": "+15555550100"}}


def transfer_flow(workspace: Workspace, kind: str = "QUEUE_TRANSFER", **actions: Document) -> str:
    """The id of a flow of a quick connect; without actions one that transfers to the target that is set."""
    to = "TransferContactToAgent" if kind == "AGENT_TRANSFER" else "TransferContactToQueue"
    given = actions or {"go": do(to, {}, None, QueueAtCapacity="end", NoMatchingError="end")}
    made = workspace.connect.create_contact_flow(
        InstanceId=workspace.instance_id, Name=fresh("transfer"), Type=kind, Content=content(**given)
    )
    return str(made["ContactFlowId"])


def to_queue(workspace: Workspace, queue_id: str = "", flow_id: str = "") -> dict[str, Any]:
    config = {
        "QueueId": queue_id or workspace.queue_id,
        "ContactFlowId": flow_id or transfer_flow(workspace),
    }
    return {"QuickConnectType": "QUEUE", "QueueConfig": config}


def to_user(workspace: Workspace, name: str = "a2", flow_id: str = "") -> dict[str, Any]:
    config = {
        "UserId": workspace.agents[name],
        "ContactFlowId": flow_id or transfer_flow(workspace, "AGENT_TRANSFER"),
    }
    return {"QuickConnectType": "USER", "UserConfig": config}


def create_quick_connect(workspace: Workspace, name: str = "", **members: Any) -> str:
    given = {"InstanceId": workspace.instance_id, "QuickConnectConfig": PHONE} | members
    made = workspace.connect.create_quick_connect(Name=name or fresh("quick"), **given)
    return str(made["QuickConnectId"])


def _of_one(operation: str, **members: Any) -> Call:
    return call_of(operation, "QuickConnectId", create_quick_connect, **members)


def _of_queue(operation: str) -> Call:
    def call(workspace: Workspace, instance_id: str) -> Any:
        return getattr(workspace.connect, operation)(
            InstanceId=instance_id,
            QueueId=create_queue(workspace)["QueueId"],
            QuickConnectIds=[create_quick_connect(workspace)],
        )

    return call


QUICK_CONNECT_CALLS: dict[str, Call] = {
    "AssociateQueueQuickConnects": _of_queue("associate_queue_quick_connects"),
    "CreateQuickConnect": lambda w, i: create_quick_connect(w, InstanceId=i),
    "DeleteQuickConnect": _of_one("delete_quick_connect"),
    "DescribeQuickConnect": _of_one("describe_quick_connect"),
    "DisassociateQueueQuickConnects": _of_queue("disassociate_queue_quick_connects"),
    "ListQueueQuickConnects": lambda w, i: w.connect.list_queue_quick_connects(
        InstanceId=i, QueueId=w.queue_id
    ),
    "ListQuickConnects": lambda w, i: w.connect.list_quick_connects(InstanceId=i),
    "SearchQuickConnects": lambda w, i: w.connect.search_quick_connects(InstanceId=i),
    "UpdateQuickConnectConfig": _of_one("update_quick_connect_config", QuickConnectConfig=PHONE),
    "UpdateQuickConnectName": _of_one("update_quick_connect_name", Description="Another"),
}
