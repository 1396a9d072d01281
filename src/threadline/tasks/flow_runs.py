"""The task that runs a flow: it turns the effects of a step into writes, and their result into an outcome.

A flow runs inside the transaction that gives it an event, until it waits or ends. A failure undoes the event's writes
and puts the task off (see `continuations.run_task`), so a flow may be late but is not lost.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from threadline.chat import rehydration
from threadline.chat.attributes import segment_attributes
from threadline.chat.contact import Contact, Reason, Session
from threadline.chat.participant import Role
from threadline.errors import Fault
from threadline.flows.actions import (
    BOT_DISCONNECTED,
    NO_MATCHING_ERROR,
    PARTICIPANT_NOT_FOUND,
    Associate,
    Effect,
    End,
    EnterQueue,
    Pause,
    SetAttributes,
    SetDisconnectFlow,
    SetTargetQueue,
    ShowMessage,
)
from threadline.flows.engine import Event, FlowState, Interrupted, Outcome, Phase, Started, TimerFired, step
from threadline.flows.language import Flow, parse
from threadline.operations.attributes import attributes_of, set_attributes
from threadline.operations.contact_flows import content_of, require_flow
from threadline.operations.continuations import continuation
from threadline.operations.instances import REGION, Instance, instance_arn, require_queue
from threadline.operations.persistence import associate
from threadline.operations.sessions import (
    append_system_message,
    contact_at,
    end_session,
    flow_event,
    participants_of,
    require,
    session_of,
)
from threadline.store import Task, Tx

log = logging.getLogger(__name__)
TIMER = "TimerFired"


@continuation("flow")
def advance(tx: Tx, task: Task) -> None:
    """Give a contact's flow an event and run it until it waits or ends.

    An event for a flow that has ended, or that is not waiting for it, changes nothing.
    """
    key = task.session or 0
    found = tx.row("flow_run", str, str, int, session=key, contact_id=task.contact_id)
    if found is None:
        return
    flow_id, text, version = found
    state = FlowState.from_json(text)
    chat = Chat(tx, key)
    flow = _parsed(content_of(tx, chat.session.instance_id, flow_id, version))
    event: Event | None = _event(json.loads(task.payload))
    while event is not None:
        state, effects = step(flow, state, event, chat)
        event = None
        for effect in effects:
            event = carry_out(tx, chat.session, effect, state.turn)
        chat.forget()
    if state.phase is Phase.ENDED:
        tx.run("delete_flow_run", session=key, contact_id=task.contact_id)
    else:
        text = state.to_json()
        tx.run("set_flow_run", session=key, contact_id=task.contact_id, state=text)


class Chat(Mapping[str, Any]):
    """The data of a chat that references resolve to. A value is read at its first use, and again after an effect."""

    def __init__(self, tx: Tx, key: int) -> None:
        self._tx = tx
        self._key = key
        self._known: dict[str, Any] = {}

    @property
    def session(self) -> Session:
        """The session as it is now."""
        return session_of(self._tx, self._key)

    def forget(self) -> None:
        """Forget the values that were read, since a write may have changed them."""
        self._known.clear()

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            session = self.session
            self._known[name] = _ROOTS[name](self._tx, session, contact_at(self._tx, session))
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_ROOTS)

    def __len__(self) -> int:
        return len(_ROOTS)


def carry_out(tx: Tx, session: Session, effect: Effect, turn: int) -> Outcome | None:
    """Carry out `effect` and return its outcome; None for an effect that has none.

    A Fault of an operation becomes the action's NoMatchingError, and undoes the effect's writes.
    """
    try:
        with tx.savepoint():
            match effect:
                case Pause():
                    return _pause(tx, session, effect, turn)
                case End():
                    end_session(tx, session, Reason.CONTACT_FLOW_DISCONNECT)
                    return None
                case ShowMessage(text):
                    append_system_message(tx, session, text)
                case SetTargetQueue(queue_id):
                    _set_target_queue(tx, session, queue_id)
                case EnterQueue():
                    _enter_queue(tx, session)
                case SetDisconnectFlow(flow_id):
                    _set_disconnect_flow(tx, session, flow_id)
                case Associate(rehydration_type, source_contact_id):
                    _associate(tx, session, rehydration_type, source_contact_id)
                case SetAttributes(attributes, related):
                    _set_attributes(tx, session, attributes, related=related)
    except Fault as fault:
        kind = type(effect).__name__
        log.info("flow of contact %s: %s: %s", session.current_contact_id, kind, fault.code)
        return Outcome(NO_MATCHING_ERROR)
    return Outcome()


def _pause(tx: Tx, session: Session, effect: Pause, turn: int) -> Outcome | None:
    """Set the timer of a Wait. It replaces an earlier timer, since a flow has one at most."""
    if BOT_DISCONNECTED in effect.events:
        present = participants_of(tx, session.key)
        if not any(p.role == Role.CUSTOM_BOT and p.left_at_ms is None for p in present):
            return Outcome(PARTICIPANT_NOT_FOUND)
    tx.run("cancel_tasks_of_contact", session=session.key, kind="flow", contact_id=session.current_contact_id)
    flow_event(tx, session, TIMER, tx.now_ms + effect.seconds * 1_000, turn=turn)
    return None


def _set_target_queue(tx: Tx, session: Session, queue_id: str) -> None:
    queue = require_queue(tx, session.instance_id, queue_id)
    tx.run(
        "contact_target_queue",
        session=session.key,
        position=session.last_position,
        queue_id=queue.id,
        now_ms=tx.now_ms,
    )


def _enter_queue(tx: Tx, session: Session) -> None:
    contact = contact_at(tx, session)
    if contact.target_queue_id is None or contact.queue_id is not None:
        raise Fault("InvalidRequestException", "The contact has no target queue, or is in a queue already.")
    tx.run(
        "contact_queued",
        session=session.key,
        position=session.last_position,
        queue_id=contact.target_queue_id,
        now_ms=tx.now_ms,
    )


def _set_disconnect_flow(tx: Tx, session: Session, flow_id: str) -> None:
    flow = require_flow(tx, session.instance_id, flow_id)
    if flow.status != "PUBLISHED":
        raise Fault("InvalidRequestException", f"Contact flow {flow.id} is saved but not published.")
    hooks = {**json.loads(session.event_hooks), "CustomerRemaining": flow.id}
    tx.run("set_event_hooks", session=session.key, event_hooks=json.dumps(hooks))


def _associate(tx: Tx, session: Session, rehydration_type: str, source_contact_id: str) -> None:
    if not rehydration.is_repeat(session, rehydration_type, source_contact_id):
        associate(tx, session, rehydration_type, source_contact_id)


def _set_attributes(tx: Tx, session: Session, attributes: Mapping[str, str], *, related: bool) -> None:
    key = session.key
    if related:
        key = require(tx, session.instance_id, session.related_contact_id or "", "Related contact")[0].key
    set_attributes(tx, key, attributes)


def _segment_attributes(tx: Tx, key: int) -> dict[str, Any]:
    _, text = tx.row("attributes", str, str, session=key) or ("{}", "{}")
    found = segment_attributes(json.loads(text))
    return {name: next(iter(value.values()), None) for name, value in found.items()}


def _queue(tx: Tx, session: Session, contact: Contact) -> dict[str, str] | None:
    queue_id = contact.queue_id or contact.target_queue_id
    if queue_id is None:
        return None
    queue = require_queue(tx, session.instance_id, queue_id)
    return {"Name": queue.name, "ARN": f"{_instance_arn(tx, session)}/queue/{queue.id}"}


def _instance_arn(tx: Tx, session: Session) -> str:
    instance = tx.row("instance", Instance, instance_id=session.instance_id)
    if instance is None:
        raise LookupError(f"no instance {session.instance_id}")
    return instance_arn(instance)


_ROOTS: Mapping[str, Callable[[Tx, Session, Contact], Any]] = {
    "Attributes": lambda tx, session, contact: attributes_of(tx, session.key),
    "AwsRegion": lambda tx, session, contact: REGION,
    "Channel": lambda tx, session, contact: "CHAT",
    "ContactId": lambda tx, session, contact: contact.id,
    "CustomerId": lambda tx, session, contact: session.customer_id,
    "InitialContactId": lambda tx, session, contact: session.initial_contact_id,
    "InitiationMethod": lambda tx, session, contact: contact.initiation_method,
    "InstanceARN": lambda tx, session, contact: _instance_arn(tx, session),
    "PreviousContactId": lambda tx, session, contact: contact.previous_contact_id,
    "Queue": _queue,
    "RelatedContactId": lambda tx, session, contact: session.related_contact_id,
    "SegmentAttributes": lambda tx, session, contact: _segment_attributes(tx, session.key),
}


def _event(payload: Mapping[str, Any]) -> Event:
    name = payload["event"]
    if name == "Started":
        return Started()
    return TimerFired(payload["turn"]) if name == TIMER else Interrupted(name)


@lru_cache(maxsize=256)
def _parsed(content: str) -> Flow:
    return parse(content)
