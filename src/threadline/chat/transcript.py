"""The rules of the transcript: the entries of a session's log, their visibility, and their form in replies.

Entries are always in the order of the session's sequence number, never sorted by time.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

EVENT = "application/vnd.amazonaws.connect.event."
TYPING = EVENT + "typing"
DELIVERED = EVENT + "message.delivered"
READ = EVENT + "message.read"
JOINED = EVENT + "participant.joined"
LEFT = EVENT + "participant.left"
TRANSFER_SUCCEEDED = EVENT + "transfer.succeeded"
CHAT_ENDED = EVENT + "chat.ended"
REHYDRATED = EVENT + "chat.rehydrated"
ACKNOWLEDGED = EVENT + "connection.acknowledged"
MESSAGE_METADATA = EVENT + "message.metadata"
ERASED = EVENT + "item.erased"
"""An entry whose content was erased. It has nothing but its number, its id, its time and its contact.

Assumed: Amazon has no such event. Clients that know events by this prefix leave out those that they do not know.
"""


class Item(NamedTuple):
    """One entry of a session's log.

    `push_only` entries (receipts, chat.rehydrated) are delivered on sockets and never returned by GetTranscript.
    `audience` is the id of the only participant that may see the entry, or None for all.
    `metadata` is JSON: MessageMetadata on receipt entries, and `{"Attachments": [..]}` on attachments.
    `client_token` is a hash of the ClientToken with which a message was sent, and of its sender.
    """

    session: int
    seq: int
    contact_id: str
    id: str
    at_ms: int
    type: str
    content_type: str
    content: str | None
    participant_id: str | None
    display_name: str | None
    participant_role: str | None
    push_only: int
    audience: str | None
    metadata: str | None
    client_token: str | None


EVERYBODY = "*"


class Receipt(NamedTuple):
    """The times at which a message was delivered to a recipient and read by them."""

    session: int
    seq: int
    recipient_id: str
    delivered_at_ms: int | None
    read_at_ms: int | None


class Viewer(NamedTuple):
    """The participant of `session` who reads a transcript. `left_seq` is the entry with which they left, or None.

    The `participant_id` of an account that reads is EVERYBODY: it sees the entries of all participants.
    """

    session: int
    participant_id: str
    left_seq: int | None


def may_see(viewer: Viewer, item: Item) -> bool:
    """Whether `viewer` may see an entry. No other function decides this.

    An entry with an audience is visible to that participant only. A participant who has left sees no entry of their
    session after the one with which they left.
    """
    if item.audience is not None and viewer.participant_id not in (item.audience, EVERYBODY):
        return False
    return item.session != viewer.session or viewer.left_seq is None or item.seq <= viewer.left_seq


def as_item(item: Item, *, past: bool, receipts: Sequence[Receipt] = ()) -> dict[str, Any]:
    """`item` with the names of the model's Item. Times stay in milliseconds; the serialiser formats them.

    An item of the current session has ContactId. An item of a past session has RelatedContactId instead, with the
    contact that it was sent on. Source: model shape Item.
    """
    out: dict[str, Any] = {"AbsoluteTime": item.at_ms}
    if item.content is not None:
        out["Content"] = item.content
    out["ContentType"] = item.content_type
    out["Id"] = item.id
    out["Type"] = item.type
    if item.participant_id is not None:
        out["ParticipantId"] = item.participant_id
    if item.display_name is not None:
        out["DisplayName"] = item.display_name
    if item.participant_role is not None:
        out["ParticipantRole"] = item.participant_role
    out["RelatedContactId" if past else "ContactId"] = item.contact_id
    if item.metadata is not None:
        out |= (
            _attachments(item.metadata)
            if item.type == "ATTACHMENT"
            else {"MessageMetadata": json.loads(item.metadata)}
        )
    if receipts:
        out["MessageMetadata"] = {"MessageId": item.id, "Receipts": [as_receipt(r) for r in receipts]}
    return out


def _attachments(metadata: str) -> dict[str, Any]:
    """Attachments. A push-only entry that tells of another entry's change also has its Id, time and contact."""
    shown: dict[str, Any] = json.loads(metadata)
    return shown


def as_receipt(receipt: Receipt) -> dict[str, Any]:
    """`receipt` with the names of the model's Receipt; times in milliseconds."""
    out: dict[str, Any] = {"RecipientParticipantId": receipt.recipient_id}
    if receipt.delivered_at_ms is not None:
        out["DeliveredTimestamp"] = receipt.delivered_at_ms
    if receipt.read_at_ms is not None:
        out["ReadTimestamp"] = receipt.read_at_ms
    return out


def as_event(item: Item, initial_contact_id: str) -> dict[str, Any]:
    """`item` as it is sent on a socket: the members of Item and InitialContactId, by which clients filter."""
    out = as_item(item, past=False)
    out["InitialContactId"] = initial_contact_id
    return out


def receipts_by_seq(receipts: Sequence[Receipt]) -> Mapping[int, Sequence[Receipt]]:
    """Receipts grouped by the message they belong to."""
    grouped: dict[int, list[Receipt]] = {}
    for receipt in receipts:
        grouped.setdefault(receipt.seq, []).append(receipt)
    return grouped
