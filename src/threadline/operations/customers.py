"""The operations that find a customer's chats by CustomerId, and start one that continues the newest."""

import re
from collections.abc import Mapping, Sequence

from threadline.chat import rehydration
from threadline.chat.contact import Session
from threadline.chat.limits import CHAT_MINUTES_DEFAULT
from threadline.chat.participant import Role
from threadline.chat.rehydration import RehydrationType, SourceChat
from threadline.errors import Fault
from threadline.operations.contacts import start_chat_contact
from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation
from threadline.operations.sessions import contacts_of, participants_of
from threadline.store import Tx

INVALID = "InvalidRequestException"
NUMBER_MAX = (1 << 63) - 1
NUMBER = re.compile("-?[0-9]{1,18}")


@operation("threadline", writes=False)
def list_customer_chats(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    customer_id: str,
    max_results: int = 100,
    next_token: str | None = None,
) -> Reply:
    """List a customer's chats, newest first, with how each ended and whether it can be continued.

    A chat can be continued when a new chat of the same CustomerId could be associated with it now, with
    ENTIRE_PAST_SESSION. A CustomerId that no chat has gets an empty list.
    Reads: one index, as far as the page goes; the contacts and participants of the page's chats.
    Faults: ResourceNotFoundException for the instance; InvalidRequestException for a NextToken that is not valid.
    """
    instance = require_instance(tx, caller, instance_id)
    started_at_ms, from_key = _start_of_page(next_token)
    sessions = tx.rows(
        "chats_of_customer",
        Session,
        instance_id=instance.id,
        customer_id=customer_id,
        started_at_ms=started_at_ms,
        from_key=from_key,
        limit=max_results + 1,
    )
    following = sessions[max_results] if len(sessions) > max_results else None
    return {
        "Chats": [_chat(tx, session) for session in sessions[:max_results]],
        "NextToken": f"{following.started_at_ms}.{following.key}" if following else None,
    }


def _start_of_page(next_token: str | None) -> tuple[int, int]:
    if next_token is None:
        return NUMBER_MAX, NUMBER_MAX
    numbers = next_token.split(".")
    if len(numbers) != 2 or not all(NUMBER.fullmatch(n) for n in numbers):
        raise Fault(INVALID, "NextToken is not one that ListCustomerChats has given.")
    return int(numbers[0]), int(numbers[1])


def _chat(tx: Tx, session: Session) -> Reply:
    contacts = contacts_of(tx, session.key)
    agents = [
        p.display_name for p in participants_of(tx, session.key) if p.role == Role.AGENT and p.display_name
    ]
    try:
        rehydration.resolve(
            None,
            RehydrationType.ENTIRE_PAST_SESSION,
            SourceChat(contacts[0], session, contacts),
            customer_id=session.customer_id,
            same_customer=tx.policy.require_same_customer,
            ended_before_ms=tx.policy.ended_before_ms(tx.now_ms),
        )
        obstacle = None
    except Fault as fault:
        obstacle = fault.message
    return {
        "InitialContactId": session.initial_contact_id,
        "LatestContactId": contacts[-1].id,
        "ContactCount": len(contacts),
        "StartTimestamp": session.started_at_ms,
        "EndTimestamp": session.ended_at_ms,
        "DisconnectReason": contacts[-1].disconnect_reason if session.ended_at_ms is not None else None,
        "AgentNames": list(dict.fromkeys(agents)),
        "ContinuedFromContactId": session.related_contact_id if session.is_associated else None,
        "CanBeContinued": obstacle is None,
        "Explanation": obstacle,
    }


@operation("threadline", scope=("instance_id",))
def start_customer_chat(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    customer_id: str,
    contact_flow_id: str,
    participant_details: Document,
    attributes: Mapping[str, str] | None = None,
    initial_message: Document | None = None,
    client_token: str | None = None,
    chat_duration_in_minutes: int = CHAT_MINUTES_DEFAULT,
    supported_messaging_content_types: Sequence[str] | None = None,
    segment_attributes: Document | None = None,
    disconnect_on_customer_exit: Sequence[str] | None = None,
) -> Reply:
    """Start a chat that continues the newest chat of the same CustomerId that has ended, if there is one.

    A chat of this customer that still runs is not continued; it goes on beside the new one.
    Reads: one index. Writes: as StartChatContact.
    Faults: those of StartChatContact.
    """
    instance = require_instance(tx, caller, instance_id)
    latest = tx.row("latest_ended_chat", str, instance_id=instance.id, customer_id=customer_id)
    past = {"RehydrationType": str(RehydrationType.ENTIRE_PAST_SESSION), "SourceContactId": latest}
    reply: Reply = start_chat_contact(
        tx,
        caller,
        instance_id=instance_id,
        contact_flow_id=contact_flow_id,
        participant_details=participant_details,
        attributes=attributes,
        initial_message=initial_message,
        client_token=client_token,
        chat_duration_in_minutes=chat_duration_in_minutes,
        supported_messaging_content_types=supported_messaging_content_types,
        persistent_chat=past if latest is not None else None,
        segment_attributes=segment_attributes,
        customer_id=customer_id,
        disconnect_on_customer_exit=disconnect_on_customer_exit,
    )
    return reply
