"""The contact events of a chat: the states that its contacts came to, and the changes of their data.

Source: Admin Guide, contact events.
"""

import heapq
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from threadline.chat.contact import Contact, Session
from threadline.chat.streams import Origin, Stream, StreamEntry, entry_id, time_text

STATES = ("INITIATED", "CONNECTED_TO_SYSTEM", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED")
"""The states of a contact in their order, by the names of their events."""
INITIATED, CONNECTED, QUEUED, WITH_AGENT, ENDED = range(1, 6)
"""Places in `STATES`, from 1."""
DATA_UPDATED = "CONTACT_DATA_UPDATED"
STATES_OF_CONTACT = 10
"""The number of a state is the contact's position times this, and its place in `STATES`."""
UPDATES_FROM = 1_000_000
"""The number of a change of data is its own number and this, which is more than any state has."""
DETAIL_TYPE = "Amazon Connect Contact Event"

ATTRIBUTES = "UserDefinedAttributes"
PROPERTIES = {"Tags": "Tags", "SegmentAttributes": "Segment Attributes"}
"""The members of a contact's data whose changes are told, and their names in `updatedProperties`.

Source: Admin Guide, contact events, UpdatedProperties, also for `ATTRIBUTES`. The guide writes Segment Attributes with
a space. Its other values are of tasks, routing criteria, other regions and Contact Lens.
"""


class DataUpdate(NamedTuple):
    """A change of a contact's data in a chat that has a stream of events; `properties` is JSON."""

    session: int
    number: int
    contact_id: str
    properties: str
    at_ms: int


class ContactEvent(NamedTuple):
    """An event. `place` is the state that the contact had come to; `properties` are those that were changed, if any."""

    number: int
    contact: Contact
    at_ms: int
    place: int
    properties: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The type of the event."""
        return DATA_UPDATED if self.properties else STATES[self.place - 1]


class ContactFacts(NamedTuple):
    """The members of events that are not in the rows of a contact and its session."""

    tags: Mapping[str, str]
    segment_attributes: Mapping[str, Any]
    chat_metrics: Mapping[str, Any] | None = None
    recordings: Sequence[Mapping[str, Any]] | None = None


def contact_events(
    contacts: Sequence[Contact], updates: Sequence[DataUpdate], after: int = 0
) -> Iterator[ContactEvent]:
    """The events of a chat in their order: the states with a number above `after`, and the `updates`.

    States keep the order of their numbers, and so do updates, even when the clock went back. An update of the same
    millisecond comes behind INITIATED and before the other states.
    """
    states = (event for contact in contacts for event in _states(contact) if event.number > after)
    by_id = {contact.id: contact for contact in contacts}
    changes = (_change(by_id[update.contact_id], update) for update in updates if update.contact_id in by_id)
    return heapq.merge(states, changes, key=_time)


def _states(contact: Contact) -> Iterator[ContactEvent]:
    """The states that a contact has come to. It ends without after-contact work, so COMPLETED follows at once."""
    first = contact.position * STATES_OF_CONTACT
    for place, at_ms in enumerate(_times(contact), INITIATED):
        if at_ms is not None:
            yield ContactEvent(first + place, contact, at_ms, place)


def _times(contact: Contact) -> tuple[int | None, ...]:
    return (
        contact.initiated_at_ms,
        contact.connected_at_ms,
        contact.enqueued_at_ms,
        contact.accepted_at_ms,
        contact.disconnected_at_ms,
        contact.disconnected_at_ms,
    )


def _change(contact: Contact, update: DataUpdate) -> ContactEvent:
    came_to = [
        place for place, at_ms in enumerate(_times(contact), 1) if at_ms is not None and at_ms <= update.at_ms
    ]
    properties = json.loads(update.properties)
    return ContactEvent(
        UPDATES_FROM + update.number, contact, update.at_ms, came_to[-1] if came_to else 1, properties
    )


def _time(event: ContactEvent) -> tuple[int, int, int]:
    rank = 1 if event.properties else 0 if event.place == INITIATED else 2
    return event.at_ms, event.contact.position, rank


def event_entry(
    stream: Stream, session: Session, event: ContactEvent, facts: ContactFacts, origin: Origin
) -> StreamEntry:
    """A contact event, as EventBridge delivers it.

    Assumed: the names within segmentAttributes and chatMetrics begin with a small letter, as all names of events do.
    """
    contact = event.contact
    event_id = entry_id(stream.id, event.number)
    body = {
        "version": "0",
        "id": event_id,
        "detail-type": DETAIL_TYPE,
        "source": "aws.connect",
        "account": origin.account_id,
        "time": time_text(event.at_ms, whole_seconds=True),
        "region": origin.region,
        "resources": [origin.instance_arn, f"{origin.instance_arn}/contact/{contact.id}"],
        "detail": {
            "eventType": event.name,
            "contactId": contact.id,
            "channel": "CHAT",
            "instanceArn": origin.instance_arn,
            "initiationMethod": contact.initiation_method,
            **({"updatedProperties": list(event.properties)} if event.properties else {}),
            **_related(session, contact),
            **_progress(contact, event.place, origin),
            **_facts(session, event.place, facts),
        },
    }
    return StreamEntry(event.number, None, event_id, event.at_ms, session.initial_contact_id, body, {})


def _related(session: Session, contact: Contact) -> dict[str, Any]:
    found: dict[str, Any] = {
        "initialContactId": session.initial_contact_id if contact.position else None,
        "previousContactId": contact.previous_contact_id,
        "relatedContactId": session.related_contact_id,
        "customerId": session.customer_id,
    }
    return {name: value for name, value in found.items() if value is not None}


def _progress(contact: Contact, place: int, origin: Origin) -> dict[str, Any]:
    """The members that a contact has from the state at `place` on."""
    found: dict[str, Any] = {"initiationTimestamp": time_text(contact.initiated_at_ms)}
    if place >= CONNECTED and contact.connected_at_ms is not None:
        found["connectedToSystemTimestamp"] = time_text(contact.connected_at_ms)
    if place >= QUEUED and contact.enqueued_at_ms is not None:
        found["queueInfo"] = _queue_info(contact, contact.enqueued_at_ms, origin)
    if place >= WITH_AGENT and contact.user_id is not None and contact.accepted_at_ms is not None:
        found["agentInfo"] = {
            "agentArn": f"{origin.instance_arn}/agent/{contact.user_id}",
            "connectedToAgentTimestamp": time_text(contact.accepted_at_ms),
        }
    if place >= ENDED and contact.disconnected_at_ms is not None:
        found["disconnectTimestamp"] = time_text(contact.disconnected_at_ms)
        if contact.disconnect_reason is not None:
            found["disconnectReason"] = contact.disconnect_reason
    return found


def _queue_info(contact: Contact, enqueued_at_ms: int, origin: Origin) -> dict[str, Any]:
    """The queue of an event. A contact that is offered to one user waits in the user's own queue."""
    own = contact.queue_id is None
    name = f"agent/{contact.offered_user_id}" if own else contact.queue_id
    return {
        "queueArn": f"{origin.instance_arn}/queue/{name}",
        "queueType": "AGENT" if own else "STANDARD",
        "enqueueTimestamp": time_text(enqueued_at_ms),
    }


def _facts(session: Session, place: int, facts: ContactFacts) -> dict[str, Any]:
    found: dict[str, Any] = {
        "segmentAttributes": _segment_values(facts.segment_attributes),
        "tags": {"aws:connect:instanceId": session.instance_id, **facts.tags},
    }
    if place >= ENDED and facts.chat_metrics is not None:
        found["chatMetrics"] = _small(facts.chat_metrics)
    if place >= ENDED and facts.recordings is not None:
        found["recordings"] = [_small(each) for each in facts.recordings]
    return found


def _segment_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Segment attributes. Their own names stay as they are."""
    return {name: _segment_value(value) for name, value in values.items()}


def _segment_value(value: Mapping[str, Any]) -> dict[str, Any]:
    return _small(
        {kind: _segment_values(v) if kind == "ValueMap" and v else v for kind, v in value.items()}, deep=False
    )


def _small(members: Mapping[str, Any], *, deep: bool = True) -> dict[str, Any]:
    """Members with small first letters and times as texts, without those that have no value."""
    found: dict[str, Any] = {}
    for name, value in members.items():
        if deep and isinstance(value, Mapping):
            value = _small(value)
        elif name.endswith("Timestamp") and value is not None:
            value = time_text(value)
        if value is not None:
            found[name[0].lower() + name[1:]] = value
    return found
