"""The rules of streams, by which a chat's messages, contact events and contact records are delivered to others.

A stream is a row with its place in what it delivers. The entries are made of the log and of the contacts when they are
due, so nothing is copied, and an entry that was erased meanwhile is not delivered with its content.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from threadline.chat.contact import Contact, Session
from threadline.chat.transcript import Item, as_event

MESSAGE_BIT, CONTACT_BIT = 1, 2
"""The bits of `Session.streamed`."""
MESSAGE_STREAMS_MAX = 2
"""Streams of messages of a chat. Source: StartContactStreaming, by the Admin Guide: two endpoints a contact."""
RETRY_MS, RETRY_MS_MAX = 1_000, 300_000
TOPIC_ARN = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}")
EVENTS = ("INITIATED", "CONNECTED_TO_SYSTEM", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED")
"""The contact events of a contact in their order."""
EVENTS_OF_CONTACT = 10
"""The number of an event is the contact's position times this, and the event's place in `EVENTS`, from 1."""
DETAIL_TYPE = "Amazon Connect Contact Event"


class StreamKind(StrEnum):
    """The kinds of entries, of which a stream delivers one."""

    MESSAGES = "MESSAGES"
    EVENTS = "EVENTS"
    RECORDS = "RECORDS"


class Stream(NamedTuple):
    """A stream of a chat. `delivered` is JSON: the number of the last entry, for records the digest of each contact's.

    `endpoint` is the ARN of a topic for messages, and empty for the others, which the settings send somewhere.
    `last_seq` is the last entry of the log to deliver, once the stream was stopped.
    """

    session: int
    id: str
    instance_id: str
    kind: str
    endpoint: str
    delivered: str
    last_seq: int | None
    attempts: int
    failing_since_ms: int | None
    reason: str | None
    created_at_ms: int


class DeadLetter(NamedTuple):
    """An entry that was not delivered, by its number; `is_due` when it is to be sent again."""

    session: int
    stream_id: str
    number: int
    instance_id: str
    is_due: int
    attempts: int
    failed_at_ms: int
    reason: str


class Origin(NamedTuple):
    """The instance that an entry comes from."""

    account_id: str
    region: str
    instance_arn: str


class StreamEntry(NamedTuple):
    """One entry to deliver. `delivered` is the stream's place once it was.

    `group` is the contact whose entries keep their order. `attributes` go beside a message.
    """

    number: int
    delivered: Any
    id: str
    at_ms: int
    group: str
    body: dict[str, Any]
    attributes: dict[str, str]


def entry_id(stream_id: str, number: int, version: str = "") -> str:
    """The id of an entry, a UUIDv8: the same for each time that it is sent."""
    digest = hashlib.sha256(f"{stream_id}/{number}/{version}".encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def retry_delay_ms(attempts: int) -> int:
    """The time until the next attempt, after so many have failed."""
    return int(min(RETRY_MS << min(attempts, 16), RETRY_MS_MAX))


def message_entry(
    stream: Stream, session: Session, item: Item, roles: Mapping[str, str], origin: Origin
) -> StreamEntry:
    """An entry of the log as SNS gets it. `roles` are the roles of participants by their ids.

    Source: Admin Guide, SNS payload of message streaming.
    """
    body = as_event(item, session.initial_contact_id)
    body["AbsoluteTime"] = time_text(item.at_ms)
    attributes = {
        "InitialContactId": session.initial_contact_id,
        "ContactId": item.contact_id,
        "MessageVisibility": roles.get(item.audience, "ALL") if item.audience is not None else "ALL",
        "Type": item.type,
        "AccountId": origin.account_id,
        "ContentType": item.content_type,
        "InstanceId": session.instance_id,
    }
    if item.participant_role is not None:
        attributes["ParticipantRole"] = item.participant_role
    return StreamEntry(
        item.seq,
        item.seq,
        entry_id(stream.id, item.seq),
        item.at_ms,
        session.initial_contact_id,
        body,
        attributes,
    )


def event_numbers(contact: Contact) -> list[tuple[int, int]]:
    """The numbers of the events that a contact has had, and their times.

    A contact ends without after-contact work, so COMPLETED follows DISCONNECTED at once.
    """
    times = (
        contact.initiated_at_ms,
        contact.connected_at_ms,
        contact.enqueued_at_ms,
        contact.accepted_at_ms,
        contact.disconnected_at_ms,
        contact.disconnected_at_ms,
    )
    first = contact.position * EVENTS_OF_CONTACT + 1
    return [(first + place, at_ms) for place, at_ms in enumerate(times) if at_ms is not None]


def event_entry(
    stream: Stream,
    session: Session,
    contact: Contact,
    number: int,
    at_ms: int,
    tags: Mapping[str, str],
    origin: Origin,
) -> StreamEntry:
    """A contact event, as EventBridge delivers it. Source: Admin Guide, contact events."""
    place = number % EVENTS_OF_CONTACT
    detail: dict[str, Any] = {
        "eventType": EVENTS[place - 1],
        "contactId": contact.id,
        "channel": "CHAT",
        "instanceArn": origin.instance_arn,
        "initiationMethod": contact.initiation_method,
        "initiationTimestamp": time_text(contact.initiated_at_ms),
        "tags": {"aws:connect:instanceId": session.instance_id, **tags},
    }
    if contact.position:
        detail["initialContactId"] = session.initial_contact_id
    if contact.previous_contact_id is not None:
        detail["previousContactId"] = contact.previous_contact_id
    if session.related_contact_id is not None:
        detail["relatedContactId"] = session.related_contact_id
    if place >= 2 and contact.connected_at_ms is not None:
        detail["connectedToSystemTimestamp"] = time_text(contact.connected_at_ms)
    if place >= 3 and contact.enqueued_at_ms is not None:
        detail["queueInfo"] = _queue_info(contact, origin)
    if place >= 4 and contact.user_id is not None and contact.accepted_at_ms is not None:
        detail["agentInfo"] = {
            "agentArn": f"{origin.instance_arn}/agent/{contact.user_id}",
            "connectedToAgentTimestamp": time_text(contact.accepted_at_ms),
        }
    if place >= 5:
        detail["disconnectTimestamp"] = time_text(at_ms)
        if contact.disconnect_reason is not None:
            detail["disconnectReason"] = contact.disconnect_reason
    contact_arn = f"{origin.instance_arn}/contact/{contact.id}"
    event_id = entry_id(stream.id, number)
    body = {
        "version": "0",
        "id": event_id,
        "detail-type": DETAIL_TYPE,
        "source": "aws.connect",
        "account": origin.account_id,
        "time": time_text(at_ms, whole_seconds=True),
        "region": origin.region,
        "resources": [origin.instance_arn, contact_arn],
        "detail": detail,
    }
    return StreamEntry(number, number, event_id, at_ms, session.initial_contact_id, body, {})


def _queue_info(contact: Contact, origin: Origin) -> dict[str, Any]:
    """The queue of an event. A contact that is offered to one user waits in the user's own queue."""
    own = contact.queue_id is None
    name = f"agent/{contact.offered_user_id}" if own else contact.queue_id
    return {
        "queueArn": f"{origin.instance_arn}/queue/{name}",
        "queueType": "AGENT" if own else "STANDARD",
        "enqueueTimestamp": time_text(contact.enqueued_at_ms or 0),
    }


def digest_of(record: Mapping[str, Any]) -> str:
    """The digest by which a contact record is known to be delivered. The time of its update is no part of it."""
    kept = {name: value for name, value in record.items() if name != "LastUpdateTimestamp"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:20]


def time_text(at_ms: int, *, whole_seconds: bool = False) -> str:
    """A time as streams have it, such as 2026-11-22T14:26:49.834Z."""
    seconds, rest = divmod(at_ms, 1_000)
    text = datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
    return f"{text}Z" if whole_seconds else f"{text}.{rest:03}Z"
