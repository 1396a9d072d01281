"""The rules of continuing a chat: from which chats a chat may continue, and where the past then begins.

An association links a session to the *anchor*, a contact of an ended session. Associations are cumulative: the past of
the older session is shown too, as far as the older session's own association shows it.
"""

from enum import StrEnum
from typing import NamedTuple

from threadline.chat.contact import Contact, Session
from threadline.errors import Fault

REFUSED = "InvalidRequestException"


class RehydrationType(StrEnum):
    """How much of the past is shown. Source: model shape RehydrationType."""

    ENTIRE_PAST_SESSION = "ENTIRE_PAST_SESSION"
    FROM_SEGMENT = "FROM_SEGMENT"


class SourceChat(NamedTuple):
    """A contact to continue from, with its session, that session's contacts in order and its attributes (JSON)."""

    contact: Contact
    session: Session
    contacts: tuple[Contact, ...]
    attributes: str = "{}"


class Anchor(NamedTuple):
    """The beginning of the past: the contact returned as ContinuedFromContactId, and its newest log entry."""

    contact: Contact
    session: Session
    last_seq: int


def check_current(current: Session) -> None:
    """Refuse an association of a chat that has ended."""
    if current.ended_at_ms is not None:
        raise Fault(REFUSED, f"Contact is not active: chat {current.initial_contact_id} has ended.")


def is_repeat(current: Session, rehydration_type: str, source_contact_id: str) -> bool:
    """Whether `current` has exactly this association already. Faults: InvalidRequestException if it has another."""
    if current.rehydration_type is None and current.related_contact_id is None:
        return False
    if (current.rehydration_type, current.source_contact_id) == (rehydration_type, source_contact_id):
        return True
    if current.rehydration_type is None:
        raise Fault(
            REFUSED,
            f"A persistent association already exists for this chat: it was started with RelatedContactId"
            f" {current.related_contact_id}. Start the chat without RelatedContactId to continue a past one.",
        )
    raise Fault(
        REFUSED,
        f"A persistent association already exists for this chat: {current.rehydration_type} from"
        f" {current.source_contact_id}. A chat continues from one past chat only.",
    )


def resolve(
    current: Session | None,
    rehydration_type: str,
    source: SourceChat,
    *,
    customer_id: str | None,
    same_customer: str,
    ended_before_ms: int | None = None,
) -> Anchor:
    """The anchor for `current` of customer `customer_id`; `current` is None for a chat that is about to start.

    Faults: InvalidRequestException when the source session has not ended, when ENTIRE_PAST_SESSION names another
    contact than the session's first, or when `same_customer` does not allow the two CustomerIds.
    A session that has ended after `ended_before_ms`, if that is given, is refused too: its transcript is not ready yet.
    Source: CreatePersistentContactAssociation, SourceContactId; Administrator Guide, chat persistence.
    Assumed: Amazon refuses a past whose transcript is not ready like one that has not ended; its guide only asks to
        wait 30 to 60 seconds.
    """
    past = source.session
    if current is not None and current.key == past.key:
        raise Fault(
            REFUSED,
            f"Source chat session has not ended: {source.contact.id} belongs to the current chat itself.",
        )
    if past.ended_at_ms is None:
        raise Fault(
            REFUSED,
            f"Source chat session has not ended: {source.contact.id} belongs to chat {past.initial_contact_id},"
            f" which is still active in contact {past.current_contact_id}. End that chat first.",
        )
    if ended_before_ms is not None and past.ended_at_ms > ended_before_ms:
        raise Fault(
            REFUSED,
            f"The transcript of chat {past.initial_contact_id} is not available yet: it ended a moment ago."
            " Wait 30 to 60 seconds after the end of a chat, then try again.",
        )
    if rehydration_type == RehydrationType.FROM_SEGMENT:
        chosen = source.contact
    elif source.contact.id == past.initial_contact_id:
        # The order of contacts is their position's, not their times'.
        chosen = source.contacts[-1]
    else:
        raise Fault(
            REFUSED,
            "SourceContactId must be the initial contact of the past chat session for ENTIRE_PAST_SESSION:"
            f" send {past.initial_contact_id}, or FROM_SEGMENT to continue from {source.contact.id}.",
        )
    check_same_customer(same_customer, customer_id, past.customer_id)
    return Anchor(chosen, past, last_seq_of(chosen, source.contacts, past))


def check_same_customer(rule: str, current: str | None, past: str | None) -> None:
    """Refuse two CustomerIds that `rule` does not allow. The message names neither id.

    `off` allows all, `differ` refuses two that are known and differ, `known` allows only two known and equal ones.
    """
    if rule == "off":
        return
    if rule == "known" and (current is None or past is None):
        which = "current chat has" if current is None else "source chat has"
        raise Fault(
            REFUSED,
            f"The {which} no CustomerId, and this server only continues a chat of the same known customer:"
            " start chats with CustomerId.",
        )
    if current is not None and past is not None and current != past:
        raise Fault(REFUSED, "The source chat belongs to another CustomerId than the current chat.")


def last_seq_of(contact: Contact, contacts: tuple[Contact, ...], session: Session) -> int:
    """The number of the last log entry of `contact`: the entries of a session's contacts follow each other."""
    following = contact.position + 1
    return contacts[following].first_seq - 1 if following < len(contacts) else session.last_seq
