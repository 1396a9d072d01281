"""The task that erases chats in small steps, so that other writers get their turn in between.

A step is one transaction, and its successor is a row of it: a server that ends in between goes on where it was.
"""

import json
from typing import Any

from threadline.chat.contact import Session
from threadline.operations.continuations import continuation
from threadline.operations.erasure import Part, Scope, begin_part, erase_entries, finish_part
from threadline.operations.legal_holds import hold_on
from threadline.operations.sessions import contacts_of
from threadline.store import Task, Tx
from threadline.tasks.audit import audit_erased
from threadline.tasks.steps import AGAIN_MS, REMAINS_AGAIN_MS, ErasureStep

FILES = "files"
"""The last stage: the objects of the chats' files are being deleted."""
FILES_AGAIN_MS = 500


def erase_some(tx: Tx, step: ErasureStep, part: Part, next_seq: int | None) -> int | None:
    """Erase entries of a part of a chat, from `next_seq` on, as many as the step has room for.

    Finish the part after its last entry and return None, or return the entry at which the next step begins.
    """
    if next_seq is None:
        begin_part(tx, part)
    first, last = part.span
    first = max(first, next_seq or first)
    seqs = step.take(part.session.key, first, last)
    if seqs:
        erase_entries(tx, part.session.key, seqs[0], seqs[-1])
    if seqs.stop <= last:
        return seqs.stop
    finish_part(tx, part)
    return None


@continuation("erase")
def erase(tx: Tx, task: Task) -> None:
    """Erase some entries of an erasure's chats, or remove some of their remains, and run again until all is done."""
    state: dict[str, Any] = json.loads(task.payload)
    if "remains" not in state:
        step, kept = ErasureStep(), 0
        erased: list[Part] = []
        while (part := _part(tx, state)) is not None:
            if "next_seq" not in state and hold_on(tx, part.session) is not None:
                kept += 1
            else:
                next_seq = erase_some(tx, step, part, state.pop("next_seq", None))
                if next_seq is not None:
                    state["next_seq"] = next_seq
                    break
                erased.append(part)
            _go_on(state, part.session)
            if step.is_full:
                break
        step.finish(tx)
        tx.run("erasure_progress", id=state["erasure_id"], chats=len(erased), items=step.items, kept=kept)
        audit_erased(tx, erased, {"rule": "erasure", "erasureId": state["erasure_id"]})
        if part is None:
            state = {"erasure_id": state["erasure_id"], "remains": None}
        tx.later("erase", tx.now_ms + AGAIN_MS, payload=state)
        return
    if state["remains"] != FILES:
        state["remains"] = tx.remove_remains(state["remains"]) or FILES
    if state["remains"] == FILES and tx.one("deletion_of_objects", now_ms=tx.now_ms) is None:
        tx.run("erasure_completed", id=state["erasure_id"], now_ms=tx.now_ms)
        return
    after_ms = FILES_AGAIN_MS if state["remains"] == FILES else REMAINS_AGAIN_MS
    tx.later("erase", tx.now_ms + after_ms, payload=state)


def _part(tx: Tx, state: dict[str, Any]) -> Part | None:
    """The part of a chat that is erased now, its session locked; None after the last."""
    key = state.get("session")
    if key is None and state["scope"] == Scope.CUSTOMER:
        found = tx.row(
            "next_chat_of_customer",
            Session,
            instance_id=state["instance_id"],
            customer_id=state["customer_id"],
            at_ms=state["at_ms"],
            after=state["after"],
            until_ms=state["until_ms"],
        )
        key = found.key if found else None
    session = tx.row("session", Session, session=key) if key is not None else None
    if session is None or session.ended_at_ms is None:
        return None
    state["session"] = session.key
    return Part(session, contacts_of(tx, session.key), state.get("position"))


def _go_on(state: dict[str, Any], done: Session) -> None:
    """Set the state to the chat after `done`."""
    state.pop("session")
    if state["scope"] == Scope.LINEAGE and done.anchor_session is not None:
        state["session"] = done.anchor_session
    elif state["scope"] == Scope.CUSTOMER:
        state |= {"at_ms": done.started_at_ms, "after": done.key}
