"""The rules for contacts of other systems: their keys, their places in a chat, and the form of their items.

A file or a record may lack nearly everything. These functions fill in what a chat needs, and keep the rest as it is.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from threadline.chat.contact import Contact
from threadline.chat.transcript import (
    ACKNOWLEDGED,
    DELIVERED,
    EVENT,
    MESSAGE_METADATA,
    READ,
    REHYDRATED,
    TYPING,
)
from threadline.errors import Fault

INVALID = "InvalidRequestException"
KEY_MIN = -(1 << 34)
"""The lowest key of a session. Keys of imported sessions are below 0; those of our own begin with 1."""
KEYS_PER_SECOND = 4
EPOCH_MS = 946_684_800_000
"""The time of the lowest key: the year 2000."""
PUSHED = frozenset((TYPING, READ, DELIVERED, REHYDRATED, ACKNOWLEDGED, MESSAGE_METADATA))
"""Events that GetTranscript never returns. Re-exported transcripts may have them."""


class Imported(StrEnum):
    """How far a contact is imported: only its id is known, its record, a part of its transcript, or all of it."""

    NAMED = "NAMED"
    RECORD = "RECORD"
    PARTIAL = "PARTIAL"
    WHOLE = "WHOLE"


class ImportedContact(NamedTuple):
    """The other members of a contact that an import gives.

    `waits_for` is the contact of an earlier chat that its chat continues from, until that is there. `members` is JSON
    of the members that are not ours.
    """

    session: int
    contact_id: str
    instance_id: str
    state: str
    waits_for: str | None
    members: str | None


class ImportedItem(NamedTuple):
    """The members of an imported item that are not ours, as JSON."""

    session: int
    seq: int
    members: str


class ImportedEntry(NamedTuple):
    """An item as the log keeps it, but for its number. `members` is JSON of those that are not ours."""

    id: str | None
    at_ms: int
    type: str
    content_type: str
    content: str | None
    participant_id: str | None
    display_name: str | None
    participant_role: str | None
    push_only: bool
    metadata: str | None
    members: str | None


def key_at(started_ms: int, offset: int) -> int:
    """The key of an imported session that began at a time, or `offset` places later when others are taken.

    Keys are in the order of the sessions' times, since searches for words list the newest chat first by them.
    """
    seconds = (started_ms - EPOCH_MS) // 1_000
    return max(KEY_MIN, min(KEY_MIN + seconds * KEYS_PER_SECOND + offset, -1))


def place_in(
    contacts: Sequence[Contact],
    contact_id: str,
    initial_contact_id: str,
    previous_contact_id: str | None,
    next_contact_id: str | None,
    initiated_ms: int,
) -> int:
    """The position of a further contact in a chat.

    The first contact comes first. A link to a contact that is there decides next; without one, the time does.
    """
    ids = [contact.id for contact in contacts]
    if contact_id == initial_contact_id:
        return 0
    if previous_contact_id in ids:
        return ids.index(previous_contact_id) + 1
    if next_contact_id in ids:
        return max(1, ids.index(next_contact_id))
    later = (
        contact.position
        for contact in contacts
        if contact.position and contact.initiated_at_ms > initiated_ms
    )
    return next(later, len(contacts))


def milliseconds(text: str, where: str) -> int:
    """A time of ISO 8601 as epoch milliseconds; without a zone it is UTC. Faults: InvalidRequestException."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Fault(
            INVALID, f"{where} {text[:60]!r} is not a time such as 2026-11-22T14:26:49.834Z."
        ) from None
    if moment.year < 1970 or moment.year > 9998:
        raise Fault(INVALID, f"{where} {text[:60]!r} is not a time of a chat.")
    delta = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000 + delta.microseconds // 1_000


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def entry_of(item: Mapping[str, Any], number: int) -> ImportedEntry:
    """An item as the log keeps it. Faults: InvalidRequestException for a time that is none.

    Assumed: an item without a type is an event if its ContentType is one's, else a message; a message without a
    ContentType is text/plain. An item with Attachments is an attachment. Its bytes are not here, so nobody gets them.
    """
    content_type = item.get("ContentType")
    kind = item.get("Type") or ("EVENT" if (content_type or "").startswith(EVENT) else "MESSAGE")
    metadata = item.get("MessageMetadata")
    attachments = _attachments(item.get("OtherMembers"))
    if attachments and item.get("Content") is None:
        kind = "ATTACHMENT"
        content_type = content_type or attachments[0].get("ContentType")
    if kind == "ATTACHMENT":
        metadata = {"Attachments": attachments, **({"MessageMetadata": metadata} if metadata else {})}
    return ImportedEntry(
        item.get("Id"),
        milliseconds(item["AbsoluteTime"], f"Items[{number}].AbsoluteTime"),
        kind,
        content_type or ("text/plain" if kind == "MESSAGE" else ""),
        item.get("Content"),
        item.get("ParticipantId"),
        item.get("DisplayName"),
        item.get("ParticipantRole"),
        content_type in PUSHED,
        json.dumps(metadata) if metadata else None,
        item.get("OtherMembers"),
    )


def _attachments(members: str | None) -> list[dict[str, str]]:
    """The Attachments among the members of an item that have no place of their own, with their known members."""
    if not members or '"attachments"' not in members.lower():
        return []
    given = json.loads(members)
    found = next((value for name, value in given.items() if name.lower() == "attachments"), None)
    listed = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    shown = [
        {
            SHOWN[name.lower()]: text
            for name, text in each.items()
            if name.lower() in SHOWN and isinstance(text, str)
        }
        for each in listed
    ]
    return [each for each in shown if "AttachmentId" in each]


SHOWN = {name.lower(): name for name in ("AttachmentId", "AttachmentName", "ContentType", "Status")}
"""The members of an attachment by their names in lower case."""
