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

from threadline.chat.contact import Session
from threadline.chat.transcript import Item, as_event

MESSAGE_BIT, CONTACT_BIT = 1, 2
"""The bits of `Session.streamed`."""
MESSAGE_STREAMS_MAX = 2
"""Streams of messages of a chat. Source: StartContactStreaming, by the Admin Guide: two endpoints a contact."""
RETRY_MS, RETRY_MS_MAX = 1_000, 300_000
UNCOUNTED = ("LastUpdateTimestamp", "Recording", "Recordings")
"""The members of a contact record that do not make it be sent again: the time of its update, and the transcript file,
which is written soon after the contact's end."""
TOPIC_ARN = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}")


class StreamKind(StrEnum):
    """The kinds of entries, of which a stream delivers one."""

    MESSAGES = "MESSAGES"
    EVENTS = "EVENTS"
    RECORDS = "RECORDS"


class Stream(NamedTuple):
    """A stream of a chat. `delivered` is JSON: the number of the last entry; for events that of the last state and that
    of the last change of data; for records the digest of each contact's.

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
    body["AbsoluteTime"] = time_text(body["AbsoluteTime"])
    attributes = {
        "InitialContactId": session.initial_contact_id,
        "ContactId": body["ContactId"],
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


def digest_of(record: Mapping[str, Any]) -> str:
    """The digest by which a contact record is known to be delivered. `UNCOUNTED` members are no part of it."""
    kept = {name: value for name, value in record.items() if name not in UNCOUNTED}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:20]


def time_text(at_ms: int, *, whole_seconds: bool = False) -> str:
    """A time as streams have it, such as 2026-11-22T14:26:49.834Z."""
    seconds, rest = divmod(at_ms, 1_000)
    text = datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
    return f"{text}Z" if whole_seconds else f"{text}.{rest:03}Z"
