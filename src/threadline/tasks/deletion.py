"""The task that deletes the chats of a deleted instance, in parts, so that other writers get their turn in between."""

import json
from typing import Any

from threadline.chat.contact import Session
from threadline.operations.continuations import continuation
from threadline.operations.stored_files import delete_files_of
from threadline.operations.streams import forget_streams
from threadline.store import Task, Tx
from threadline.tasks.steps import AGAIN_MS, REMAINS_AGAIN_MS, ErasureStep


@continuation("delete_chats")
def delete_chats(tx: Tx, task: Task) -> None:
    """Delete some of an instance's chats with all that belongs to them, then their remains, and run again until done.

    `next_seq` is the entry at which the next step begins, of a chat that is longer than a step.
    """
    state: dict[str, Any] = json.loads(task.payload)
    if "remains" in state:
        reached = tx.remove_remains(state["remains"])
        if reached is not None:
            tx.later("delete_chats", tx.now_ms + REMAINS_AGAIN_MS, payload={**state, "remains": reached})
        return
    step = ErasureStep()
    while (session := _next_chat(tx, state["instance_id"])) is not None:
        next_seq = _delete_entries(tx, step, session, state.pop("next_seq", 1))
        if next_seq is not None:
            state["next_seq"] = next_seq
            break
        _delete_chat(tx, session.key)
        if step.is_full:
            break
    step.finish(tx)
    following = state if session is not None else {**state, "remains": None}
    tx.later("delete_chats", tx.now_ms + AGAIN_MS, payload=following)


def _next_chat(tx: Tx, instance_id: str) -> Session | None:
    """A chat of the instance, locked."""
    key = tx.row("session_of_instance", int, instance_id=instance_id)
    return tx.row("session", Session, session=key) if key is not None else None


def _delete_entries(tx: Tx, step: ErasureStep, session: Session, first: int) -> int | None:
    """Delete entries of a chat, as many as the step has room for. Returns the first one that is left."""
    seqs = step.take(session.key, first, session.last_seq)
    if seqs:
        span = {"session": session.key, "first_seq": seqs[0], "last_seq": seqs[-1]}
        tx.run("delete_items_between", **span)
        tx.run("delete_receipts_between", **span)
        tx.run("delete_imported_items_between", **span)
    return seqs.stop if seqs.stop <= session.last_seq else None


def _delete_chat(tx: Tx, session: int) -> None:
    """Delete a chat whose entries are deleted, with all that belongs to it."""
    delete_files_of(tx, session)
    tx.run("delete_word_cursor", session=session)
    tx.run("delete_participants", session=session)
    tx.run("delete_tokens", session=session)
    tx.run("delete_flow_runs", session=session)
    tx.run("delete_contact_data", session=session)
    tx.run("delete_imported_contacts", session=session)
    tx.run("delete_contacts", session=session)
    tx.run("delete_attributes", session=session)
    tx.run("delete_tasks", session=session)
    forget_streams(tx, session)
    tx.run("delete_session", session=session)
