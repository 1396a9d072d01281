"""The operation that finds contacts by times, criteria and texts, sorted and paged."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from threadline.chat import attributes
from threadline.chat.contact import Contact, Session
from threadline.chat.criteria import TIMES, ContactRecord, is_within, meets
from threadline.chat.limits import CHAT_MINUTES_MAX
from threadline.errors import Fault
from threadline.operations.contact_records import ai_agents_of, segment_attributes_in
from threadline.operations.contacts import contact_arn
from threadline.operations.instances import NOT_A_NEXT_TOKEN, Instance, page_of, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, bare_id, operation, refuse
from threadline.operations.text_search import TextLookUps, checked_criteria
from threadline.store import Tx

INVALID = "InvalidRequestException"
BEGUN = "INITIATION_TIMESTAMP"
NUMBER_MAX = (1 << 63) - 1
READ_MAX = 250
"""Contacts that one statement reads."""
EXAMINED_MAX = 2_000
"""Contacts that one call examines: some ten milliseconds. The next page goes on behind them."""
COUNTED_MAX = 10_000
SORT_KEYS: dict[str, Callable[[Contact], Any]] = {
    "INITIATION_METHOD": lambda contact: contact.initiation_method,
    "CHANNEL": lambda contact: "CHAT",
    "EXPIRY_TIMESTAMP": lambda contact: None,
    **TIMES,
}


class Recorded(NamedTuple):
    """The columns beside a contact's row that criteria and summaries read, as JSON."""

    attributes: str | None
    segment_attributes: str | None
    data: str | None


class FoundContact(NamedTuple):
    """A contact of the range, with what criteria and summaries read of it."""

    session: Session
    record: ContactRecord


class SearchRange(NamedTuple):
    """The contacts that a search examines: the times at which they began, and their order."""

    instance: Instance
    start_ms: int
    end_ms: int
    ascending: bool


@operation("connect", writes=False)
def search_contacts(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    time_range: Document,
    search_criteria: Document | None = None,
    max_results: int = 100,
    next_token: str | None = None,
    sort: Document | None = None,
) -> Reply:
    """Find the contacts of a time range, both ends of it included, that meet the criteria.

    Order: newest first, or as Sort asks. A call examines 2,000 contacts of the range at most, and looks 2,000 texts up
    in them, so its cost does not depend on the number of contacts. A page may hold fewer contacts than MaxResults, or
    none, and have a NextToken.
    Faults: ResourceNotFoundException for the instance; InvalidRequestException for a NextToken that is not valid, for
        criteria that a chat cannot meet, and for a Sort by another field than INITIATION_TIMESTAMP over more than
        2,000 contacts.
    Source: SearchContacts.
    Assumed: InitialContactId is left out of a chat's first contact. MaxResults is 100 unless given.
    Assumed: ContactAnalysis.Transcript searches all chats, though Amazon's needs Contact Lens. A text of it matches a
        message with all its words, with MATCH_EXACT one that has them as a phrase. The index of words is behind a
        running chat by half a minute at most.
    Assumed: criteria are met all together; texts, attributes and their values are compared without case.
    Source: model shape ContactSearchSummarySegmentAttributeValue: SegmentAttributes have no integers.
    On purpose: SearchCriteria with AgentHierarchyGroups, RoutingCriteria or ActiveRegions is refused, since a chat has
        none of them here.
    On purpose: TotalCount is left out where more contacts match than a call counts: 10,000 without criteria, and with
        criteria those of the first 2,000 contacts of the range.
    """
    instance = require_instance(tx, caller, instance_id)
    criteria = _checked(search_criteria or {})
    if time_range["StartTime"] > time_range["EndTime"]:
        raise Fault(INVALID, "TimeRange.StartTime is after TimeRange.EndTime.")
    field = sort["FieldName"] if sort else BEGUN
    wanted = _range(instance, time_range, sort)
    look_ups = TextLookUps(tx, checked_criteria((criteria.get("ContactAnalysis") or {}).get("Transcript")))
    is_wanted = _predicate(look_ups, criteria, time_range)
    if field in (BEGUN, "CHANNEL"):
        all_match = not search_criteria and time_range["Type"] == BEGUN
        counts = next_token is None and not all_match
        reply = _in_order(tx, wanted, is_wanted, look_ups, max_results, next_token, counts=counts)
        if all_match and next_token is None:
            reply["TotalCount"] = _count(tx, wanted)
        return reply
    return _sorted(tx, wanted, is_wanted, look_ups, max_results, next_token, field)


