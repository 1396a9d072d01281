"""The contact records of `threadline export`, in the shape in which Amazon Connect writes them to Kinesis."""

from datetime import UTC, datetime
from typing import Any

from threadline.cli.export_files import ExportedContact, ExportedInstance
from threadline.client.client import Client
from threadline.client.failures import ServiceRefusal

FORMAT_VERSION = "2017-03-10"
TEXTS = (
    "InitialContactId",
    "PreviousContactId",
    "RelatedContactId",
    "ContactAssociationId",
    "CustomerId",
    "DisconnectReason",
    "InitiationMethod",
    "Name",
    "Description",
)
TIMES = ("InitiationTimestamp", "ConnectedToSystemTimestamp", "DisconnectTimestamp", "LastUpdateTimestamp")
MAPS = ("Attributes", "SegmentAttributes", "Tags")


def record_of(
    client: Client, instance: ExportedInstance, contact: ExportedContact, others: dict[str, Any]
) -> dict[str, Any] | None:
    """The record of a contact that has ended, else None. `others` are the members that an imported record had beside.

    On purpose: times have milliseconds, so that an import of the record loses none.
    """
    try:
        described = client.call("connect", "DescribeContact", InstanceId=instance.id, ContactId=contact.id)[
            "Contact"
        ]
    except ServiceRefusal as refusal:
        if "NotFound" in str(refusal):
            return None
        raise
    if "DisconnectTimestamp" not in described:
        return None
    arn = described["Arn"].partition("/contact/")[0]
    record: dict[str, Any] = {
        "AWSAccountId": instance.account_id,
        "AWSContactTraceRecordFormatVersion": FORMAT_VERSION,
        "Agent": None,
        "Channel": "CHAT",
        "ContactId": contact.id,
        "InstanceARN": arn,
        "NextContactId": next(
            (each["ContactId"] for each in described.get("NextContacts", ()) if "ContactId" in each), None
        ),
        "Queue": None,
        **{name: described.get(name) for name in TEXTS},
        **{name: _time(described.get(name)) for name in TIMES},
        **{name: described.get(name) or {} for name in MAPS},
    }
    if (agent := described.get("AgentInfo")) is not None:
        record["Agent"] = {
            "ARN": f"{arn}/agent/{agent['Id']}",
            "ConnectedToAgentTimestamp": _time(agent.get("ConnectedToAgentTimestamp")),
        }
    if (queue := described.get("QueueInfo")) is not None:
        record["Queue"] = {
            "ARN": f"{arn}/queue/{queue['Id']}",
            "EnqueueTimestamp": _time(queue.get("EnqueueTimestamp")),
        }
    return record | others


def _time(value: Any) -> str | None:
    if value is None:
        return None
    moment = (
        datetime.fromtimestamp(value, UTC)
        if isinstance(value, int | float)
        else datetime.fromisoformat(str(value))
    )
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
