"""The operations that send messages, typing and receipts."""

import json
from functools import lru_cache
from typing import Any, NamedTuple

from threadline.chat import messages, transcript
from threadline.chat.contact import Session
from threadline.chat.limits import INDEX_AFTER_MS
from threadline.chat.participant import Participant, Role, Token
from threadline.chat.transcript import Item, Receipt
from threadline.clock import token_hash
from threadline.errors import Fault
from threadline.jsontext import decode
from threadline.operations.participants import active, check_active, connect
from threadline.operations.registry import ParticipantCaller, Reply, operation
from threadline.operations.sessions import append_message, flow_event, participants_of
from threadline.operations.tokens import DENIED
from threadline.operations.transcripts import is_of_the_past, item_of
from threadline.store import Tx

INVALID = "ValidationException"
TOKEN_CHARACTERS = 32
"""Hexadecimal characters of a ClientToken's hash that are stored with a message: 128 bits."""


class Surroundings(NamedTuple):
    """The rows around a message: its chat's flow, an earlier message with its ClientToken, the task of the index."""

    flow_state: str | None
    sent_seq: int | None
    index_task: int | None


@operation("connectparticipant", bearer=Token.CONNECTION, credential="connection_token")
def send_message(
    tx: Tx,
    caller: ParticipantCaller,
    *,
    content_type: str,
    content: str,
    client_token: str | None = None,
) -> Reply:
    """Send a message to all participants.

    Reads: the participant, their session, its flow and the message with the same ClientToken, in one statement.
    Writes: one entry of the log. Wakes: the session, the sender's own sockets included.
    Faults: AccessDeniedException when the chat has ended or the sender left; ValidationException for a content type
        that the chat does not support, more than 16,384 bytes, or a ClientToken that comes back with another message.
    Source: SendMessage.
    Assumed: a repeated ClientToken returns the Id and AbsoluteTime of the first message, as long as the chat is kept.
    Assumed: of an answer to a view whose data is sensitive everybody sees the same, without its data.
    Assumed: a customer may send before their socket is open; the flow still waits for the connection.
    """
    token = token_hash(f"{caller.participant_id}/{client_token}")[:TOKEN_CHARACTERS] if client_token else None
    found = tx.row(
        "sender",
        Participant,
        Session,
        Surroundings,
        session=caller.session,
        id=caller.participant_id,
        client_token=token,
    )
    if found is None:
        raise Fault(DENIED, "Access denied: the participant is not known.")
    participant, session, (flow_state, sent_seq, index_task) = found
    if sent_seq is not None:
        return _repeated(tx, session, sent_seq, content_type, content)
    check_active(session, participant)
    messages.check_message(content_type, content, _content_types(session.content_types), INVALID)
    shown = content
    if content_type == messages.INTERACTIVE_RESPONSE and flow_state and '"AnswerHidden"' in flow_state:
        shown = _without_data(content)
    item = append_message(tx, session, participant, content_type, shown, token)
    if index_task is None:
        tx.later("index", tx.now_ms + INDEX_AFTER_MS, session=session.key)
    if participant.role == Role.CUSTOMER and flow_state is not None:
        _tell_flow(tx, session, flow_state, content_type, content)
    return {"Id": item.id, "AbsoluteTime": item.at_ms}


def _tell_flow(tx: Tx, session: Session, flow_state: str, content_type: str, content: str) -> None:
    """Give the flow a message of the customer: it waits for them, a bot talks with them, or a view is shown."""
    for event in ("CustomerReturned", "CustomerMessage"):
        if f'"{event}"' in flow_state:
            flow_event(tx, session, event, text=content)
    if content_type == messages.INTERACTIVE_RESPONSE and '"ViewAnswered"' in flow_state:
        flow_event(tx, session, "ViewAnswered", text=content)


def _without_data(content: str) -> str:
    """The action of an answer to a view, without the data that the customer gave. An invalid answer has none."""
    try:
        answer = decode(content)
    except (ValueError, RecursionError):
        answer = None
    kept = answer if isinstance(answer, dict) else {}
    return json.dumps({name: value for name, value in kept.items() if name != "data"})


def _repeated(tx: Tx, session: Session, seq: int, content_type: str, content: str) -> Reply:
    """The reply to the first message with the same ClientToken."""
    item = tx.row("item", Item, session=session.key, seq=seq)
    if item is None:
        raise LookupError(f"no entry {seq} in session {session.key}")
    is_hidden = content_type == messages.INTERACTIVE_RESPONSE and item.content == _without_data(content)
    if item.content_type != content_type or (item.content != content and not is_hidden):
        raise Fault(
            INVALID,
            "ClientToken was used with different parameters. Send a new ClientToken with a new request.",
        )
    return {"Id": item.id, "AbsoluteTime": item.at_ms}


