"""The rows of a chat: sessions and their contacts, and the states of a contact.

A *contact* is one segment (one contact record); a *session* is the contacts that share an InitialContactId.
The store's rows are read as the classes here: a class names its table's columns in order.
Times are milliseconds since the epoch; `seq` counts the entries of a session's log from 1.
"""

from enum import StrEnum
from typing import NamedTuple


class Session(NamedTuple):
    """A chat from its first contact to its end: the columns that its contacts share, and its association.

    `anchor_session` and `anchor_last_seq` name the newest log entry of the older session that this one shows. Both are
    None while the chat has no association. `streamed` has the bits of the kinds of its streams: see `chat.streams`.
    """

    key: int
    instance_id: str
    initial_contact_id: str
    current_contact_id: str
    last_position: int
    last_seq: int
    last_at_ms: int
    started_at_ms: int
    expires_at_ms: int
    ended_at_ms: int | None
    customer_id: str | None
    content_types: str
    event_hooks: str
    disconnect_on_customer_exit: int
    root_contact_id: str
    related_contact_id: str | None
    rehydration_type: str | None
    source_contact_id: str | None
    anchor_session: int | None
    anchor_last_seq: int | None
    associated_at_ms: int | None
    erased_at_ms: int | None = None
    streamed: int = 0

    @property
    def is_associated(self) -> bool:
        """Whether this chat continues from a past one."""
        return self.rehydration_type is not None


class Contact(NamedTuple):
    """One segment. Its entries in the session's log are `first_seq` up to the next contact's `first_seq`."""

    session: int
    position: int
    instance_id: str
    id: str
    previous_contact_id: str | None
    initiation_method: str
    first_seq: int
    flow_id: str | None
    initiated_at_ms: int
    connected_at_ms: int | None
    target_queue_id: str | None
    queue_id: str | None
    enqueued_at_ms: int | None
    offered_user_id: str | None
    user_id: str | None
    accepted_at_ms: int | None
    disconnected_at_ms: int | None
    disconnect_reason: str | None
    updated_at_ms: int
    erased_at_ms: int | None = None


class State(StrEnum):
    """The state of a contact, earliest first. The values are part of messages."""

    CREATED = "created: the customer has not connected yet"
    IN_FLOW = "in its flow: not queued yet"
    QUEUED = "waiting in a queue"
    OFFERED = "offered to a user"
    WITH_AGENT = "with an agent"
    ENDED = "ended"


class Method(StrEnum):
    """Why a contact exists. Source: model shape ContactInitiationMethod (the values a chat can have)."""

    API = "API"
    TRANSFER = "TRANSFER"
    QUEUE_TRANSFER = "QUEUE_TRANSFER"
    DISCONNECT = "DISCONNECT"


class Reason(StrEnum):
    """Why a chat contact ended. Source: contact record data model, DisconnectReason."""

    AGENT_DISCONNECT = "AGENT_DISCONNECT"
    CUSTOMER_DISCONNECT = "CUSTOMER_DISCONNECT"
    CUSTOMER_CONNECTION_NOT_ESTABLISHED = "CUSTOMER_CONNECTION_NOT_ESTABLISHED"
    CONTACT_FLOW_DISCONNECT = "CONTACT_FLOW_DISCONNECT"
    EXPIRED = "EXPIRED"
    API = "API"


def state(contact: Contact) -> State:
    """The state of `contact`."""
    if contact.disconnected_at_ms is not None:
        return State.ENDED
    if contact.user_id is not None:
        return State.WITH_AGENT
    if contact.offered_user_id is not None:
        return State.OFFERED
    if contact.queue_id is not None:
        return State.QUEUED
    return State.IN_FLOW if contact.connected_at_ms is not None else State.CREATED
