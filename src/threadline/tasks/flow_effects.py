"""The effects of a flow as writes: one function an effect, which returns the effect's outcome.

Every function runs in a savepoint: a Fault undoes its writes and becomes the branch of its error.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

from threadline.chat import rehydration
from threadline.chat.contact import Contact, Method, Reason, Session
from threadline.chat.messages import INTERACTIVE
from threadline.chat.participant import Role
from threadline.errors import Fault
from threadline.flows.actions.branching import BOT_DISCONNECTED
from threadline.flows.effects import (
    NO_MATCHING_ERROR,
    PARTICIPANT_NOT_FOUND,
    QUEUE_AT_CAPACITY,
    Announce,
    AskBot,
    Associate,
    CallService,
    CheckHours,
    Effect,
    End,
    EnterQueue,
    InvokeLambda,
    LoadFlow,
    MoveToQueue,
    Pause,
    ReadMetric,
    ReadMetrics,
    SetAttributes,
    SetContactData,
    SetHooks,
    SetTargetQueue,
    ShowMessage,
    ShowView,
    TagContact,
    TransferToAgent,
)
from threadline.flows.state import Outcome
from threadline.operations.attributes import set_attributes
from threadline.operations.instances import Instance
from threadline.operations.persistence import associate
from threadline.operations.sessions import (
    TARGET_AGENT,
    agent_in,
    append_system_message,
    bot_is_typing,
    contact_at,
    contact_changed,
    contact_data,
    customer_in,
    end_contact,
    end_session,
    enter_queue,
    flow_event,
    next_contact,
    participants_of,
    require,
    run_queue_flow,
    set_contact_data,
)
from threadline.resources.contact_flows import require_published
from threadline.resources.flow_modules import require_module
from threadline.resources.hours import HOURS, Hours, are_open
from threadline.resources.queues import Queue, is_full, require_enabled_queue, require_queue
from threadline.resources.users import USERS, require_user
from threadline.resources.views import find_view, view_token
from threadline.store import Tx

log = logging.getLogger(__name__)
TIMER = "TimerFired"
QUEUE_FULL = "LimitExceededException"
"""The code of a Fault for a queue that has filled up since it was looked at."""
IN_QUEUE = (
    "CUSTOMER_QUEUE",
    "CUSTOMER_WHISPER",
    "AGENT_WHISPER",
    "OUTBOUND_WHISPER",
    "CUSTOMER_HOLD",
    "AGENT_HOLD",
)
"""Types of flow whose end leaves the contact as it is."""
AGE_METRIC = "OldestContactInQueueAgeSeconds"
"""Compared in milliseconds, against its name; see `check_metric_data`."""
QUEUE_METRICS = {
    "NumberOfContactsInQueue": "ContactsInQueue",
    "ContactsInQueue": "ContactsInQueue",
    AGE_METRIC: "OldestContactInQueueAgeSeconds",
    "NumberOfAgentsAvailable": "Agents",
    "NumberOfAgentsStaffed": "Agents",
    "NumberOfAgentsOnline": "Agents",
}
"""The metrics that this server has, by the names that flows give them."""


def carry_out(tx: Tx, session: Session, effect: Effect, turn: int, flow_type: str) -> Outcome | None:
    """Carry out `effect` and return its outcome; None for an effect that the flow waits in, and for its end.

    A Fault of an operation becomes the action's NoMatchingError, and undoes the effect's writes.
    """
    try:
        with tx.savepoint():
            match effect:
                case Pause():
                    return _pause(tx, session, effect, turn)
                case End(disconnects):
                    if disconnects or flow_type not in IN_QUEUE:
                        end_session(tx, session, Reason.CONTACT_FLOW_DISCONNECT)
                    return None
                case Announce(texts):
                    for text in texts:
                        append_system_message(tx, session, text)
                    return None
                case ShowMessage(text):
                    append_system_message(tx, session, text, _audience(tx, session, flow_type))
                case ShowView():
                    _show_view(tx, session, effect, turn)
                    return None
                case InvokeLambda() | AskBot() | CallService():
                    return _ask(tx, session, effect, turn)
                case EnterQueue() | MoveToQueue() if _is_full(tx, session, effect):
                    return Outcome(QUEUE_AT_CAPACITY)
                case CheckHours() | ReadMetric() | ReadMetrics() | LoadFlow():
                    return _look(tx, session, effect)
                case _:
                    _write(tx, session, effect)
    except Fault as fault:
        kind = type(effect).__name__
        log.info("flow of contact %s: %s: %s", session.current_contact_id, kind, fault.code)
        return Outcome(QUEUE_AT_CAPACITY if fault.code == QUEUE_FULL else NO_MATCHING_ERROR)
    return Outcome()


def _write(tx: Tx, session: Session, effect: Effect) -> None:
    """Carry out an effect that writes and has no result."""
    match effect:
        case SetTargetQueue(queue_id, agent):
            _set_target_queue(tx, session, queue_id, agent=agent)
        case EnterQueue():
            _enter_queue(tx, session)
        case SetHooks(hooks):
            _set_hooks(tx, session, hooks)
        case Associate(rehydration_type, source_contact_id):
            _associate(tx, session, rehydration_type, source_contact_id)
        case SetAttributes(attributes, related):
            _set_attributes(tx, session, attributes, related=related)
        case SetContactData(values, related):
            _set_data(tx, session, values, related=related)
        case TagContact(added, removed):
            tags = contact_data(tx, session, session.current_contact_id).get("Tags", {})
            kept = {key: value for key, value in {**tags, **added}.items() if key not in removed}
            set_contact_data(tx, session, session.current_contact_id, {"Tags": kept})
        case MoveToQueue(queue_id, agent):
            _move_to_queue(tx, session, queue_id, agent=agent)
        case TransferToAgent():
            _offer(tx, session)
        case _:
            raise TypeError(f"no way to carry out {effect!r}")


def _pause(tx: Tx, session: Session, effect: Pause, turn: int) -> Outcome | None:
    """Set the timer of a Wait. It replaces an earlier timer, since a flow has one at most."""
    if BOT_DISCONNECTED in effect.events:
        present = participants_of(tx, session.key)
        if not any(p.role == Role.CUSTOM_BOT and p.left_at_ms is None for p in present):
            return Outcome(PARTICIPANT_NOT_FOUND)
    tx.run("cancel_tasks_of_contact", session=session.key, kind="flow", contact_id=session.current_contact_id)
    flow_event(tx, session, TIMER, tx.now_ms + effect.seconds * 1_000, turn=turn)
    return None


def _show_view(tx: Tx, session: Session, effect: ShowView, turn: int) -> None:
    """Show a view to the customer as an interactive message, and set the timer of their answer.

    Observed: the template is ViewResource, with the view's id, its data and a token for DescribeView.
    """
    if INTERACTIVE not in json.loads(session.content_types):
        raise Fault("InvalidRequestException", f"The chat does not support {INTERACTIVE}.")
    instance = tx.row("instance", Instance, instance_id=session.instance_id)
    if instance is None:
        raise LookupError(f"no instance {session.instance_id}")
    is_qualified = ":" in effect.view_id.rpartition("/")[2]
    version = effect.version if effect.version not in (None, "Latest") and not is_qualified else None
    shown = find_view(tx, instance, f"{effect.view_id}:{version}" if version else effect.view_id)
    content = {
        "viewId": shown.id,
        "viewData": effect.data,
        "viewToken": view_token(instance, session.key, shown),
    }
    message = {"templateType": "ViewResource", "version": "1.0", "data": {"content": content}}
    append_system_message(tx, session, json.dumps(message, ensure_ascii=False), content_type=INTERACTIVE)
    flow_event(tx, session, TIMER, tx.now_ms + effect.seconds * 1_000, turn=turn)


def _ask(tx: Tx, session: Session, effect: InvokeLambda | AskBot | CallService, turn: int) -> Outcome | None:
    """Write a task that makes the call. Its id is the same however often the call is made."""
    call: dict[str, Any] = {"turn": turn}
    match effect:
        case InvokeLambda(arn, attributes, seconds, is_json, waits):
            call |= {"kind": "lambda", "name": arn, "parameters": attributes, "seconds": seconds}
            call |= {"is_json": is_json, "waits": waits}
        case AskBot(alias, text, message, attributes, seconds):
            if text:
                append_system_message(tx, session, text)
            flow_event(tx, session, TIMER, tx.now_ms + seconds * 1_000, turn=turn)
            if message is None:
                return None
            bot_is_typing(tx, session)
            call |= {"kind": "bot", "name": alias, "text": message, "attributes": attributes}
        case CallService(name, parameters):
            call |= {"kind": "service", "name": name, "parameters": parameters}
    contact_id = session.current_contact_id
    tx.later("call", tx.now_ms, session=session.key, contact_id=contact_id, payload=call, outside=True)
    return Outcome() if call.get("waits") is False else None


def _look(tx: Tx, session: Session, effect: Effect) -> Outcome:
    """Read something that the flow branches on."""
    match effect:
        case CheckHours(hours_id):
            return Outcome(result=str(are_open(tx, _hours(tx, session, hours_id))))
        case ReadMetric(metric, queue_id):
            value = _metrics(tx, session, queue_id).get(QUEUE_METRICS.get(metric, ""))
            if metric == AGE_METRIC and value is not None:
                value *= 1_000
            return Outcome(NO_MATCHING_ERROR) if value is None else Outcome(result=str(value))
        case ReadMetrics(queue_id):
            queue = _metrics(tx, session, queue_id)
            agents = {"Count": queue.pop("Agents")}
            of_agents = dict.fromkeys(("Available", "Staffed", "Online"), agents)
            return Outcome(values={"Metrics": {"Queue": queue, "Agents": of_agents}})
        case LoadFlow(flow_id, module):
            find = require_module if module else require_published
            found = find(tx, session.instance_id, flow_id)
            if found.flow.state == "ACTIVE":
                return Outcome(flow=found.key)
    return Outcome(NO_MATCHING_ERROR)


def _queue_of(tx: Tx, session: Session, queue_id: str | None) -> Queue:
    """The queue that is named, or the one that the contact has."""
    contact = contact_at(tx, session)
    given = queue_id or contact.queue_id or contact.target_queue_id
    if given is None:
        raise Fault("InvalidRequestException", "The contact has no queue.")
    return require_queue(tx, session.instance_id, given)


def _hours(tx: Tx, session: Session, hours_id: str | None) -> Hours:
    """The hours of operation that are named, or those of the contact's queue."""
    given = hours_id or _queue_of(tx, session, None).hours_of_operation_id
    return HOURS.require(tx, session.instance_id, given)


