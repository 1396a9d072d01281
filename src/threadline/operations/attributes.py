"""Contact attributes: read and written by name, also after the chat has ended. All contacts of a chat share them."""

import json
from collections.abc import Mapping

from threadline.chat import attributes as rules
from threadline.chat.contact import Session
from threadline.chat.contact_events import ATTRIBUTES
from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.operations.sessions import require
from threadline.operations.streams import data_updated
from threadline.store import Tx


@operation("connect", writes=False)
def get_contact_attributes(
    tx: Tx, caller: AccountCaller, *, instance_id: str, initial_contact_id: str
) -> Reply:
    """The attributes of a chat, by any of its contacts.

    Faults: ResourceNotFoundException. Source: GetContactAttributes.
    """
    require_instance(tx, caller, instance_id)
    session, _ = require(tx, instance_id, initial_contact_id)
    return {"Attributes": attributes_of(tx, session.key)}


@operation("connect")
def update_contact_attributes(
    tx: Tx,
    caller: AccountCaller,
    *,
    initial_contact_id: str,
    instance_id: str,
    attributes: Mapping[str, str],
) -> Reply:
    """Set attributes of a chat, running or ended; those not named stay, and an empty value removes one.

    Writes: all of them or, when one is not allowed, none.
    Faults: ResourceNotFoundException; InvalidRequestException for a name that is not allowed or more than 32,768
        bytes in all.
    Source: UpdateContactAttributes.
    Assumed: the contact event is one of the contact that the call names, though all contacts of the chat share them.
    Assumed: an attribute that was removed counts as never set: an association made later adds that of the past chat.
    """
    require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance_id, initial_contact_id)
    set_attributes(tx, session, contact.id, attributes)
    return {}


def attributes_of(tx: Tx, session: int) -> dict[str, str]:
    """The attributes of a session."""
    found = tx.row("attributes", str, str, session=session)
    return json.loads(found[0]) if found else {}


def set_attributes(tx: Tx, session: Session, contact_id: str, attributes: Mapping[str, str]) -> None:
    """Change attributes of a session and mark its contacts as updated. The contact event is that of one contact.

    Faults: InvalidRequestException, in which case nothing is written.
    """
    before = attributes_of(tx, session.key)
    changed = rules.update(before, attributes)
    if changed != before:
        tx.run("set_attributes", session=session.key, attributes=json.dumps(changed))
        tx.run("contacts_updated", session=session.key, now_ms=tx.now_ms)
        data_updated(tx, session, contact_id, ATTRIBUTES)
