"""The streams of a chat: how one is added, and how a write has it deliver. `tasks.deliver` delivers the entries.

A write of a chat that has streams writes a task for each stream that has none. So a chat without streams costs one
look at a number that was read anyway, and a stream with a task costs one statement that writes nothing.
"""

import json
from typing import Any

from threadline.chat.contact import Session
from threadline.chat.streams import CONTACT_BIT, MESSAGE_BIT, StreamKind
from threadline.store import Tx


def wake_message_streams(tx: Tx, session: Session) -> None:
    """Have the chat's streams of messages deliver an entry that this transaction appends."""
    if session.streamed & MESSAGE_BIT:
        _wake(tx, session, MESSAGE_BIT)


def wake_contact_streams(tx: Tx, session: Session) -> None:
    """Have the chat's streams of contact events and records look at its contacts, of which one changes."""
    if session.streamed & CONTACT_BIT:
        _wake(tx, session, CONTACT_BIT)


def data_updated(tx: Tx, session: Session, contact_id: str, *properties: str) -> None:
    """Note that properties of a contact's data have changed, where the chat has a stream of contact events."""
    if session.streamed & CONTACT_BIT:
        keys = {"session": session.key, "contact_id": contact_id}
        tx.run("insert_data_update", **keys, properties=json.dumps(properties), now_ms=tx.now_ms)
        _wake(tx, session, CONTACT_BIT)


def _wake(tx: Tx, session: Session, kind: int) -> None:
    keys = {"session": session.key, "contact_id": session.initial_contact_id}
    if tx.all("wake_streams", **keys, kind=kind, now_ms=tx.now_ms):
        tx.wake_timers(tx.now_ms)


def add_stream(tx: Tx, session: Session, kind: StreamKind, endpoint: str = "", delivered: Any = 0) -> str:
    """Add a stream that delivers from a place on, and return its id."""
    stream_id = tx.clock.contact_id()
    tx.run(
        "insert_stream",
        session=session.key,
        id=stream_id,
        instance_id=session.instance_id,
        kind=kind,
        endpoint=endpoint,
        delivered=json.dumps(delivered),
        now_ms=tx.now_ms,
    )
    bit = MESSAGE_BIT if kind is StreamKind.MESSAGES else CONTACT_BIT
    tx.run("session_streamed", session=session.key, kinds=bit)
    return stream_id


def add_contact_streams(tx: Tx, session: Session) -> Session:
    """Add the streams of contact events and records that the settings ask for to a new chat."""
    kinds = [StreamKind(kind) for kind in tx.policy.contact_streams]
    for kind in kinds:
        add_stream(tx, session, kind, delivered={} if kind is StreamKind.RECORDS else (0, 0))
    if not kinds:
        return session
    session = session._replace(streamed=session.streamed | CONTACT_BIT)
    wake_contact_streams(tx, session)
    return session


def forget_streams(tx: Tx, session: int) -> None:
    """Delete the streams of a chat, the numbers of entries that were given up, and the names of updated properties.

    None of them has content of the chat.
    """
    tx.run("delete_streams", session=session)
    tx.run("delete_dead_letters", session=session)
    tx.run("delete_data_updates", session=session)