def _metrics(tx: Tx, session: Session, queue_id: str | None) -> dict[str, Any]:
    """The metrics of a queue, or of the one that the contact has, and the number of agents.

    Source: Admin Guide, queue metrics: `$.Metrics.Queue.Size`, `$.Metrics.Agents.Available.Count` and others.
    Assumed: every user of the instance is online, staffed and available, since users have no status here and each can
    accept any chat.
    """
    queue = _queue_of(tx, session, queue_id)
    found = tx.row("count_in_queue", int, object, instance_id=session.instance_id, queue_id=queue.id)
    count, oldest = found or (0, None)
    age = (tx.now_ms - oldest) // 1_000 if isinstance(oldest, int) else 0
    return {
        "Name": queue.name,
        "Size": count,
        "ContactsInQueue": count,
        "OldestContactAge": age,
        "OldestContactInQueueAgeSeconds": age,
        "Agents": len(USERS.all(tx, session.instance_id)),
    }


def _audience(tx: Tx, session: Session, flow_type: str) -> str | None:
    """The id of the only participant who sees the messages of a whisper flow; None for other flows."""
    if flow_type not in ("AGENT_WHISPER", "CUSTOMER_WHISPER"):
        return None
    present = participants_of(tx, session.key)
    found = agent_in(present) if flow_type == "AGENT_WHISPER" else customer_in(present)
    if found is None:
        raise Fault("InvalidRequestException", "The participant whom the whisper is for has left.")
    return found.id


