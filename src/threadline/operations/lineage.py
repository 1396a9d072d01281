"""The lineage of a chat: the walk through its sessions, and the operation that explains why a contact is shown."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from threadline.chat import rehydration
from threadline.chat.contact import Contact, Session
from threadline.chat.limits import STRICT_PAST_CONTACTS_MAX, STRICT_TRANSCRIPT_BYTES_MAX
from threadline.chat.lineage import BEYOND_LIMIT, TOO_LARGE, Association, Hop, Verdict, in_range, judge
from threadline.chat.participant import Role
from threadline.errors import Fault
from threadline.operations.instances import require_instance
from threadline.operations.persistence import anchor_of, source_chat_of
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.operations.sessions import contacts_of, participants_of, require, session_of
from threadline.store import Tx

INVALID = "InvalidRequestException"
NUMBER = re.compile("-?[0-9]{1,18}")
ITS_CONTENT = " Its content was erased."
LAST_POSITION = 2**31
"""Above the position of any contact: a page that begins with it begins with a session's last contact."""


class Cursor(NamedTuple):
    """The beginning of a page of a lineage.

    `child` is the session whose association leads to session number `hop`. `position` is the first contact to list
    there; positions count down. `past` is the number of past contacts shown on the pages before.
    """

    hop: int
    child: int
    position: int
    past: int


def walk(tx: Tx, session: Session, first: Hop | None = None) -> Iterator[Hop]:
    """The sessions of a lineage: `first` or the current one, then along the associations into the past.

    The walk ends, since an association leads to a session that had ended while its own was running. In a damaged store
    it stops at a session that it has already met.
    """
    hop = first or Hop(0, session, contacts_of(tx, session.key), None)
    seen = {session.key}
    while True:
        yield hop
        following = next_hop(tx, hop.session, hop.number + 1)
        if following is None or following.session.key in seen:
            return
        seen.add(following.session.key)
        hop = following


def next_hop(tx: Tx, session: Session, number: int) -> Hop | None:
    """The session that `session` continues from."""
    if session.anchor_session is None or session.rehydration_type is None:
        return None
    past = session_of(tx, session.anchor_session)
    contacts = contacts_of(tx, past.key)
    anchor = next(contact for contact in contacts if contact.id == session.related_contact_id)
    return Hop(number, past, contacts, Association(session.rehydration_type, anchor))


def span_of(hop: Hop, contact: Contact) -> tuple[int, int]:
    """The first and last number of a contact's entries in its session's log; the last is smaller without entries."""
    return contact.first_seq, rehydration.last_seq_of(contact, hop.contacts, hop.session)


def is_too_large(tx: Tx, hop: Hop, contact: Contact) -> bool:
    """Whether a past contact's transcript is larger than Amazon would load."""
    first_seq, last_seq = span_of(hop, contact)
    size = tx.row("content_bytes", int, session=hop.session.key, first_seq=first_seq, last_seq=last_seq)
    return (size or 0) > STRICT_TRANSCRIPT_BYTES_MAX


@operation("threadline", writes=False)
def describe_lineage(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_id: str,
    source_contact_id: str | None = None,
    rehydration_type: str | None = None,
    max_results: int = 100,
    next_token: str | None = None,
) -> Reply:
    """Explain the past of a chat: list every contact of its lineage, newest first, whether it is shown, and why.

    With `source_contact_id` and `rehydration_type` it explains an association before it is made. It refuses the same
    associations as CreatePersistentContactAssociation, with the same message. For a chat that has ended it explains the
    past of a next chat of its customer, as StartChatContact would start it with this PersistentChat.
    Reads: the lineage's sessions and contacts, as far as the page goes.
    Faults: ResourceNotFoundException; InvalidRequestException as in CreatePersistentContactAssociation, for one of the
        two what-if members without the other, and for a NextToken that is not valid.
    """
    require_instance(tx, caller, instance_id)
    session, _ = require(tx, instance_id, contact_id)
    supposed = _suppose(tx, session, source_contact_id, rehydration_type)
    association = supposed.association if supposed else None
    begins_after = supposed is not None and session.ended_at_ms is not None
    cursor = _cursor(tx, next_token, session, hop=int(begins_after))
    first_past = supposed or next_hop(tx, session, 1)
    hops = _hops_from(tx, session, supposed, cursor)
    contacts: list[Reply] = []
    following: str | None = None
    for hop, contact, verdict, following_cursor in _judged(tx, hops, cursor):
        if len(contacts) == max_results:
            following = ".".join(map(str, following_cursor))
            break
        contacts.append(_members(tx, hop, contact, verdict, association if hop.number == 0 else None))
    reply: Reply = {"Contacts": contacts}
    if first_past is not None and first_past.association is not None:
        reply["ContinuedFromContactId"] = first_past.association.anchor.id
    if following is not None:
        reply["NextToken"] = following
    return reply


