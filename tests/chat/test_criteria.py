"""The rules of SearchContacts: match types, names, attributes, tags and times."""

from typing import Any

import pytest

from threadline.chat.contact import Contact
from threadline.chat.criteria import ContactRecord, is_match, is_within, meets

CONTACT = Contact(
    1, 0, "i", "c", None, "API", 1, "f", 1_000, 1_100, "q", "q", 1_200, None, "a1", 1_300, 2_000, "API", 2_000
)
RECORD = ContactRecord(
    CONTACT,
    {"Tier": "Gold", "language": "Ελληνικά"},
    {"connect:Subtype": {"ValueString": "connect:Chat"}, "visits": {"ValueInteger": 3}},
    {"Name": "A late Parcel 世界", "Tags": {"team": "parcels"}},
)


def attributes(key: str, *values: str, match: str = "MATCH_ALL", of: str = "Contact") -> dict[str, Any]:
    criteria = [{"Key": key, "Values": list(values)}]
    return {f"Searchable{of}Attributes": {"Criteria": criteria, "MatchType": match}}


def name(match: str, *texts: str) -> dict[str, Any]:
    return {"Name": {"SearchText": list(texts), "MatchType": match}}


def tags(**members: Any) -> dict[str, Any]:
    return {"ContactTags": members}


def times(match: str, *criteria: dict[str, Any]) -> dict[str, Any]:
    return {"AdditionalTimeRange": {"Criteria": list(criteria), "MatchType": match}}


def between(kind: str, start: int, end: int) -> dict[str, Any]:
    return {"TimeRange": {"Type": kind, "StartTime": start, "EndTime": end}}


def never(kind: str) -> dict[str, Any]:
    return {"TimestampCondition": {"Type": kind, "ConditionType": "NOT_EXISTS"}}


TEAM = {"TagKey": "team", "TagValue": "parcels"}
OTHER = {"TagKey": "team", "TagValue": "letters"}


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({}, True),
        ({"AgentIds": []}, True),
        ({"AgentIds": ["a2", "a1"]}, True),
        ({"AgentIds": ["a2"]}, False),
        ({"QueueIds": ["q"], "Channels": ["CHAT"], "InitiationMethods": ["API"]}, True),
        ({"QueueIds": ["q"], "Channels": ["VOICE"]}, False),
        ({"InitiationMethods": ["TRANSFER"]}, False),
        (name("MATCH_ALL", "late", "PARCEL"), True),
        (name("MATCH_ALL", "late", "letter"), False),
        (name("MATCH_ANY", "late", "letter"), True),
        (name("MATCH_NONE", "letter"), True),
        (name("MATCH_ANY", "世"), True),
        (name("MATCH_EXACT", "a late parcel 世界"), True),
        (name("MATCH_EXACT", "parcel"), False),
        (name("MATCH_ANY", "%"), False),
        (name("MATCH_ANY", "_"), False),
        (attributes("Tier", "silver", "gold"), True),
        (attributes("Tier", "gol"), False),
        (attributes("language", "ΕΛΛΗΝΙΚΆ"), True),
        (attributes("absent", ""), False),
        (attributes("absent", "x", match="MATCH_NONE"), True),
        (attributes("visits", "3", of="Segment"), True),
        (attributes("connect:Subtype", "connect:SMS", of="Segment"), False),
        (tags(TagCondition=TEAM), True),
        (tags(TagCondition=OTHER), False),
        (tags(TagCondition={"TagKey": "team"}), True),
        (tags(OrConditions=[[OTHER], [TEAM]]), True),
        (tags(OrConditions=[[OTHER, TEAM]]), False),
        (tags(AndConditions=[TEAM, OTHER]), False),
        (times("MATCH_ALL", between("DISCONNECT_TIMESTAMP", 2_000, 2_000)), True),
        (times("MATCH_ALL", between("ENQUEUE_TIMESTAMP", 0, 1_199)), False),
        (times("MATCH_ANY", between("ENQUEUE_TIMESTAMP", 0, 1), never("SCHEDULED_TIMESTAMP")), True),
        (times("MATCH_ALL", never("DISCONNECT_TIMESTAMP")), False),
    ],
)
def test_criteria(criteria: dict[str, Any], expected: bool) -> None:
    assert meets(criteria, RECORD) is expected, criteria


def test_match_types() -> None:
    assert is_match(None, [True, True])
    assert not is_match(None, [True, False])
    assert is_match("MATCH_ANY", [False, True])
    assert not is_match("MATCH_NONE", [False, True])
    assert is_match("MATCH_NONE", [])


def test_both_ends_of_a_range_are_in_it() -> None:
    def within(kind: str, start: int, end: int) -> bool:
        return is_within({"Type": kind, "StartTime": start, "EndTime": end}, CONTACT)

    assert within("INITIATION_TIMESTAMP", 1_000, 1_000)
    assert not within("INITIATION_TIMESTAMP", 1_001, 2_000)
    assert not within("SCHEDULED_TIMESTAMP", 0, 9_000), "a chat is never scheduled"