def _set_target_queue(tx: Tx, session: Session, queue_id: str, *, agent: bool) -> None:
    """Make a queue, or a user's own queue, the target of the contact. Another target replaces it."""
    user = require_user(tx, session.instance_id, queue_id) if agent else None
    queue = None if agent else require_queue(tx, session.instance_id, queue_id)
    if user is not None or TARGET_AGENT in contact_data(tx, session, session.current_contact_id):
        set_contact_data(tx, session, session.current_contact_id, {TARGET_AGENT: user.id if user else None})
    tx.run(
        "contact_target_queue",
        session=session.key,
        position=session.last_position,
        queue_id=queue.id if queue else None,
        now_ms=tx.now_ms,
    )


def _enter_queue(tx: Tx, session: Session) -> None:
    """Put the contact into its target queue; without one, into the queue of the contact before it.

    Observed: AWS's sample disconnect flow transfers to the queue without choosing one.
    """
    contact = contact_at(tx, session)
    if contact.target_queue_id is None and TARGET_AGENT in contact_data(tx, session, contact.id):
        _offer(tx, session)
        return
    queue_id = _queue_to_enter(tx, session, contact)
    if queue_id is None or contact.queue_id is not None:
        raise Fault("InvalidRequestException", "The contact has no target queue, or is in a queue already.")
    _enter(tx, session, require_enabled_queue(tx, session.instance_id, queue_id))


