"""The agent's operations, which Amazon does not publish: accepting a chat and transferring it."""

from typing import NamedTuple

from threadline.chat import transcript
from threadline.chat.contact import Contact, Method, Session, State, state
from threadline.chat.participant import Role, Token
from threadline.errors import Fault
from threadline.operations.idempotency import issue_secret
from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.operations.sessions import (
    QUICK_CONNECT,
    TARGET_AGENT,
    agent_in,
    append_event,
    bot_leaves,
    bots_in,
    contact_changed,
    end_contact,
    enter_queue,
    insert_participant,
    leave,
    next_contact,
    participants_of,
    require,
    run_flow,
    run_queue_flow,
    run_whispers,
    set_contact_data,
    stop_flow,
)
from threadline.operations.tokens import keep_token
from threadline.resources.contact_flows import require_published
from threadline.resources.queues import Queue, is_full, require_enabled_queue, require_queue
from threadline.resources.quick_connect_rows import QUICK_CONNECTS, QuickConnect, target_of
from threadline.resources.users import require_user
from threadline.store import Tx

INVALID = "InvalidRequestException"


@operation("threadline")
def accept_contact(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_id: str, user_id: str
) -> Reply:
    """Join a user to a chat that waits in a queue or was offered to them. Their status and load are not checked.

    A custom bot is disconnected when the agent joins. Source: Admin Guide, custom participants.

    The reply has the agent's ParticipantToken, for CreateParticipantConnection. The same user may call again for
    another token. Writes: participant, token, the contact's agent. Wakes: the session, with participant.joined.
    Faults: ResourceNotFoundException; InvalidRequestException with the contact's state when it cannot be accepted: not
        connected, not queued yet, offered to or accepted by another user, ended.
    Observed: a user who accepts again after a transfer is a new participant with a new id.
    Assumed: the agent's display name is the user's first name; a bot leaves before the agent joins.
    On purpose: an offer has no time limit; Amazon counts a chat as missed after 20 seconds.
    """
    require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance_id, contact_id)
    user = require_user(tx, instance_id, user_id)
    now = state(contact)
    if now is State.WITH_AGENT and contact.user_id == user.id:
        agent = agent_in(participants_of(tx, session.key))
        if agent is None:
            raise LookupError(f"contact {contact.id} has user {user.id} and no agent")
    else:
        _check_acceptable(contact, now, user.id)
        tx.run(
            "contact_accepted",
            session=session.key,
            position=contact.position,
            user_id=user.id,
            now_ms=tx.now_ms,
        )
        contact_changed(tx, session)
        stop_flow(tx, session)
        for bot in bots_in(participants_of(tx, session.key)):
            bot_leaves(tx, session, bot)
        agent = insert_participant(tx, session, Role.AGENT, user.first_name, user_id=user.id, connected=True)
        append_event(tx, session, transcript.JOINED, agent)
        run_whispers(tx, session)
    token = issue_secret(tx, "participant", None)
    keep_token(tx, session, agent.id, Token.PARTICIPANT, token)
    return {"ContactId": contact.id, "ParticipantId": agent.id, "ParticipantToken": token}


def _check_acceptable(contact: Contact, now: State, user_id: str) -> None:
    if now is State.QUEUED or (now is State.OFFERED and contact.offered_user_id == user_id):
        return
    reason = {
        State.CREATED: "the customer has not connected yet; the chat is queued once they have",
        State.IN_FLOW: "it is not queued yet; its flow is still running",
        State.OFFERED: f"it is offered to user {contact.offered_user_id}",
        State.WITH_AGENT: f"user {contact.user_id} has accepted it already",
        State.ENDED: "it has ended",
    }[now]
    raise Fault(INVALID, f"Contact {contact.id} cannot be accepted: {reason}.")


