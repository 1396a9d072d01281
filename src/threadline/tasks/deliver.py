"""The task that delivers the entries of one stream: the request before the calls, and the answer after them.

The calls themselves are made between the two, outside any transaction (see `timers` and `neighbours.deliveries`).
A stream has one task at a time, so its entries are delivered in their order. An answer moves the stream's place only
from where its request began: when two nodes have delivered the same entries, the second answer changes nothing.
"""

import json
import logging
from collections.abc import Sequence
from itertools import islice
from typing import Any

from threadline.chat.contact import Contact, Session
from threadline.chat.contact_events import (
    ENDED,
    STATES_OF_CONTACT,
    UPDATES_FROM,
    ContactEvent,
    ContactFacts,
    DataUpdate,
    contact_events,
    event_entry,
)
from threadline.chat.streams import (
    DeadLetter,
    Origin,
    Stream,
    StreamEntry,
    StreamKind,
    digest_of,
    entry_id,
    message_entry,
    retry_delay_ms,
    time_text,
)
from threadline.chat.transcript import Item
from threadline.clock import Limited
from threadline.operations.contact_records import chat_metrics_of, recordings_of, segment_attributes_of
from threadline.operations.continuations import OUTSIDE, OutsideCall
from threadline.operations.instances import Instance, instance_arn
from threadline.operations.sessions import contact_data, contacts_of, participants_of, session_of
from threadline.store import Task, Tx
from threadline.tasks.contact_record import contact_record

ENTRIES_MAX = 20
"""Entries that one task delivers, one after the other, under one lease."""
log = logging.getLogger("threadline.deliveries")
failures = Limited(log.warning)


def prepare(tx: Tx, task: Task) -> dict[str, Any] | None:
    """Return the next entries of a stream, first those that are to be sent again; None when there is nothing."""
    stream = _stream_of(tx, task)
    if stream is None:
        return None
    session = session_of(tx, stream.session)
    dead = _dead_letters(tx, stream, session)
    entries = _entries(tx, stream, session, ENTRIES_MAX - len(dead)) if len(dead) < ENTRIES_MAX else []
    if not dead and not entries:
        return None
    return {
        "kind": "deliver",
        "of": stream.kind,
        "name": stream.endpoint or stream.kind.lower(),
        "contact_id": session.initial_contact_id,
        "delivered": stream.delivered,
        "entries": [
            {**entry._asdict(), "again": again}
            for again, part in ((True, dead), (False, entries))
            for entry in part
        ],
    }


def answer(tx: Tx, task: Task, given: dict[str, Any]) -> None:
    """Note the entries that were delivered, and write the next task, later after a failure.

    `given` has the numbers that were `sent`, the entries that were `left`, and the `error` of the first of these, which
    is `final` when it will not help to send that entry again.
    """
    stream = _stream_of(tx, task)
    if stream is None:
        return
    if given["delivered"] != stream.delivered:
        _go_on(
            tx, task, stream, tx.now_ms
        )  # on SQLite the task that ended may be a newer one, with the same id
        return
    for entry in given["sent"]:
        if entry["again"]:
            tx.run(
                "delete_dead_letter",
                session=stream.session,
                stream_id=stream.id,
                number=entry["number"],
            )
        else:
            stream = stream._replace(delivered=json.dumps(entry["delivered"]))
    if given["sent"]:
        stream = stream._replace(attempts=0, failing_since_ms=None, reason=None)
    due_at_ms = tx.now_ms
    if given["error"] is not None:
        stream, due_at_ms = _failed(tx, stream, given)
    if not _has_more(tx, stream):
        stream = stream._replace(attempts=0, failing_since_ms=None, reason=None)
    tx.run(
        "stream_delivered",
        session=stream.session,
        id=stream.id,
        delivered=stream.delivered,
        attempts=stream.attempts,
        failing_since_ms=stream.failing_since_ms,
        reason=stream.reason,
    )
    _go_on(tx, task, stream, due_at_ms)


