"""SearchContacts with criteria, sorted and paged, through boto3."""

from typing import Any
from uuid import uuid4

import pytest

from tests.operations.refusals import INVALID, refused
from tests.operations.test_contacts import EVER
from threadline.testing import Threadline
from threadline.testing.people import Customer

Ids = list[str]


def found(server: Threadline, criteria: dict[str, Any] | None = None, **members: Any) -> Ids:
    """The ids of all pages."""
    connect: Any = server.connect
    asked = {"InstanceId": server.instance_id, "TimeRange": EVER, **members}
    if criteria is not None:
        asked["SearchCriteria"] = criteria
    pages = connect.get_paginator("search_contacts").paginate(**asked)
    return [contact["Id"] for page in pages for contact in page["Contacts"]]


def attribute(key: str, *values: str) -> dict[str, Any]:
    return {"SearchableContactAttributes": {"Criteria": [{"Key": key, "Values": list(values)}]}}


@pytest.fixture
def mark() -> str:
    return str(uuid4())


def begun(server: Threadline, mark: str, count: int) -> list[Customer]:
    return [server.customer(Attributes={"mark": mark, "number": str(number)}) for number in range(count)]


def test_contacts_are_found_by_attribute_in_pages(threadline_server: Threadline, mark: str) -> None:
    chats = [casey.contact_id for casey in begun(threadline_server, mark, 5)]
    begun(threadline_server, "another", 2)
    newest_first = chats[::-1]
    assert found(threadline_server, attribute("mark", mark)) == newest_first
    assert found(threadline_server, attribute("mark", mark), MaxResults=2) == newest_first
    ascending = {"FieldName": "INITIATION_TIMESTAMP", "Order": "ASCENDING"}
    assert found(threadline_server, attribute("mark", mark), MaxResults=2, Sort=ascending) == chats
    assert found(threadline_server, {**attribute("mark", mark), "Channels": ["VOICE"]}) == []


def test_contacts_are_found_by_agent_queue_and_method(threadline: Threadline) -> None:
    past = threadline.past_chat()
    agents, queue = threadline.agents, threadline.queue_id
    assert found(threadline, {"AgentIds": [agents["a1"]]}) == [past.c1]
    user: Any = threadline.connect.describe_user(InstanceId=threadline.instance_id, UserId=agents["a2"])
    assert found(threadline, {"AgentIds": [user["User"]["Arn"]]}) == [past.c2]
    assert found(threadline, {"QueueIds": [queue], "InitiationMethods": ["API"]}) == [past.c1]
    assert found(threadline, {"InitiationMethods": ["TRANSFER", "DISCONNECT"]}) == [past.c3, past.c2]


def test_contacts_are_found_by_what_was_set_on_them(threadline_server: Threadline, mark: str) -> None:
    first, second = begun(threadline_server, mark, 2)
    connect: Any = threadline_server.connect
    chat = {"InstanceId": threadline_server.instance_id, "ContactId": first.contact_id}
    connect.update_contact(**chat, Name=f"Parcel {mark}", SegmentAttributes={"m": {"ValueString": mark}})
    connect.tag_contact(**chat, Tags={"team": mark})
    named = {"Name": {"SearchText": [mark.upper()], "MatchType": "MATCH_ANY"}}
    segment = {"SearchableSegmentAttributes": {"Criteria": [{"Key": "m", "Values": [mark]}]}}
    tagged = {"ContactTags": {"TagCondition": {"TagKey": "team", "TagValue": mark}}}
    for criteria in (named, segment, tagged, named | segment | tagged):
        assert found(threadline_server, criteria) == [first.contact_id], criteria
    none = {"Name": {"SearchText": ["Parcel"], "MatchType": "MATCH_NONE"}}
    assert found(threadline_server, {**none, **attribute("mark", mark)}) == [second.contact_id]
    [page] = connect.get_paginator("search_contacts").paginate(
        InstanceId=threadline_server.instance_id, TimeRange=EVER, SearchCriteria=tagged
    )
    assert page["Contacts"][0]["Name"] == f"Parcel {mark}"
    assert page["Contacts"][0]["Tags"] == {"team": mark}
    assert page["TotalCount"] == 1


