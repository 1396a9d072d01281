"""The writes of an import: a contact of another system becomes an ended contact of a chat.

A chat may get its contacts in any order, and a long contact its items in parts. An earlier contact that comes late
moves the later ones behind it, with the numbers of their items and the associations that show them.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from threadline.chat.contact import Contact, Method, Session
from threadline.chat.imports import (
    Imported,
    ImportedContact,
    ImportedEntry,
    ImportedItem,
    key_at,
    milliseconds,
    place_in,
)
from threadline.chat.limits import INDEX_AFTER_END_MS
from threadline.chat.participant import Participant, Role
from threadline.errors import Fault
from threadline.operations.instances import Instance
from threadline.operations.registry import Document
from threadline.operations.sessions import contacts_of, participants_of, session_of, set_contact_data
from threadline.store import Tx

INVALID = "InvalidRequestException"
CONTACTS_MAX = 100
"""Contacts of an imported chat. Amazon Connect makes twelve at most."""
KEY_ATTEMPTS = 40
DATA_MEMBERS = ("Name", "Description", "Tags", "References")


class KnownContact(NamedTuple):
    """A contact that is there: its place in its chat, and how far it is imported (None for one of our own)."""

    session: int
    position: int
    first_seq: int
    state: str | None
    last_seq: int
    following_seq: int | None
    erased_at_ms: int | None

    @property
    def item_count(self) -> int:
        """The number of its entries."""
        return (self.last_seq + 1 if self.following_seq is None else self.following_seq) - self.first_seq

    @property
    def is_own(self) -> bool:
        """Whether it is of a chat of this server, and not imported."""
        return self.session >= 0


class GivenContact(NamedTuple):
    """A contact to import, with its items in the log's form, and when it began."""

    id: str
    initial_contact_id: str
    members: Document
    entries: Sequence[ImportedEntry]
    state: Imported
    initiated_ms: int


def known_contact(tx: Tx, instance: Instance, contact_id: str) -> KnownContact | None:
    """The contact of this id, if the instance has it."""
    return tx.row("known_contact", KnownContact, instance_id=instance.id, contact_id=contact_id)


def locked_contact(tx: Tx, instance: Instance, contact_id: str) -> KnownContact | None:
    """The contact of this id, if the instance has it, with its chat locked until the commit when that is imported.

    It is read again once the chat is locked, since others may have added to the chat meanwhile.
    """
    known = known_contact(tx, instance, contact_id)
    if known is None or known.is_own:
        return known
    session_of(tx, known.session)
    return known_contact(tx, instance, contact_id)


def add_contact(tx: Tx, instance: Instance, given: GivenContact, known: KnownContact | None) -> None:
    """Write a contact, or the next items of one that is there in part. Faults: InvalidRequestException."""
    row = None
    if known is None:
        session, is_new = _chat_of(tx, instance, given)
        row = _insert(tx, session, [] if is_new else list(contacts_of(tx, session.key)), given)
        position, first_seq = row.position, row.first_seq
    else:
        if known.erased_at_ms is not None:
            raise Fault(INVALID, "It was erased; no more of it is imported.")
        session, is_new = session_of(tx, known.session), False
        position, first_seq = known.position, known.first_seq + known.item_count
        is_recorded = known.state == Imported.RECORD and "InitiationMethod" not in given.members
        if known.state != Imported.PARTIAL and not is_recorded:
            _fill(tx, session, position, first_seq, given)
    _add_entries(tx, session, position, first_seq, given)
    keep_data(tx, session, given, is_new=is_new)
    settle(tx, session, given, [row] if row and is_new else contacts_of(tx, session.key))
    link(tx, instance, session.key, given, is_new=is_new)


def _chat_of(tx: Tx, instance: Instance, given: GivenContact) -> tuple[Session, bool]:
    """The chat that a new contact belongs to, and whether it was made and has no contact yet."""
    previous = given.members.get("PreviousContactId")
    known = None
    if given.initial_contact_id != given.id:
        known = known_contact(tx, instance, given.initial_contact_id)
    elif previous is not None:
        known = known_contact(tx, instance, previous)
    if known is not None:
        if known.is_own:
            raise Fault(
                INVALID, f"Its first contact {given.initial_contact_id} is one of this server, not imported."
            )
        return _not_erased(session_of(tx, known.session)), False
    session = _new_chat(tx, instance, given.initial_contact_id, given.initiated_ms)
    is_first = given.initial_contact_id == given.id
    if not is_first:
        first = given._replace(id=given.initial_contact_id, members={}, entries=(), state=Imported.NAMED)
        _insert(tx, session, [], first)
        _note(tx, session.key, instance, first, None)
        _give_to_waiting(tx, instance, first.id)
    return session, is_first


