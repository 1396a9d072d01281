"""Reading a chat: GetTranscript and the entries that sockets deliver.

The cost of a page does not depend on its depth: a NextToken names the session and the entry at which the next page
begins, and each association on the way into the past is one row.
"""

import base64
import hashlib
import hmac
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from threadline.chat import transcript
from threadline.chat.contact import Contact, Session
from threadline.chat.limits import PAGE_ITEMS_DEFAULT, STRICT_PAST_CONTACTS_MAX
from threadline.chat.lineage import in_range
from threadline.chat.participant import Token
from threadline.chat.transcript import Item, Receipt, Viewer, may_see
from threadline.clock import seq_of_item_id
from threadline.errors import Fault
from threadline.operations.instances import Instance
from threadline.operations.lineage import is_too_large, span_of, walk
from threadline.operations.participants import active, known
from threadline.operations.registry import Document, ParticipantCaller, ReadOnlyCaller, Reply, operation
from threadline.operations.sessions import contacts_of, session_of
from threadline.store import Tx

INVALID = "ValidationException"
TOKEN = struct.Struct(">????qq")
"""A NextToken's fixed part: past, runs_on, forward, ascending, session, seq. The ContactId follows, if there is one."""
MAC_BYTES = 16


class Span(NamedTuple):
    """A run of a session's log: its entries from `first_seq` to `last_seq`."""

    session: int
    first_seq: int
    last_seq: int


class Position(NamedTuple):
    """The beginning of a page: in the current session or the past, and whether the past follows the current session."""

    past: bool
    runs_on: bool
    session: int
    seq: int


class TranscriptRequest(NamedTuple):
    """A GetTranscript request with its defaults filled in."""

    session: Session
    viewer: Viewer
    paging_key: str
    forward: bool
    ascending: bool
    limit: int
    contact_id: str


@operation(
    "connectparticipant",
    writes=False,
    bearer=Token.CONNECTION,
    credential="connection_token",
    takes_read_token=True,
)
def get_transcript(
    tx: Tx,
    caller: ParticipantCaller,
    *,
    contact_id: str | None = None,
    max_results: int = PAGE_ITEMS_DEFAULT,
    next_token: str | None = None,
    scan_direction: str | None = None,
    sort_order: str | None = None,
    start_position: Document | None = None,
) -> Reply:
    """Return a page of the transcript: of the current chat, then, scanning backward, of the past it continues from.

    The default is the newest items first. NextToken names the next page, which may be in the past chats, and is left
    out of the last page. It holds the first page's ContactId, ScanDirection and SortOrder, so they need not be sent
    again. A page holds either current items (with ContactId) or past ones (with RelatedContactId).
    `max_results` 1 to 100, 0 for the default of 10. With StartPosition, or ContactId (a contact of the current chat),
    only the current chat is read. StartPosition's item is on the page. SortOrder orders items within the page.
    A read token (CreateReadToken) is taken in place of a connection token, also after the end of the chat.
    Reads: item, receipt, one row for each session walked.
    Faults: AccessDeniedException when the chat has ended; ValidationException for a NextToken that is not of this
        participant, or comes with another ContactId, ScanDirection or SortOrder than the first page's; for a
        StartPosition that is not in this chat or has two members; for FORWARD without a start.
    Source: GetTranscript; Administrator Guide, chat persistence; chatjs issues 19 and 28, and chatjs 5.2.0, in which
        NextToken is optional since the service leaves it out of the last page.
    Assumed: StartPosition takes one member, and is ignored beside a NextToken.
    Assumed: items are in the order of their sequence numbers, FROM_SEGMENT leaves out the contacts after the anchor,
        and a page without a current item begins in the past.
    """
    session, participant = known(tx, caller) if isinstance(caller, ReadOnlyCaller) else active(tx, caller)
    return read_transcript(
        tx,
        session,
        Viewer(session.key, participant.id, participant.left_seq),
        contact_id=contact_id,
        max_results=max_results,
        next_token=next_token,
        scan_direction=scan_direction,
        sort_order=sort_order,
        start_position=start_position,
    )