def test_contacts_are_found_and_sorted_by_their_end(threadline: Threadline) -> None:
    first, second, third = [threadline.customer() for _ in range(3)]
    for casey in (second, first):
        casey.leave()
        threadline.clock.advance(seconds=10)
    ended = {**EVER, "Type": "DISCONNECT_TIMESTAMP"}
    ids = [casey.contact_id for casey in (first, second, third)]
    assert found(threadline, TimeRange=ended) == [ids[1], ids[0]]
    for size in (1, 2, 100):
        latest = {"FieldName": "DISCONNECT_TIMESTAMP", "Order": "DESCENDING"}
        assert found(threadline, Sort=latest, MaxResults=size) == [ids[0], ids[1], ids[2]]
        earliest = {"FieldName": "DISCONNECT_TIMESTAMP", "Order": "ASCENDING"}
        assert found(threadline, Sort=earliest, MaxResults=size) == [ids[1], ids[0], ids[2]]
    running = {
        "AdditionalTimeRange": {
            "Criteria": [
                {"TimestampCondition": {"Type": "DISCONNECT_TIMESTAMP", "ConditionType": "NOT_EXISTS"}}
            ],
            "MatchType": "MATCH_ALL",
        }
    }
    assert found(threadline, running) == [ids[2]]


def test_the_matches_of_all_pages_are_counted(threadline: Threadline) -> None:
    begun(threadline, "counted", 5)
    begun(threadline, "another", 3)
    connect: Any = threadline.connect
    asked = {"InstanceId": threadline.instance_id, "TimeRange": EVER, "MaxResults": 2}
    assert connect.search_contacts(**asked)["TotalCount"] == 8
    page = connect.search_contacts(**asked, SearchCriteria=attribute("mark", "COUNTED"))
    assert (page["TotalCount"], len(page["Contacts"])) == (5, 2)
    by_channel = {"FieldName": "CHANNEL", "Order": "DESCENDING"}
    assert connect.search_contacts(**asked, Sort=by_channel)["TotalCount"] == 8


def test_a_large_range_is_examined_in_parts(threadline: Threadline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits are lowered in the server's process, which is the test's."""
    monkeypatch.setattr("threadline.operations.search.EXAMINED_MAX", 3)
    monkeypatch.setattr("threadline.operations.search.READ_MAX", 2)
    wanted = begun(threadline, "wanted", 2)
    begun(threadline, "another", 7)
    assert found(threadline, attribute("mark", "wanted")) == [casey.contact_id for casey in wanted[::-1]]
    connect: Any = threadline.connect
    asked = {"InstanceId": threadline.instance_id, "TimeRange": EVER}
    page = connect.search_contacts(**asked, SearchCriteria=attribute("mark", "wanted"))
    assert (page["Contacts"], "TotalCount" in page) == ([], False)
    assert page["NextToken"]
    with refused(INVALID, "Sort by DISCONNECT_TIMESTAMP is possible over 3 contacts at most"):
        connect.search_contacts(**asked, Sort={"FieldName": "DISCONNECT_TIMESTAMP", "Order": "ASCENDING"})


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"TimeRange": {**EVER, "StartTime": 5, "EndTime": 4}}, "TimeRange.StartTime is after"),
        ({"NextToken": "nope"}, "NextToken is not one"),
        (
            {"NextToken": "nope", "Sort": {"FieldName": "INITIATION_METHOD", "Order": "ASCENDING"}},
            "NextToken is not one",
        ),
        (
            {"SearchCriteria": {"ActiveRegions": ["us-east-1"]}},
            "SearchCriteria.ActiveRegions is not supported",
        ),
        (
            {"SearchCriteria": {"AgentHierarchyGroups": {"L1Ids": ["x"]}}},
            "SearchCriteria.AgentHierarchyGroups is not supported",
        ),
    ],
)
def test_a_search_that_is_not_possible(
    threadline_server: Threadline, members: dict[str, Any], words: str
) -> None:
    with refused(INVALID, words):
        threadline_server.connect.search_contacts(
            **{"InstanceId": threadline_server.instance_id, "TimeRange": EVER, **members}
        )