def _not_erased(session: Session) -> Session:
    """The session, unless it was erased: later contacts of an erased chat are not taken."""
    if session.erased_at_ms is not None:
        raise Fault(INVALID, f"Its chat {session.initial_contact_id} was erased; no more of it is imported.")
    return session


def _new_chat(tx: Tx, instance: Instance, contact_id: str, started_ms: int) -> Session:
    """Add a session whose key lies at its time. Several of the same second share out the keys near it."""
    for attempt in range(KEY_ATTEMPTS):
        offset = tx.clock.random_42_bits() % (4 << attempt)
        made = tx.row(
            "insert_imported_session",
            Session,
            session=key_at(started_ms, offset),
            instance_id=instance.id,
            contact_id=contact_id,
            started_at_ms=started_ms,
        )
        if made is not None:
            return made
    raise LookupError("no key is free for an imported chat")


def _insert(tx: Tx, session: Session, contacts: list[Contact], given: GivenContact) -> Contact:
    """Add a contact to a chat at its place, and return its row. It has no items yet."""
    members = given.members
    position = place_in(
        contacts,
        given.id,
        session.initial_contact_id,
        members.get("PreviousContactId"),
        members.get("NextContactId"),
        given.initiated_ms,
    )
    if len(contacts) >= CONTACTS_MAX:
        raise Fault(
            INVALID, f"Its chat {session.initial_contact_id} has {CONTACTS_MAX} contacts; no more are taken."
        )
    first_seq = session.last_seq + 1
    if position < len(contacts):
        first_seq = contacts[position].first_seq
        tx.run("shift_contacts_aside", session=session.key, position=position)
        tx.run("shift_contacts_back", session=session.key)
        tx.run("follow_contact", session=session.key, position=position + 1, previous_contact_id=given.id)
    row = row_of(session, position, contacts[position - 1].id if position else None, first_seq, given)
    tx.put("insert_imported_contact", row)
    return row


def row_of(
    session: Session, position: int, previous_contact_id: str | None, first_seq: int, given: GivenContact
) -> Contact:
    """The row of a contact, as its members give it. Faults: InvalidRequestException for a time that is none."""
    members = given.members

    def at(name: str, default: int) -> int:
        text = members.get(name)
        return default if text is None else milliseconds(text, name)

    last_ms = max([given.initiated_ms, *(entry.at_ms for entry in given.entries[-1:])])
    ended_ms = at("DisconnectTimestamp", last_ms)
    queue_id, user_id = members.get("QueueId"), members.get("UserId")
    return Contact(
        session=session.key,
        position=position,
        instance_id=session.instance_id,
        id=given.id,
        previous_contact_id=previous_contact_id,
        initiation_method=members.get("InitiationMethod") or (Method.TRANSFER if position else Method.API),
        first_seq=first_seq,
        flow_id=None,
        initiated_at_ms=given.initiated_ms,
        connected_at_ms=at("ConnectedToSystemTimestamp", given.initiated_ms),
        target_queue_id=None,
        queue_id=queue_id,
        enqueued_at_ms=at("EnqueueTimestamp", given.initiated_ms) if queue_id else None,
        offered_user_id=None,
        user_id=user_id,
        accepted_at_ms=at("ConnectedToAgentTimestamp", given.initiated_ms) if user_id else None,
        disconnected_at_ms=ended_ms,
        disconnect_reason=members.get("DisconnectReason"),
        updated_at_ms=at("LastUpdateTimestamp", ended_ms),
    )


