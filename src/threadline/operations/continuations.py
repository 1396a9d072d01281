"""Continuations: the functions that run tasks, by the kind of task; how a task is run, put off and retried.

A task is a row, written by `Tx.later` in the transaction that wants it. `tasks` holds the functions, one module a kind.
The registry is here since operations run the tasks that are due at once, before they return.
"""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

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


class OutsideCall(NamedTuple):
    """Two functions of a task that makes a call outside any transaction: before it, and after it with its answer.

    `prepare` returns the request as JSON values, or None when there is nothing to call any more. `answer` gets the
    answer that the neighbour gave, or the failure.
    """

    prepare: Callable[[Tx, Task], dict[str, Any] | None]
    answer: Callable[[Tx, Task, dict[str, Any]], None]


OUTSIDE: dict[str, OutsideCall] = {}
"""The calls outside, by the kind of their task. `tasks.timers` makes them."""
LEASE_SECONDS = 90
"""Time until a call that was begun is made again, with the same id: its node has ended before it had an answer."""


def lease_task(tx: Tx, task: Task) -> dict[str, Any] | None:
    """Take a task that makes a call, so that no other node makes it meanwhile, and return the request.

    Writes: the task's due time. Returns None when the task is gone or another node has taken it.
    """
    if task.session is not None:
        tx.one("session", session=task.session)
    until_ms = tx.now_ms + LEASE_SECONDS * 1_000
    if tx.one("lease_task", id=task.id, due_at_ms=task.due_at_ms, until_ms=until_ms) is None:
        return None
    request = OUTSIDE[task.kind].prepare(tx, task)
    if request is None:
        _take(tx, task)
    return request


def answer_task(tx: Tx, task: Task, answer: dict[str, Any]) -> None:
    """Delete a task whose call has its answer, and use the answer. A second answer of a task changes nothing."""
    if task.session is not None:
        tx.one("session", session=task.session)
    if _take(tx, task):
        OUTSIDE[task.kind].answer(tx, task, answer)
        run_due_now(tx)


def _take(tx: Tx, task: Task) -> bool:
    """Delete a task that is about to run. False when it is gone."""
    session = -1 if task.session is None else task.session
    return (
        tx.one("delete_task", id=task.id, kind=task.kind, payload=task.payload, session=session) is not None
    )


def run_due_now(tx: Tx) -> None:
    """Run the tasks that this transaction has written and that are due already."""
    while tx.due_now:
        _run(tx, tx.due_now.pop(0))


class NextTimes(NamedTuple):
    """The times at which the earliest task, and the earliest of the background, are due, in epoch milliseconds."""

    task_ms: int | None
    background_ms: int | None


def due_tasks(tx: Tx, limit: int = 100, *, background: bool = False) -> tuple[list[Task], NextTimes]:
    """Read up to `limit` tasks that are due, of the background or all others, and when the next of each are due."""
    tasks = tx.rows("due_tasks", Task, now_ms=tx.now_ms, limit=limit, background=int(background))
    return tasks, tx.row("next_task", NextTimes) or NextTimes(None, None)


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
            if _take(tx, task):
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
