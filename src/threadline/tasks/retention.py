"""The task that erases the chats that are older than their instance keeps them, in small steps."""

import json
from typing import Any

from threadline.chat.contact import Session
from threadline.chat.retention import ended_before_ms
from threadline.operations.continuations import continuation
from threadline.operations.erasure import Part
from threadline.operations.retention import Retention
from threadline.operations.sessions import contacts_of
from threadline.store import Task, Tx
from threadline.tasks.audit import audit_erased
from threadline.tasks.erasure import erase_some
from threadline.tasks.steps import AGAIN_MS, REMAINS_AGAIN_MS, ErasureStep

SWEEP_EVERY_MS = 86_400_000


@continuation("sweep")
def sweep(tx: Tx, task: Task) -> None:
    """Erase some entries of the chats that are due, then their remains, and look again in a day.

    It ends when the retention was switched off or another sweep has begun.
    """
    state: dict[str, Any] = json.loads(task.payload)
    state.setdefault("began_ms", tx.now_ms)
    start = {name: state[name] for name in ("instance_id", "sweep")}
    retention = tx.row("retention", Retention, instance_id=state["instance_id"])
    if retention is None or retention.sweep != state["sweep"]:
        return
    before_ms = ended_before_ms(retention.policy, retention.days, tx.now_ms)
    if before_ms is None:
        return
    if "remains" in state:
        reached = tx.remove_remains(state["remains"])
        if reached is not None:
            tx.later("sweep", tx.now_ms + REMAINS_AGAIN_MS, payload={**state, "remains": reached})
            return
    else:
        erased = _erase_due(tx, state, before_ms)
        audit_erased(tx, erased, {"rule": "retention", "policy": retention.policy, "days": retention.days})
        is_done = state.pop("is_done")
        tx.run(
            "retention_swept",
            instance_id=retention.instance_id,
            chats=len(erased),
            swept_at_ms=tx.now_ms if is_done else None,
        )
        if not is_done or state.get("has_erased"):
            following = {**state, "remains": None} if is_done else state
            tx.later("sweep", tx.now_ms + AGAIN_MS, payload=following)
            return
    due_at_ms = max(state["began_ms"] + SWEEP_EVERY_MS, tx.now_ms + AGAIN_MS)
    tx.later("sweep", due_at_ms, payload=start)


def _erase_due(tx: Tx, state: dict[str, Any], before_ms: int) -> list[Part]:
    """Erase some entries of the chats that ended before a time. Returns the chats that are finished.

    `state` has the last chat that was looked at and, of one that is not finished, the next entry.
    """
    step = ErasureStep()
    erased: list[Part] = []
    state["is_done"] = False
    while not step.is_full:
        found = tx.row(
            "next_chat_to_sweep",
            Session,
            instance_id=state["instance_id"],
            at_ms=state.get("at_ms", -1),
            after=state.get("after", 0),
            before_ms=before_ms,
        )
        session = tx.row("session", Session, session=found.key) if found else None
        if session is None or session.ended_at_ms is None:
            state["is_done"] = True
            break
        state["has_erased"] = True
        part = Part(session, contacts_of(tx, session.key), None)
        begun, next_seq = state.pop("begun", (None, None))
        next_seq = erase_some(tx, step, part, next_seq if begun == session.key else None)
        if next_seq is not None:
            state["begun"] = session.key, next_seq
            break
        erased.append(part)
        state |= {"at_ms": session.ended_at_ms, "after": session.key}
    step.finish(tx)
    return erased