def _go_on(tx: Tx, task: Task, stream: Stream, due_at_ms: int) -> None:
    """Write the stream's next task, unless it has one or nothing is left to deliver."""
    if _has_more(tx, stream):
        keys = {"session": stream.session, "id": stream.id, "contact_id": task.contact_id}
        tx.run("insert_delivery", **keys, due_at_ms=due_at_ms)
        tx.wake_timers(due_at_ms)


def _has_more(tx: Tx, stream: Stream) -> bool:
    session = session_of(tx, stream.session)
    return bool(_dead_letters(tx, stream, session) or _entries(tx, stream, session, 1))


OUTSIDE["deliver"] = OutsideCall(prepare, answer)


def _stream_of(tx: Tx, task: Task) -> Stream | None:
    return tx.row("stream", Stream, session=task.session, id=json.loads(task.payload))


def _failed(tx: Tx, stream: Stream, given: dict[str, Any]) -> tuple[Stream, int]:
    """The stream after a failure, and when it goes on.

    An entry that its receiver refuses is kept as a dead letter, and the stream goes on with the next one. So are
    entries that are older than the time for which the settings have deliveries tried again.
    """
    old = [entry for entry in given["left"] if tx.now_ms - entry["at_ms"] >= tx.policy.delivery_ms]
    given_up = given["left"][:1] if given["final"] else old
    for entry in given_up:
        tx.run(
            "insert_dead_letter",
            session=stream.session,
            stream_id=stream.id,
            number=entry["number"],
            instance_id=stream.instance_id,
            now_ms=tx.now_ms,
            reason=given["error"],
        )
        if not entry["again"]:
            stream = stream._replace(delivered=json.dumps(entry["delivered"]))
    if given_up:
        log.error(
            "contact %s: %d of its %s given up, `threadline deliveries` lists them: %s",
            *(given["contact_id"], len(given_up), stream.kind.lower(), given["error"]),
        )
    if given["final"]:
        return stream, tx.now_ms
    delay_ms = retry_delay_ms(stream.attempts)
    since_ms = stream.failing_since_ms if stream.failing_since_ms is not None else tx.now_ms
    failures.say(
        f"{stream.kind}/{stream.endpoint}",
        f"contact {given['contact_id']}: {stream.kind.lower()} not delivered, again in {delay_ms // 1_000} s:"
        f" {given['error']}",
    )
    stream = stream._replace(attempts=stream.attempts + 1, failing_since_ms=since_ms, reason=given["error"])
    return stream, tx.now_ms + delay_ms


def _origin(tx: Tx, stream: Stream) -> Origin:
    instance = tx.row("instance", Instance, instance_id=stream.instance_id)
    if instance is None:
        return Origin("", "", "")
    return Origin(instance.account_id, instance.region, instance_arn(instance))


def _entries(tx: Tx, stream: Stream, session: Session, limit: int) -> list[StreamEntry]:
    """The next entries of a stream."""
    if stream.kind == StreamKind.MESSAGES:
        first = json.loads(stream.delivered) + 1
        return _messages(tx, stream, session, first, stream.last_seq or session.last_seq, limit)
    contacts = contacts_of(tx, session.key)
    if stream.kind == StreamKind.EVENTS:
        return _events(tx, stream, session, contacts, limit)
    return _records(tx, stream, session, contacts, limit)


def _messages(
    tx: Tx, stream: Stream, session: Session, first_seq: int, last_seq: int, limit: int
) -> list[StreamEntry]:
    span = {"first_seq": first_seq, "last_seq": last_seq, "limit": limit}
    items = tx.rows("page_to_stream", Item, session=session.key, **span)
    roles: dict[str, str] = {}
    if any(item.audience is not None for item in items):
        roles = {participant.id: participant.role for participant in participants_of(tx, session.key)}
    origin = _origin(tx, stream)
    return [message_entry(stream, session, item, roles, origin) for item in items]


