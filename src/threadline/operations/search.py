"""The operation that finds contacts by the time at which they began, newest first."""

import json

from threadline.chat import attributes
from threadline.chat.contact import Contact, Session
from threadline.errors import Fault
from threadline.operations.contacts import contact_arn
from threadline.operations.instances import Instance, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation, refuse
from threadline.store import Tx

INVALID = "InvalidRequestException"
BEGUN = "INITIATION_TIMESTAMP"
SLACK_MS = 60_000
"""Largest difference between the time in a contact's id and its InitiationTimestamp."""
UUID_MS_MAX = (1 << 48) - 1


@operation("connect", writes=False, refused=("search_criteria",))
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
    """Find the contacts that began within a time range, both ends of it included.

    Order: newest first, or as Sort asks. The cost of a page does not depend on the number of contacts.
    Faults: ResourceNotFoundException for the instance; InvalidRequestException for a NextToken that is not valid, for
        SearchCriteria, and for a TimeRange or Sort by anything but INITIATION_TIMESTAMP.
    Source: SearchContacts.
    Assumed: InitialContactId is left out of a chat's first contact.
    Assumed: MaxResults is 100 unless given.
    Source: model shape ContactSearchSummarySegmentAttributeValue: SegmentAttributes have no integers.
    On purpose: TotalCount is left out, since counting would read every contact of the range.
    """
    refuse(INVALID, SearchCriteria=search_criteria)
    instance = require_instance(tx, caller, instance_id)
    start_ms, end_ms = time_range["StartTime"], time_range["EndTime"]
    for member, name in (
        ("TimeRange.Type", time_range["Type"]),
        ("Sort.FieldName", (sort or {}).get("FieldName")),
    ):
        if name not in (BEGUN, None):
            raise Fault(
                INVALID, f"{member} {name} is not supported by this server: contacts are found by {BEGUN}."
            )
    if start_ms > end_ms:
        raise Fault(INVALID, "TimeRange.StartTime is after TimeRange.EndTime.")
    after, before = _first_id(start_ms - SLACK_MS), _first_id(end_ms + SLACK_MS)
    ascending = sort is not None and sort["Order"] == "ASCENDING"
    if next_token:
        if tx.one("past_session_and_contact", instance_id=instance.id, contact_id=next_token) is None:
            raise Fault(INVALID, "NextToken is not one that this operation has given.")
        after, before = (next_token, before) if ascending else (after, next_token)
    found = tx.rows(
        "contacts_oldest_first" if ascending else "contacts_newest_first",
        Session,
        Contact,
        str,
        instance_id=instance.id,
        after=after,
        before=before,
        start_ms=start_ms,
        end_ms=end_ms,
        limit=max_results + 1,
    )
    kept = found[:max_results]
    return {
        "Contacts": [_summary(instance, *each) for each in kept],
        "NextToken": kept[-1][1].id if len(found) > max_results else None,
    }


def _first_id(at_ms: int) -> str:
    """A lower bound of the ids of contacts that began at `at_ms` or later: ids are UUIDv7."""
    digits = f"{min(max(at_ms, 0), UUID_MS_MAX):012x}"
    return f"{digits[:8]}-{digits[8:]}"


def _summary(instance: Instance, session: Session, contact: Contact, given: str) -> Reply:
    segment_attributes = attributes.segment_attributes(json.loads(given or "{}"))
    members: Reply = {
        "Arn": contact_arn(instance, contact.id),
        "Id": contact.id,
        "InitialContactId": session.initial_contact_id if contact.position else None,
        "PreviousContactId": contact.previous_contact_id,
        "InitiationMethod": contact.initiation_method,
        "Channel": "CHAT",
        "InitiationTimestamp": contact.initiated_at_ms,
        "DisconnectTimestamp": contact.disconnected_at_ms,
        "SegmentAttributes": {
            name: value for name, value in segment_attributes.items() if "ValueInteger" not in value
        },
    }
    if contact.queue_id is not None:
        members["QueueInfo"] = {"Id": contact.queue_id, "EnqueueTimestamp": contact.enqueued_at_ms}
    if contact.user_id is not None:
        members["AgentInfo"] = {"Id": contact.user_id, "ConnectedToAgentTimestamp": contact.accepted_at_ms}
    return members
