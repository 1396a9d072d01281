"""The operation that continues a past chat, which is the main purpose of this server.

History is linked, never copied: an association is a few columns of the session, however long the past is.
"""

import json

from threadline.chat import rehydration, transcript
from threadline.chat.attributes import inherit
from threadline.chat.contact import Contact, Session
from threadline.chat.contact_events import ATTRIBUTES
from threadline.chat.rehydration import Anchor, SourceChat
from threadline.errors import Fault
from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.operations.sessions import append_event, contact_changed, contacts_of, require
from threadline.operations.streams import data_updated
from threadline.store import Tx


@operation("connect", scope=("instance_id", "initial_contact_id"))
def create_persistent_contact_association(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    initial_contact_id: str,
    rehydration_type: str,
    source_contact_id: str,
    client_token: str | None = None,
) -> Reply:
    """Continue a past chat, or the part of it up to one contact, in a running chat.

    `initial_contact_id` is any contact of the running chat. `source_contact_id` is the first contact of the past chat
    for ENTIRE_PAST_SESSION, any contact of it for FROM_SEGMENT. The reply names the contact from which the past is
    shown, newest first. The same call again, with any ClientToken or none, gets the same reply.

    Reads: the current session, the source's contacts. Writes: the session's association and missing attributes.
    Wakes: the session, with one chat.rehydrated.
    Faults: ResourceNotFoundException for an instance, current or source contact that does not exist;
        InvalidRequestException when the current chat has ended or continues another one already, when the source
        session has not ended, when ENTIRE_PAST_SESSION does not name the first contact, or when a ClientToken comes
        back with other arguments.
    Source: CreatePersistentContactAssociation.
    Assumed: the association belongs to the session: earlier and later segments show the past too and repeat its
        RelatedContactId.
    On purpose: a chat can be continued as soon as it has ended, unless `past_ready_seconds` says otherwise; Amazon asks
        to wait 30 to 60 seconds.
    Observed: SDKs send no ClientToken here, since the model lacks the idempotency trait that the documentation implies.
    """
    current, has_relatives = _current(tx, caller, instance_id, initial_contact_id)
    rehydration.check_current(current)
    if rehydration.is_repeat(current, rehydration_type, source_contact_id):
        return {"ContinuedFromContactId": current.related_contact_id}
    anchor = associate(tx, current, rehydration_type, source_contact_id, has_relatives=has_relatives)
    return {"ContinuedFromContactId": anchor}


def _current(tx: Tx, caller: AccountCaller, instance_id: str, contact_id: str) -> tuple[Session, bool]:
    """The session of a contact, locked until this commits, and whether chats are related to it.

    It takes one statement. When that finds nothing, `require_instance` and `require` raise the fault in their order.
    """
    found = tx.row("chat_to_continue_in", Session, str, int, instance_id=instance_id, contact_id=contact_id)
    if found is None or found[1] != caller.account_id:
        require_instance(tx, caller, instance_id)
        return require(tx, instance_id, contact_id)[0], True
    session, _, has_relatives = found
    return session, bool(has_relatives)


def associate(
    tx: Tx, current: Session, rehydration_type: str, source_contact_id: str, *, has_relatives: bool = True
) -> str:
    """Associate a running chat with its past, append chat.rehydrated, and return the anchor's contact id.

    `has_relatives` is False when it is known that no chat was started with RelatedContactId of this one.
    """
    source = source_chat_of(tx, current.instance_id, source_contact_id)
    anchor = anchor_of(tx, current, rehydration_type, source, current.customer_id)
    if has_relatives:  # they stay in one tree with this chat
        tx.run(
            "move_tree",
            session=current.key,
            instance_id=current.instance_id,
            root_contact_id=current.root_contact_id,
            to_contact_id=anchor.session.root_contact_id,
        )
    end = tx.following(current.key, (current.last_seq, current.last_at_ms))
    write_association(tx, current, rehydration_type, source_contact_id, anchor, end)
    if adopt_attributes(tx, current.key, source.attributes):
        data_updated(tx, current, current.current_contact_id, ATTRIBUTES)
    append_event(tx, current, transcript.REHYDRATED, push_only=True, is_counted=True)
    return anchor.contact.id


def anchor_of(
    tx: Tx, current: Session | None, rehydration_type: str, source: SourceChat, customer_id: str | None
) -> Anchor:
    """The contact to which an association leads, by this server's settings. Faults: those of `rehydration.resolve`."""
    return rehydration.resolve(
        current,
        rehydration_type,
        source,
        customer_id=customer_id,
        same_customer=tx.policy.require_same_customer,
        ended_before_ms=tx.policy.ended_before_ms(tx.now_ms),
    )


def source_chat_of(tx: Tx, instance_id: str, source_contact_id: str) -> SourceChat:
    """The contact to continue from with its session. Faults: ResourceNotFoundException."""
    found = tx.row("past_chat", Session, Contact, str, instance_id=instance_id, contact_id=source_contact_id)
    if found is None:
        raise Fault("ResourceNotFoundException", f"Source contact not found: {source_contact_id}")
    session, contact, attributes = found
    contacts = contacts_of(tx, session.key) if session.last_position else (contact,)
    return SourceChat(contact, session, contacts, attributes)


def write_association(
    tx: Tx,
    session: Session,
    rehydration_type: str,
    source_contact_id: str,
    anchor: Anchor,
    end: tuple[int, int] | None = None,
) -> None:
    """Store a session's association with its past and, where given, the new `end` of its log (number, milliseconds).

    Raises LookupError when the session has an association already.
    """
    last_seq, last_at_ms = end or (session.last_seq, session.last_at_ms)
    written = tx.one(
        "associate_session",
        session=session.key,
        related_contact_id=anchor.contact.id,
        rehydration_type=rehydration_type,
        source_contact_id=source_contact_id,
        anchor_session=anchor.session.key,
        anchor_last_seq=anchor.last_seq,
        root_contact_id=anchor.session.root_contact_id,
        last_seq=last_seq,
        last_at_ms=last_at_ms,
        now_ms=tx.now_ms,
    )
    if written is None:
        raise LookupError(f"session {session.key} continues a past one already")
    contact_changed(tx, session)


def adopt_attributes(tx: Tx, session: int, past: str) -> bool:
    """Add to a session the attributes of a past one, given as JSON, except those whose names it has already.

    Return whether it got any.
    """
    if past == "{}":
        return False
    found = tx.row("attributes", str, str, session=session)
    if found is None:
        raise LookupError(f"no attributes of session {session}")
    own = json.loads(found[0])
    merged = inherit(own, json.loads(past))
    if merged == own:
        return False
    tx.run("set_attributes", session=session, attributes=json.dumps(merged))
    return True
