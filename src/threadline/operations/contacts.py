"""The operations that start a chat, stop it and list the contacts related to it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from threadline.chat import attributes as attribute_rules
from threadline.chat import messages, rehydration
from threadline.chat.contact import Contact, Method, Reason, Session
from threadline.chat.imports import KEY_MIN
from threadline.chat.limits import CHAT_MINUTES_DEFAULT
from threadline.chat.participant import Participant, Role, Token
from threadline.chat.rehydration import Anchor
from threadline.errors import Fault
from threadline.operations.attributes import attributes_of
from threadline.operations.idempotency import issue_secret
from threadline.operations.instances import NOT_A_NEXT_TOKEN, Instance, instance_arn, require_instance
from threadline.operations.persistence import source_chat_of, write_association
from threadline.operations.registry import AccountCaller, Document, Reply, operation, refuse
from threadline.operations.sessions import (
    append_message,
    contacts_of,
    end_session,
    insert_participant,
    require,
    require_past,
    session_of,
    set_contact_data,
)
from threadline.operations.streaming import check_topic, stream_to
from threadline.operations.streams import add_contact_streams
from threadline.operations.tokens import connection_data, keep_token
from threadline.resources.contact_flows import check_published, require_flow
from threadline.store import Tx

INVALID = "InvalidRequestException"


def add_connection(tx: Tx, reply: Reply, arguments: Mapping[str, Any]) -> Reply:
    """The reply with new connection data of each kind in ConnectionTypes; without a Url once the chat has ended."""
    wanted = arguments.get("connection_types")
    if not wanted:
        return reply
    session, _ = require(tx, arguments["instance_id"], reply["ContactId"])
    active = session.ended_at_ms is None
    return reply | connection_data(
        tx, session, reply["ParticipantId"], [t for t in wanted if active or t != "WEBSOCKET"]
    )


@operation(
    "connect",
    scope=("instance_id",),
    complete=add_connection,
)
def start_chat_contact(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_id: str,
    participant_details: Document,
    attributes: Mapping[str, str] | None = None,
    participant_configuration: Document | None = None,
    initial_message: Document | None = None,
    client_token: str | None = None,
    chat_duration_in_minutes: int = CHAT_MINUTES_DEFAULT,
    supported_messaging_content_types: Sequence[str] | None = None,
    persistent_chat: Document | None = None,
    related_contact_id: str | None = None,
    segment_attributes: Document | None = None,
    customer_id: str | None = None,
    disconnect_on_customer_exit: Sequence[str] | None = None,
    connection_types: Sequence[str] | None = None,
    chat_streaming_configuration: Document | None = None,
) -> Reply:
    """Start a chat. Its flow starts when the customer connects, which must happen within five minutes.

    Reads: the flow, the past chat if any. Writes: session, contact, participant, tokens, the initial message.
    Faults: InvalidRequestException for members that contradict each other or a chat that cannot be continued (see
        CreatePersistentContactAssociation); ResourceNotFoundException for an instance, flow, related or source contact
        that does not exist; LimitExceededException when the instance has as many open chats as are allowed.
    Source: StartChatContact.
    Assumed: PersistentChat that cannot be fulfilled fails the call and creates nothing.
    Assumed: the copied attributes are those of the past chat. An attribute of the request replaces that of the past
        chat, and an empty one leaves it out.
    On purpose: ParticipantConfiguration.ResponseMode has no effect, since no bot streams its replies.
    """
    instance = require_instance(tx, caller, instance_id)
    flow_id = _require_inbound_flow(tx, instance.id, contact_flow_id)
    content_types = messages.check_supported(supported_messaging_content_types, INVALID)
    _check_content(content_types, attributes or {}, segment_attributes or {}, initial_message)
    related, anchor = _past(tx, instance.id, persistent_chat, related_contact_id, customer_id)
    _check_quota(tx, instance)
    session = _insert_session(
        tx,
        instance,
        flow_id,
        expires_at_ms=tx.now_ms + chat_duration_in_minutes * 60_000,
        customer_id=customer_id,
        content_types=content_types,
        disconnect_on_customer_exit=bool(disconnect_on_customer_exit),
        attributes=_with_past(tx, attributes or {}, anchor.session if anchor else related),
        segment_attributes=segment_attributes or {},
        related=related,
        related_contact_id=related_contact_id,
    )
    session = stream_to(tx, session, check_topic(tx, chat_streaming_configuration))
    if persistent_chat is not None and anchor is not None:
        write_association(
            tx, session, persistent_chat["RehydrationType"], persistent_chat["SourceContactId"], anchor
        )
    customer = insert_participant(
        tx, session, Role.CUSTOMER, participant_details["DisplayName"], user_id=None, connected=False
    )
    if initial_message is not None:
        _send_initial_message(tx, session, customer, initial_message)
    token = issue_secret(tx, "participant", client_token)
    keep_token(tx, session, customer.id, Token.PARTICIPANT, token)
    return {
        "ContactId": session.current_contact_id,
        "ParticipantId": customer.id,
        "ParticipantToken": token,
        "ContinuedFromContactId": anchor.contact.id if anchor else None,
    }


def _send_initial_message(tx: Tx, session: Session, customer: Participant, message: Document) -> None:
    """Append the initial message and keep it for flows, which read it as `$.Media.InitialMessage`."""
    append_message(tx, session, customer, message["ContentType"], message["Content"])
    set_contact_data(tx, session, session.initial_contact_id, {"InitialMessage": message["Content"]})


def _require_inbound_flow(tx: Tx, instance_id: str, contact_flow_id: str) -> str:
    """The flow as `run_flow` takes it: its id, with the number of the version that an alias or a number names."""
    found = require_flow(tx, instance_id, contact_flow_id)
    if found.flow.type != "CONTACT_FLOW":
        raise Fault(
            INVALID,
            f"A chat starts with a flow of type CONTACT_FLOW; {found.flow.id} is of type {found.flow.type}.",
        )
    check_published(found)
    return found.to_run


def _check_content(
    content_types: Sequence[str],
    attributes: Mapping[str, str],
    segment_attributes: Document,
    initial_message: Document | None,
) -> None:
    attribute_rules.check(attributes)
    if initial_message is not None:
        messages.check_message(
            initial_message["ContentType"], initial_message["Content"], content_types, INVALID
        )
    attribute_rules.check_segment(segment_attributes)
    subtype = segment_attributes.get(attribute_rules.SUBTYPE, {}).get("ValueString")
    needed = {messages.INTERACTIVE, messages.INTERACTIVE_RESPONSE}
    if subtype == "connect:Guide" and not needed <= set(content_types):
        raise Fault(
            INVALID,
            f"connect:Subtype connect:Guide needs {' and '.join(sorted(needed))} in SupportedMessagingContentTypes.",
        )


def _past(
    tx: Tx,
    instance_id: str,
    persistent_chat: Document | None,
    related_contact_id: str | None,
    customer_id: str | None,
) -> tuple[Session | None, Anchor | None]:
    """The session to which a new chat is related, or the anchor from which it continues, or neither."""
    if persistent_chat is not None and related_contact_id is not None:
        raise Fault(INVALID, "RelatedContactId and PersistentChat cannot both be provided.")
    if related_contact_id is not None:
        return require_past(tx, instance_id, related_contact_id, "Related contact")[0], None
    if persistent_chat is None:
        return None, None
    for member in ("RehydrationType", "SourceContactId"):
        if persistent_chat.get(member) is None:
            raise Fault(INVALID, f"PersistentChat.{member} is required to continue a past chat.")
    source = source_chat_of(tx, instance_id, persistent_chat["SourceContactId"])
    anchor = rehydration.resolve(
        None,
        persistent_chat["RehydrationType"],
        source,
        customer_id=customer_id,
        same_customer=tx.policy.require_same_customer,
        ended_before_ms=tx.policy.ended_before_ms(tx.now_ms),
    )
    return None, anchor


def _with_past(tx: Tx, attributes: Mapping[str, str], past: Session | None) -> Mapping[str, str]:
    return attribute_rules.inherit(attributes, attributes_of(tx, past.key) if past else {})


def _check_quota(tx: Tx, instance: Instance) -> None:
    if tx.policy.chats_max == 0:
        return
    count = tx.row("count_open_sessions", int, instance_id=instance.id) or 0
    if count >= tx.policy.chats_max:
        raise Fault(
            "LimitExceededException",
            f"The instance has {count} open chats, which is as many as it may have.",
        )


def _insert_session(
    tx: Tx,
    instance: Instance,
    flow_id: str,
    *,
    expires_at_ms: int,
    customer_id: str | None,
    content_types: Sequence[str],
    disconnect_on_customer_exit: bool,
    attributes: Mapping[str, str],
    segment_attributes: Document,
    related: Session | None,
    related_contact_id: str | None,
) -> Session:
    contact_id = tx.clock.contact_id()
    key = tx.row(
        "insert_session",
        int,
        instance_id=instance.id,
        contact_id=contact_id,
        expires_at_ms=expires_at_ms,
        customer_id=customer_id,
        content_types=json.dumps(content_types),
        disconnect_on_customer_exit=int(disconnect_on_customer_exit),
        root_contact_id=related.root_contact_id if related else contact_id,
        related_contact_id=related_contact_id,
        now_ms=tx.now_ms,
    )
    if key is None:
        raise LookupError("insert_session returned no key")
    tx.run(
        "insert_attributes",
        session=key,
        attributes=json.dumps(dict(attributes)),
        segment_attributes=json.dumps(segment_attributes),
    )
    tx.run(
        "insert_contact",
        session=key,
        position=0,
        instance_id=instance.id,
        contact_id=contact_id,
        previous_contact_id=None,
        initiation_method=Method.API,
        first_seq=1,
        flow_id=flow_id,
        connected_at_ms=None,
        queue_id=None,
        enqueued_at_ms=None,
        offered_user_id=None,
        now_ms=tx.now_ms,
    )
    tx.later("connect_by", tx.now_ms + tx.policy.connect_within_ms, session=key, contact_id=contact_id)
    tx.later("expire", expires_at_ms, session=key, contact_id=contact_id)
    return add_contact_streams(tx, session_of(tx, key))


@operation("connect", refused=("disconnect_reason",))
def stop_contact(
    tx: Tx,
    caller: AccountCaller,
    *,
    contact_id: str,
    instance_id: str,
    disconnect_reason: Document | None = None,
) -> Reply:
    """End a chat in any state, without running its disconnect flow.

    Writes: the session's end. Wakes: the session, with chat.ended.
    Faults: ResourceNotFoundException; InvalidRequestException for a contact that has ended in a running chat.
    Source: StopContact.
    Assumed: stopping a chat that has ended changes nothing and succeeds.
    On purpose: DisconnectReason is refused, since only outbound campaigns send it.
    """
    refuse(INVALID, DisconnectReason=disconnect_reason)
    require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance_id, contact_id)
    if session.ended_at_ms is not None:
        return {}
    if contact.id != session.current_contact_id:
        raise Fault(
            INVALID,
            f"Contact {contact.id} has ended, but its chat goes on in contact {session.current_contact_id}: stop that.",
        )
    end_session(tx, session, Reason.API)
    return {}


@operation("connect", writes=False)
def list_associated_contacts(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_id: str,
    max_results: int = 100,
    next_token: str | None = None,
) -> Reply:
    """List all contacts of a contact's tree: the contacts of every chat that is related to the same first chat.

    Order: chats in the order they were started, contacts of a chat first to last.
    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListAssociatedContacts.
    Assumed: the tree is that of ContactAssociationId, and MaxResults is 100 unless given.
    Assumed: InitialContactId is left out of a chat's first contact.
    """
    instance = require_instance(tx, caller, instance_id)
    session, _ = require(tx, instance.id, contact_id)
    from_key, from_position = _tree_position(tx, session, next_token)
    summaries: list[Reply] = []
    sessions = tx.rows(
        "sessions_of_tree",
        Session,
        instance_id=instance.id,
        root_contact_id=session.root_contact_id,
        from_key=from_key,
        limit=max_results + 1,
    )
    for related in sessions:
        for contact in contacts_of(tx, related.key):
            if (related.key, contact.position) < (from_key, from_position):
                continue
            if len(summaries) == max_results:
                return {"ContactSummaryList": summaries, "NextToken": contact.id}
            summaries.append(_associated_summary(instance, related, contact))
    return {"ContactSummaryList": summaries}


def _tree_position(tx: Tx, session: Session, next_token: str | None) -> tuple[int, int]:
    """The session and position at which a page begins: those of NextToken's contact, which must be of the same tree."""
    if next_token is None:
        return KEY_MIN, 0
    keys = {"instance_id": session.instance_id, "contact_id": next_token}
    found = tx.row("past_session_and_contact", Session, Contact, **keys)
    if found is None or found[0].root_contact_id != session.root_contact_id:
        raise Fault(INVALID, NOT_A_NEXT_TOKEN)
    contact = found[1]
    return contact.session, contact.position


def _associated_summary(instance: Instance, session: Session, contact: Contact) -> Reply:
    return {
        "ContactId": contact.id,
        "ContactArn": contact_arn(instance, contact.id),
        "InitiationTimestamp": contact.initiated_at_ms,
        "DisconnectTimestamp": contact.disconnected_at_ms,
        "InitialContactId": session.initial_contact_id if contact.position else None,
        "PreviousContactId": contact.previous_contact_id,
        "RelatedContactId": session.related_contact_id,
        "InitiationMethod": contact.initiation_method,
        "Channel": "CHAT",
    }


def contact_arn(instance: Instance, contact_id: str) -> str:
    """The ARN of a contact."""
    return f"{instance_arn(instance)}/contact/{contact_id}"
