"""The operations that describe a contact, and those that change what is recorded about it, also after its end."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from threadline.chat import attributes as attribute_rules
from threadline.chat.contact import Contact, Method, Session, State, state
from threadline.chat.criteria import AI_AGENT
from threadline.chat.metrics import MESSAGES_MAX, Sent, chat_metrics
from threadline.errors import Fault
from threadline.operations.attributes import attributes_of
from threadline.operations.contacts import contact_arn
from threadline.operations.instances import Instance, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation, refuse
from threadline.operations.sessions import QUICK_CONNECT, contact_data, require, set_contact_data
from threadline.operations.stored_files import transcript_key
from threadline.store import Tx

INVALID = "InvalidRequestException"
NUMBER = re.compile(r"-?[0-9]{1,9}")
CONTACT_TAGS_MAX = 6
"""Source: model shape ContactTagMap."""

REFERENCES = {
    "URL": ("Url", ("Value",)),
    "ATTACHMENT": ("Attachment", ("Value", "Status", "Arn")),
    "NUMBER": ("Number", ("Value",)),
    "STRING": ("String", ("Value",)),
    "DATE": ("Date", ("Value",)),
    "EMAIL": ("Email", ("Value",)),
    "EMAIL_MESSAGE": ("EmailMessage", ("Arn",)),
    "EMAIL_MESSAGE_REDACTED": ("EmailMessageRedacted", ("Arn",)),
    "EMAIL_MESSAGE_PLAIN_TEXT": ("EmailMessagePlainText", ("Arn",)),
    "EMAIL_MESSAGE_PLAIN_TEXT_REDACTED": ("EmailMessagePlainTextRedacted", ("Arn",)),
    "CONTACT_ANALYSIS": ("ContactAnalysis", ("Value", "Status", "Arn")),
    "VOICEMAIL_RECORDING": ("VoicemailRecording", ("Value", "Status", "Arn")),
    "VOICEMAIL_RECORDING_REDACTED": ("VoicemailRecordingRedacted", ("Value", "Status", "Arn")),
    "VOICEMAIL_ANALYSIS": ("VoicemailAnalysis", ("Value", "Status", "Arn")),
    "VOICEMAIL_ANALYSIS_REDACTED": ("VoicemailAnalysisRedacted", ("Value", "Status", "Arn")),
}
"""The member of ReferenceSummary for each type of reference, and its members beside Name."""


@operation("connect", writes=False)
def describe_contact(tx: Tx, caller: AccountCaller, *, instance_id: str, contact_id: str) -> Reply:
    """Describe one contact of a chat.

    SegmentAttributes are those that the chat was started with, and those set on this contact since.
    Faults: ResourceNotFoundException. Source: DescribeContact.
    Assumed: InitialContactId is left out of a chat's first contact.
    Assumed: ContactAssociationId is the first contact of the oldest chat in the tree of related chats.
    Assumed: LastUpdateTimestamp changes with every member of the reply, also with the attributes and the association,
        which belong to the whole chat.
    Assumed: ChatMetrics come with the end of the contact. One with more than 10,000 messages has none.
    Source: model shape Contact. The members that are left out are of calls, emails and tasks, of Contact Lens, and of
        evaluations, cases, agent hierarchies and routing criteria, which this server does not have.
    On purpose: after-contact work begins and ends when the contact ends, since it clears by itself.
    On purpose: QuickConnectId and QuickConnectName of NextContacts are left out of a transfer to a user or queue by its
        id.
    """
    instance = require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance.id, contact_id)
    data = contact_data(tx, session, contact.id)
    members: dict[str, Any] = {
        "Arn": contact_arn(instance, contact.id),
        "Id": contact.id,
        "InitialContactId": session.initial_contact_id if contact.position else None,
        "PreviousContactId": contact.previous_contact_id,
        "ContactAssociationId": session.root_contact_id,
        "RelatedContactId": session.related_contact_id,
        "InitiationMethod": contact.initiation_method,
        "Channel": "CHAT",
        "InitiationTimestamp": contact.initiated_at_ms,
        "ConnectedToSystemTimestamp": contact.connected_at_ms,
        "DisconnectTimestamp": contact.disconnected_at_ms,
        "LastUpdateTimestamp": max(contact.updated_at_ms, session.associated_at_ms or 0),
        "DisconnectReason": contact.disconnect_reason,
        "CustomerId": session.customer_id,
        "Attributes": attributes_of(tx, session.key),
        "SegmentAttributes": segment_attributes_of(tx, session, data),
        "NextContacts": _next_contacts(tx, session, contact),
        "WisdomInfo": _wisdom_info(contact, data),
        "ChatMetrics": chat_metrics_of(tx, session, contact),
        "Recordings": recordings_of(tx, session, contact),
        **_data_members(data),
    }
    if contact.queue_id is not None:
        members["QueueInfo"] = {"Id": contact.queue_id, "EnqueueTimestamp": contact.enqueued_at_ms}
    if contact.user_id is not None:
        members["AgentInfo"] = {
            "Id": contact.user_id,
            "AcceptedByAgentTimestamp": contact.accepted_at_ms,
            "ConnectedToAgentTimestamp": contact.accepted_at_ms,
            "AfterContactWorkDuration": None if contact.disconnected_at_ms is None else 0,
            "AfterContactWorkStartTimestamp": contact.disconnected_at_ms,
            "AfterContactWorkEndTimestamp": contact.disconnected_at_ms,
        }
    return {"Contact": members}


def _data_members(data: Mapping[str, Any]) -> Reply:
    """The members of DescribeContact that a flow or an operation has set on the contact."""
    members: Reply = {name: data.get(name) or None for name in ("Name", "Description", "Tags")}
    for name in ("QueuePriority", "QueueTimeAdjustmentSeconds"):
        value = str(data.get(name, ""))
        members[name] = int(value) if NUMBER.fullmatch(value) else None
    return members


def ai_agents_of(contact: Contact, data: Mapping[str, Any]) -> list[Reply] | None:
    """The AI agent with which a contact began, in a list; None for a contact without one."""
    if AI_AGENT not in data:
        return None
    return [
        {
            "AiUseCase": "SelfService",
            "AiAgentVersionId": data[AI_AGENT],
            "AiAgentEscalated": contact.user_id is not None,
        }
    ]


def _wisdom_info(contact: Contact, data: Mapping[str, Any]) -> Reply | None:
    arn, agents = data.get("WisdomSessionArn"), ai_agents_of(contact, data)
    return {"SessionArn": arn, "AiAgents": agents} if arn or agents else None


def chat_metrics_of(tx: Tx, session: Session, contact: Contact) -> Reply | None:
    """The metrics of a contact that has ended, unless it has more messages than are counted."""
    if contact.disconnected_at_ms is None:
        return None
    messages = tx.rows(
        "messages_of_contact",
        Sent,
        session=session.key,
        first_seq=contact.first_seq,
        following=contact.position + 1,
        limit=MESSAGES_MAX + 1,
    )
    return chat_metrics(contact, messages) if len(messages) <= MESSAGES_MAX else None


def recordings_of(tx: Tx, session: Session, contact: Contact) -> list[Reply] | None:
    """The transcript file of a contact that has ended, in a list; None for a contact that has and gets none.

    Assumed: it has no Status until it is written.
    """
    if contact.disconnected_at_ms is None:
        return None
    keys = {"session": session.key, "contact_id": contact.id}
    key, is_written = tx.row("transcript_file", str, int, **keys) or ("", 0)
    if not is_written:
        instance = tx.row("instance", Instance, instance_id=session.instance_id)
        if instance is None or not tx.row("transcript_file_due", int, contact_id=contact.id):
            return None
        key = transcript_key(instance, contact)
    return [
        {
            "StorageType": "S3",
            "Location": f"{tx.policy.bucket}/{tx.policy.bucket_prefix}{key}",
            "MediaStreamType": "CHAT",
            "Status": "AVAILABLE" if is_written else None,
        }
    ]


def segment_attributes_of(tx: Tx, session: Session, data: Mapping[str, Any]) -> dict[str, Any]:
    """The segment attributes of a contact with this `data`: those of its chat, and its own."""
    _, given = tx.row("attributes", str, str, session=session.key) or ("{}", "{}")
    return attribute_rules.segment_attributes({**json.loads(given), **segment_attributes_in(data)})


def segment_attributes_in(data: Mapping[str, Any]) -> dict[str, Any]:
    """The segment attributes that were set on a contact. A flow may have set a plain text."""
    found: Mapping[str, Any] = data.get("SegmentAttributes") or {}
    return {
        name: value if isinstance(value, Mapping) else {"ValueString": str(value)}
        for name, value in found.items()
    }


def _next_contacts(tx: Tx, session: Session, contact: Contact) -> list[Reply] | None:
    """The contact to which an agent transferred `contact`, or None."""
    following = None
    if contact.position < session.last_position:
        following = tx.row("contact_at", Contact, session=session.key, position=contact.position + 1)
    if following is None or following.initiation_method != Method.TRANSFER:
        return None
    named = contact_data(tx, session, following.id).get(QUICK_CONNECT, {})
    data = {
        "ContactId": following.id,
        "InitiationTimestamp": following.initiated_at_ms,
        "QuickConnectId": named.get("Id"),
        "QuickConnectName": named.get("Name"),
        "QuickConnectType": named.get("Type") or ("USER" if following.offered_user_id else "QUEUE"),
    }
    return [{"Type": "QUICK_CONNECT", "NextContactMetadata": {"QuickConnectContactData": data}}]


@operation(
    "connect",
    refused=(
        "queue_info",
        "user_info",
        "customer_endpoint",
        "system_endpoint",
        "additional_recipients",
    ),
)
def update_contact(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_id: str,
    name: str | None = None,
    description: str | None = None,
    references: Mapping[str, Document] | None = None,
    segment_attributes: Document | None = None,
    queue_info: Document | None = None,
    user_info: Document | None = None,
    customer_endpoint: Document | None = None,
    system_endpoint: Document | None = None,
    additional_recipients: Document | None = None,
) -> Reply:
    """Set name, description, references or segment attributes of a contact, running or ended.

    References and segment attributes that are not named stay.
    Writes: the contact's data.
    Faults: ResourceNotFoundException; InvalidRequestException without a member to set, for a segment attribute that is
        not allowed, and for members that other channels have.
    Source: UpdateContact: QueueInfo, UserInfo and the endpoints are for external audio contacts, AdditionalRecipients
        for emails.
    Assumed: an empty Name or Description removes it.
    """
    refuse(
        INVALID,
        QueueInfo=queue_info,
        UserInfo=user_info,
        CustomerEndpoint=customer_endpoint,
        SystemEndpoint=system_endpoint,
        AdditionalRecipients=additional_recipients,
    )
    require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance_id, contact_id)
    if name is None and description is None and references is None and segment_attributes is None:
        raise Fault(INVALID, "Nothing to update: give Name, Description, References or SegmentAttributes.")
    attribute_rules.check_segment(segment_attributes or {})
    before = contact_data(tx, session, contact.id)
    changes: dict[str, Any] = {}
    if name is not None:
        changes["Name"] = name or None
    if description is not None:
        changes["Description"] = description or None
    if references:
        changes["References"] = {**before.get("References", {}), **references}
    if segment_attributes:
        changes["SegmentAttributes"] = {**segment_attributes_in(before), **segment_attributes}
    _change(tx, session, contact, changes)
    return {}


def _change(tx: Tx, session: Session, contact: Contact, changes: Mapping[str, Any]) -> None:
    """Write members of a contact's data, and that the contact was updated."""
    set_contact_data(tx, session, contact.id, changes)
    tx.run("contact_updated", session=session.key, position=contact.position, now_ms=tx.now_ms)


