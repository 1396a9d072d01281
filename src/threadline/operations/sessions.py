"""Sessions: the writes that several operations and the flow runner share, from a chat's first contact to its end.

Every function takes the transaction first and leaves the store in a state that the rules allow. Entries are always
appended to the session's current contact, so the entries of a contact are one unbroken run of the log.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from threadline.chat import transcript
from threadline.chat.contact import Contact, Method, Reason, Session
from threadline.chat.contact_events import PROPERTIES
from threadline.chat.limits import CONTACTS_PER_CHAIN_MAX, INDEX_AFTER_END_MS
from threadline.chat.participant import Participant, Role
from threadline.errors import Fault
from threadline.flows.defaults import SILENT
from threadline.operations.streams import data_updated, wake_contact_streams, wake_message_streams
from threadline.resources.queues import Queue
from threadline.store import Tx

SYSTEM_NAME = "SYSTEM_MESSAGE"
BOT_NAME = "BOT"
TARGET_AGENT = "TargetAgentId"
"""The member of a contact's data that has the user whose own queue is the contact's target."""
QUICK_CONNECT = "QuickConnect"
"""The member of a contact's data that has the quick connect by which it began."""


def require(tx: Tx, instance_id: str, contact_id: str, label: str = "Contact") -> tuple[Session, Contact]:
    """The contact of this instance with its session, locked until this commits.

    A contact of another instance gets the same message as one that never existed.
    Faults: ResourceNotFoundException.
    """
    found = tx.row("session_and_contact", Session, Contact, instance_id=instance_id, contact_id=contact_id)
    if found is None:
        raise Fault("ResourceNotFoundException", f"{label} not found: {contact_id}")
    return found


def require_past(tx: Tx, instance_id: str, contact_id: str, label: str) -> tuple[Session, Contact]:
    """As `require`, without locking the session: a session that has ended does not change any more."""
    found = tx.row(
        "past_session_and_contact", Session, Contact, instance_id=instance_id, contact_id=contact_id
    )
    if found is None:
        raise Fault("ResourceNotFoundException", f"{label} not found: {contact_id}")
    return found


def session_of(tx: Tx, key: int) -> Session:
    """The session with this key, which must exist."""
    session = tx.row("session", Session, session=key)
    if session is None:
        raise LookupError(f"no session {key}")
    return session


def contact_at(tx: Tx, session: Session) -> Contact:
    """The current contact of `session`."""
    contact = tx.row("contact_at", Contact, session=session.key, position=session.last_position)
    if contact is None:
        raise LookupError(f"no contact {session.last_position} in session {session.key}")
    return contact


def contacts_of(tx: Tx, key: int) -> tuple[Contact, ...]:
    """The contacts of a session, first to last."""
    return tuple(tx.rows("contacts_of_session", Contact, session=key))


def contact_data(tx: Tx, session: Session, contact_id: str) -> dict[str, Any]:
    """The data of a contact that a flow or an operation has set, by AWS's member names."""
    found = tx.row("contact_data", str, session=session.key, contact_id=contact_id)
    return json.loads(found) if found else {}


def set_contact_data(tx: Tx, session: Session, contact_id: str, values: Mapping[str, Any]) -> None:
    """Set members of a contact's data. A value of None removes its member."""
    before = contact_data(tx, session, contact_id)
    data = {**before, **values}
    kept = {name: value for name, value in data.items() if value is not None}
    tx.run("set_contact_data", session=session.key, contact_id=contact_id, data=json.dumps(kept))
    if told := [
        PROPERTIES[name] for name in values if name in PROPERTIES and kept.get(name) != before.get(name)
    ]:
        data_updated(tx, session, contact_id, *told)
    contact_changed(tx, session)


def contact_changed(tx: Tx, session: Session) -> None:
    """Have contact events and records delivered where the chat has streams of them, since a contact has changed."""
    if session.streamed:
        wake_contact_streams(tx, session)


def participants_of(tx: Tx, key: int) -> list[Participant]:
    """All participants of a session, those who have left included, in order of arrival."""
    return tx.rows("participants", Participant, session=key)


