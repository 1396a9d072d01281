"""Erasure: the operations that start and describe one, and the writes that erase a part of a chat.

An erased entry stays in its log as an event without content, so numbers, times, pages and lineages keep their shape.
"""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from threadline.chat.contact import Contact, Session
from threadline.chat.rehydration import last_seq_of
from threadline.chat.transcript import ERASED
from threadline.errors import Fault
from threadline.operations.instances import require_instance
from threadline.operations.legal_holds import refuse_held
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.operations.sessions import (
    contact_data,
    contacts_of,
    require,
    require_past,
    session_of,
    set_contact_data,
)
from threadline.operations.stored_files import delete_files_of
from threadline.operations.streams import forget_streams
from threadline.operations.text_search import number_of
from threadline.store import Tx

INVALID = "InvalidRequestException"
COUNTED_CHATS_MAX = 10_000
"""Chats that StartErasure counts: it takes some ten milliseconds."""
ERASE_AFTER_MS = 10
FIELDS = {
    "CUSTOMER_ENDPOINT": "CustomerEndpoint",
    "ADDITIONAL_EMAIL_RECIPIENTS": "AdditionalEmailRecipients",
    "EMAIL_SUBJECT": "EmailSubject",
}
"""The members of a contact's data that DeleteContactData erases, by its names for them."""


class Scope(StrEnum):
    """How the chats of an erasure are named. Source: our model, shape ErasureScope."""

    CONTACT = "CONTACT"
    LINEAGE = "LINEAGE"
    CUSTOMER = "CUSTOMER"


class Erasure(NamedTuple):
    """An erasure: the counts at its start, and those of the work done so far."""

    id: str
    instance_id: str
    scope: str
    contact_id: str | None
    started_at_ms: int
    completed_at_ms: int | None
    chat_count: int
    contact_count: int
    item_count: int
    erased_chat_count: int
    erased_item_count: int
    kept_chat_count: int


@operation("threadline")
def start_erasure(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_id: str | None = None,
    lineage_contact_id: str | None = None,
    customer_id: str | None = None,
    dry_run: bool = False,
) -> Reply:
    """Begin to erase a contact, a chat with its past, or all chats of a customer.

    Reads: the chats, to count them and to see that none of them runs or is held. Writes: an erasure and its task.
    Faults: ResourceNotFoundException for a contact, and for a CustomerId that no chat has; InvalidRequestException
        unless exactly one of the three members is given, for a chat that runs, and for one under a legal hold.
    Assumed: a running chat is refused, as DeleteContactData refuses it, rather than ended.
    """
    instance = require_instance(tx, caller, instance_id)
    named = [name for name in (contact_id, lineage_contact_id, customer_id) if name is not None]
    if len(named) != 1:
        raise Fault(INVALID, "Give exactly one of ContactId, LineageContactId and CustomerId.")
    payload: dict[str, Any]
    if customer_id is not None:
        scope, counts = Scope.CUSTOMER, _of_customer(tx, instance.id, customer_id)
        payload = {"customer_id": customer_id, "until_ms": tx.now_ms, "at_ms": -1, "after": 0}
    elif contact_id is not None:
        scope, (session, contact) = Scope.CONTACT, require_past(tx, instance.id, contact_id, "Contact")
        _refuse(tx, session)
        first, last = span_of(session, contacts_of(tx, session.key), contact)
        counts = (1, 1, max(0, last - first + 1))
        payload = {"session": session.key, "position": contact.position}
    else:
        session, _ = require_past(tx, instance.id, named[0], "Contact")
        scope, counts = Scope.LINEAGE, _of_lineage(tx, session)
        payload = {"session": session.key}
    reply: Reply = dict(zip(("ChatCount", "ContactCount", "ItemCount"), counts, strict=True))
    if dry_run:
        return reply
    erasure_id = tx.clock.contact_id()
    tx.run(
        "insert_erasure",
        id=erasure_id,
        instance_id=instance.id,
        scope=scope,
        contact_id=contact_id or lineage_contact_id,
        chat_count=counts[0],
        contact_count=counts[1],
        item_count=counts[2],
        now_ms=tx.now_ms,
    )
    payload |= {"erasure_id": erasure_id, "instance_id": instance.id, "scope": scope}
    tx.later("erase", tx.now_ms + ERASE_AFTER_MS, payload=payload)
    return {"ErasureId": erasure_id, **reply}


def _refuse(tx: Tx, session: Session) -> None:
    """Refuse to erase a chat that runs or is held. Faults: InvalidRequestException."""
    if session.ended_at_ms is None:
        raise Fault(
            INVALID,
            f"Chat {session.initial_contact_id} has not ended: it is in contact {session.current_contact_id}."
            " End it with StopContact before you erase it.",
        )
    refuse_held(tx, session)


def _of_lineage(tx: Tx, session: Session) -> tuple[int, int, int]:
    """The numbers of chats, contacts and entries of a chat and its past. Faults: as `_refuse`."""
    _refuse(tx, session)  # a hold on one chat is on the whole lineage, and a past chat has ended
    chats, contacts, items = 1, session.last_position + 1, session.last_seq
    while session.anchor_session is not None and chats < COUNTED_CHATS_MAX:
        session = session_of(tx, session.anchor_session)
        chats, contacts, items = chats + 1, contacts + session.last_position + 1, items + session.last_seq
    return chats, contacts, items