@operation("connect")
def tag_contact(
    tx: Tx, caller: AccountCaller, *, contact_id: str, instance_id: str, tags: Mapping[str, str]
) -> Reply:
    """Add tags to a contact, or give its tags other values.

    Writes: the contact's data. Faults: ResourceNotFoundException; InvalidRequestException for more than six tags.
    Source: TagContact. Assumed: six, which one call may set, is as many as a contact may have.
    """
    require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance_id, contact_id)
    kept = {**contact_data(tx, session, contact.id).get("Tags", {}), **tags}
    if len(kept) > CONTACT_TAGS_MAX:
        raise Fault(
            INVALID, f"A contact has at most {CONTACT_TAGS_MAX} tags; {contact.id} would have {len(kept)}."
        )
    _change(tx, session, contact, {"Tags": kept})
    return {}


@operation("connect")
def untag_contact(
    tx: Tx, caller: AccountCaller, *, contact_id: str, instance_id: str, tag_keys: Sequence[str]
) -> Reply:
    """Remove tags from a contact. A name that it does not have is no error.

    Writes: the contact's data. Faults: ResourceNotFoundException. Source: UntagContact.
    """
    require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance_id, contact_id)
    tags = contact_data(tx, session, contact.id).get("Tags", {})
    kept = {key: value for key, value in tags.items() if key not in tag_keys}
    _change(tx, session, contact, {"Tags": kept or None})
    return {}


