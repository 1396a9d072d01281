"""The files of chats in the object store: their keys, the URLs by which clients get at them, and their deletion.

A URL is signed with the key of the instance. The signature covers the method, the file, its size and type, the time
until which the URL is valid, and whether the file may be shown in place.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from threadline.chat.attachments import UPLOAD_MS, Attachment, Status, as_shown
from threadline.chat.contact import Contact, Session
from threadline.chat.transcript import Item
from threadline.objects import key_of
from threadline.operations.continuations import LEASE_SECONDS
from threadline.operations.instances import Instance
from threadline.operations.registry import Reply
from threadline.operations.sessions import contacts_of
from threadline.operations.streams import wake_message_streams
from threadline.resources.storage_configs import FILES
from threadline.store import Tx

PATH = "/attachments/"
AGAIN_MS = 2 * LEASE_SECONDS * 1_000
"""Time until what was deleted is deleted again, since a file that was being written then may have come after it."""


class TranscriptFile(NamedTuple):
    """The transcript file of a contact: the columns of its table."""

    session: int
    contact_id: str
    object_key: str
    size: int
    written_at_ms: int


def prefix_of(instance: Instance, resource_type: str) -> str:
    """The first parts of the keys of an instance's files of a type."""
    return key_of(("connect", instance.alias or instance.id, FILES[resource_type]))


def transcript_key(instance: Instance, contact: Contact) -> str:
    """The key of a contact's transcript file. Source: the keys of real files: the time is that of the start."""
    at = datetime.fromtimestamp(contact.initiated_at_ms / 1_000, UTC)
    name = f"{contact.id}_{at:%Y%m%dT%H:%M}_UTC.json"
    return f"{prefix_of(instance, 'CHAT_TRANSCRIPTS')}/{at:%Y/%m/%d}/{key_of([name])}"


def upload_prefix(instance: Instance, attachment: Attachment) -> str:
    """The first parts of the keys of all uploads of one attachment."""
    at = datetime.fromtimestamp(attachment.created_at_ms / 1_000, UTC)
    return f"{prefix_of(instance, 'ATTACHMENTS')}/{at:%Y/%m/%d}/{key_of([attachment.id])}"


def signed_url(
    url: str, instance: Instance, attachment: Attachment, method: str, until_ms: int, *, inline: bool = False
) -> str:
    """The URL by which a client sends or gets the bytes of a file, at the server's `url`."""
    query = {"Expires": str(until_ms // 1_000), "Inline": str(int(inline))}
    query["Signature"] = signature(instance, attachment, method, query["Expires"], query["Inline"])
    return f"{url}{PATH}{quote(attachment.id, safe='')}?{urlencode(query)}"


def signature(instance: Instance, attachment: Attachment, method: str, expires: str, inline: str) -> str:
    """The signature of a URL of a file, as hexadecimal digits."""
    signed = [method, attachment.id, str(attachment.size), attachment.content_type, expires, inline]
    key = hashlib.sha256(f"URLs of files\n{instance.paging_key}".encode()).digest()
    return hmac.new(key, json.dumps(signed).encode(), hashlib.sha256).hexdigest()


def upload_metadata(tx: Tx, instance: Instance, attachment: Attachment, valid_ms: int = UPLOAD_MS) -> Reply:
    """Url, UrlExpiry and HeadersToInclude of an upload that began."""
    until_ms = tx.now_ms + valid_ms
    return {
        "Url": signed_url(tx.policy.url, instance, attachment, "PUT", until_ms),
        "UrlExpiry": iso(until_ms),
        "HeadersToInclude": {"Content-Type": attachment.content_type},
    }


def iso(at_ms: int) -> str:
    """A time as the participant service writes it."""
    return (
        datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def attachment_of(tx: Tx, attachment_id: str) -> Attachment | None:
    """The file with this id."""
    return tx.row("attachment", Attachment, id=attachment_id)


def finish_upload(tx: Tx, attachment: Attachment, contact_id: str, seq: int | None) -> None:
    """Complete a file whose bytes have come: it is approved, or a scanner judges it first."""
    scanner = tx.policy.attachments.scanner
    status = Status.IN_PROGRESS if scanner else Status.APPROVED
    tx.run("complete_attachment", id=attachment.id, status=status, contact_id=contact_id, seq=seq)
    if scanner:
        tx.later("scan", tx.now_ms, contact_id=contact_id, payload={"id": attachment.id}, outside=True)


def judge(tx: Tx, session: Session, attachment: Attachment, status: Status) -> None:
    """Set the status that a scan has found, show it in the transcript, and tell sockets and streams.

    Assumed: they get the same item again, with its Id, time and contact and the new status. After the end of the chat
        nobody is told, since its log has ended.
    Wakes: the session.
    """
    tx.run("set_attachment_status", id=attachment.id, status=status)
    item = None
    if attachment.seq is not None:
        item = tx.row("item", Item, session=session.key, seq=attachment.seq)
    if item is None:
        return
    shown = {"Attachments": [as_shown(attachment, status)]}
    tx.run("set_item_metadata", session=session.key, seq=item.seq, metadata=json.dumps(shown))
    if session.ended_at_ms is None:
        wake_message_streams(tx, session)
        tx.append(
            session.key,
            contact_id=session.current_contact_id,
            type=item.type,
            content_type=item.content_type,
            participant_id=item.participant_id,
            display_name=item.display_name,
            participant_role=item.participant_role,
            push_only=True,
            metadata={**shown, "Id": item.id, "AbsoluteTime": item.at_ms, "ContactId": item.contact_id},
        )


def delete_files_of(tx: Tx, session: int, contact_id: str | None = None) -> int:
    """Delete all files of a chat, or of one of its contacts: attachments and transcript files; return their number.

    The rows go in this transaction, so no URL works any more. The objects go by a task that runs until they are gone.
    It runs again later for a file that was just being written. Writes: attachment, transcript_file, task.
    """
    attachments = [
        each
        for each in tx.rows("attachments_of_session", Attachment, session=session)
        if contact_id in (None, each.contact_id)
    ]
    files = [
        each
        for each in tx.rows("transcript_files", TranscriptFile, session=session)
        if contact_id in (None, each.contact_id)
    ]
    contacts = contacts_of(tx, session) if attachments or files else ()  # most chats have no files
    instance = tx.row("instance", Instance, instance_id=contacts[0].instance_id) if contacts else None
    keys: list[str] = []
    below: list[str] = []
    for attachment in attachments:
        if instance is not None:
            below.append(upload_prefix(instance, attachment))
        if attachment.object_key is not None:
            keys.append(attachment.object_key)
        tx.run("delete_attachment", id=attachment.id)
    for file in files:
        keys.append(file.object_key)
        tx.run("delete_transcript_file", session=session, contact_id=file.contact_id)
    if keys or below:
        delete_objects(tx, keys=keys, below=below)
        delete_objects(tx, keys=keys, below=below, at_ms=tx.now_ms + AGAIN_MS)
    return len(attachments) + len(files)


def delete_objects(
    tx: Tx, *, keys: Sequence[str] = (), below: Sequence[str] = (), but: str = "", at_ms: int | None = None
) -> None:
    """Write a task that deletes objects: those with `keys`, and those below the parts `below` except `but`."""
    payload: Mapping[str, Any] = {"keys": sorted(set(keys)), "below": list(below), "but": but}
    tx.later("delete_objects", tx.now_ms if at_ms is None else at_ms, payload=payload, outside=True)