def _of_customer(tx: Tx, instance_id: str, customer_id: str) -> tuple[int, int, int]:
    """The numbers of chats, contacts and entries of a customer. Faults: as `_refuse`; ResourceNotFoundException."""
    of = {"instance_id": instance_id, "customer_id": customer_id}
    found = tx.row("count_chats_of_customer", int, int, int, limit=COUNTED_CHATS_MAX, **of)
    if found is None or not found[0]:
        raise Fault("ResourceNotFoundException", "No chat has this CustomerId.")
    running = tx.row("open_chat_of_customer", str, **of)
    if running is not None:
        _refuse(tx, require_past(tx, instance_id, running, "Contact")[0])
    held = tx.row("held_chat_of_customer", Session, **of)
    if held is not None:
        refuse_held(tx, held)
    chats, contacts, items = found
    return chats, int(contacts), int(items)


@operation("threadline", writes=False)
def describe_erasure(tx: Tx, caller: AccountCaller, *, instance_id: str, erasure_id: str) -> Reply:
    """Describe an erasure: how far it is, and when it was complete.

    Faults: ResourceNotFoundException.
    """
    instance = require_instance(tx, caller, instance_id)
    found = tx.row("erasure", Erasure, instance_id=instance.id, id=erasure_id)
    if found is None:
        raise Fault("ResourceNotFoundException", f"Erasure not found: {erasure_id}")
    return {
        "ErasureId": found.id,
        "Scope": found.scope,
        "ContactId": found.contact_id,
        "Status": "IN_PROGRESS" if found.completed_at_ms is None else "COMPLETED",
        "StartTimestamp": found.started_at_ms,
        "CompletedTimestamp": found.completed_at_ms,
        "ChatCount": found.chat_count,
        "ContactCount": found.contact_count,
        "ItemCount": found.item_count,
        "ErasedChatCount": found.erased_chat_count,
        "ErasedItemCount": found.erased_item_count,
        "KeptChatCount": found.kept_chat_count,
    }


@operation("connect")
def delete_contact_data(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_id: str, contact_fields: list[str]
) -> Reply:
    """Erase the fields of a contact's record that Amazon Connect identifies as personal.

    Writes: the contact's data, without the fields that are named.
    Faults: ResourceNotFoundException; ContactNotTerminatedException for a chat that has not ended;
        InvalidRequestException for a chat under a legal hold.
    Source: DeleteContactData. A chat that was started here has none of the three fields; one that was imported may.
        StartErasure erases everything.
    """
    instance = require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance.id, contact_id)
    if contact.disconnected_at_ms is None:
        raise Fault(
            "ContactNotTerminatedException",
            f"Contact {contact.id} has not ended. End it with StopContact first.",
        )
    refuse_held(tx, session)
    data = contact_data(tx, session, contact.id)
    members = {FIELDS[field] for field in contact_fields if FIELDS[field] in data}
    if members:
        set_contact_data(tx, session, contact.id, dict.fromkeys(members))
        tx.run("contact_updated", session=session.key, position=contact.position, now_ms=tx.now_ms)
    return {}


def erase_words(tx: Tx, runs: Sequence[tuple[int, range]]) -> None:
    """Erase the words of runs of logs from the index, each given as a session and the numbers of its entries."""
    numbers = [number_of(session, seq) for session, seqs in runs for seq in seqs]
    if numbers:
        tx.run("delete_words_of", numbers=json.dumps(numbers))


class Part(NamedTuple):
    """The part of a chat that is to be erased: all its contacts, or one."""

    session: Session
    contacts: tuple[Contact, ...]
    position: int | None

    @property
    def span(self) -> tuple[int, int]:
        """The numbers of the first and the last entry; the last is smaller where there is none."""
        if self.position is None:
            return 1, self.session.last_seq
        return span_of(self.session, self.contacts, self.contacts[self.position])

    @property
    def chosen(self) -> tuple[Contact, ...]:
        """The contacts that are erased."""
        return self.contacts if self.position is None else (self.contacts[self.position],)


def span_of(session: Session, contacts: tuple[Contact, ...], contact: Contact) -> tuple[int, int]:
    """The numbers of the first and the last entry of a contact."""
    return contact.first_seq, last_seq_of(contact, contacts, session)


def erase_entries(tx: Tx, session: int, first_seq: int, last_seq: int) -> None:
    """Erase a run of a log, with its receipts; see `erase_words`."""
    span = {"session": session, "first_seq": first_seq, "last_seq": last_seq}
    tx.run("erase_items", content_type=ERASED, **span)
    tx.run("delete_receipts_between", **span)
    tx.run("delete_imported_items_between", **span)


def begin_part(tx: Tx, part: Part) -> None:
    """Delete a part's files, and give up the deliveries of a chat that is erased as a whole.

    Of others, erased entries are delivered as such.
    """
    _delete_files(tx, part)
    if part.position is None:
        forget_streams(tx, part.session.key)


def _delete_files(tx: Tx, part: Part) -> None:
    delete_files_of(tx, part.session.key, None if part.position is None else part.contacts[part.position].id)


def finish_part(tx: Tx, part: Part) -> None:
    """Erase what belongs to the contacts of a part, and to the whole chat once all its contacts are erased."""
    of = {"session": part.session.key}
    _delete_files(tx, part)  # again, since a transcript file may have been written meanwhile
    for contact in part.chosen:
        tx.run("delete_data_of_contact", contact_id=contact.id, **of)
        tx.run("erase_imported_members", contact_id=contact.id, **of)
        tx.run("erase_names_of_contact", contact_id=contact.id, **of)
        if contact.erased_at_ms is None:
            tx.run("contact_erased", position=contact.position, now_ms=tx.now_ms, **of)
    if all(contact.erased_at_ms is not None or contact in part.chosen for contact in part.contacts):
        tx.run("erase_names", **of)
        tx.run("erase_attributes", **of)
        tx.run("erase_session", now_ms=tx.now_ms, **of)
