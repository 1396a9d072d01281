"""Legal holds: the operations that set, list and lift them, and the check that erasure makes."""

from datetime import UTC, datetime
from typing import NamedTuple

from threadline.chat.contact import Session
from threadline.errors import Fault
from threadline.operations.instances import page, require_instance, start_of_page
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.operations.retention import sweep_soon
from threadline.operations.sessions import require_past
from threadline.store import Tx

INVALID = "InvalidRequestException"


class LegalHold(NamedTuple):
    """A hold on the lineage of a chat, which `session` and `contact_id` name."""

    instance_id: str
    id: str
    session: int
    contact_id: str
    initial_contact_id: str
    reason: str
    created_at_ms: int


def hold_on(tx: Tx, session: Session) -> LegalHold | None:
    """A hold that keeps a chat: one on any chat of its tree, since an association joins two trees."""
    keys = {"instance_id": session.instance_id, "root_contact_id": session.root_contact_id}
    return tx.row("hold_on_tree", LegalHold, **keys)


def refuse_held(tx: Tx, session: Session) -> None:
    """Refuse to erase a chat under a legal hold. Faults: InvalidRequestException."""
    hold = hold_on(tx, session)
    if hold is not None:
        since = datetime.fromtimestamp(hold.created_at_ms / 1000, UTC).date().isoformat()
        raise Fault(
            INVALID,
            f"Chat {session.initial_contact_id} is under legal hold {hold.id} since {since} ({hold.reason})."
            " Lift the hold before you erase the chat.",
        )


@operation("threadline")
def put_legal_hold(tx: Tx, caller: AccountCaller, *, instance_id: str, contact_id: str, reason: str) -> Reply:
    """Keep a chat and its lineage from erasure and retention. The chat may be running.

    Writes: a hold. An erasure that is under way leaves the chats that it has not begun yet.
    Faults: ResourceNotFoundException.
    """
    instance = require_instance(tx, caller, instance_id)
    session, contact = require_past(tx, instance.id, contact_id, "Contact")
    hold = LegalHold(
        instance.id,
        tx.clock.contact_id(),
        session.key,
        contact.id,
        session.initial_contact_id,
        reason,
        tx.now_ms,
    )
    tx.put("insert_hold", hold)
    return {"HoldId": hold.id}


@operation("threadline", writes=False)
def list_legal_holds(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    max_results: int = 100,
    next_token: str | None = None,
) -> Reply:
    """List the legal holds of an instance, oldest first.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    """
    instance = require_instance(tx, caller, instance_id)
    after = start_of_page(tx, next_token, "hold", instance_id=instance.id, id=next_token or "")
    found = tx.rows("holds", LegalHold, instance_id=instance.id, after=after, limit=max_results + 1)
    holds, following = page(found, max_results)
    return {
        "LegalHolds": [
            {
                "HoldId": hold.id,
                "ContactId": hold.contact_id,
                "InitialContactId": hold.initial_contact_id,
                "Reason": hold.reason,
                "CreatedTimestamp": hold.created_at_ms,
            }
            for hold in holds
        ],
        "NextToken": following,
    }


@operation("threadline")
def delete_legal_hold(tx: Tx, caller: AccountCaller, *, instance_id: str, hold_id: str) -> Reply:
    """Lift a legal hold. Retention then sweeps the chats that it has kept.

    Faults: ResourceNotFoundException.
    """
    instance = require_instance(tx, caller, instance_id)
    if tx.one("delete_hold", instance_id=instance.id, id=hold_id) is None:
        raise Fault("ResourceNotFoundException", f"Legal hold not found: {hold_id}")
    sweep_soon(tx, instance.id)
    return {}
