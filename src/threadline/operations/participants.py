"""The operations by which participants join a chat, connect to it and leave it."""

from collections.abc import Sequence
from typing import NamedTuple

from threadline.chat import transcript
from threadline.chat.contact import Reason, Session, State, state
from threadline.chat.participant import Participant, Role, Token
from threadline.chat.transcript import Viewer
from threadline.errors import Fault
from threadline.operations.continuations import run_due_now
from threadline.operations.idempotency import issue_secret
from threadline.operations.instances import require_instance
from threadline.operations.registry import (
    AccountCaller,
    Document,
    ParticipantCaller,
    ReadOnlyCaller,
    Reply,
    operation,
)
from threadline.operations.sessions import (
    agent_in,
    append_event,
    bot_leaves,
    bots_in,
    contact_at,
    contact_changed,
    end_session,
    insert_participant,
    participants_of,
    require,
    run_flow,
    to_disconnect_flow,
)
from threadline.operations.tokens import DENIED, connection_data, keep_token
from threadline.store import Tx

INVALID = "InvalidRequestException"


class Subscription(NamedTuple):
    """A socket's subscription to a chat: the session's key and first contact, the viewer, and the first cursor."""

    session: int
    initial_contact_id: str
    viewer: Viewer
    cursor: int


def active(tx: Tx, caller: ParticipantCaller) -> tuple[Session, Participant]:
    """The caller's session and participant. Faults: AccessDeniedException when the chat has ended or they have left.

    Observed: Amazon refuses a call after the end with 403. On purpose: the message names the reason.
    """
    session, participant = known(tx, caller)
    check_active(session, participant)
    return session, participant


def known(tx: Tx, caller: ParticipantCaller) -> tuple[Session, Participant]:
    """The caller's session and participant, also after the end. Faults: AccessDeniedException."""
    found = tx.row(
        "participant_and_session", Participant, Session, session=caller.session, id=caller.participant_id
    )
    if found is None:
        raise Fault(DENIED, "Access denied: the participant is not known.")
    participant, session = found
    return session, participant


def check_active(session: Session, participant: Participant) -> None:
    """Refuse a participant whose chat has ended or who has left it. Faults: as `active`."""
    if session.ended_at_ms is not None:
        raise Fault(DENIED, "Access denied: the chat has ended.")
    if participant.left_at_ms is not None:
        raise Fault(DENIED, "Access denied: the participant has left the chat.")


@operation("connect", scope=("instance_id", "contact_id"))
def create_participant(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_id: str,
    client_token: str | None = None,
    participant_details: Document,
) -> Reply:
    """Add a custom bot to a running chat without an agent. The bot is disconnected when an agent joins.

    Writes: participant, token. The bot joins when it connects. Its Expiry is the end of the chat's duration.
    Faults: ResourceNotFoundException; InvalidRequestException for another role; ConflictException for an ended contact
        and while an agent is in the chat; ServiceQuotaExceededException when the chat has a bot already.
    Source: CreateParticipant; Admin Guide, custom participants.
    On purpose: a bot may connect later than 15 seconds after this call.
    """
    require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance_id, contact_id)
    role, name = participant_details.get("ParticipantRole"), participant_details.get("DisplayName")
    if role != Role.CUSTOM_BOT:
        raise Fault(INVALID, f"ParticipantRole {role} cannot be added to a chat; CUSTOM_BOT can.")
    if name is None:
        raise Fault(INVALID, "ParticipantDetails.DisplayName is required.")
    if participant_details.get("ParticipantCapabilities") is not None:
        raise Fault(INVALID, "ParticipantCapabilities do not apply to a chat. Leave them out.")
    if state(contact) is State.ENDED:
        raise Fault("ConflictException", f"Contact is not active: {contact.id} has ended.")
    present = participants_of(tx, session.key)
    if agent_in(present) is not None:
        raise Fault(
            "ConflictException",
            f"Contact {contact.id} is with an agent; a custom participant is added before or after that.",
        )
    if bots_in(present):
        raise Fault(
            "ServiceQuotaExceededException",
            f"Contact {contact.id} has a custom participant already, which is as many as it may have.",
        )
    participant = insert_participant(tx, session, Role.CUSTOM_BOT, name, user_id=None, connected=False)
    token = issue_secret(tx, "participant", client_token)
    expires_at_ms = keep_token(tx, session, participant.id, Token.PARTICIPANT, token)
    return {
        "ParticipantCredentials": {"ParticipantToken": token, "Expiry": expires_at_ms},
        "ParticipantId": participant.id,
    }


