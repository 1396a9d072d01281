"""The operations that bring the bytes of imported attachments: an upload to a signed URL, as participants make it."""

from threadline.chat.attachments import SWEEP_AFTER_MS, Attachment, Status, check_file
from threadline.chat.contact import Contact, Session
from threadline.chat.rehydration import last_seq_of
from threadline.chat.transcript import Item
from threadline.errors import Fault
from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.operations.sessions import contacts_of, require
from threadline.operations.stored_files import attachment_of, finish_upload, upload_metadata
from threadline.store import Tx

INVALID = "InvalidRequestException"


@operation("threadline")
def import_attachment(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_id: str,
    attachment_id: str,
    attachment_name: str,
    attachment_size_in_bytes: int,
    content_type: str | None = None,
) -> Reply:
    """Begin the upload of a file that an item of an imported contact shows, and return the URL that takes its bytes.

    A file that is there already gets no URL. An upload that is not completed is deleted after a while.
    Writes: attachment, task.
    Faults: ResourceNotFoundException; InvalidRequestException for a contact that is not imported, an id that none of
        its items has or that another file has, and for a type or size that is not taken.
    """
    instance = require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance.id, contact_id)
    kind = check_file(tx.policy.attachments, attachment_name, content_type, attachment_size_in_bytes, INVALID)
    item = _shown_by(tx, session, contact, attachment_id)
    known = attachment_of(tx, attachment_id)
    if known is not None and (known.session, known.contact_id) != (session.key, contact.id):
        raise Fault(INVALID, f"Another file has the id {attachment_id[:60]!r}.")
    if known is not None and known.status != Status.DRAFTING:
        return {"Status": known.status}
    if known is not None:
        tx.run("delete_attachment", id=known.id)
    attachment = Attachment(
        attachment_id,
        session.key,
        instance.id,
        contact.id,
        attachment_name,
        kind,
        attachment_size_in_bytes,
        Status.DRAFTING,
        None,
        item.seq,
        item.participant_id,
        tx.now_ms,
        "{}",
    )
    tx.put("insert_attachment", attachment)
    sweep = {"id": attachment.id, "at_ms": tx.now_ms}
    tx.later("sweep_attachment", tx.now_ms + SWEEP_AFTER_MS, payload=sweep)
    return {"UploadMetadata": upload_metadata(tx, instance, attachment)}


@operation("threadline")
def complete_imported_attachment(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_id: str, attachment_id: str
) -> Reply:
    """Have a file got by those who see its item, now that its bytes are there. A repeated call changes nothing.

    Writes: attachment; with a scanner a task.
    Faults: ResourceNotFoundException; InvalidRequestException for a file without bytes.
    """
    instance = require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance.id, contact_id)
    attachment = attachment_of(tx, attachment_id)
    if attachment is None or (attachment.session, attachment.contact_id) != (session.key, contact.id):
        raise Fault(
            INVALID, f"Contact {contact.id} has no file {attachment_id[:60]!r}: begin its upload first."
        )
    if attachment.status == Status.DRAFTING:
        if attachment.object_key is None:
            raise Fault(
                INVALID, f"Attachment {attachment.id} has no bytes yet. PUT the file to the URL first."
            )
        finish_upload(tx, attachment, contact.id, attachment.seq)
    return {}


def _shown_by(tx: Tx, session: Session, contact: Contact, attachment_id: str) -> Item:
    """The item of an imported contact that shows a file. Faults: InvalidRequestException."""
    if session.key >= 0:
        raise Fault(INVALID, f"Contact {contact.id} is not imported.")
    if contact.erased_at_ms is not None or session.erased_at_ms is not None:
        raise Fault(INVALID, f"Contact {contact.id} was erased; no more of it is imported.")
    last_seq = last_seq_of(contact, contacts_of(tx, session.key), session)
    for item in tx.rows(
        "imported_attachments", Item, session=session.key, first_seq=contact.first_seq, last_seq=last_seq
    ):
        if f'"{attachment_id}"' in (item.metadata or ""):
            return item
    raise Fault(INVALID, f"No item of contact {contact.id} has the attachment {attachment_id[:60]!r}.")