def _checked(criteria: Document) -> Document:
    """The criteria, with ids in place of ARNs. Faults: InvalidRequestException for those of other channels."""
    refuse(
        INVALID,
        **{
            f"SearchCriteria.{name}": criteria.get(name)
            for name in ("AgentHierarchyGroups", "RoutingCriteria", "ActiveRegions")
        },
    )
    ids = {
        name: [bare_id(each) for each in criteria[name]]
        for name in ("AgentIds", "QueueIds")
        if criteria.get(name)
    }
    return {**criteria, **ids}


def _range(instance: Instance, time_range: Document, sort: Document | None) -> SearchRange:
    """The times at which a contact of the time range can have begun: a chat lasts seven days at most."""
    start_ms, end_ms = time_range["StartTime"], time_range["EndTime"]
    if time_range["Type"] != BEGUN:
        start_ms -= CHAT_MINUTES_MAX * 60_000
    return SearchRange(instance, start_ms, end_ms, sort is not None and sort["Order"] == "ASCENDING")


def _predicate(
    look_ups: TextLookUps, criteria: Document, time_range: Document
) -> Callable[[FoundContact], bool]:
    def is_wanted(found: FoundContact) -> bool:
        return (
            is_within(time_range, found.record.contact)
            and meets(criteria, found.record)
            and look_ups.meets(found.session, found.record.contact)
        )

    return is_wanted


def _in_order(
    tx: Tx,
    wanted: SearchRange,
    is_wanted: Callable[[FoundContact], bool],
    look_ups: TextLookUps,
    max_results: int,
    next_token: str | None,
    *,
    counts: bool,
) -> Reply:
    """A page in the order in which contacts began. With `counts` the matches behind the page are counted too."""
    after = _position(tx, wanted, next_token) if next_token else None
    kept: list[FoundContact] = []
    count = examined = 0
    token: str | None = None
    last = ""
    for found in _contacts(tx, wanted, after):
        if examined == EXAMINED_MAX or look_ups.is_spent:
            return _page(wanted.instance, kept, token or last)
        examined += 1
        last = found.record.contact.id
        if not is_wanted(found):
            continue
        count += 1
        if len(kept) < max_results:
            kept.append(found)
        else:
            token = kept[-1].record.contact.id
            if not counts:
                return _page(wanted.instance, kept, token)
    return {**_page(wanted.instance, kept, token), "TotalCount": count if counts else None}


def _sorted(
    tx: Tx,
    wanted: SearchRange,
    is_wanted: Callable[[FoundContact], bool],
    look_ups: TextLookUps,
    max_results: int,
    next_token: str | None,
    field: str,
) -> Reply:
    """A page in the order of another field, over a range that is small enough to be sorted whole.

    Assumed: contacts without the field come last, and contacts with the same value are in the order of their ids.
    """
    matching: list[FoundContact] = []
    for examined, found in enumerate(_contacts(tx, wanted, None)):
        if examined == EXAMINED_MAX or look_ups.is_spent:
            raise Fault(
                INVALID,
                f"Sort by {field} is possible over {EXAMINED_MAX} contacts at most, fewer with many texts to search"
                f" for, and this TimeRange has more: narrow it, or sort by {BEGUN}.",
            )
        if is_wanted(found):
            matching.append(found)
    key = SORT_KEYS[field]
    matching.sort(key=lambda found: found.record.contact.id, reverse=not wanted.ascending)
    having = [found for found in matching if key(found.record.contact) is not None]
    having.sort(key=lambda found: key(found.record.contact), reverse=not wanted.ascending)
    ordered = having + [found for found in matching if key(found.record.contact) is None]
    kept, token = page_of(ordered, lambda found: found.record.contact.id, next_token, max_results)
    return {
        **_page(wanted.instance, kept, token),
        "TotalCount": len(ordered),
    }


