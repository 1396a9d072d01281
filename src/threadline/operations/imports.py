"""The operations that import the contacts of another system, such as the transcripts of Amazon Connect."""

import json
from collections.abc import Sequence

from threadline.chat.imports import Imported, entry_of, milliseconds
from threadline.errors import Fault
from threadline.operations.imported_chats import (
    GivenContact,
    KnownContact,
    add_contact,
    known_contact,
    locked_contact,
)
from threadline.operations.imported_records import complete_contact
from threadline.operations.instances import Instance, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation
from threadline.store import Tx

INVALID = "InvalidRequestException"
ITEMS_MAX = 500
"""Items of one call: some milliseconds of the writer's time."""
MISSING, WHOLE, PARTIAL, REFUSED = "MISSING", "WHOLE", "PARTIAL", "REFUSED"


@operation("threadline", writes=False)
def check_imports(tx: Tx, caller: AccountCaller, *, instance_id: str, contact_ids: Sequence[str]) -> Reply:
    """Say of contacts whether the instance has them, so that an import sends only those that are missing.

    Reads: one row for each contact. Faults: ResourceNotFoundException for the instance.
    """
    instance = require_instance(tx, caller, instance_id)
    return {"Results": [_result(each, known_contact(tx, instance, each)) for each in contact_ids]}


@operation("threadline")
def import_contacts(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contacts: Sequence[Document]
) -> Reply:
    """Import contacts of another system as ended contacts, with their items, ids and times as they are.

    A contact that is there is left as it is; a record, which has no Items, completes it. A contact that cannot be taken
    is REFUSED, and the others are imported.
    Writes: sessions, contacts, participants and items; the words of the messages are indexed later.
    Faults: ResourceNotFoundException for the instance; InvalidRequestException for more than 500 items in one call.
    Assumed: a RelatedContactId of an imported chat names the contact that it continues from, as in records of
        persistent chats, since a record does not tell this from a plain relation.
    """
    instance = require_instance(tx, caller, instance_id)
    count = sum(len(each.get("Items", ())) for each in contacts)
    if count > ITEMS_MAX:
        raise Fault(
            INVALID, f"Contacts has {count} items; {ITEMS_MAX} are taken in one call. Send the others later."
        )
    return {"Results": [_imported(tx, instance, each) for each in contacts]}


def _imported(tx: Tx, instance: Instance, members: Document) -> Reply:
    """Import one contact. All checks come before the first write."""
    contact_id = members["ContactId"]
    known = locked_contact(tx, instance, contact_id)
    has_transcript, start = "Items" in members, members.get("StartItem", 0)
    if known is not None and has_transcript and (known.is_own or known.state == Imported.WHOLE):
        return _result(contact_id, known)
    if known is not None and not has_transcript and known.state != Imported.NAMED:
        return _completed(tx, instance, members, known)
    if start != (known.item_count if known is not None else 0):
        return _result(contact_id, known)
    try:
        _check_members(members)
        state = Imported.WHOLE if has_transcript else Imported.RECORD
        given = GivenContact(
            contact_id,
            members.get("InitialContactId") or contact_id,
            members,
            [entry_of(item, number) for number, item in enumerate(members.get("Items", ()), start)],
            Imported.PARTIAL if members.get("MoreItems") else state,
            milliseconds(members["InitiationTimestamp"], "InitiationTimestamp"),
        )
        _check_times(members)
        add_contact(tx, instance, given, known)
    except Fault as fault:
        return {"ContactId": contact_id, "Status": REFUSED, "ItemCount": 0, "Explanation": fault.message}
    return {
        "ContactId": contact_id,
        "Status": PARTIAL if members.get("MoreItems") else WHOLE,
        "ItemCount": start + len(given.entries),
        "Imported": True,
    }


def _completed(tx: Tx, instance: Instance, members: Document, known: KnownContact) -> Reply:
    """Complete an imported contact by its record. All checks come before the first write."""
    contact_id = members["ContactId"]
    if known.is_own or known.erased_at_ms is not None:
        return _result(contact_id, known)
    try:
        _check_members(members)
        _check_times(members)
        begun = milliseconds(members["InitiationTimestamp"], "InitiationTimestamp")
        given = GivenContact(contact_id, contact_id, members, (), Imported.RECORD, begun)
        is_changed = complete_contact(tx, instance, given, known)
    except Fault as fault:
        return {"ContactId": contact_id, "Status": REFUSED, "ItemCount": 0, "Explanation": fault.message}
    return {**_result(contact_id, known), **({"Completed": True} if is_changed else {})}


def _check_members(members: Document) -> None:
    """Refuse OtherMembers that are no object. Faults: InvalidRequestException."""
    for place, each in (
        ("", members),
        *((f"Items[{n}].", i) for n, i in enumerate(members.get("Items", ()))),
    ):
        if "OtherMembers" in each:
            try:
                is_object = isinstance(json.loads(each["OtherMembers"]), dict)
            except (ValueError, RecursionError):
                is_object = False
            if not is_object:
                raise Fault(INVALID, f"{place}OtherMembers is not a JSON object.")


def _check_times(members: Document) -> None:
    for name, value in members.items():
        if name.endswith("Timestamp"):
            milliseconds(value, name)


def _result(contact_id: str, known: KnownContact | None) -> Reply:
    if known is None:
        return {"ContactId": contact_id, "Status": MISSING, "ItemCount": 0}
    status = WHOLE if known.is_own else (known.state or WHOLE)
    return {"ContactId": contact_id, "Status": status, "ItemCount": known.item_count}