@operation("connect", refused=("routing_criteria",))
def update_contact_routing_data(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_id: str,
    queue_time_adjustment_seconds: int | None = None,
    queue_priority: int | None = None,
    routing_criteria: Document | None = None,
) -> Reply:
    """Set the priority of a contact in its queue, or the seconds that are added to its time there.

    Writes: the contact's data, which DescribeContact shows.
    Faults: ResourceNotFoundException; InvalidParameterException without one of the two, for both, and for
        RoutingCriteria; ResourceConflictException for a contact that has ended.
    Source: UpdateContactRoutingData: either of the two members, but not both.
    Assumed: the one that is set replaces the other; a priority is at most 999,999,999.
    """
    refuse("InvalidParameterException", RoutingCriteria=routing_criteria)
    require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance_id, contact_id)
    if (queue_priority is None) == (queue_time_adjustment_seconds is None):
        raise Fault(
            "InvalidParameterException", "Give either QueuePriority or QueueTimeAdjustmentSeconds, not both."
        )
    for name, value in (
        ("QueuePriority", queue_priority),
        ("QueueTimeAdjustmentSeconds", queue_time_adjustment_seconds),
    ):
        if value is not None and NUMBER.fullmatch(str(value)) is None:
            raise Fault("InvalidParameterException", f"{name} {value} is out of range.")
    if state(contact) is State.ENDED:
        raise Fault("ResourceConflictException", f"Contact is not active: {contact.id} has ended.")
    changes = {
        "QueuePriority": queue_priority,
        "QueueTimeAdjustmentSeconds": queue_time_adjustment_seconds,
    }
    _change(tx, session, contact, changes)
    return {}


@operation("connect", writes=False, refused=("next_token",))
def list_contact_references(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_id: str,
    reference_types: Sequence[str],
    next_token: str | None = None,
) -> Reply:
    """List the references of a contact that are of the given types, by name. All of them are on one page.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken, since none is ever given.
    Source: ListContactReferences.
    Assumed: a contact has the references that were set on it, and not those of the chat's other contacts.
    """
    refuse(INVALID, NextToken=next_token)
    require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance_id, contact_id)
    found: Mapping[str, Document] = contact_data(tx, session, contact.id).get("References", {})
    summaries: list[Reply] = []
    for name, reference in sorted(found.items()):
        kind = reference.get("Type", "")
        if kind in reference_types and kind in REFERENCES:
            member, fields = REFERENCES[kind]
            values = {field: reference.get(field) for field in fields}
            summaries.append({member: {"Name": name, **values}})
    return {"ReferenceSummaryList": summaries}