def read_transcript(
    tx: Tx,
    session: Session,
    viewer: Viewer,
    *,
    max_results: int,
    contact_id: str | None = None,
    next_token: str | None = None,
    scan_direction: str | None = None,
    sort_order: str | None = None,
    start_position: Document | None = None,
) -> Reply:
    """The page of a transcript that `viewer` asks for; see `get_transcript`. Faults: ValidationException."""
    start = {name: value for name, value in (start_position or {}).items() if value is not None}
    direction = scan_direction or ("FORWARD" if start else "BACKWARD")
    request = TranscriptRequest(
        session,
        viewer,
        _paging_key(tx, session),
        forward=direction == "FORWARD",
        ascending=sort_order == "ASCENDING",
        limit=max_results or PAGE_ITEMS_DEFAULT,
        contact_id=contact_id or "",
    )
    if next_token:
        request, position = _open_token(request, next_token)
        _check_same(request, contact_id, scan_direction, sort_order)
    elif start:
        position = Position(False, False, session.key, _start_seq(tx, request, start))
    elif request.forward:
        raise Fault(
            INVALID,
            "ScanDirection FORWARD needs a place to start: send StartPosition with Id, AbsoluteTime or MostRecent.",
        )
    else:
        position = Position(False, contact_id is None, session.key, session.last_seq)
    items, following = _page(tx, request, position)
    if request.ascending == (not request.forward):
        items.reverse()
    reply = {"InitialContactId": session.initial_contact_id, "Transcript": _render(tx, items, session.key)}
    if following:  # a member that is None would have the whole page copied without it
        reply["NextToken"] = _seal_token(request, following)
    return reply


def _page(tx: Tx, request: TranscriptRequest, position: Position) -> tuple[list[Item], Position | None]:
    """The items of one page in scan order, and the position of the next page, if any visible item is left."""
    if not position.past:
        items = _read(tx, request, _current_spans(tx, request, position), request.limit + 1)
        if len(items) > request.limit:
            return items[: request.limit], position._replace(seq=items[request.limit].seq)
        if not position.runs_on:
            return items, None
        beyond = _read(tx, request, _past_spans(tx, request.session, None), 1 if items else request.limit + 1)
        if items:
            return items, Position(True, True, beyond[0].session, beyond[0].seq) if beyond else None
    else:
        beyond = _read(tx, request, _past_spans(tx, request.session, position), request.limit + 1)
    kept = beyond[: request.limit]
    rest = beyond[request.limit :]
    return kept, Position(True, True, rest[0].session, rest[0].seq) if rest else None


def _read(tx: Tx, request: TranscriptRequest, spans: Iterator[Span], count: int) -> list[Item]:
    """The first `count` visible items of `spans` in scan order."""
    found: list[Item] = []
    name = "page_forward" if request.forward else "page_backward"
    for session, first_seq, last_seq in spans:
        while len(found) < count and first_seq <= last_seq:
            limit = count - len(found)
            items = tx.rows(name, Item, session=session, first_seq=first_seq, last_seq=last_seq, limit=limit)
            found += [item for item in items if may_see(request.viewer, item)]
            if len(items) < limit:
                break
            if request.forward:
                first_seq = items[-1].seq + 1
            else:
                last_seq = items[-1].seq - 1
        if len(found) >= count:
            break
    return found


def _current_spans(tx: Tx, request: TranscriptRequest, position: Position) -> Iterator[Span]:
    """The span to read of the current session, or of one of its contacts, from the position on."""
    first_seq, last_seq = 1, request.session.last_seq
    if request.contact_id:
        span = _span_of_contact(contacts_of(tx, request.session.key), request.session, request.contact_id)
        first_seq, last_seq = span.first_seq, span.last_seq
    if request.forward:
        first_seq = max(first_seq, position.seq)
    else:
        last_seq = min(last_seq, position.seq)
    yield Span(request.session.key, first_seq, last_seq)


def _span_of_contact(contacts: tuple[Contact, ...], session: Session, contact_id: str) -> Span:
    for contact, following in zip(contacts, [*contacts[1:], None], strict=True):
        if contact.id == contact_id:
            return Span(
                session.key, contact.first_seq, following.first_seq - 1 if following else session.last_seq
            )
    return Span(session.key, 1, 0)