def _enter(tx: Tx, session: Session, queue: Queue) -> None:
    if not enter_queue(tx, session, queue):
        raise Fault(QUEUE_FULL, f"Queue {queue.name!r} is full.")


def _queue_to_enter(tx: Tx, session: Session, contact: Contact) -> str | None:
    """The contact's target queue, or the last queue before it."""
    if contact.target_queue_id is None and contact.position:
        return tx.row("queue_before", str, session=session.key, position=contact.position)
    return contact.target_queue_id


def _is_full(tx: Tx, session: Session, effect: EnterQueue | MoveToQueue) -> bool:
    """Whether as many contacts wait in the queue that the contact is to enter as it may have. A user's own has room."""
    contact = contact_at(tx, session)
    if isinstance(effect, MoveToQueue):
        is_of_agent = effect.agent
        queue_id = effect.queue_id or contact.target_queue_id or contact.queue_id
    else:
        is_of_agent = TARGET_AGENT in contact_data(tx, session, contact.id)
        queue_id = _queue_to_enter(tx, session, contact)
    if queue_id is None or is_of_agent:
        return False
    return is_full(tx, require_queue(tx, session.instance_id, queue_id), contact.id)


def _offer(tx: Tx, session: Session) -> None:
    """Put the contact into the own queue of the user who is its target: only this user can accept it."""
    user_id = contact_data(tx, session, session.current_contact_id).get(TARGET_AGENT)
    contact = contact_at(tx, session)
    if user_id is None or contact.queue_id is not None:
        raise Fault("InvalidRequestException", "The contact has no target user, or is in a queue already.")
    position = session.last_position
    tx.run("contact_offered", session=session.key, position=position, user_id=user_id, now_ms=tx.now_ms)
    contact_changed(tx, session)


def _move_to_queue(tx: Tx, session: Session, queue_id: str, *, agent: bool) -> None:
    """End the contact that waits in a queue, and begin the next one in another queue, or a user's own."""
    contact = contact_at(tx, session)
    if contact.queue_id is None and contact.offered_user_id is None:
        raise Fault("InvalidRequestException", "The contact is in no queue.")
    user = require_user(tx, session.instance_id, queue_id) if agent else None
    given = queue_id or contact.target_queue_id or contact.queue_id or ""
    queue = None if agent else require_enabled_queue(tx, session.instance_id, given)
    end_contact(tx, session, None)
    following = next_contact(
        tx,
        session,
        Method.QUEUE_TRANSFER,
        user_id=user.id if user else None,
    )
    if queue is not None:
        _enter(tx, following, queue)
    run_queue_flow(tx, following)


def _set_hooks(tx: Tx, session: Session, hooks: Mapping[str, str | None]) -> None:
    kept = json.loads(session.event_hooks)
    for hook, flow_id in hooks.items():
        if flow_id is None:
            kept[hook] = None
            continue
        kept[hook] = require_published(tx, session.instance_id, flow_id).to_run
    tx.run("set_event_hooks", session=session.key, event_hooks=json.dumps(kept))


def _associate(tx: Tx, session: Session, rehydration_type: str, source_contact_id: str) -> None:
    if not rehydration.is_repeat(session, rehydration_type, source_contact_id):
        associate(tx, session, rehydration_type, source_contact_id)


def _set_attributes(tx: Tx, session: Session, attributes: Mapping[str, str], *, related: bool) -> None:
    contact_id = session.current_contact_id
    if related:
        session, contact = require(
            tx, session.instance_id, session.related_contact_id or "", "Related contact"
        )
        contact_id = contact.id
    set_attributes(tx, session, contact_id, attributes)


def _set_data(tx: Tx, session: Session, values: Mapping[str, Any], *, related: bool) -> None:
    contact_id = session.current_contact_id
    if related:
        session, contact = require(
            tx, session.instance_id, session.related_contact_id or "", "Related contact"
        )
        contact_id = contact.id
    if "CustomerId" in values:
        tx.run("set_customer", session=session.key, customer_id=values["CustomerId"] or None)
        contact_changed(tx, session)
    kept = {name: value for name, value in values.items() if name != "CustomerId"}
    if kept:
        set_contact_data(tx, session, contact_id, kept)
