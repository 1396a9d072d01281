"""The rules of SearchContacts: whether a contact meets the criteria. Texts are compared without case."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from threadline.chat.contact import Contact

AI_AGENT = "AiAgentVersionId"
"""The member of a contact's data that has the AI agent with which the chat began."""
Document = Mapping[str, Any]

TIMES: dict[str, Callable[[Contact], int | None]] = {
    "INITIATION_TIMESTAMP": lambda contact: contact.initiated_at_ms,
    "CONNECTED_TO_AGENT_TIMESTAMP": lambda contact: contact.accepted_at_ms,
    "DISCONNECT_TIMESTAMP": lambda contact: contact.disconnected_at_ms,
    "ENQUEUE_TIMESTAMP": lambda contact: contact.enqueued_at_ms,
    "SCHEDULED_TIMESTAMP": lambda contact: None,
}
"""The times of a contact, by their names in a time range. A chat is never scheduled."""


class ContactRecord(NamedTuple):
    """A contact with what criteria ask for beside its row: attributes, segment attributes and data."""

    contact: Contact
    attributes: Mapping[str, str]
    segment_attributes: Mapping[str, Any]
    data: Mapping[str, Any]


def is_match(match_type: str | None, results: Iterable[bool]) -> bool:
    """Whether the results of several criteria are together a match. MATCH_ALL is the default.

    Assumed: MATCH_EXACT of several criteria is MATCH_ALL.
    """
    if match_type == "MATCH_ANY":
        return any(results)
    if match_type == "MATCH_NONE":
        return not any(results)
    return all(results)


def meets(criteria: Document, record: ContactRecord) -> bool:
    """Whether a contact meets all criteria; those on its transcript are left to the caller.

    Assumed: an empty list of ids, channels or methods is no criterion.
    """
    contact = record.contact
    for member, value in (
        ("AgentIds", contact.user_id),
        ("QueueIds", contact.queue_id),
        ("InitiationMethods", contact.initiation_method),
        ("Channels", "CHAT"),
    ):
        wanted: Sequence[str] = criteria.get(member) or ()
        if wanted and value not in wanted:
            return False
    return (
        _has_name(criteria.get("Name"), str(record.data.get("Name") or ""))
        and _has_attributes(criteria.get("SearchableContactAttributes"), record.attributes)
        and _has_attributes(criteria.get("SearchableSegmentAttributes"), _texts(record.segment_attributes))
        and _has_tags(criteria.get("ContactTags"), record.data.get("Tags") or {})
        and _has_ai_agents(criteria.get("AiAgents"), record)
        and _has_times(criteria.get("AdditionalTimeRange"), contact)
    )


def is_within(time_range: Document, contact: Contact) -> bool:
    """Whether a time of the contact lies in a range, both ends of it included."""
    at_ms = TIMES[time_range["Type"]](contact)
    return at_ms is not None and time_range["StartTime"] <= at_ms <= time_range["EndTime"]


def _has_name(wanted: Document | None, name: str) -> bool:
    """Assumed: a text matches a name that contains it; with MATCH_EXACT, a name that it is."""
    if wanted is None:
        return True
    texts = [text.casefold() for text in wanted["SearchText"]]
    if wanted["MatchType"] == "MATCH_EXACT":
        return name.casefold() in texts
    return is_match(wanted["MatchType"], [text in name.casefold() for text in texts])


def _has_attributes(wanted: Document | None, attributes: Mapping[str, str]) -> bool:
    """Assumed: an attribute matches when it has one of the values as a whole."""
    if wanted is None:
        return True
    results = [
        attributes.get(each["Key"], "").casefold() in [value.casefold() for value in each["Values"]]
        and each["Key"] in attributes
        for each in wanted["Criteria"]
    ]
    return is_match(wanted.get("MatchType"), results)


def _texts(segment_attributes: Mapping[str, Any]) -> dict[str, str]:
    """The segment attributes that are a text or a number, as texts."""
    found: dict[str, str] = {}
    for name, value in segment_attributes.items():
        for member in ("ValueString", "ValueInteger", "ValueArn"):
            if isinstance(value, Mapping) and value.get(member) is not None:
                found[name] = str(value[member])
    return found


def _has_tags(wanted: Document | None, tags: Mapping[str, str]) -> bool:
    """Assumed: conditions of several members are all met; a condition without TagValue takes any value."""
    if wanted is None:
        return True

    def has(condition: Document) -> bool:
        key, value = condition.get("TagKey"), condition.get("TagValue")
        if key is None:
            return value in tags.values()
        return key in tags and value in (None, tags[key])

    either: Sequence[Sequence[Document]] = wanted.get("OrConditions") or ()
    both: Sequence[Document] = wanted.get("AndConditions") or ()
    one: Document | None = wanted.get("TagCondition")
    return (
        (not either or any(all(map(has, conditions)) for conditions in either))
        and all(map(has, both))
        and (one is None or has(one))
    )


def _has_ai_agents(wanted: Document | None, record: ContactRecord) -> bool:
    """Whether a contact began with the AI agent of every criterion. An ARN names the last id in it."""
    agent, _, version = str(record.data.get(AI_AGENT) or "").partition(":")
    is_escalated = record.contact.user_id is not None

    def has(criterion: Document) -> bool:
        named, _, its_version = str(criterion.get("Id") or agent).rpartition("/")[2].partition(":")
        number = criterion.get("VersionNumber")
        return (
            named == agent
            and its_version in ("", version)
            and (number is None or str(number) == version)
            and criterion.get("AiAgentEscalated") in (None, is_escalated)
            and criterion.get("AiUseCase") in (None, "SelfService")
        )

    criteria: Sequence[Document] = (wanted or {}).get("Criteria") or ()
    return not criteria or (bool(agent) and all(map(has, criteria)))


def _has_times(wanted: Document | None, contact: Contact) -> bool:
    if wanted is None:
        return True
    results: list[bool] = []
    for each in wanted["Criteria"]:
        if each.get("TimeRange") is not None:
            results.append(is_within(each["TimeRange"], contact))
        if each.get("TimestampCondition") is not None:
            results.append(TIMES[each["TimestampCondition"]["Type"]](contact) is None)
    return is_match(wanted["MatchType"], results)
