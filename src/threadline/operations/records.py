"""The operations that read a chat from outside, whether it runs or has ended."""

from threadline.chat.contact import Contact, Session
from threadline.chat.limits import PAGE_ITEMS_DEFAULT
from threadline.chat.participant import Role, Token
from threadline.chat.transcript import EVERYBODY, Viewer
from threadline.errors import Fault
from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation
from threadline.operations.sessions import participants_of, require_past
from threadline.operations.tokens import keep_token
from threadline.operations.transcripts import item_of, read_transcript
from threadline.store import Tx

INVALID = "InvalidRequestException"
READ_TOKEN_MINUTES_DEFAULT = 60


@operation("threadline", writes=False)
def get_contact_transcript(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_id: str,
    max_results: int = PAGE_ITEMS_DEFAULT,
    next_token: str | None = None,
    scan_direction: str | None = None,
    sort_order: str | None = None,
    start_position: Document | None = None,
    only_contact: bool = False,
) -> Reply:
    """Return a page of the transcript of any chat and of its past, as GetTranscript does for a participant.

    An account sees every item, also one that is for a single participant. The NextToken of a participant is not taken.
    Reads: as GetTranscript.
    Faults: ResourceNotFoundException; ValidationException as GetTranscript.
    """
    instance = require_instance(tx, caller, instance_id)
    session, contact = require_past(tx, instance.id, contact_id, "Contact")
    reply = read_transcript(
        tx,
        session,
        Viewer(session.key, EVERYBODY, None),
        contact_id=contact.id if only_contact else None,
        max_results=max_results,
        next_token=next_token,
        scan_direction=scan_direction,
        sort_order=sort_order,
        start_position=start_position,
    )
    if only_contact and session.key < 0:
        _add_members(tx, session, contact, reply)
    return reply


def _add_members(tx: Tx, session: Session, contact: Contact, reply: Reply) -> None:
    """Add to a page of an imported contact the members of its file that are not ours."""
    items = reply["Transcript"]
    reply["OtherMembers"] = tx.row("imported_members", str, session=session.key, contact_id=contact.id)
    ends = [item_of(tx, session.key, item["Id"]) for item in (*items[:1], *items[-1:])]
    seqs = sorted(item.seq for item in ends if item is not None)
    if seqs:
        found = tx.rows("imported_items", str, str, session=session.key, first_seq=seqs[0], last_seq=seqs[-1])
        others = dict(found)
        for item in items:
            item["OtherMembers"] = others.get(item["Id"])


@operation("threadline")
def create_read_token(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_id: str,
    duration_in_minutes: int = READ_TOKEN_MINUTES_DEFAULT,
) -> Reply:
    """Make a token with which a chat's customer reads their transcript, and nothing else, until it expires.

    The token shows the whole chat that the contact belongs to, and the past that this chat continues from.
    Writes: a token.
    Faults: ResourceNotFoundException; InvalidRequestException for a chat without a customer.
    """
    instance = require_instance(tx, caller, instance_id)
    session, _ = require_past(tx, instance.id, contact_id, "Contact")
    customer = next((p for p in participants_of(tx, session.key) if p.role == Role.CUSTOMER), None)
    if customer is None:
        raise Fault(INVALID, f"Chat {session.initial_contact_id} has no customer who could read it.")
    token = tx.clock.token()
    valid_ms = duration_in_minutes * 60_000
    expires_at_ms = keep_token(tx, session, customer.id, Token.READ, token, valid_ms=valid_ms)
    return {
        "ReadToken": token,
        "Expiry": expires_at_ms,
        "InitialContactId": session.initial_contact_id,
    }
