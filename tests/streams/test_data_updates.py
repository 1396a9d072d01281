"""CONTACT_DATA_UPDATED: which changes of a contact are told, in their place among its other events."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines import store_of
from tests.streams.aws import until
from threadline.testing import Threadline
from threadline.testing.options import Options

Detail = dict[str, Any]


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Threadline]:
    options: Options = {**store_of(request), "contact_events": f"file:{tmp_path / 'events.jsonl'}"}
    with Threadline(**options) as server:
        yield server


def details(tmp_path: Path, holds: str, count: int = 1) -> list[Detail]:
    """The events, once so many of a type have come."""
    file = tmp_path / "events.jsonl"

    def look() -> list[Detail]:
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line)["detail"] for line in lines]

    return until(look, lambda found: [each["eventType"] for each in found].count(holds) >= count)


def test_changes_of_attributes_tags_and_segment_attributes_are_told_in_order(
    server: Threadline, tmp_path: Path
) -> None:
    connect = server.connect
    casey = server.customer(Attributes={"order": "12"}, CustomerId="c-1")
    here: Any = {"InstanceId": server.instance_id, "ContactId": casey.contact_id}
    server.clock.advance(seconds=1)  # so that no two steps are of one millisecond
    set_attributes = {"InstanceId": server.instance_id, "InitialContactId": casey.contact_id}
    connect.update_contact_attributes(**set_attributes, Attributes={"order": "13"})
    connect.tag_contact(**here, Tags={"Dept": "Finance"})
    server.clock.advance(seconds=1)
    server.agent("a1").accept(casey)
    server.clock.advance(seconds=1)
    connect.untag_contact(**here, TagKeys=["Dept"])
    value = {"ValueMap": {"Kept": {"ValueString": "as it is"}}}
    connect.update_contact(**here, SegmentAttributes={"Level": value})
    found = details(tmp_path, "CONTACT_DATA_UPDATED", 4)

    told = [(each["eventType"], each.get("updatedProperties")) for each in found]
    updated = "CONTACT_DATA_UPDATED"
    assert told == [
        ("INITIATED", None),
        ("CONNECTED_TO_SYSTEM", None),
        ("QUEUED", None),
        (updated, ["UserDefinedAttributes"]),
        (updated, ["Tags"]),
        ("CONNECTED_TO_AGENT", None),
        (updated, ["Tags"]),
        (updated, ["Segment Attributes"]),
    ]
    assert {each["contactId"] for each in found} == {casey.contact_id}
    assert {each["customerId"] for each in found} == {"c-1"}
    first, last = found[3], found[-1]
    assert "queueInfo" in first
    assert "agentInfo" not in first
    assert last["agentInfo"]["agentArn"].endswith(server.agents["a1"])
    assert last["segmentAttributes"] == {
        "connect:Subtype": {"valueString": "connect:Chat"},
        "Level": {"valueMap": {"Kept": {"valueString": "as it is"}}},
    }


def test_a_change_that_changes_nothing_or_is_of_another_member_is_not_told(
    server: Threadline, tmp_path: Path
) -> None:
    connect = server.connect
    casey = server.customer(Attributes={"order": "12"})
    here: Any = {"InstanceId": server.instance_id, "ContactId": casey.contact_id}
    connect.update_contact_attributes(
        InstanceId=server.instance_id, InitialContactId=casey.contact_id, Attributes={"order": "12"}
    )
    connect.untag_contact(**here, TagKeys=["Dept"])
    connect.update_contact(**here, Name="Order 12", Description="It has not come")
    connect.update_contact_routing_data(**here, QueuePriority=1)
    casey.leave()
    assert [each["eventType"] for each in details(tmp_path, "COMPLETED")] == [
        "INITIATED",
        "CONNECTED_TO_SYSTEM",
        "QUEUED",
        "DISCONNECTED",
        "COMPLETED",
    ]


def test_an_association_tells_that_attributes_came_with_the_past(server: Threadline, tmp_path: Path) -> None:
    past = server.customer(Attributes={"order": "12"})
    past.leave()
    casey = server.customer()
    casey.continue_from("ENTIRE_PAST_SESSION", past.contact_id)
    (update,) = (each for each in details(tmp_path, "CONTACT_DATA_UPDATED") if "updatedProperties" in each)
    assert (update["contactId"], update["updatedProperties"]) == (casey.contact_id, ["UserDefinedAttributes"])
    assert update["relatedContactId"] == past.contact_id


def test_a_contact_that_has_ended_tells_its_changes_too(server: Threadline, tmp_path: Path) -> None:
    casey = server.customer()
    casey.say("hello")
    casey.leave()
    server.clock.advance(seconds=1)
    server.connect.tag_contact(
        InstanceId=server.instance_id, ContactId=casey.contact_id, Tags={"Dept": "Finance"}
    )
    last = details(tmp_path, "CONTACT_DATA_UPDATED")[-1]
    assert (last["updatedProperties"], last["tags"]["Dept"]) == (["Tags"], "Finance")
    assert last["disconnectReason"] == "CUSTOMER_DISCONNECT"
    assert last["chatMetrics"]["chatContactMetrics"]["totalMessages"] >= 1
    (recording,) = last["recordings"]
    assert recording["location"].startswith("threadline/connect/threadline-demo/ChatTranscripts/")
    assert recording["mediaStreamType"] == "CHAT"
