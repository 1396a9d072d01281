"""Rows as the store returns them, of which a test gives only the fields that a rule reads."""

from threadline.chat.contact import Contact, Method, Session
from threadline.chat.rehydration import RehydrationType, SourceChat
from threadline.chat.transcript import Item

FROM_SEGMENT = RehydrationType.FROM_SEGMENT
ENTIRE = RehydrationType.ENTIRE_PAST_SESSION


def contact(session: str, position: int, **members: object) -> Contact:
    """Contact number `position` of the session called e.g. "A": its id is A1, A2 .."""
    row = Contact(
        session=ord(session),
        position=position,
        instance_id="i",
        id=f"{session}{position + 1}",
        previous_contact_id=f"{session}{position}" if position else None,
        initiation_method=Method.TRANSFER if position else Method.API,
        first_seq=position * 10 + 1,
        flow_id=None,
        initiated_at_ms=0,
        connected_at_ms=0,
        target_queue_id=None,
        queue_id=None,
        enqueued_at_ms=None,
        offered_user_id=None,
        user_id=None,
        accepted_at_ms=None,
        disconnected_at_ms=position + 1,
        disconnect_reason=None,
        updated_at_ms=0,
    )
    return row._replace(**members)  # type: ignore[arg-type]


def session(name: str, contacts: int = 1, **members: object) -> Session:
    """An ended session of so many contacts of ten entries each, called e.g. "A"."""
    row = Session(
        key=ord(name),
        instance_id="i",
        initial_contact_id=f"{name}1",
        current_contact_id=f"{name}{contacts}",
        last_position=contacts - 1,
        last_seq=contacts * 10,
        last_at_ms=0,
        started_at_ms=0,
        expires_at_ms=0,
        ended_at_ms=contacts,
        customer_id=None,
        content_types='["text/plain"]',
        event_hooks="{}",
        disconnect_on_customer_exit=0,
        root_contact_id=f"{name}1",
        related_contact_id=None,
        rehydration_type=None,
        source_contact_id=None,
        anchor_session=None,
        anchor_last_seq=None,
        associated_at_ms=None,
        streamed=0,
    )
    return row._replace(**members)  # type: ignore[arg-type]


def source(name: str, contacts: int, chosen: int, **members: object) -> SourceChat:
    """Contact number `chosen`, from 1, of an ended session, as the source of an association."""
    rows = tuple(contact(name, position) for position in range(contacts))
    return SourceChat(rows[chosen - 1], session(name, contacts, **members), rows)


def item(seq: int = 1, session: str = "A", **members: object) -> Item:
    """A message of the customer."""
    row = Item(
        session=ord(session),
        seq=seq,
        contact_id=f"{session}1",
        id=f"item-{seq}",
        at_ms=1_000 + seq,
        type="MESSAGE",
        content_type="text/plain",
        content="Hello",
        participant_id="casey",
        display_name="Casey",
        participant_role="CUSTOMER",
        push_only=0,
        audience=None,
        metadata=None,
        client_token=None,
    )
    return row._replace(**members)  # type: ignore[arg-type]
