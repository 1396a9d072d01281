"""The tasks about files: a contact's transcript file, the scan of an attachment, and the deletion of objects.

Each but the sweep is done outside any transaction, by `server.files`, under a lease. One that fails runs again, later
each time, until it succeeds.
"""

import json
from collections.abc import Mapping
from typing import Any

from threadline.chat.attachments import SCAN_SECONDS, Attachment, Status
from threadline.chat.contact import Contact, Session
from threadline.operations.continuations import (
    OUTSIDE,
    RETRY_DELAYS_MS,
    OutsideCall,
    continuation,
)
from threadline.operations.instances import Instance
from threadline.operations.sessions import contacts_of, participants_of, session_of
from threadline.operations.stored_files import (
    TranscriptFile,
    attachment_of,
    delete_objects,
    judge,
    transcript_key,
    upload_prefix,
)
from threadline.store import Task, Tx

VERSION = "2019-08-26"
"""The version of the transcript file's form. Source: real files."""


def run_again(tx: Tx, task: Task) -> None:
    """Write a task that has failed once more, due later."""
    delay_ms = RETRY_DELAYS_MS[min(task.attempts, len(RETRY_DELAYS_MS) - 1)]
    tx.later(
        task.kind,
        tx.now_ms + delay_ms,
        contact_id=task.contact_id,
        payload=json.loads(task.payload),
        attempts=task.attempts + 1,
    )


# Transcript files


def prepare_transcript(tx: Tx, task: Task) -> dict[str, Any] | None:
    """The head of a contact's transcript file, and the part of the log that it holds.

    None once the contact is gone or erased.

    Source: real files: Version, ids, and the participants by their ids.
    Assumed: the participants are those who were there at any time of the contact.
    """
    found = _of_task(tx, task)
    if found is None:
        return None
    session, contact, instance = found
    if contact.erased_at_ms is not None:
        delete_objects(tx, keys=[transcript_key(instance, contact)])  # a node may have written it, and ended
        return None
    contacts = contacts_of(tx, session.key)
    following = next((each for each in contacts if each.position == contact.position + 1), None)
    ended_at_ms = contact.disconnected_at_ms or tx.now_ms
    there = [
        participant.id
        for participant in participants_of(tx, session.key)
        if participant.created_at_ms <= ended_at_ms
        and (participant.left_seq is None or participant.left_seq >= contact.first_seq)
    ]
    head = {
        "Version": VERSION,
        "AWSAccountId": instance.account_id,
        "InstanceId": instance.id,
        "InitialContactId": session.initial_contact_id,
        "ContactId": contact.id,
        "Participants": [{"ParticipantId": each} for each in there],
    }
    return {
        "kind": "transcript_file",
        "session": session.key,
        "contact_id": contact.id,
        "first_seq": contact.first_seq,
        "last_seq": following.first_seq - 1 if following else session.last_seq,
        "key": transcript_key(instance, contact),
        "head": head,
    }


def _of_task(tx: Tx, task: Task) -> tuple[Session, Contact, Instance] | None:
    key = json.loads(task.payload)["session"]
    session = tx.row("session", Session, session=key)
    if session is None:
        return None
    contact = next((each for each in contacts_of(tx, key) if each.id == task.contact_id), None)
    instance = tx.row("instance", Instance, instance_id=session.instance_id)
    return (session, contact, instance) if contact is not None and instance is not None else None


def transcript_written(tx: Tx, task: Task, given: Mapping[str, Any]) -> None:
    """Keep where a transcript file is. The file of a contact that was erased meanwhile is deleted."""
    if "failed" in given:
        run_again(tx, task)
    elif (found := _of_task(tx, task)) is None or found[1].erased_at_ms is not None:
        delete_objects(tx, keys=[given["key"]])
    else:
        key = json.loads(task.payload)["session"]
        file = TranscriptFile(key, task.contact_id or "", given["key"], given["size"], tx.now_ms)
        tx.put("insert_transcript_file", file)


OUTSIDE["transcript_file"] = OutsideCall(prepare_transcript, transcript_written)


# Scans


def prepare_scan(tx: Tx, task: Task) -> dict[str, Any] | None:
    """The call of the scanner; None once the file is gone.

    Source: Admin Guide, attachment scanning: the event, and `{"Status": "APPROVED"}` as its answer.
    """
    attachment = _waiting(tx, task)
    if attachment is None:
        return None
    location = {"Bucket": tx.policy.bucket, "Key": tx.policy.bucket_prefix + (attachment.object_key or "")}
    event = {
        "Version": "1.0",
        "InstanceId": attachment.instance_id,
        "File": {
            "FileId": attachment.id,
            "FileCreationTime": attachment.created_at_ms,
            "FileName": attachment.name,
            "FileSizeInBytes": attachment.size,
            "FileLocation": location,
        },
    }
    return {
        "kind": "scan",
        "id": attachment.id,
        "contact_id": attachment.contact_id,
        "name": tx.policy.attachments.scanner,
        "event": event,
        "seconds": SCAN_SECONDS,
        "attachment_id": attachment.id,
    }


def _waiting(tx: Tx, task: Task) -> Attachment | None:
    attachment = attachment_of(tx, json.loads(task.payload)["id"])
    return attachment if attachment is not None and attachment.status == Status.IN_PROGRESS else None


def scanned(tx: Tx, task: Task, given: Mapping[str, Any]) -> None:
    """Set the status that the scanner gave. A file is approved by its word only.

    Assumed: a scanner that gives no usable answer within a minute rejects.
    """
    attachment = _waiting(tx, task)
    if attachment is None:
        return
    answer = given["outcome"].get("values", {}).get("External", {})
    word = str(answer.get("Status", answer.get("status", ""))).upper()
    session = session_of(tx, attachment.session)
    judge(tx, session, attachment, Status.APPROVED if word == Status.APPROVED else Status.REJECTED)


OUTSIDE["scan"] = OutsideCall(prepare_scan, scanned)


# Deletion


def prepare_deletion(tx: Tx, task: Task) -> dict[str, Any]:
    """The keys of the objects to delete, and the first parts of others."""
    return {"kind": "delete_objects", "contact_id": "", **json.loads(task.payload)}


def deleted(tx: Tx, task: Task, given: Mapping[str, Any]) -> None:
    """Delete again later what could not be deleted."""
    if "failed" in given:
        run_again(tx, task)


OUTSIDE["delete_objects"] = OutsideCall(prepare_deletion, deleted)


@continuation("sweep_attachment")
def sweep_attachment(tx: Tx, task: Task) -> None:
    """Delete an upload that was not completed in time, and of any other the bytes that its item does not show."""
    attachment = attachment_of(tx, json.loads(task.payload)["id"])
    if attachment is None:
        return  # its objects were deleted with the row
    instance = tx.row("instance", Instance, instance_id=attachment.instance_id)
    if attachment.status == Status.DRAFTING:
        tx.run("delete_attachment", id=attachment.id)
    if instance is not None:
        kept = attachment.object_key if attachment.status != Status.DRAFTING else None
        delete_objects(tx, below=[upload_prefix(instance, attachment)], but=kept or "")