@operation("threadline", scope=("instance_id", "contact_id"), conflict="IdempotencyException")
def transfer_chat(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_id: str,
    user_id: str | None = None,
    queue_id: str | None = None,
    quick_connect_id: str | None = None,
    client_token: str | None = None,
) -> Reply:
    """Transfer a chat from its agent to another user, to a queue or by a quick connect, and return the new contact.

    In one transaction the contact ends, its agent leaves, and the next contact begins and is offered or queued. The
    flow of a quick connect does that itself, on the next contact. The customer's messages from then on belong to the
    new contact. Participants, attributes and the association stay.
    Wakes: the session: transfer.succeeded and then participant.left for all, and an end for the agent who leaves.
    Faults: ResourceNotFoundException; InvalidRequestException unless exactly one of user, queue and quick connect is
        given and an agent is in the chat, and for a quick connect to a phone number or with a flow that is not
        published; ServiceQuotaExceededException when the chain or the queue is full; IdempotencyException for a
        ClientToken that comes back with other arguments.
    Observed: transfer.succeeded names no participant and comes just before participant.left; all see both.
    Source: contact records data model: an agent's quick connect to a queue is of InitiationMethod TRANSFER too.
    """
    require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance_id, contact_id)
    if [user_id, queue_id, quick_connect_id].count(None) != 2:
        raise Fault(INVALID, "Give one of UserId, QueueId and QuickConnectId as the target of the transfer.")
    by = _quick_connect(tx, instance_id, quick_connect_id) if quick_connect_id else None
    user = require_user(tx, instance_id, user_id) if user_id else None
    queue = require_enabled_queue(tx, instance_id, queue_id) if queue_id else None
    if queue is not None and is_full(tx, queue, contact.id):
        raise _full(queue)
    agent = agent_in(participants_of(tx, session.key))
    if state(contact) is not State.WITH_AGENT or agent is None:
        raise Fault(
            INVALID, f"Contact {contact.id} cannot be transferred: it is {state(contact)}, not with an agent."
        )
    append_event(tx, session, transcript.TRANSFER_SUCCEEDED)
    leave(tx, session, agent, chat_goes_on=True)
    end_contact(tx, session, None)
    following = next_contact(
        tx,
        session,
        Method.TRANSFER,
        flow_id=by.flow_id if by else None,
        user_id=user.id if user else None,
    )
    if by is not None:
        _run_transfer_flow(tx, following, by)
    elif queue is not None:
        if not enter_queue(tx, following, queue):
            raise _full(queue)
        run_queue_flow(tx, following)
    return {"ContactId": following.current_contact_id}


def _full(queue: Queue) -> Fault:
    return Fault(
        "ServiceQuotaExceededException",
        f"Queue {queue.name!r} is full: {queue.max_contacts or 'too many'} contacts wait in it, its MaxContacts.",
    )


class _ByQuickConnect(NamedTuple):
    """A transfer by a quick connect: its flow, and the user or queue that the flow transfers to."""

    quick_connect: QuickConnect
    flow_id: str
    user_id: str | None
    queue_id: str | None


def _quick_connect(tx: Tx, instance_id: str, quick_connect_id: str) -> _ByQuickConnect:
    """The transfer by a quick connect. Faults: ResourceNotFoundException; InvalidRequestException."""
    found = QUICK_CONNECTS.require(tx, instance_id, quick_connect_id)
    if found.type == "PHONE_NUMBER":
        raise Fault(INVALID, f"Quick connect {found.name!r} is of a phone number; a chat cannot go there.")
    target = target_of(found.config)
    flow = require_published(tx, instance_id, target["ContactFlowId"])
    user_id, queue_id = target.get("UserId"), target.get("QueueId")
    return _ByQuickConnect(
        found,
        flow.to_run,
        require_user(tx, instance_id, user_id).id if user_id else None,
        require_queue(tx, instance_id, queue_id).id if queue_id else None,
    )


def _run_transfer_flow(tx: Tx, session: Session, by: _ByQuickConnect) -> None:
    """Run the flow of a quick connect on the contact that the transfer has begun, with its target set.

    Observed: the flow of the quick connect queues the contact; without such an action the chat ends with its flow.
    """
    quick_connect = by.quick_connect
    named = {"Id": quick_connect.id, "Name": quick_connect.name, "Type": quick_connect.type}
    values = {QUICK_CONNECT: named, TARGET_AGENT: by.user_id}
    set_contact_data(tx, session, session.current_contact_id, values)
    tx.run(
        "contact_target_queue",
        session=session.key,
        position=session.last_position,
        queue_id=by.queue_id,
        now_ms=tx.now_ms,
    )
    run_flow(tx, session, by.flow_id)