def append_event(
    tx: Tx,
    session: Session,
    content_type: str,
    participant: Participant | None = None,
    *,
    push_only: bool = False,
    audience: str | None = None,
    is_counted: bool = False,
) -> transcript.Item:
    """Append an event about `participant`, if given, to the current contact's entries; see `Tx.append`."""
    if session.streamed and not push_only:
        wake_message_streams(tx, session)
    return tx.append(
        session.key,
        contact_id=session.current_contact_id,
        type="EVENT",
        content_type=content_type,
        participant_id=participant.id if participant else None,
        display_name=participant.display_name if participant else None,
        participant_role=participant.role if participant else None,
        push_only=push_only,
        audience=audience,
        after=(session.last_seq, session.last_at_ms) if is_counted else None,
        is_counted=is_counted,
    )


def append_system_message(
    tx: Tx, session: Session, text: str, audience: str | None = None, content_type: str = "text/plain"
) -> transcript.Item:
    """Append a flow's message, for all or for the participant with the id `audience` alone.

    Observed: its content type is text/plain and its DisplayName SYSTEM_MESSAGE in exported transcripts.
    """
    return _append_of_system(tx, session, SYSTEM_NAME, content_type, text, audience)


def append_bot_message(tx: Tx, session: Session, content_type: str, content: str) -> transcript.Item:
    """Append a message of a flow's bot. Observed: it is of the role SYSTEM, with the name BOT."""
    return _append_of_system(tx, session, BOT_NAME, content_type, content)


def _append_of_system(
    tx: Tx, session: Session, name: str, content_type: str, content: str, audience: str | None = None
) -> transcript.Item:
    if session.streamed:
        wake_message_streams(tx, session)
    return tx.append(
        session.key,
        contact_id=session.current_contact_id,
        type="MESSAGE",
        content_type=content_type,
        content=content,
        display_name=name,
        participant_role=Role.SYSTEM,
        audience=audience,
    )


def bot_is_typing(tx: Tx, session: Session) -> None:
    """Show that a flow's bot is typing, on sockets only."""
    tx.append(
        session.key,
        contact_id=session.current_contact_id,
        type="EVENT",
        content_type=transcript.TYPING,
        display_name=BOT_NAME,
        participant_role=Role.SYSTEM,
        push_only=True,
    )


def append_message(
    tx: Tx,
    session: Session,
    participant: Participant,
    content_type: str,
    content: str,
    client_token: str | None = None,
) -> transcript.Item:
    """Append a participant's message to the current contact's entries; `session` is as its row is now."""
    if session.streamed:
        wake_message_streams(tx, session)
    return tx.append(
        session.key,
        contact_id=session.current_contact_id,
        type="MESSAGE",
        content_type=content_type,
        content=content,
        participant_id=participant.id,
        display_name=participant.display_name,
        participant_role=participant.role,
        client_token=client_token,
        after=(session.last_seq, session.last_at_ms),
    )


def insert_participant(
    tx: Tx, session: Session, role: Role, name: str, *, user_id: str | None, connected: bool
) -> Participant:
    """Add a participant to the session's current contact."""
    participant_id = tx.clock.contact_id()
    tx.run(
        "insert_participant",
        session=session.key,
        id=participant_id,
        role=role,
        display_name=name,
        user_id=user_id,
        contact_id=session.current_contact_id,
        connected_at_ms=tx.now_ms if connected else None,
        now_ms=tx.now_ms,
    )
    participant = tx.row("participant", Participant, session=session.key, id=participant_id)
    if participant is None:
        raise LookupError(f"no participant {participant_id}")
    return participant


def leave(tx: Tx, session: Session, participant: Participant, *, chat_goes_on: bool) -> None:
    """Mark `participant` as left, and append participant.left and chat.ended.

    When the chat goes on, chat.ended is for them alone and they see no later entry.
    Assumed: an agent whose customer goes to a disconnect flow gets the same end as one who transfers.
    """
    last = append_event(tx, session, transcript.LEFT, participant)
    if chat_goes_on:
        last = append_event(tx, session, transcript.CHAT_ENDED, push_only=True, audience=participant.id)
    else:
        last = append_event(tx, session, transcript.CHAT_ENDED)
    tx.run("participant_left", session=session.key, id=participant.id, left_seq=last.seq, now_ms=tx.now_ms)


