"""Attached files: the same files of a chat, for account callers. They are named by the chat's contact."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from threadline.chat.attachments import UPLOAD_MS, Attachment, Status, check_file, file_details
from threadline.chat.contact import Contact, Session
from threadline.errors import Fault
from threadline.operations.attachments import begin_upload, download, instance_of
from threadline.operations.contacts import contact_arn
from threadline.operations.instances import Instance, instance_arn, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, bare_id, operation
from threadline.operations.sessions import require, require_past
from threadline.operations.stored_files import (
    attachment_of,
    delete_objects,
    finish_upload,
    iso,
    upload_metadata,
    upload_prefix,
)
from threadline.store import Tx

INVALID = "InvalidRequestException"
ATTACHMENT = "ATTACHMENT"
STATUS = {Status.IN_PROGRESS: "PROCESSING"}
"""The words of FileStatusType that differ from ours."""


def _with_upload_url(tx: Tx, reply: Reply, arguments: Mapping[str, Any]) -> Reply:
    """The reply with the URL, which is in no stored reply."""
    attachment = attachment_of(tx, reply["FileId"])
    if attachment is None:
        raise Fault(INVALID, "The upload that this ClientToken began has expired. Begin another one.")
    seconds = arguments.get("url_expiry_in_seconds")
    valid_ms = seconds * 1_000 if seconds else UPLOAD_MS
    instance = instance_of(tx, attachment.instance_id)
    return {**reply, "UploadUrlMetadata": upload_metadata(tx, instance, attachment, valid_ms)}


@operation("connect", scope=("instance_id",), complete=_with_upload_url)
def start_attached_file_upload(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    file_name: str,
    file_size_in_bytes: int,
    file_use_case_type: str,
    associated_resource_arn: str,
    url_expiry_in_seconds: int | None = None,
    created_by: Document | None = None,
    tags: Document | None = None,
    client_token: str | None = None,
) -> Reply:
    """Begin the upload of a file for a chat's contact, and return the URL that takes its bytes in one PUT.

    The file is no item of the transcript; a participant sends one with StartAttachmentUpload.
    Writes: attachment, task.
    Faults: ResourceNotFoundException for the contact; InvalidRequestException for a type or size that is not taken,
        another use case than ATTACHMENT and CreatedBy with two members; ServiceQuotaExceededException.
    Source: StartAttachedFileUpload.
    Assumed: AssociatedResourceArn is the ARN or the id of a contact, and the file's type is that of its ending.
    """
    instance = require_instance(tx, caller, instance_id)
    if file_use_case_type != ATTACHMENT:
        raise Fault(INVALID, f"FileUseCaseType {file_use_case_type} is not for chats: send {ATTACHMENT}.")
    if len([value for value in (created_by or {}).values() if value is not None]) > 1:
        raise Fault(INVALID, "CreatedBy must have one member: ConnectUserArn or AWSIdentityArn.")
    session, contact = require(tx, instance.id, bare_id(associated_resource_arn))
    kind = check_file(tx.policy.attachments, file_name, None, file_size_in_bytes, INVALID)
    details = file_details(
        {"FileUseCaseType": file_use_case_type, "CreatedBy": created_by, "Tags": dict(tags) if tags else None}
    )
    attachment = begin_upload(
        tx, session, file_name, kind, file_size_in_bytes, contact_id=contact.id, details=details
    )
    shown = _as_file(instance, attachment)
    return {name: shown[name] for name in ("FileArn", "FileId", "CreationTime", "FileStatus", "CreatedBy")}


@operation("connect")
def complete_attached_file_upload(
    tx: Tx, caller: AccountCaller, *, instance_id: str, file_id: str, associated_resource_arn: str
) -> Reply:
    """Complete a file whose bytes have been uploaded: it is approved, or its scan begins.

    Writes: attachment; with a scanner a task.
    Faults: ResourceNotFoundException; InvalidRequestException for a file without bytes, of a participant's upload that
        is not completed, or that is completed already.
    Source: CompleteAttachedFileUpload.
    """
    instance = require_instance(tx, caller, instance_id)
    _, attachment = _require(tx, instance, file_id, associated_resource_arn)
    if attachment.status != Status.DRAFTING or attachment.participant_id is not None:
        raise Fault(INVALID, f"File {attachment.id} is completed already, or is a participant's to complete.")
    if attachment.object_key is None:
        raise Fault(
            INVALID, f"File {attachment.id} has no bytes yet: PUT them to UploadUrlMetadata.Url first."
        )
    finish_upload(tx, attachment, attachment.contact_id, None)
    return {}


@operation("connect", writes=False)
def get_attached_file(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    file_id: str,
    associated_resource_arn: str,
    url_expiry_in_seconds: int | None = None,
    url_content_disposition: str | None = None,
) -> Reply:
    """Describe a file of a chat, and return a URL of its bytes once it is approved.

    Reads: attachment. Faults: ResourceNotFoundException. Source: GetAttachedFile.
    Assumed: the attachments of participants are files of their contact too.
    """
    instance = require_instance(tx, caller, instance_id)
    _, attachment = _require(tx, instance, file_id, associated_resource_arn, past=True)
    reply = _as_file(instance, attachment)
    if attachment.status == Status.APPROVED:
        url = download(tx, attachment, url_expiry_in_seconds, url_content_disposition)
        reply["DownloadUrlMetadata"] = {"Url": url["Url"], "UrlExpiry": url["UrlExpiry"]}
    return reply


@operation("connect", writes=False)
def batch_get_attached_file_metadata(
    tx: Tx, caller: AccountCaller, *, instance_id: str, file_ids: Sequence[str], associated_resource_arn: str
) -> Reply:
    """Describe files of a chat. Ids that are not found are in Errors.

    Reads: attachment. Faults: ResourceNotFoundException for the contact. Source: BatchGetAttachedFileMetadata.
    Assumed: ErrorCode is that of GetAttachedFile.
    """
    instance = require_instance(tx, caller, instance_id)
    session, contact = require_past(tx, instance.id, bare_id(associated_resource_arn), "Contact")
    files, errors = [], []
    for file_id in file_ids:
        attachment = attachment_of(tx, bare_id(file_id))
        if attachment is None or not _belongs(attachment, session, contact):
            missing = {"ErrorCode": "ResourceNotFoundException", "ErrorMessage": f"File not found: {file_id}"}
            errors.append({**missing, "FileId": file_id})
        else:
            files.append(_as_file(instance, attachment))
    return {"Files": files, "Errors": errors}


@operation("connect")
def delete_attached_file(
    tx: Tx, caller: AccountCaller, *, instance_id: str, file_id: str, associated_resource_arn: str
) -> Reply:
    """Delete a file of a chat. The item that shows it stays, and nobody gets the bytes any more.

    Writes: attachment, task. Faults: ResourceNotFoundException. Source: DeleteAttachedFile.
    """
    instance = require_instance(tx, caller, instance_id)
    _, attachment = _require(tx, instance, file_id, associated_resource_arn)
    tx.run("delete_attachment", id=attachment.id)
    keys = [attachment.object_key] if attachment.object_key is not None else []
    delete_objects(tx, keys=keys, below=[upload_prefix(instance, attachment)])
    return {}


def _require(
    tx: Tx, instance: Instance, file_id: str, resource_arn: str, *, past: bool = False
) -> tuple[Contact, Attachment]:
    """A file with its contact. Faults: ResourceNotFoundException."""
    contact_id = bare_id(resource_arn)
    found = (
        require_past(tx, instance.id, contact_id, "Contact") if past else require(tx, instance.id, contact_id)
    )
    session, contact = found
    attachment = attachment_of(tx, bare_id(file_id))
    if attachment is None or not _belongs(attachment, session, contact):
        raise Fault("ResourceNotFoundException", f"File not found: {file_id}")
    return contact, attachment


def _belongs(attachment: Attachment, session: Session, contact: Contact) -> bool:
    return (attachment.session, attachment.contact_id) == (session.key, contact.id)


def _as_file(instance: Instance, attachment: Attachment) -> Reply:
    """A file with the names of AttachedFile. A member that is None is left out of the reply."""
    details = json.loads(attachment.details)
    return {
        "FileArn": f"{instance_arn(instance)}/file/{attachment.id}",
        "FileId": attachment.id,
        "CreationTime": iso(attachment.created_at_ms),
        "FileStatus": STATUS.get(Status(attachment.status), attachment.status),
        "FileName": attachment.name,
        "FileSizeInBytes": attachment.size,
        "AssociatedResourceArn": contact_arn(instance, attachment.contact_id),
        "FileUseCaseType": details.get("FileUseCaseType", ATTACHMENT),
        "CreatedBy": details.get("CreatedBy"),
        "Tags": details.get("Tags"),
    }
