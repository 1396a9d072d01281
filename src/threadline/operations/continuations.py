"""Continuations: the functions that run tasks, by the kind of task; how a task is run, put off and retried.

A task is a row, written by `Tx.later` in the transaction that wants it. `tasks` holds the functions, one module a kind.
The registry is here since operations run the tasks that are due at once, before they return.
"""

import logging
from collections.abc import Callable

from threadline.store import Task, Tx

log = logging.getLogger(__name__)
Continuation = Callable[[Tx, Task], None]
CONTINUATIONS: dict[str, Continuation] = {}
RETRY_DELAYS_MS = (1_000, 5_000, 30_000, 120_000, 600_000)


def continuation(kind: str) -> Callable[[Continuation], Continuation]:
    """Register the function that runs tasks of `kind`."""

    def register(function: Continuation) -> Continuation:
        CONTINUATIONS[kind] = function
        return function

    return register


def run_due_now(tx: Tx) -> None:
    """Run the tasks that this transaction has written and that are due already."""
    while tx.due_now:
        _run(tx, tx.due_now.pop(0))


def due_tasks(tx: Tx, limit: int = 100) -> tuple[list[Task], int | None]:
    """Up to `limit` tasks that are due, and the time at which the earliest of all is due, in epoch milliseconds."""
    tasks = tx.rows("due_tasks", Task, now_ms=tx.now_ms, limit=limit)
    return tasks, tx.row("next_task", int)


def run_task(tx: Tx, task: Task) -> None:
    """Run a task that is due, unless it is gone by now: cancelled, or run by another node.

    The session is locked before the task, in the same order as where tasks are cancelled. These locks are the task's
    lease: they end with the transaction, or with the node that holds them.
    """
    if task.session is not None:
        tx.one("session", session=task.session)
    _run(tx, task)
    run_due_now(tx)


def _run(tx: Tx, task: Task) -> None:
    """Run one task and delete its row. When it fails, undo its writes and put it off, so that it is not lost."""
    try:
        with tx.savepoint():
            if tx.one("delete_task", id=task.id):
                CONTINUATIONS[task.kind](tx, task)
    except Exception:
        delay_ms = put_off(tx, task)
        log.exception(
            "task %s of contact %s failed; it runs again in %d ms", task.kind, task.contact_id, delay_ms
        )


def put_off(tx: Tx, task: Task) -> int:
    """Make a task that has failed due later, and return the delay in milliseconds: longer after each failure."""
    delay_ms = RETRY_DELAYS_MS[min(task.attempts, len(RETRY_DELAYS_MS) - 1)]
    tx.run("postpone_task", id=task.id, due_at_ms=tx.now_ms + delay_ms)
    return delay_ms
