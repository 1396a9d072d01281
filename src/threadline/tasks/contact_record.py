"""A contact's record as Amazon Connect writes it to Kinesis when the contact has ended, and again when it changes.

Source: Admin Guide, contact records data model. Observed: times in whole seconds, nulls for members without a value,
and InitialContactId null in the record of a chat's first contact.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from threadline.chat.contact import Contact, Session
from threadline.chat.streams import Origin, time_text
from threadline.operations.attributes import attributes_of
from threadline.operations.contact_records import chat_metrics_of, recordings_of, segment_attributes_of
from threadline.operations.sessions import contact_data
from threadline.resources.queues import QUEUES
from threadline.resources.routing_profiles import ROUTING_PROFILES
from threadline.resources.users import USERS
from threadline.store import Tx

FORMAT_VERSION = "2017-03-10"


def contact_record(
    tx: Tx, session: Session, contacts: Sequence[Contact], contact: Contact, origin: Origin
) -> dict[str, Any]:
    """Return the record of one of a session's `contacts`, which has ended.

    Assumed: AgentConnectionAttempts is 1 once an agent has accepted, since offers have no time limit here.
    """
    data = contact_data(tx, session, contact.id)
    following = contacts[contact.position + 1] if contact.position + 1 < len(contacts) else None
    recordings = recordings_of(tx, session, contact)
    return {
        "AWSAccountId": origin.account_id,
        "AWSContactTraceRecordFormatVersion": FORMAT_VERSION,
        "Agent": _agent(tx, session, contact, origin),
        "AgentConnectionAttempts": 0 if contact.user_id is None else 1,
        "AnsweringMachineDetectionStatus": None,
        "Attributes": attributes_of(tx, session.key),
        "Campaign": {"CampaignId": None},
        "Channel": "CHAT",
        "ChatMetrics": _metrics(chat_metrics_of(tx, session, contact)),
        "ConnectedToSystemTimestamp": _time(contact.connected_at_ms),
        "ContactAssociationId": session.root_contact_id,
        "ContactDetails": {},
        "ContactId": contact.id,
        "CustomerEndpoint": None,
        "CustomerId": session.customer_id,
        "Description": data.get("Description"),
        "DisconnectReason": contact.disconnect_reason,
        "DisconnectTimestamp": _time(contact.disconnected_at_ms),
        "InitialContactId": session.initial_contact_id if contact.position else None,
        "InitiationMethod": contact.initiation_method,
        "InitiationTimestamp": _time(contact.initiated_at_ms),
        "InstanceARN": origin.instance_arn,
        "LastUpdateTimestamp": _time(max(contact.updated_at_ms, session.associated_at_ms or 0)),
        "MediaStreams": [{"Type": "CHAT"}],
        "Name": data.get("Name"),
        "NextContactId": following.id if following else None,
        "PreviousContactId": contact.previous_contact_id,
        "Queue": _queue(tx, session, contact, origin),
        "Recording": _recording(recordings),
        "Recordings": recordings,
        "References": _references(data),
        "RelatedContactId": session.related_contact_id,
        "ScheduledTimestamp": None,
        "SegmentAttributes": segment_attributes_of(tx, session, data),
        "SystemEndpoint": None,
        "Tags": {"aws:connect:instanceId": session.instance_id, **data.get("Tags", {})},
        "TransferCompletedTimestamp": _transferred_at(following),
        "TransferredToEndpoint": None,
    }


def _recording(recordings: Sequence[Mapping[str, Any]] | None) -> dict[str, Any] | None:
    """The first of the recordings. Source: Admin Guide: it is in both members."""
    if not recordings:
        return None
    first = recordings[0]
    return {"DeletionReason": None, "Location": first["Location"], "Status": first["Status"], "Type": "CHAT"}


def _metrics(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """ChatMetrics, with its name for the metrics of the contact and its form of times."""
    if found is None:
        return None
    parts = {
        "ContactMetrics": "ChatContactMetrics",
        "AgentMetrics": "AgentMetrics",
        "CustomerMetrics": "CustomerMetrics",
    }
    return {name: _with_times(found[part]) for name, part in parts.items()}


def _with_times(members: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if members is None:
        return None
    return {name: _time(value) if name.endswith("Timestamp") else value for name, value in members.items()}


def _transferred_at(following: Contact | None) -> str | None:
    transfers = ("TRANSFER", "QUEUE_TRANSFER")
    return (
        _time(following.initiated_at_ms) if following and following.initiation_method in transfers else None
    )


def _agent(tx: Tx, session: Session, contact: Contact, origin: Origin) -> dict[str, Any] | None:
    if contact.user_id is None or contact.accepted_at_ms is None:
        return None
    user = USERS.find(tx, session.instance_id, contact.user_id)
    profile = ROUTING_PROFILES.find(tx, session.instance_id, user.routing_profile_id) if user else None
    ended_at_ms = contact.disconnected_at_ms
    seconds = ((ended_at_ms or contact.accepted_at_ms) - contact.accepted_at_ms) // 1_000
    return {
        "ARN": f"{origin.instance_arn}/agent/{contact.user_id}",
        "AfterContactWorkDuration": 0,
        "AfterContactWorkEndTimestamp": _time(ended_at_ms),
        "AfterContactWorkStartTimestamp": _time(ended_at_ms),
        "AgentInteractionDuration": seconds,
        "ConnectedToAgentTimestamp": _time(contact.accepted_at_ms),
        "CustomerHoldDuration": 0,
        "HierarchyGroups": None,
        "LongestHoldDuration": 0,
        "NumberOfHolds": 0,
        "RoutingProfile": {
            "ARN": f"{origin.instance_arn}/routing-profile/{profile.id}",
            "Name": profile.name,
        }
        if profile
        else None,
        "Username": user.username if user else None,
    }


def _queue(tx: Tx, session: Session, contact: Contact, origin: Origin) -> dict[str, Any] | None:
    if contact.queue_id is None or contact.enqueued_at_ms is None:
        return None
    queue = QUEUES.find(tx, session.instance_id, contact.queue_id)
    left_at_ms = contact.accepted_at_ms or contact.disconnected_at_ms
    return {
        "ARN": f"{origin.instance_arn}/queue/{contact.queue_id}",
        "DequeueTimestamp": _time(left_at_ms),
        "Duration": ((left_at_ms or contact.enqueued_at_ms) - contact.enqueued_at_ms) // 1_000,
        "EnqueueTimestamp": _time(contact.enqueued_at_ms),
        "Name": queue.name if queue else None,
    }


def _references(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"Name": name, "Type": reference.get("Type"), "Value": reference.get("Value"), "Status": None}
        for name, reference in sorted(data.get("References", {}).items())
    ]


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else time_text(at_ms, whole_seconds=True)