def _events(
    tx: Tx, stream: Stream, session: Session, contacts: Sequence[Contact], limit: int
) -> list[StreamEntry]:
    """The next events: the states behind the last one that was delivered, and the changes behind theirs."""
    state, change = json.loads(stream.delivered)
    updates = tx.rows("data_updates", DataUpdate, session=session.key, first=change + 1, limit=limit)
    found: list[StreamEntry] = []
    for event in islice(contact_events(contacts, updates, after=state), limit):
        if event.properties:
            change = event.number - UPDATES_FROM
        else:
            state = event.number
        found.append(_event(tx, stream, session, event)._replace(delivered=(state, change)))
    return found


def _event(tx: Tx, stream: Stream, session: Session, event: ContactEvent) -> StreamEntry:
    origin, contact = _origin(tx, stream), event.contact
    data = contact_data(tx, session, contact.id)
    has_ended = event.place >= ENDED
    facts = ContactFacts(
        tags=data.get("Tags") or {},
        segment_attributes=segment_attributes_of(tx, session, data),
        chat_metrics=chat_metrics_of(tx, session, contact) if has_ended else None,
        recordings=recordings_of(tx, session, contact) if has_ended else None,
    )
    return event_entry(stream, session, event, facts, origin)


def _records(
    tx: Tx, stream: Stream, session: Session, contacts: Sequence[Contact], limit: int
) -> list[StreamEntry]:
    """The records of contacts that have ended and of which the last state was not delivered."""
    delivered = json.loads(stream.delivered)
    found: list[StreamEntry] = []
    for contact in contacts:
        if contact.disconnected_at_ms is None or len(found) >= limit:
            continue
        entry = _record(tx, stream, session, contacts, contact)
        digest = digest_of(entry.body)
        if delivered.get(str(contact.position)) != digest:
            delivered = {**delivered, str(contact.position): digest}
            found.append(entry._replace(delivered=delivered, id=entry_id(stream.id, entry.number, digest)))
    return found


def _record(
    tx: Tx, stream: Stream, session: Session, contacts: Sequence[Contact], contact: Contact
) -> StreamEntry:
    body = contact_record(tx, session, contacts, contact, _origin(tx, stream))
    name = entry_id(stream.id, contact.position, time_text(contact.updated_at_ms))
    return StreamEntry(contact.position, None, name, contact.updated_at_ms, contact.id, body, {})


def _dead_letters(tx: Tx, stream: Stream, session: Session) -> list[StreamEntry]:
    """The entries that are to be sent again, made anew. One that is not there any more is forgotten."""
    keys = {"session": stream.session, "stream_id": stream.id}
    due = tx.rows("due_dead_letters", DeadLetter, **keys, limit=ENTRIES_MAX)
    if not due:
        return []
    contacts = contacts_of(tx, session.key)
    found: list[StreamEntry] = []
    for letter in due:
        made = _again(tx, stream, session, contacts, letter.number)
        if made is None:
            tx.run("delete_dead_letter", **keys, number=letter.number)
        else:
            found.append(made)
    return found


def _again(
    tx: Tx, stream: Stream, session: Session, contacts: Sequence[Contact], number: int
) -> StreamEntry | None:
    """The entry with a number, as it is now; None when there is none."""
    if stream.kind == StreamKind.MESSAGES:
        return next(iter(_messages(tx, stream, session, number, number, 1)), None)
    if stream.kind == StreamKind.EVENTS:
        event = _event_again(tx, session, contacts, number)
        return _event(tx, stream, session, event) if event else None
    if number >= len(contacts):
        return None
    return _record(tx, stream, session, contacts, contacts[number])


def _event_again(tx: Tx, session: Session, contacts: Sequence[Contact], number: int) -> ContactEvent | None:
    """The event with a number."""
    if number > UPDATES_FROM:
        updates = tx.rows(
            "data_updates", DataUpdate, session=session.key, first=number - UPDATES_FROM, limit=1
        )
        events = contact_events(contacts, updates, after=UPDATES_FROM)
    else:
        events = contact_events([c for c in contacts if c.position == number // STATES_OF_CONTACT], ())
    return next((event for event in events if event.number == number), None)