def _fill(tx: Tx, session: Session, position: int, first_seq: int, given: GivenContact) -> None:
    """Write what is now known of a contact that was known by its id alone, or by its record."""
    row = row_of(session, position, None, first_seq, given)
    tx.run(
        "fill_imported_contact",
        session=session.key,
        position=position,
        initiation_method=row.initiation_method,
        initiated_at_ms=row.initiated_at_ms,
        connected_at_ms=row.connected_at_ms,
        queue_id=row.queue_id,
        enqueued_at_ms=row.enqueued_at_ms,
        user_id=row.user_id,
        accepted_at_ms=row.accepted_at_ms,
        disconnected_at_ms=row.disconnected_at_ms,
        disconnect_reason=row.disconnect_reason,
        updated_at_ms=row.updated_at_ms,
    )


def _add_entries(tx: Tx, session: Session, position: int, first_seq: int, given: GivenContact) -> None:
    """Add items at the end of a contact, and move the later ones of the chat behind them."""
    count = len(given.entries)
    if not count:
        return
    key = session.key
    if first_seq <= session.last_seq:
        tx.run("shift_items_aside", session=key, seq=first_seq, count=count)
        tx.run("shift_items_back", session=key)
        tx.run("shift_members_aside", session=key, seq=first_seq, count=count)
        tx.run("shift_members_back", session=key)
        tx.run("shift_attachments", session=key, seq=first_seq, count=count)
        tx.run("delete_words", session=key)
        tx.run("delete_word_cursor", session=key)
    if session.last_position or session.last_seq:
        tx.run("shift_runs", session=key, position=position, count=count)
        tx.run(
            "shift_anchors",
            session=key,
            instance_id=session.instance_id,
            root_contact_id=session.root_contact_id,
            position=position,
            count=count,
        )
    rows = json.dumps([_columns_of(tx, seq, each) for seq, each in enumerate(given.entries, first_seq)])
    tx.run("insert_imported_log", session=key, contact_id=given.id, rows=rows)
    for seq, entry in enumerate(given.entries, first_seq):
        if entry.members is not None:
            tx.put("insert_imported_item", ImportedItem(key, seq, entry.members))
    _add_participants(tx, session, given)


def _columns_of(tx: Tx, seq: int, entry: ImportedEntry) -> tuple[int | str | None, ...]:
    """The columns of an entry in the order of insert_imported_log."""
    return (
        seq,
        entry.id or tx.clock.item_id(entry.at_ms, seq),
        entry.at_ms,
        entry.type,
        entry.content_type,
        entry.content,
        entry.participant_id,
        entry.display_name,
        entry.participant_role,
        int(entry.push_only),
        entry.metadata,
    )


def _add_participants(tx: Tx, session: Session, given: GivenContact) -> None:
    """Add the participants that the items name. A customer without an id gets one, so that they may read the chat."""
    found: dict[str, ImportedEntry] = {}
    nameless = None
    for entry in given.entries:
        if entry.participant_id is None:
            if entry.participant_role == Role.CUSTOMER:
                nameless = nameless or entry
        elif entry.participant_role is not None and entry.participant_id not in found:
            found[entry.participant_id] = entry
    if nameless is not None and not any(p.role == Role.CUSTOMER for p in _participants(tx, session)):
        found.setdefault(tx.clock.contact_id(), nameless)
    for participant_id, entry in found.items():
        tx.run(
            "insert_imported_participant",
            session=session.key,
            id=participant_id,
            role=entry.participant_role,
            display_name=entry.display_name or "",
            user_id=given.members.get("UserId") if entry.participant_role == Role.AGENT else None,
            contact_id=given.id,
            at_ms=entry.at_ms,
        )


def _participants(tx: Tx, session: Session) -> list[Participant]:
    return participants_of(tx, session.key) if session.last_seq else []


def keep_data(tx: Tx, session: Session, given: GivenContact, *, is_new: bool = False) -> None:
    """Store the attributes, which belong to the chat, and the data of the contact."""
    own, segment = given.members.get("Attributes") or {}, given.members.get("SegmentAttributes") or {}
    before = None if is_new else tx.row("attributes", str, str, session=session.key)
    if before is None:
        tx.run(
            "insert_attributes",
            session=session.key,
            attributes=json.dumps(own),
            segment_attributes=json.dumps(segment),
        )
    elif own or segment:
        tx.run(
            "set_imported_attributes",
            session=session.key,
            attributes=json.dumps({**json.loads(before[0]), **own}),
            segment_attributes=json.dumps({**json.loads(before[1]), **segment}),
        )
    data = {name: given.members[name] for name in DATA_MEMBERS if given.members.get(name)}
    if data:
        set_contact_data(tx, session, given.id, data)


