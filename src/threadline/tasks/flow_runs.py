"""The task that runs a flow: it turns the effects of a step into writes, and their result into an outcome.

A flow runs inside the transaction that gives it an event, until it waits or ends. A failure undoes the event's writes
and puts the task off (see `continuations.run_task`), so a flow may be late but is not lost.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from threadline.flows.effects import EnterQueue
from threadline.flows.engine import step
from threadline.flows.language import Flow, parse
from threadline.flows.state import (
    Answered,
    Event,
    FlowState,
    Interrupted,
    Outcome,
    Phase,
    Started,
    TimerFired,
)
from threadline.operations.continuations import continuation
from threadline.operations.sessions import run_queue_flow, run_whispers
from threadline.resources.flow_rows import content_of
from threadline.store import Task, Tx
from threadline.tasks.flow_context import Chat
from threadline.tasks.flow_effects import TIMER, carry_out
from threadline.tasks.flow_logs import FlowLog


@continuation("flow")
def advance(tx: Tx, task: Task) -> None:
    """Give a contact's flow an event and run it until it waits or ends.

    An event for a flow that has ended, or that is not waiting for it, changes nothing.
    """
    key = task.session or 0
    found = tx.row("flow_run", str, str, int, str, session=key, contact_id=task.contact_id)
    if found is None:
        return
    flow_id, text, version, flow_type = found
    state = FlowState.from_json(text)
    chat = Chat(tx, key, flow_type)
    library = Library(tx, chat.session.instance_id, f"{flow_id}/{version}")
    waited_ms = tx.now_ms - state.since_ms if state.phase is Phase.WAITING and state.since_ms else 0
    logs = FlowLog(tx, chat.session, task.contact_id or "", f"{flow_id}/{version}", waited_ms)
    turn = state.turn
    event: Event | None = _event(json.loads(task.payload))
    queued = False
    while event is not None:
        chat.forget(state.turn)
        state, effects = step(library, state, event, chat, logs.watch, always=logs.always)
        event = None
        for effect in effects:
            event = carry_out(tx, chat.session, effect, state.turn, flow_type)
            queued = isinstance(effect, EnterQueue) and event == Outcome()
    if state.phase is Phase.ENDED:
        tx.run("delete_flow_run", session=key, contact_id=task.contact_id)
        if queued:
            run_queue_flow(tx, chat.session)
        elif flow_type == "AGENT_WHISPER":
            run_whispers(tx, chat.session, ended=flow_type)
    else:
        if state.turn != turn:
            state = state._replace(since_ms=tx.now_ms)
        tx.run("set_flow_run", session=key, contact_id=task.contact_id, state=state.to_json())
    logs.write()


class Library(Mapping[str, Flow]):
    """The flows that a run may be in, by key: `id/version`, or empty for the one that it began with."""

    def __init__(self, tx: Tx, instance_id: str, first: str) -> None:
        self._tx = tx
        self._instance_id = instance_id
        self._first = first

    def __getitem__(self, key: str) -> Flow:
        flow_id, _, version = (key or self._first).rpartition("/")
        try:
            return _parsed(content_of(self._tx, self._instance_id, flow_id, int(version)))
        except LookupError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[str]:
        return iter(("",))

    def __len__(self) -> int:
        return 1


def _event(payload: Mapping[str, Any]) -> Event:
    name = payload["event"]
    if name == "Started":
        return Started()
    if name == "Answered":
        return Answered(payload["turn"], Outcome(**payload["outcome"]))
    return TimerFired(payload["turn"]) if name == TIMER else Interrupted(name, payload.get("text", ""))


@lru_cache(maxsize=256)
def _parsed(content: str) -> Flow:
    return parse(content, None)