def _suppose(
    tx: Tx, session: Session, source_contact_id: str | None, rehydration_type: str | None
) -> Hop | None:
    """The past of an association that is not made yet; None without what-if members, or when it is made already."""
    if source_contact_id is None and rehydration_type is None:
        return None
    if source_contact_id is None or rehydration_type is None:
        raise Fault(INVALID, "SourceContactId and RehydrationType go together: give both, or neither.")
    current = session if session.ended_at_ms is None else None
    if current is not None and rehydration.is_repeat(current, rehydration_type, source_contact_id):
        return None
    source = source_chat_of(tx, session.instance_id, source_contact_id)
    anchor = anchor_of(tx, current, rehydration_type, source, session.customer_id)
    return Hop(1, anchor.session, source.contacts, Association(rehydration_type, anchor.contact))


def _hops_from(tx: Tx, session: Session, supposed: Hop | None, cursor: Cursor) -> Iterator[Hop]:
    """The lineage from `cursor` on, with the supposed past instead of the first one."""
    if cursor.hop == 0:
        yield Hop(0, session, contacts_of(tx, session.key), None)
    if cursor.hop <= 1:
        start = supposed or next_hop(tx, session, 1)
    else:
        start = next_hop(tx, session_of(tx, cursor.child), cursor.hop)
    if start is not None:
        yield from walk(tx, start.session, start)


def _judged(tx: Tx, hops: Iterator[Hop], cursor: Cursor) -> Iterator[tuple[Hop, Contact, Verdict, Cursor]]:
    """Every contact from `cursor` on with its verdict, and the cursor of a page that begins with it."""
    past, child = cursor.past, cursor.child
    for hop in hops:
        for contact in reversed(hop.contacts):
            if hop.number == cursor.hop and contact.position > cursor.position:
                continue
            verdict = judge(hop, contact)
            here = Cursor(hop.number, child, contact.position, past)
            if tx.policy.strict_limits and hop.number and in_range(hop, contact):
                past += 1
                if past > STRICT_PAST_CONTACTS_MAX:
                    verdict = BEYOND_LIMIT
                elif is_too_large(tx, hop, contact):
                    verdict = TOO_LARGE
            yield hop, contact, verdict, here
        child = hop.session.key


def _cursor(tx: Tx, next_token: str | None, session: Session, hop: int) -> Cursor:
    """The beginning of the page: that of `next_token`, or else of the lineage, from session number `hop` on."""
    if next_token is None:
        return Cursor(hop, session.key, LAST_POSITION if hop else session.last_position, 0)
    numbers = next_token.split(".")
    if len(numbers) != 4 or not all(NUMBER.fullmatch(n) for n in numbers):
        raise Fault(INVALID, "NextToken is not one that DescribeLineage has given.")
    cursor = Cursor(*map(int, numbers))
    child = tx.row("session", Session, session=cursor.child)
    if child is None or child.instance_id != session.instance_id:
        raise Fault(INVALID, "NextToken is not one that DescribeLineage has given.")
    return cursor


def _members(
    tx: Tx, hop: Hop, contact: Contact, verdict: Verdict, supposed: Association | None
) -> dict[str, Any]:
    first_seq, last_seq = span_of(hop, contact)
    hidden = tx.row("count_push_only", int, session=hop.session.key, first_seq=first_seq, last_seq=last_seq)
    agents = [
        p for p in participants_of(tx, hop.session.key) if p.role == Role.AGENT and p.contact_id == contact.id
    ]
    return {
        "ContactId": contact.id,
        "InitialContactId": hop.session.initial_contact_id,
        "PreviousContactId": contact.previous_contact_id,
        "RelatedContactId": supposed.anchor.id if supposed else hop.session.related_contact_id,
        "SessionNumber": hop.number,
        "Shown": verdict.shown,
        "Reason": verdict.reason,
        "Explanation": verdict.explanation + (ITS_CONTENT if contact.erased_at_ms is not None else ""),
        "InitiationMethod": contact.initiation_method,
        "InitiationTimestamp": contact.initiated_at_ms,
        "DisconnectTimestamp": contact.disconnected_at_ms,
        "DisconnectReason": contact.disconnect_reason,
        "AgentUserId": contact.user_id,
        "AgentName": (agents[0].display_name or None) if agents else None,
        "ErasedTimestamp": contact.erased_at_ms,
        "ItemCount": max(0, last_seq - first_seq + 1 - (hidden or 0)),
    }