def settle(tx: Tx, session: Session, given: GivenContact, contacts: Sequence[Contact]) -> None:
    """Write the ends of a chat after a contact or items were added, and have its words indexed."""
    key = session.key
    is_new = len(contacts) == 1 and not session.last_seq
    last_seq = session.last_seq + len(given.entries)
    last_ms = max([session.last_at_ms, *(entry.at_ms for entry in given.entries)])
    started_ms = min(session.started_at_ms, given.initiated_ms)
    if session.anchor_session is not None:  # a chat begins after the one that it continues
        started_ms = max(started_ms, session_of(tx, session.anchor_session).started_at_ms + 1)
    is_partial = given.state == Imported.PARTIAL
    if len(contacts) > 1 and not is_partial:
        is_partial = bool(tx.row("count_partial_contacts", int, session=key))
    ended_ms = max([last_ms, *(contact.disconnected_at_ms or 0 for contact in contacts)])
    tx.run(
        "settle_imported_session",
        session=key,
        contact_id=contacts[-1].id,
        position=len(contacts) - 1,
        last_seq=last_seq,
        last_at_ms=last_ms,
        started_at_ms=started_ms,
        expires_at_ms=ended_ms,
        ended_at_ms=None if is_partial else ended_ms,
        customer_id=given.members.get("CustomerId"),
    )
    if given.entries and not is_partial and (is_new or tx.one("index_task", session=key) is None):
        tx.later("index", tx.now_ms + INDEX_AFTER_END_MS, session=key)


def _note(
    tx: Tx,
    session: int,
    instance: Instance,
    given: GivenContact,
    waits_for: str | None,
    *,
    is_new: bool = True,
) -> None:
    """Note how far a contact is imported, and its members that are not ours beside those that it has already."""
    members = given.members.get("OtherMembers")
    before = None
    if members is not None and not is_new:
        before = tx.row("imported_members", str, session=session, contact_id=given.id)
    if members is not None and before:
        merged = {**json.loads(before), **json.loads(members)}
        members = before if merged == json.loads(before) else json.dumps(merged, ensure_ascii=False)
    row = ImportedContact(session, given.id, instance.id, given.state, waits_for, members)
    tx.put("set_imported_contact", row)


def link(tx: Tx, instance: Instance, session: int, given: GivenContact, *, is_new: bool = False) -> None:
    """Associate the chat with the one that it continues, and those that wait for this contact with it."""
    related = given.members.get("RelatedContactId")
    _note(tx, session, instance, given, related, is_new=is_new)
    if related is not None:
        _continue_from(tx, instance, session, related)
    _give_to_waiting(tx, instance, given.id)


def _give_to_waiting(tx: Tx, instance: Instance, contact_id: str) -> None:
    for session in tx.rows("sessions_waiting_for", int, instance_id=instance.id, contact_id=contact_id):
        _continue_from(tx, instance, session, contact_id)


def _continue_from(tx: Tx, instance: Instance, session: int, related: str) -> None:
    """Let an imported chat continue from another imported one, if that is there and began earlier.

    The order of their beginnings keeps a lineage from leading back to itself, even if the records say so.
    """
    known = locked_contact(tx, instance, related)
    if known is None or known.is_own or known.session == session:
        return
    child, past = session_of(tx, session), session_of(tx, known.session)
    if past.started_at_ms >= child.started_at_ms:
        return
    linked = tx.one(
        "link_imported_session",
        session=child.key,
        related_contact_id=related,
        anchor_session=past.key,
        anchor_last_seq=known.first_seq + known.item_count - 1,
        root_contact_id=past.root_contact_id,
    )
    if linked is not None:
        tx.run(
            "move_tree",
            session=child.key,
            instance_id=instance.id,
            root_contact_id=child.root_contact_id,
            to_contact_id=past.root_contact_id,
        )
    tx.run("end_waiting", session=child.key, contact_id=related)
