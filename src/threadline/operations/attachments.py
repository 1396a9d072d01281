"""The attachments of participants: the upload, its completion, and the download."""

from collections.abc import Mapping, Sequence
from typing import Any

from threadline.chat.attachments import (
    DOWNLOAD_SECONDS,
    SWEEP_AFTER_MS,
    Attachment,
    Status,
    as_shown,
    check_file,
)
from threadline.chat.contact import Session
from threadline.chat.participant import Participant, Role, Token
from threadline.chat.transcript import Item, Viewer
from threadline.errors import Fault
from threadline.operations.instances import Instance
from threadline.operations.participants import active, known
from threadline.operations.registry import ParticipantCaller, ReadOnlyCaller, Reply, operation
from threadline.operations.stored_files import (
    attachment_of,
    finish_upload,
    iso,
    signed_url,
    upload_metadata,
)
from threadline.operations.streams import wake_message_streams
from threadline.operations.transcripts import is_visible
from threadline.store import Tx

INVALID = "ValidationException"
DENIED = "AccessDeniedException"


def _with_upload_url(tx: Tx, reply: Reply, arguments: Mapping[str, Any]) -> Reply:
    """The reply with the URL, which is in no stored reply."""
    attachment = attachment_of(tx, reply["AttachmentId"])
    if attachment is None:
        raise Fault(INVALID, "The upload that this ClientToken began has expired. Begin another one.")
    return {
        **reply,
        "UploadMetadata": upload_metadata(tx, instance_of(tx, attachment.instance_id), attachment),
    }


@operation(
    "connectparticipant",
    bearer=Token.CONNECTION,
    credential="connection_token",
    scope=(),
    conflict=INVALID,
    complete=_with_upload_url,
)
def start_attachment_upload(
    tx: Tx,
    caller: ParticipantCaller,
    *,
    content_type: str,
    attachment_size_in_bytes: int,
    attachment_name: str,
    client_token: str,
) -> Reply:
    """Begin an upload, and return the URL that takes the file's bytes in one PUT.

    The PUT needs the size and the content type of this call. An upload that is not completed is deleted after a while.
    Writes: attachment, task.
    Faults: AccessDeniedException when the chat has ended; ValidationException for a type or size that is not taken;
        ServiceQuotaExceededException for more files than a chat may have.
    Source: StartAttachmentUpload; Amazon Connect feature specifications.
    Assumed: the ending of the name must be in the list of types, and ContentType must be one of that ending's.
    Assumed: uploads that were begun count among the 35 of a chat until they are deleted.
    """
    session, participant = active(tx, caller)
    rules = tx.policy.attachments
    kind = check_file(rules, attachment_name, content_type, attachment_size_in_bytes, INVALID)
    attachment = begin_upload(
        tx, session, attachment_name, kind, attachment_size_in_bytes, participant_id=participant.id
    )
    return {"AttachmentId": attachment.id}


def begin_upload(
    tx: Tx,
    session: Session,
    name: str,
    content_type: str,
    size: int,
    *,
    contact_id: str | None = None,
    participant_id: str | None = None,
    details: str = "{}",
) -> Attachment:
    """Add a file to a chat whose bytes are to come. Faults: ServiceQuotaExceededException."""
    count_max = tx.policy.attachments.count_max
    if (tx.row("count_attachments", int, session=session.key) or 0) >= count_max:
        raise Fault(
            "ServiceQuotaExceededException",
            f"A chat has at most {count_max} attachments; chat {session.initial_contact_id} has them all.",
        )
    attachment = Attachment(
        tx.clock.contact_id(),
        session.key,
        session.instance_id,
        contact_id or session.current_contact_id,
        name,
        content_type,
        size,
        Status.DRAFTING,
        None,
        None,
        participant_id,
        tx.now_ms,
        details,
    )
    tx.put("insert_attachment", attachment)
    tx.later(
        "sweep_attachment", tx.now_ms + SWEEP_AFTER_MS, payload={"id": attachment.id, "at_ms": tx.now_ms}
    )
    return attachment


def instance_of(tx: Tx, instance_id: str) -> Instance:
    """The instance of a file, which must exist."""
    instance = tx.row("instance", Instance, instance_id=instance_id)
    if instance is None:
        raise LookupError(f"no instance {instance_id}")
    return instance