def bot_leaves(tx: Tx, session: Session, bot: Participant) -> None:
    """Mark a custom bot as left. For a bot that never connected no entry is appended. Wakes: the session."""
    if bot.connected_at_ms is None:
        tx.run(
            "participant_left", session=session.key, id=bot.id, left_seq=session.last_seq, now_ms=tx.now_ms
        )
    else:
        leave(tx, session, bot, chat_goes_on=True)
    flow_event(tx, session, "BotParticipantDisconnected")


def end_contact(tx: Tx, session: Session, reason: Reason | None) -> None:
    """End the current contact, cancel its flow, and have its transcript file written. A transfer has no reason.

    Source: contact records data model: DisconnectReason is null for an end that its list does not have, as a transfer.
    """
    tx.run(
        "end_contact", session=session.key, position=session.last_position, reason=reason, now_ms=tx.now_ms
    )
    contact_changed(tx, session)
    stop_flow(tx, session)
    delay_ms = tx.policy.transcript_delay_ms
    if delay_ms is not None:
        # The task has no session, so that the end of the session does not cancel it.
        tx.later(
            "transcript_file",
            tx.now_ms + delay_ms,
            contact_id=session.current_contact_id,
            payload={"session": session.key},
            outside=True,
        )


def stop_flow(tx: Tx, session: Session) -> None:
    """End the current contact's flow where it is, and cancel its timers and calls."""
    of_contact = {"session": session.key, "contact_id": session.current_contact_id}
    tx.run("delete_flow_run", **of_contact)
    for kind in ("flow", "call"):
        tx.run("cancel_tasks_of_contact", kind=kind, **of_contact)


def end_session(tx: Tx, session: Session, reason: Reason, leaver: Participant | None = None) -> None:
    """End the chat: append chat.ended, end the current contact and the session, cancel the session's tasks."""
    if leaver is not None:
        leave(tx, session, leaver, chat_goes_on=False)
    else:
        append_event(tx, session, transcript.CHAT_ENDED)
    end_contact(tx, session, reason)
    tx.run("end_session", session=session.key, now_ms=tx.now_ms)
    tx.run("cancel_tasks", session=session.key)
    tx.later("index", tx.now_ms + INDEX_AFTER_END_MS, session=session.key)


def next_contact(
    tx: Tx,
    session: Session,
    method: Method,
    *,
    flow_id: str | None = None,
    user_id: str | None = None,
) -> Session:
    """Begin the session's next contact, offered to a user if given, and return the changed session.

    The contact before it must have ended. Faults: ServiceQuotaExceededException when the chain is full.
    """
    position = session.last_position + 1
    if position >= CONTACTS_PER_CHAIN_MAX:
        raise Fault(
            "ServiceQuotaExceededException",
            f"A chat has at most {CONTACTS_PER_CHAIN_MAX} contacts; chat {session.initial_contact_id} has them all.",
        )
    contact_id = tx.clock.contact_id()
    current = session_of(tx, session.key)
    tx.run(
        "insert_contact",
        session=session.key,
        position=position,
        instance_id=session.instance_id,
        contact_id=contact_id,
        previous_contact_id=session.current_contact_id,
        initiation_method=method,
        first_seq=current.last_seq + 1,
        flow_id=flow_id,
        connected_at_ms=tx.now_ms,
        queue_id=None,
        enqueued_at_ms=None,
        offered_user_id=user_id,
        now_ms=tx.now_ms,
    )
    tx.run("move_session", session=session.key, contact_id=contact_id, position=position)
    contact_changed(tx, session)
    return session_of(tx, session.key)


def enter_queue(tx: Tx, session: Session, queue: Queue) -> bool:
    """Put the current contact into a queue; return False if as many contacts wait there as may.

    The maximum holds exactly, also for contacts that come at once on several nodes. One statement counts and enters,
    and transactions that let contacts into a queue with a maximum wait for each other.
    """
    keys = {
        "session": session.key,
        "position": session.last_position,
        "queue_id": queue.id,
        "now_ms": tx.now_ms,
    }
    contact_changed(tx, session)
    if queue.max_contacts is None:
        tx.run("contact_queued", **keys)
        return True
    tx.one("lock_queue", queue_id=queue.id)
    bound = {"instance_id": session.instance_id, "maximum": queue.max_contacts}
    return tx.one("contact_queued_if_room", **keys, **bound) is not None


