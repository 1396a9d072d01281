"""The operations that list the deliveries that have failed, and make them again."""

from typing import NamedTuple

from threadline.chat.contact import Session
from threadline.errors import Fault
from threadline.operations.instances import NOT_A_NEXT_TOKEN, require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.operations.sessions import session_of
from threadline.store import Tx

INVALID = "InvalidRequestException"
AGAIN_MAX = 1_000
"""Deliveries that one call of RetryDeliveries makes again."""
Place = tuple[int, str, int]
"""A place in the list: a session, the id of a stream, and the number of an entry; -1 is the stream itself."""
FIRST: Place = (-(1 << 63), "", -1)


class Undelivered(NamedTuple):
    """A stream that fails (`number` is -1), or an entry that was given up."""

    session: int
    stream_id: str
    number: int
    kind: str
    endpoint: str
    attempts: int
    failed_at_ms: int
    reason: str
    initial_contact_id: str


@operation("threadline", writes=False)
def list_deliveries(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_id: str | None = None,
    max_results: int = 100,
    next_token: str | None = None,
) -> Reply:
    """List the streams that fail and are tried again, and the entries that were given up.

    Reads: two indexes, as far as the page goes.
    Faults: ResourceNotFoundException for the instance; InvalidRequestException for a NextToken that is not valid.
    """
    instance = require_instance(tx, caller, instance_id)
    found = _undelivered(tx, instance.id, contact_id, _start_of_page(next_token), max_results + 1)
    following = found[max_results] if len(found) > max_results else None
    return {
        "Deliveries": [_delivery(each) for each in found[:max_results]],
        "NextToken": f"{following.session}.{following.stream_id}.{following.number}" if following else None,
    }


@operation("threadline")
def retry_deliveries(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_id: str | None = None
) -> Reply:
    """Make the deliveries again that ListDeliveries lists, up to 1,000 of them.

    Writes: a task for each of their streams, due now.
    Faults: ResourceNotFoundException for the instance.
    """
    instance = require_instance(tx, caller, instance_id)
    found = _undelivered(tx, instance.id, contact_id, FIRST, AGAIN_MAX)
    for each in found:
        if each.number >= 0:
            tx.run("send_again", session=each.session, stream_id=each.stream_id, number=each.number)
    for session, stream_id in dict.fromkeys((each.session, each.stream_id) for each in found):
        _hurry(tx, session_of(tx, session), stream_id)
    return {"Count": len(found)}


def _hurry(tx: Tx, session: Session, stream_id: str) -> None:
    """Have a stream deliver now, unless it does already."""
    keys = {"session": session.key, "id": stream_id}
    tx.run("hurry_delivery", **keys, now_ms=tx.now_ms)
    tx.run("insert_delivery", **keys, contact_id=session.initial_contact_id, due_at_ms=tx.now_ms)
    tx.wake_timers(tx.now_ms)


def _undelivered(
    tx: Tx, instance_id: str, contact_id: str | None, start: Place, limit: int
) -> list[Undelivered]:
    from_session, from_id, from_number = start
    return tx.rows(
        "undelivered",
        Undelivered,
        instance_id=instance_id,
        contact_id=contact_id,
        from_session=from_session,
        from_id=from_id,
        from_number=from_number,
        limit=limit,
    )


def _start_of_page(next_token: str | None) -> Place:
    if next_token is None:
        return FIRST
    parts = next_token.split(".")
    if len(parts) == 3 and all(n.isascii() and n.lstrip("-").isdecimal() and len(n) < 19 for n in parts[::2]):
        return int(parts[0]), parts[1], int(parts[2])
    raise Fault(INVALID, NOT_A_NEXT_TOKEN)


def _delivery(each: Undelivered) -> Reply:
    is_stream = each.number < 0
    return {
        "ContactId": each.initial_contact_id,
        "StreamId": each.stream_id,
        "Type": each.kind,
        "Endpoint": each.endpoint or None,
        "Status": "RETRYING" if is_stream else "FAILED",
        "Number": None if is_stream else each.number,
        "Attempts": each.attempts,
        "FailedTimestamp": each.failed_at_ms,
        "Reason": each.reason,
    }
