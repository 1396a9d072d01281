"""Contact records that come after the contacts which they describe: they complete what is there."""

from typing import Any

from threadline.chat.contact import Contact, Session
from threadline.chat.imports import Imported, ImportedContact
from threadline.errors import Fault
from threadline.operations.imported_chats import (
    INVALID,
    GivenContact,
    KnownContact,
    keep_data,
    link,
    row_of,
    settle,
)
from threadline.operations.instances import Instance
from threadline.operations.sessions import contact_data, contacts_of, session_of
from threadline.store import Tx

MEMBERS = {
    "initiation_method": "InitiationMethod",
    "initiated_at_ms": "InitiationTimestamp",
    "connected_at_ms": "ConnectedToSystemTimestamp",
    "queue_id": "QueueId",
    "enqueued_at_ms": "EnqueueTimestamp",
    "user_id": "UserId",
    "accepted_at_ms": "ConnectedToAgentTimestamp",
    "disconnected_at_ms": "DisconnectTimestamp",
    "disconnect_reason": "DisconnectReason",
    "updated_at_ms": "LastUpdateTimestamp",
}
"""The columns of a contact that a record gives, with the record's members."""


def complete_contact(tx: Tx, instance: Instance, given: GivenContact, known: KnownContact) -> bool:
    """Write what a record says of an imported contact that is there, and return whether that changed anything.

    The record wins over what the transcript gave. The place of the contact in its chat stays.
    Faults: InvalidRequestException for a record that puts the contact into another chat.
    """
    session = session_of(tx, known.session)
    initial = given.members.get("InitialContactId", session.initial_contact_id)
    if initial != session.initial_contact_id:
        raise Fault(
            INVALID,
            f"Its record puts it into chat {initial}, and it is in {session.initial_contact_id} already."
            " Erase it, then import it together with its record.",
        )
    given = given._replace(state=Imported(known.state or Imported.WHOLE), entries=())
    before = _seen(tx, session.key, given.id, known.position)
    row = row_of(session, known.position, None, known.first_seq, given)
    contact: Contact = before[1]
    columns = {
        column: getattr(row if member in given.members else contact, column)
        for column, member in MEMBERS.items()
    }
    if columns["queue_id"] is not None and columns["enqueued_at_ms"] is None:
        columns["enqueued_at_ms"] = row.enqueued_at_ms
    if columns["user_id"] is not None and columns["accepted_at_ms"] is None:
        columns["accepted_at_ms"] = row.accepted_at_ms
    tx.run(
        "fill_imported_contact",
        session=session.key,
        position=known.position,
        initiation_method=columns["initiation_method"],
        initiated_at_ms=columns["initiated_at_ms"],
        connected_at_ms=columns["connected_at_ms"],
        queue_id=columns["queue_id"],
        enqueued_at_ms=columns["enqueued_at_ms"],
        user_id=columns["user_id"],
        accepted_at_ms=columns["accepted_at_ms"],
        disconnected_at_ms=columns["disconnected_at_ms"],
        disconnect_reason=columns["disconnect_reason"],
        updated_at_ms=columns["updated_at_ms"],
    )
    if given.members.get("UserId"):
        tx.run(
            "complete_imported_agents",
            session=session.key,
            contact_id=given.id,
            user_id=given.members["UserId"],
        )
    keep_data(tx, session, given)
    settle(tx, session, given, contacts_of(tx, session.key))
    link(tx, instance, session.key, given)
    return _seen(tx, session.key, given.id, known.position) != before


def _seen(tx: Tx, key: int, contact_id: str, position: int) -> tuple[Any, ...]:
    """All that a record can change."""
    session: Session = session_of(tx, key)
    return (
        session,
        contacts_of(tx, key)[position],
        tx.row("attributes", str, str, session=key),
        contact_data(tx, session, contact_id),
        tx.row("imported_contact", ImportedContact, session=key, contact_id=contact_id),
    )