def _contacts(tx: Tx, wanted: SearchRange, after: tuple[int, str] | None) -> Iterator[FoundContact]:
    """The contacts of a range in order, behind `after`, the time at which one began and its id."""
    edge = after or ((wanted.start_ms - 1, "") if wanted.ascending else (wanted.end_ms + 1, ""))
    while True:
        rows = tx.rows(
            "contacts_oldest_first" if wanted.ascending else "contacts_newest_first",
            Session,
            Contact,
            Recorded,
            instance_id=wanted.instance.id,
            at_ms=edge[0],
            contact_id=edge[1],
            last_ms=wanted.end_ms if wanted.ascending else wanted.start_ms,
            limit=READ_MAX,
        )
        for session, contact, recorded in rows:
            yield FoundContact(session, _record(contact, recorded))
        if len(rows) < READ_MAX:
            return
        edge = (rows[-1][1].initiated_at_ms, rows[-1][1].id)


def _record(contact: Contact, recorded: Recorded) -> ContactRecord:
    data: Mapping[str, Any] = json.loads(recorded.data) if recorded.data else {}
    given = json.loads(recorded.segment_attributes or "{}")
    return ContactRecord(
        contact,
        json.loads(recorded.attributes or "{}"),
        attributes.segment_attributes({**given, **segment_attributes_in(data)}),
        data,
    )


def _position(tx: Tx, wanted: SearchRange, next_token: str) -> tuple[int, str]:
    key = {"instance_id": wanted.instance.id, "contact_id": next_token}
    found = tx.row("past_session_and_contact", Session, Contact, **key)
    if found is None:
        raise Fault(INVALID, NOT_A_NEXT_TOKEN)
    return found[1].initiated_at_ms, found[1].id


def _count(tx: Tx, wanted: SearchRange) -> int | None:
    """The number of contacts that began in the range; None when there are more than a call counts."""
    count = tx.row(
        "count_contacts_begun",
        int,
        instance_id=wanted.instance.id,
        start_ms=wanted.start_ms,
        end_ms=wanted.end_ms,
        limit=COUNTED_MAX + 1,
    )
    return count if count is not None and count <= COUNTED_MAX else None


def _page(instance: Instance, kept: Sequence[FoundContact], next_token: str | None) -> Reply:
    return {"Contacts": [_summary(instance, *found) for found in kept], "NextToken": next_token}


def _summary(instance: Instance, session: Session, record: ContactRecord) -> Reply:
    contact = record.contact
    members: Reply = {
        "Arn": contact_arn(instance, contact.id),
        "Id": contact.id,
        "InitialContactId": session.initial_contact_id if contact.position else None,
        "PreviousContactId": contact.previous_contact_id,
        "InitiationMethod": contact.initiation_method,
        "Channel": "CHAT",
        "InitiationTimestamp": contact.initiated_at_ms,
        "DisconnectTimestamp": contact.disconnected_at_ms,
        "Name": record.data.get("Name"),
        "Tags": record.data.get("Tags"),
        "AiAgentInfo": ai_agents_of(contact, record.data),
        "SegmentAttributes": {
            name: value for name, value in record.segment_attributes.items() if "ValueInteger" not in value
        },
    }
    if contact.queue_id is not None:
        members["QueueInfo"] = {"Id": contact.queue_id, "EnqueueTimestamp": contact.enqueued_at_ms}
    if contact.user_id is not None:
        members["AgentInfo"] = {"Id": contact.user_id, "ConnectedToAgentTimestamp": contact.accepted_at_ms}
    return members
