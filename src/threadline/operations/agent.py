"""The agent's operations, which Amazon does not publish: accepting a chat and transferring it."""

from threadline.chat import transcript
from threadline.chat.contact import Contact, Method, State, state
from threadline.chat.participant import Role, Token
from threadline.errors import Fault
from threadline.operations.idempotency import issue_secret
from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.operations.sessions import (
    agent_in,
    append_event,
    bot_leaves,
    bots_in,
    end_contact,
    insert_participant,
    leave,
    next_contact,
    participants_of,
    require,
    run_queue_flow,
    run_whispers,
    stop_flow,
)
from threadline.operations.tokens import keep_token
from threadline.resources.queues import is_full, require_enabled_queue
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
    client_token: str | None = None,
) -> Reply:
    """Transfer a chat from its agent to another user or to a queue, and return the new contact.

    In one transaction the contact ends, its agent leaves, and the next contact begins and is offered or queued. The
    customer's messages from then on belong to the new contact. Participants, attributes and the association stay.
    Wakes: the session: transfer.succeeded and then participant.left for all, and an end for the agent who leaves.
    Faults: ResourceNotFoundException; InvalidRequestException unless exactly one of user and queue is given and an
        agent is in the chat; ServiceQuotaExceededException when the chain is full; IdempotencyException for a
        ClientToken that comes back with other arguments.
    Observed: transfer.succeeded names no participant and comes just before participant.left; all see both.
    Source: contact records data model: an agent's quick connect to a queue is of InitiationMethod TRANSFER too.
    """
    require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance_id, contact_id)
    if (user_id is None) == (queue_id is None):
        raise Fault(INVALID, "Give either UserId or QueueId as the target of the transfer.")
    user = require_user(tx, instance_id, user_id) if user_id else None
    queue = require_enabled_queue(tx, instance_id, queue_id) if queue_id else None
    if queue is not None and is_full(tx, queue, contact.id):
        raise Fault(
            "ServiceQuotaExceededException",
            f"Queue {queue.name!r} is full: {queue.max_contacts or 'too many'} contacts wait in it, its MaxContacts.",
        )
    agent = agent_in(participants_of(tx, session.key))
    if state(contact) is not State.WITH_AGENT or agent is None:
        raise Fault(
            INVALID, f"Contact {contact.id} cannot be transferred: it is {state(contact)}, not with an agent."
        )
    append_event(tx, session, transcript.TRANSFER_SUCCEEDED)
    leave(tx, session, agent, chat_goes_on=True)
    end_contact(tx, session, None)
    following = next_contact(
        tx, session, Method.TRANSFER, queue_id=queue.id if queue else None, user_id=user.id if user else None
    )
    if queue is not None:
        run_queue_flow(tx, following)
    return {"ContactId": following.current_contact_id}