@lru_cache(maxsize=64)
def _content_types(stored: str) -> frozenset[str]:
    return frozenset(json.loads(stored))


@operation("connectparticipant", bearer=Token.CONNECTION, credential="connection_token")
def send_event(
    tx: Tx,
    caller: ParticipantCaller,
    *,
    content_type: str,
    content: str | None = None,
    client_token: str | None = None,
) -> Reply:
    """Send a typing event, or a receipt that a message was delivered or read.

    Typing is pushed to the other participants and not stored. A receipt is stored with its message and pushed once.
    Writes: receipt and a push-only entry. Wakes: the session.
    Faults: AccessDeniedException; ValidationException for another content type, or a receipt for a message that is
        neither of this chat nor of its past; ConflictException for a receipt while more than two participants are in
        the chat.
    Source: SendEvent.
    On purpose: ClientToken has no effect, since clients send one constant for every receipt.
    Observed: Amazon's widget sends receipts for items of the past; they have no effect.
    Assumed: the retired connection.acknowledged connects its sender as an open socket does, and is not shown.
    Assumed: typing is not pushed to its sender.
    """
    session, participant = active(tx, caller)
    if content_type == transcript.TYPING:
        return _typing(tx, session, participant)
    if content_type in (transcript.DELIVERED, transcript.READ):
        return _receipt(tx, session, participant, content_type, content)
    if content_type == transcript.ACKNOWLEDGED:
        connect(tx, session, participant)
        return {"Id": tx.clock.item_id(tx.now_ms, 0), "AbsoluteTime": tx.now_ms}
    raise Fault(
        INVALID,
        f"ContentType {content_type!r} is not an event that participants send. Send {transcript.TYPING},"
        f" {transcript.DELIVERED} or {transcript.READ}.",
    )


def _typing(tx: Tx, session: Session, participant: Participant) -> Reply:
    item_id = tx.clock.item_id(tx.now_ms, 0)
    tx.signal(
        session.key,
        participant.id,
        {
            "AbsoluteTime": tx.now_ms,
            "ContentType": transcript.TYPING,
            "Id": item_id,
            "Type": "EVENT",
            "ParticipantId": participant.id,
            "DisplayName": participant.display_name,
            "ParticipantRole": participant.role,
            "ContactId": session.current_contact_id,
            "InitialContactId": session.initial_contact_id,
        },
    )
    return {"Id": item_id, "AbsoluteTime": tx.now_ms}


def _receipt(
    tx: Tx, session: Session, participant: Participant, content_type: str, content: str | None
) -> Reply:
    message_id = _message_id(content)
    message = item_of(tx, session.key, message_id)
    if message is None and is_of_the_past(tx, session, participant.id, message_id):
        return {"Id": tx.clock.item_id(tx.now_ms, 0), "AbsoluteTime": tx.now_ms}
    if message is None or message.type not in ("MESSAGE", "ATTACHMENT") or message.audience is not None:
        raise Fault(INVALID, f"No message of this chat has the id {message_id[:60]!r}.")
    if sum(p.is_active for p in participants_of(tx, session.key)) > 2:
        raise Fault("ConflictException", "Receipts are for chats of two; this one has more participants now.")
    before = tx.row(
        "receipt", Receipt, session=session.key, seq=message.seq, recipient_id=participant.id
    ) or Receipt(session.key, message.seq, participant.id, None, None)
    delivered = content_type == transcript.DELIVERED
    known = before.delivered_at_ms or before.read_at_ms if delivered else before.read_at_ms
    if known is not None or message.participant_id == participant.id:
        return {"Id": tx.clock.item_id(tx.now_ms, 0), "AbsoluteTime": tx.now_ms}
    after = before._replace(delivered_at_ms=tx.now_ms) if delivered else before._replace(read_at_ms=tx.now_ms)
    tx.put("insert_receipt", after)
    metadata: dict[str, Any] = {
        "MessageId": message.id,
        "Receipts": [
            {
                "DeliveredTimestamp" if delivered else "ReadTimestamp": tx.now_ms,
                "RecipientParticipantId": participant.id,
            }
        ],
    }
    item = tx.append(
        session.key,
        contact_id=session.current_contact_id,
        type="MESSAGEMETADATA",
        content_type=content_type,
        participant_id=participant.id,
        display_name=participant.display_name,
        participant_role=participant.role,
        push_only=True,
        metadata=metadata,
    )
    return {"Id": item.id, "AbsoluteTime": item.at_ms}


def _message_id(content: str | None) -> str:
    """The id in a receipt's content, `{"messageId": "<id>"}`. Faults: ValidationException."""
    try:
        message_id = decode(content or "")["messageId"]
    except (ValueError, TypeError, KeyError, RecursionError):
        message_id = None
    if not isinstance(message_id, str):
        raise Fault(INVALID, 'Content of a receipt must be JSON: {"messageId": "<id of the message>"}.')
    return message_id