def run_flow(tx: Tx, session: Session, flow: str) -> None:
    """Start a flow on the current contact, in this transaction: with its present content, or with that of a version.

    `flow` is the flow's id, or its id and the number of a version with a colon between. A flow that was deleted since
    the chat was started runs with its last content.
    """
    flow_id, _, number = flow.partition(":")
    run = {
        "session": session.key,
        "contact_id": session.current_contact_id,
        "instance_id": session.instance_id,
        "flow_id": flow_id,
    }
    if tx.one("insert_flow_run", number=int(number or 0), **run) is None:
        tx.run("insert_run_of_deleted_flow", **run)
    flow_event(tx, session, "Started")


def run_queue_flow(tx: Tx, session: Session) -> None:
    """Start the customer queue flow of a contact that has entered a queue, if there is one.

    It is that of the hook CustomerQueue, else the instance's published flow of the name Default customer queue, unless
    it is still as silent as the instance was born with.
    Observed: on a real chat the default flow runs when no hook is set.
    Assumed: an instance that has no flow of that name runs none.
    """
    hooks = json.loads(session.event_hooks)
    flow_id = hooks.get("CustomerQueue")
    if "CustomerQueue" not in hooks:
        flow_id = tx.row("default_queue_flow", str, instance_id=session.instance_id, silent=SILENT)
    if flow_id is not None:
        run_flow(tx, session, flow_id)


def run_whispers(tx: Tx, session: Session, ended: str | None = None) -> None:
    """Start the first whisper flow of a contact that an agent has joined, or the one after the type `ended`.

    Source: Admin Guide, set default whisper flow for chat: a whisper runs on a chat only where a flow has set it.
    """
    hooks = json.loads(session.event_hooks)
    whispers = ("AgentWhisper", "CustomerWhisper")
    for hook in whispers[1:] if ended == "AGENT_WHISPER" else whispers if ended is None else ():
        if hooks.get(hook) is not None:
            run_flow(tx, session, hooks[hook])
            return


def flow_event(tx: Tx, session: Session, name: str, due_at_ms: int | None = None, **payload: Any) -> None:
    """Write a task that gives the current contact's flow an event, now or at `due_at_ms`."""
    tx.later(
        "flow",
        tx.now_ms if due_at_ms is None else due_at_ms,
        session=session.key,
        contact_id=session.current_contact_id,
        payload={"event": name, **payload},
    )


def agent_in(participants: Iterable[Participant]) -> Participant | None:
    """The agent who is in the chat now, if any."""
    return next((p for p in participants if p.role == Role.AGENT and p.is_active), None)


def bots_in(participants: Iterable[Participant]) -> list[Participant]:
    """The custom bots that have not left, whether they have connected or not."""
    return [p for p in participants if p.role == Role.CUSTOM_BOT and p.left_at_ms is None]


def customer_in(participants: Iterable[Participant]) -> Participant | None:
    """The customer, or None once they have left."""
    return next((p for p in participants if p.role == Role.CUSTOMER and p.left_at_ms is None), None)


def to_disconnect_flow(tx: Tx, session: Session, leaver: Participant, reason: Reason) -> bool:
    """Start the disconnect flow on a new contact when `leaver`, the agent, leaves; return False where none applies.

    It applies when the hook CustomerRemaining is set, the customer has not left, the chain has room for another
    contact, and the contact that ends was not itself started by a disconnect flow.
    """
    flow_id = json.loads(session.event_hooks).get("CustomerRemaining")
    contact = contact_at(tx, session)
    if (
        flow_id is None
        or contact.initiation_method == Method.DISCONNECT
        or session.last_position + 1 >= CONTACTS_PER_CHAIN_MAX
        or customer_in(participants_of(tx, session.key)) is None
    ):
        return False
    leave(tx, session, leaver, chat_goes_on=True)
    end_contact(tx, session, reason)
    following = next_contact(tx, session, Method.DISCONNECT, flow_id=flow_id)
    run_flow(tx, following, flow_id)
    return True