@operation(
    "connectparticipant", bearer=Token.PARTICIPANT, credential="participant_token", takes_read_token=True
)
def create_participant_connection(
    tx: Tx,
    caller: ParticipantCaller,
    *,
    type: Sequence[str] | None = None,
    connect_participant: bool | None = None,
) -> Reply:
    """Create the connection data of a participant: a WebSocket URL, a connection token, or both.

    The URL can be opened for 100 seconds; the token is valid for a day. Earlier ones stay valid.
    Writes: tokens. ConnectParticipant also connects the participant, as an open socket does: a customer's chat begins.
    Faults: AccessDeniedException when the chat has ended; ValidationException without Type and ConnectParticipant, and
        for WEBRTC_CONNECTION.
    Source: CreateParticipantConnection.
    On purpose: a read token is taken too, also after the end, since chatjs reads no transcript without this call. Its
        connection token reads and does nothing else, its socket delivers nothing, and both end with the read token.
    On purpose: ConnectParticipant of a customer does not require message streaming, since bridges to other messengers
        open no socket.
    """
    session, participant = known(tx, caller)
    if not isinstance(caller, ReadOnlyCaller):
        check_active(session, participant)
    types = list(type or ())
    if "WEBRTC_CONNECTION" in types:
        raise Fault(
            "ValidationException",
            "Type WEBRTC_CONNECTION is for calls; a chat has WEBSOCKET and CONNECTION_CREDENTIALS.",
        )
    if not types and not connect_participant:
        raise Fault("ValidationException", "Type is required: WEBSOCKET, CONNECTION_CREDENTIALS or both.")
    if isinstance(caller, ReadOnlyCaller):
        if connect_participant:
            raise Fault(DENIED, "Access denied: a read token connects nobody. Leave ConnectParticipant out.")
        return connection_data(tx, session, participant.id, types, read_until_ms=caller.expires_at_ms)
    if connect_participant:
        connect(tx, session, participant)
    return connection_data(tx, session, participant.id, types)


def connect(tx: Tx, session: Session, participant: Participant) -> None:
    """Mark a participant as connected. The first time, append participant.joined and start the flow of a customer.

    Wakes: the session.
    """
    if not tx.one("participant_connected", session=session.key, id=participant.id, now_ms=tx.now_ms):
        return
    append_event(tx, session, transcript.JOINED, participant)
    if participant.role == Role.CUSTOMER:
        contact = contact_at(tx, session)
        if contact.connected_at_ms is None:
            tx.run("contact_connected", session=session.key, position=contact.position, now_ms=tx.now_ms)
            contact_changed(tx, session)
            if contact.flow_id is not None:
                run_flow(tx, session, contact.flow_id)


def ticket_holder(tx: Tx, caller: ParticipantCaller) -> Participant:
    """The participant who opens a socket. Faults: AccessDeniedException."""
    return known(tx, caller)[1] if isinstance(caller, ReadOnlyCaller) else active(tx, caller)[1]


def subscribe(tx: Tx, caller: ParticipantCaller) -> Subscription:
    """Subscribe a socket to aws/chat: connect the participant and return the entry after which the socket delivers.

    Writes: see `connect`. In a chat that continues from a past one, the participant's first socket gets
    chat.rehydrated; no other participant sees it. A later socket delivers the entries from now on; GetTranscript
    returns the earlier ones. Faults: AccessDeniedException.
    """
    session, participant = active(tx, caller)
    connect(tx, session, participant)
    first = tx.one("participant_subscribed", session=session.key, id=participant.id, now_ms=tx.now_ms)
    if first and session.is_associated:
        append_event(tx, session, transcript.REHYDRATED, push_only=True, audience=participant.id)
    run_due_now(tx)
    viewer = Viewer(session.key, participant.id, participant.left_seq)
    return Subscription(session.key, session.initial_contact_id, viewer, session.last_seq)


@operation(
    "connectparticipant",
    bearer=Token.CONNECTION,
    credential="connection_token",
    scope=(),
    conflict="ValidationException",
)
def disconnect_participant(tx: Tx, caller: ParticipantCaller, *, client_token: str | None = None) -> Reply:
    """Leave the chat.

    The chat ends when its customer leaves. With DisconnectOnCustomerExit, an agent and a disconnect flow, the agent is
    removed instead and the flow runs; the chat ends when the customer leaves again. The chat also ends when its agent
    leaves, unless it has a disconnect flow (hook CustomerRemaining), which then runs.
    Writes: the participant's end and, unless the chat goes on, the session's. Wakes: the session.
    Faults: AccessDeniedException when the chat has ended or the participant has left.
    Source: DisconnectParticipant. Assumed: a repeated ClientToken has no further effect; it does not leave the survey.
    """
    session, participant = active(tx, caller)
    if participant.role == Role.CUSTOMER:
        agent = agent_in(participants_of(tx, session.key)) if session.disconnect_on_customer_exit else None
        if agent is None or not to_disconnect_flow(tx, session, agent, Reason.CUSTOMER_DISCONNECT):
            end_session(tx, session, Reason.CUSTOMER_DISCONNECT, participant)
    elif participant.role == Role.AGENT:
        if not to_disconnect_flow(tx, session, participant, Reason.AGENT_DISCONNECT):
            end_session(tx, session, Reason.AGENT_DISCONNECT, participant)
    else:
        bot_leaves(tx, session, participant)
    return {}