def _past_spans(tx: Tx, session: Session, position: Position | None) -> Iterator[Span]:
    """The past of `session`, newest first, from `position` on if given.

    Each session has at most one association, to a session that had ended when it was made, so the walk has no circle.
    """
    if tx.policy.strict_limits:
        yield from _strict_spans(tx, session, position)
        return
    if position is not None:
        yield Span(position.session, 1, position.seq)
        session = session_of(tx, position.session)
    while session.anchor_session is not None and session.anchor_last_seq is not None:
        yield Span(session.anchor_session, 1, session.anchor_last_seq)
        session = session_of(tx, session.anchor_session)


def _strict_spans(tx: Tx, session: Session, position: Position | None) -> Iterator[Span]:
    """As `_past_spans`, within Amazon's limits: the newest 100 past contacts, without those of more than 5 MB."""
    left = STRICT_PAST_CONTACTS_MAX
    reached = position is None
    for hop in walk(tx, session):
        for contact in reversed(hop.contacts if hop.number else ()):
            if not in_range(hop, contact):
                continue
            if left == 0:
                return
            left -= 1
            span = Span(hop.session.key, *span_of(hop, contact))
            if not reached and position is not None:
                if span.session != position.session or span.first_seq > position.seq:
                    continue
                reached = True
                span = span._replace(last_seq=position.seq)
            if not is_too_large(tx, hop, contact):
                yield span


def _start_seq(tx: Tx, request: TranscriptRequest, start: Document) -> int:
    """The number of the entry that StartPosition names. Faults: ValidationException."""
    if len(start) > 1:
        raise Fault(INVALID, f"StartPosition must have one member, not {' and '.join(sorted(start))}.")
    if "Id" in start:
        item = item_of(tx, request.session.key, start["Id"])
        if item is None or not _is_shown(request.viewer, item):
            raise Fault(INVALID, f"StartPosition.Id {start['Id'][:60]!r} is not an item of the current chat.")
        return item.seq
    if "AbsoluteTime" in start:
        return _seq_at(tx, request, _milliseconds(start["AbsoluteTime"]))
    backward = request._replace(forward=False)
    count = start["MostRecent"] or 1
    newest = _read(
        tx, backward, _current_spans(tx, backward, Position(False, False, 0, request.session.last_seq)), count
    )
    return newest[-1].seq if newest else 0


def item_of(tx: Tx, session: int, item_id: str) -> Item | None:
    """The entry of a session's log that has this id. Only ids of imported items do not say their number."""
    seq = seq_of_item_id(item_id)
    item = tx.row("item", Item, session=session, seq=seq) if seq else None
    if item is not None and item.id == item_id:
        return item
    return tx.row("imported_item_by_id", Item, session=session, id=item_id) if session < 0 else None


def is_of_the_past(tx: Tx, session: Session, participant_id: str, item_id: str) -> bool:
    """Whether GetTranscript shows a participant this item in the past of `session`.

    Reads: one row and an item for each session walked.
    """
    viewer = Viewer(session.key, participant_id, None)
    seq = seq_of_item_id(item_id)
    for span in _past_spans(tx, session, None):
        if span.session < 0 or (seq and span.first_seq <= seq <= span.last_seq):
            item = item_of(tx, span.session, item_id)
            if item is not None and span.first_seq <= item.seq <= span.last_seq:
                return _is_shown(viewer, item)
    return False


def is_visible(tx: Tx, session: Session, viewer: Viewer, item: Item) -> bool:
    """Whether GetTranscript shows an entry, of the chat `session` or of any other, to a viewer of `session`."""
    if not _is_shown(viewer, item):
        return False
    return item.session == session.key or any(
        span.session == item.session and span.first_seq <= item.seq <= span.last_seq
        for span in _past_spans(tx, session, None)
    )


def _is_shown(viewer: Viewer, item: Item) -> bool:
    return not item.push_only and may_see(viewer, item)


def _seq_at(tx: Tx, request: TranscriptRequest, at_ms: int) -> int:
    """The first entry at or after a time, or scanning backward the last at or before it. Times rise with numbers."""
    low, high = 1, request.session.last_seq + 1
    target = at_ms if request.forward else at_ms + 1
    while low < high:
        middle = (low + high) // 2
        at = tx.row("time_of", int, session=request.session.key, seq=middle)
        if at is not None and at < target:
            low = middle + 1
        else:
            high = middle
    return low if request.forward else low - 1