@operation(
    "connectparticipant",
    bearer=Token.CONNECTION,
    credential="connection_token",
    scope=(),
    conflict=INVALID,
)
def complete_attachment_upload(
    tx: Tx, caller: ParticipantCaller, *, attachment_ids: Sequence[str], client_token: str
) -> Reply:
    """Show a file in the chat whose bytes have been uploaded.

    With a scanner the item has the status IN_PROGRESS until its verdict. Then it has APPROVED or REJECTED, and the
    sockets get the item again, with the same Id.
    Writes: attachment, an entry; with a scanner a task. Wakes: the session.
    Faults: AccessDeniedException when the chat has ended; ValidationException for a file that is not the participant's
        or that has no bytes yet; ConflictException for one that is completed.
    Source: CompleteAttachmentUpload.
    Assumed: the item's ContentType is the file's, and it has no Content.
    """
    session, participant = active(tx, caller)
    attachment = attachment_of(tx, attachment_ids[0])
    if attachment is None or (attachment.session, attachment.participant_id) != (session.key, participant.id):
        raise Fault(INVALID, f"No attachment of yours in this chat has the id {attachment_ids[0][:60]!r}.")
    if attachment.status != Status.DRAFTING:
        raise Fault("ConflictException", f"Attachment {attachment.id} is completed already.")
    if attachment.object_key is None:
        raise Fault(
            INVALID,
            f"Attachment {attachment.id} has no bytes yet. PUT the file to UploadMetadata.Url with the headers of"
            " HeadersToInclude, and see that the answer is 200.",
        )
    item = _append(tx, session, participant, attachment)
    finish_upload(tx, attachment, session.current_contact_id, item.seq)
    return {}


def _append(tx: Tx, session: Session, participant: Participant, attachment: Attachment) -> Item:
    status = Status.IN_PROGRESS if tx.policy.attachments.scanner else Status.APPROVED
    wake_message_streams(tx, session)
    return tx.append(
        session.key,
        contact_id=session.current_contact_id,
        type="ATTACHMENT",
        content_type=attachment.content_type,
        participant_id=participant.id,
        display_name=participant.display_name,
        participant_role=participant.role,
        metadata={"Attachments": [as_shown(attachment, status)]},
    )


@operation(
    "connectparticipant",
    writes=False,
    bearer=Token.CONNECTION,
    credential="connection_token",
    takes_read_token=True,
)
def get_attachment(
    tx: Tx,
    caller: ParticipantCaller,
    *,
    attachment_id: str,
    url_expiry_in_seconds: int | None = None,
    url_content_disposition: str | None = None,
) -> Reply:
    """Return a URL by which the bytes of a file can be downloaded.

    The file must be in an item that GetTranscript shows to the participant: of their chat, or of the past that the chat
    continues from. A read token (CreateReadToken) is taken as well. The download is an attachment, and with INLINE a
    browser shows it in place if it is a picture.
    Reads: attachment, item, one row for each session walked.
    Faults: AccessDeniedException when the chat has ended, and for a custom bot; ValidationException for a file that the
        participant cannot see, is being scanned or was rejected.
    Source: GetAttachment; Admin Guide: a custom participant cannot get attachments.
    Assumed: UrlExpiryInSeconds is 300, and UrlContentDisposition ATTACHMENT, unless given.
    """
    session, participant = known(tx, caller) if isinstance(caller, ReadOnlyCaller) else active(tx, caller)
    if participant.role == Role.CUSTOM_BOT:
        raise Fault(DENIED, "A custom participant cannot get attachments.")
    attachment = attachment_of(tx, attachment_id)
    if attachment is None or not _is_visible(tx, session, participant, attachment):
        raise Fault(INVALID, f"No attachment that you can see has the id {attachment_id[:60]!r}.")
    if attachment.status == Status.IN_PROGRESS:
        raise Fault(INVALID, f"Attachment {attachment.id} is being scanned. Try again in a moment.")
    if attachment.status != Status.APPROVED:
        raise Fault(INVALID, f"Attachment {attachment.id} was rejected by the scanner.")
    return download(tx, attachment, url_expiry_in_seconds, url_content_disposition)


def download(tx: Tx, attachment: Attachment, seconds: int | None, content_disposition: str | None) -> Reply:
    """Url, UrlExpiry and AttachmentSizeInBytes of an approved file."""
    until_ms = tx.now_ms + (seconds or DOWNLOAD_SECONDS) * 1_000
    instance = instance_of(tx, attachment.instance_id)
    inline = content_disposition == "INLINE"
    return {
        "Url": signed_url(tx.policy.url, instance, attachment, "GET", until_ms, inline=inline),
        "UrlExpiry": iso(until_ms),
        "AttachmentSizeInBytes": attachment.size,
    }


def _is_visible(tx: Tx, session: Session, participant: Participant, attachment: Attachment) -> bool:
    """Whether GetTranscript shows the participant the item of a file."""
    if attachment.seq is None:
        return False
    item = tx.row("item", Item, session=attachment.session, seq=attachment.seq)
    if item is None or item.type != "ATTACHMENT":
        return False
    return is_visible(tx, session, Viewer(session.key, participant.id, participant.left_seq), item)
