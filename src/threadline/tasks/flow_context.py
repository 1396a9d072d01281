"""The data of a chat that the references of a flow read, each root at its first use."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from threadline.chat.attributes import segment_attributes
from threadline.chat.contact import Contact, Session
from threadline.operations.attributes import attributes_of
from threadline.operations.instances import Instance, instance_arn
from threadline.operations.sessions import contact_at, contact_data, session_of
from threadline.resources.queues import QUEUES
from threadline.resources.users import USERS
from threadline.store import Tx

EMPTY: Mapping[str, Any] = {}


class Chat(Mapping[str, Any]):
    """The data of a chat that references resolve to. A value is read at its first use, and again after an effect.

    `flow_type` is the type of the flow that runs. `Percent` is a number from 1 to 100 that is fixed by the contact and
    the turn, so that a repeated transaction takes the same branch.
    """

    def __init__(self, tx: Tx, key: int, flow_type: str = "CONTACT_FLOW") -> None:
        self._tx = tx
        self._key = key
        self._known: dict[str, Any] = {}
        self.flow_type = flow_type
        self.turn = 0

    @property
    def session(self) -> Session:
        """The session as it is now."""
        return session_of(self._tx, self._key)

    def forget(self, turn: int) -> None:
        """Forget the values that were read, since a write may have changed them."""
        self._known.clear()
        self.turn = turn

    def __getitem__(self, name: str) -> Any:
        if name == "FlowType":
            return self.flow_type
        if name not in self._known:
            session = self.session
            contact = contact_at(self._tx, session)
            if name == "Percent":
                digest = hashlib.sha256(f"{contact.id}/{self.turn}".encode()).digest()
                self._known[name] = int.from_bytes(digest[:8]) % 100 + 1
            else:
                self._known[name] = ROOTS[name](self._tx, session, contact)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(ROOTS)

    def __len__(self) -> int:
        return len(ROOTS)


def _segment_attributes(tx: Tx, session: Session, contact: Contact) -> dict[str, Any]:
    _, text = tx.row("attributes", str, str, session=session.key) or ("{}", "{}")
    found = segment_attributes(json.loads(text))
    return {name: next(iter(value.values()), None) for name, value in found.items()}


def _queue(tx: Tx, session: Session, contact: Contact) -> dict[str, str] | None:
    queue_id = contact.queue_id or contact.target_queue_id
    if queue_id is None:
        return None
    queue = QUEUES.find(tx, session.instance_id, queue_id)
    if queue is None:
        return None
    return {"Name": queue.name, "ARN": f"{instance_arn(_instance(tx, session))}/queue/{queue.id}"}


def _agent(tx: Tx, session: Session, contact: Contact) -> dict[str, str] | None:
    user_id = contact.user_id or contact.offered_user_id
    user = USERS.find(tx, session.instance_id, user_id) if user_id else None
    if user is None:
        return None
    return {
        "UserName": user.username,
        "FirstName": user.first_name,
        "LastName": user.last_name,
        "ARN": f"{instance_arn(_instance(tx, session))}/agent/{user.id}",
    }


def _instance(tx: Tx, session: Session) -> Instance:
    instance = tx.row("instance", Instance, instance_id=session.instance_id)
    if instance is None:
        raise LookupError(f"no instance {session.instance_id}")
    return instance


def _initial_message(tx: Tx, session: Session, contact: Contact) -> dict[str, str]:
    content = contact_data(tx, session, session.initial_contact_id).get("InitialMessage")
    return {"InitialMessage": content} if content else {}


def _of_data(name: str) -> Callable[[Tx, Session, Contact], Any]:
    return lambda tx, session, contact: contact_data(tx, session, contact.id).get(name)


def _nothing(tx: Tx, session: Session, contact: Contact) -> Any:
    return EMPTY


ROOTS: Mapping[str, Callable[[Tx, Session, Contact], Any]] = {
    "Agent": _agent,
    "Attributes": lambda tx, session, contact: attributes_of(tx, session.key),
    "AwsRegion": lambda tx, session, contact: _instance(tx, session).region,
    "CallbackNumber": _nothing,
    "Case": _nothing,
    "Channel": lambda tx, session, contact: "CHAT",
    "ContactId": lambda tx, session, contact: contact.id,
    "Customer": _nothing,
    "CustomerEndpoint": _nothing,
    "CustomerId": lambda tx, session, contact: session.customer_id,
    "Description": _of_data("Description"),
    "External": _nothing,
    "FlowAttributes": _nothing,
    "InitialContactId": lambda tx, session, contact: session.initial_contact_id,
    "InitiationMethod": lambda tx, session, contact: contact.initiation_method,
    "InstanceARN": lambda tx, session, contact: instance_arn(_instance(tx, session)),
    "LanguageCode": _of_data("LanguageCode"),
    "Lex": _nothing,
    "Media": _initial_message,
    "MediaStreams": _nothing,
    "Metrics": _nothing,
    "Name": _of_data("Name"),
    "PreviousContactId": lambda tx, session, contact: contact.previous_contact_id,
    "Queue": _queue,
    "References": _of_data("References"),
    "RelatedContactId": lambda tx, session, contact: session.related_contact_id,
    "SegmentAttributes": _segment_attributes,
    "StoredCustomerInput": lambda tx, session, contact: None,
    "SystemEndpoint": _nothing,
    "Tags": _of_data("Tags"),
    "Views": _nothing,
    "Wisdom": lambda tx, session, contact: {
        "SessionArn": contact_data(tx, session, contact.id).get("WisdomSessionArn")
    },
}
"""The roots, by name. Those that only a run of a flow fills are empty here: External, Lex, Metrics, Views and others.

Source: Admin Guide, list of available contact attributes.
Assumed: a chat has no CustomerEndpoint and no SystemEndpoint, since StartChatContact names none.
"""