def _milliseconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Fault(
            INVALID,
            f"StartPosition.AbsoluteTime {text[:60]!r} is not a time such as 2026-11-22T14:26:49.834Z.",
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000)


def _render(tx: Tx, items: list[Item], current: int) -> list[Reply]:
    """Items with the model's names and their receipts. Receipts are read once for each run of one session."""
    rendered: list[Reply] = []
    for run in _runs(items):
        low, high = sorted((run[0].seq, run[-1].seq))
        found = tx.rows("receipts", Receipt, session=run[0].session, first_seq=low, last_seq=high)
        receipts = transcript.receipts_by_seq(found)
        past = run[0].session != current
        rendered += [transcript.as_item(item, past=past, receipts=receipts.get(item.seq, ())) for item in run]
    return rendered


def _runs(items: list[Item]) -> Iterator[list[Item]]:
    run: list[Item] = []
    for item in items:
        if run and item.session != run[0].session:
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def _paging_key(tx: Tx, session: Session) -> str:
    instance = tx.row("instance", Instance, instance_id=session.instance_id)
    if instance is None:
        raise LookupError(f"no instance {session.instance_id}")
    return instance.paging_key


def _seal_token(request: TranscriptRequest, position: Position) -> str:
    """A NextToken: the request's parameters and the position, and a MAC over them and the participant."""
    body = TOKEN.pack(
        position.past, position.runs_on, request.forward, request.ascending, position.session, position.seq
    )
    body += request.contact_id.encode()
    return base64.urlsafe_b64encode(body + _mac(request, body)).rstrip(b"=").decode()


def _open_token(request: TranscriptRequest, token: str) -> tuple[TranscriptRequest, Position]:
    """The request of the first page and the position of the next one. Faults: ValidationException."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raw = b""
    body, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    if len(body) < TOKEN.size or not hmac.compare_digest(mac, _mac(request, body)):
        raise Fault(
            INVALID,
            "NextToken does not belong to this request: send it as the participant it was given to, or start again"
            " without it.",
        )
    past, runs_on, forward, ascending, session, seq = TOKEN.unpack(body[: TOKEN.size])
    first = request._replace(forward=forward, ascending=ascending, contact_id=body[TOKEN.size :].decode())
    return first, Position(past, runs_on, session, seq)


def _check_same(
    request: TranscriptRequest, contact_id: str | None, scan_direction: str | None, sort_order: str | None
) -> None:
    """Refuse parameters beside a NextToken that are not those of the first page. Faults: ValidationException."""
    for name, given, first in (
        ("ContactId", contact_id, request.contact_id),
        ("ScanDirection", scan_direction, "FORWARD" if request.forward else "BACKWARD"),
        ("SortOrder", sort_order, "ASCENDING" if request.ascending else "DESCENDING"),
    ):
        if given is not None and given != first:
            raise Fault(
                INVALID,
                f"NextToken does not belong to this request: its first page had {name} {first or 'left out'}. Send"
                f" {name} as it was then, or leave it out.",
            )


def _mac(request: TranscriptRequest, body: bytes) -> bytes:
    bound = f"{request.session.key} {request.viewer.participant_id}\n"
    return hmac.new(request.paging_key.encode(), bound.encode() + body, hashlib.sha256).digest()[:MAC_BYTES]


def entries_after(
    tx: Tx, caller: ParticipantCaller, cursor: int, limit: int
) -> tuple[Viewer, list[Item], int]:
    """The next entries for a socket at `cursor`: the viewer, the entries they may see, and the cursor after these.

    At most `limit` entries are read. The viewer has the last entry they may see, if they have left.
    """
    found = tx.rows(
        "entries_after",
        object,
        Item,
        session=caller.session,
        participant_id=caller.participant_id,
        seq=cursor,
        limit=limit,
    )
    if not found:
        raise LookupError(f"no participant {caller.participant_id}")
    left_seq = found[0][0]
    viewer = Viewer(caller.session, caller.participant_id, left_seq if isinstance(left_seq, int) else None)
    items = [item for _, item in found if item.seq]  # without an entry there is one row with an item of NULLs
    return viewer, [item for item in items if may_see(viewer, item)], items[-1].seq if items else cursor
