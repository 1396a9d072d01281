"""UpdateContact, TagContact, UpdateContactRoutingData and ListContactReferences: what is recorded about a contact."""

from typing import Any

import pytest

from tests.operations.refusals import INVALID, NOT_FOUND, PARAMETER, refused
from threadline.testing import Threadline


@pytest.fixture
def chat(threadline_server: Threadline) -> dict[str, str]:
    casey = threadline_server.invite()
    return {"InstanceId": threadline_server.instance_id, "ContactId": casey.contact_id}


def described(server: Threadline, chat: dict[str, str]) -> dict[str, Any]:
    contact: Any = server.connect.describe_contact(**chat)["Contact"]
    return dict(contact)


def stop(server: Threadline, chat: dict[str, str]) -> None:
    server.connect.stop_contact(**chat)


def test_a_contact_is_named_and_described_also_after_its_end(
    threadline_server: Threadline, chat: dict[str, str]
) -> None:
    connect: Any = threadline_server.connect
    before = described(threadline_server, chat)
    assert "Name" not in before
    connect.update_contact(**chat, Name="A parcel", Description="It was late. ÄÖ 世界")
    stop(threadline_server, chat)
    connect.update_contact(**chat, Description="It came.")
    after = described(threadline_server, chat)
    assert (after["Name"], after["Description"]) == ("A parcel", "It came.")
    assert after["LastUpdateTimestamp"] >= before["LastUpdateTimestamp"]
    connect.update_contact(**chat, Name="")
    assert "Name" not in described(threadline_server, chat)


def test_segment_attributes_are_added(threadline_server: Threadline, chat: dict[str, str]) -> None:
    connect: Any = threadline_server.connect
    connect.update_contact(**chat, SegmentAttributes={"tier": {"ValueString": "gold"}})
    connect.update_contact(**chat, SegmentAttributes={"visits": {"ValueInteger": 3}})
    assert described(threadline_server, chat)["SegmentAttributes"] == {
        "connect:Subtype": {"ValueString": "connect:Chat"},
        "tier": {"ValueString": "gold"},
        "visits": {"ValueInteger": 3},
    }
    with refused(INVALID, "name 'no blanks' is not allowed"):
        connect.update_contact(**chat, SegmentAttributes={"no blanks": {"ValueString": "x"}})


def test_references_are_listed_by_type(threadline_server: Threadline, chat: dict[str, str]) -> None:
    connect: Any = threadline_server.connect
    order = {"Type": "URL", "Value": "https://shop.example/4711"}
    connect.update_contact(**chat, References={"order": order, "pieces": {"Type": "NUMBER", "Value": "2"}})
    connect.update_contact(**chat, References={"day": {"Type": "DATE", "Value": "1700000000"}})

    def listed(*types: str) -> Any:
        return connect.list_contact_references(**chat, ReferenceTypes=list(types))["ReferenceSummaryList"]

    assert listed("URL") == [{"Url": {"Name": "order", "Value": "https://shop.example/4711"}}]
    assert listed("DATE", "NUMBER") == [
        {"Date": {"Name": "day", "Value": "1700000000"}},
        {"Number": {"Name": "pieces", "Value": "2"}},
    ]
    assert listed("ATTACHMENT") == []
    with refused(INVALID, "NextToken is not supported"):
        connect.list_contact_references(**chat, ReferenceTypes=["URL"], NextToken="x")


def test_a_contact_is_tagged(threadline_server: Threadline, chat: dict[str, str]) -> None:
    connect: Any = threadline_server.connect
    connect.tag_contact(**chat, Tags={"team": "parcels", "cost": "a"})
    connect.tag_contact(**chat, Tags={"cost": "b"})
    assert described(threadline_server, chat)["Tags"] == {"team": "parcels", "cost": "b"}
    connect.untag_contact(**chat, TagKeys=["team", "unknown"])
    assert described(threadline_server, chat)["Tags"] == {"cost": "b"}
    with refused(INVALID, "A contact has at most 6 tags"):
        connect.tag_contact(**chat, Tags=dict.fromkeys("abcdef", "x"))
    connect.untag_contact(**chat, TagKeys=["cost"])
    assert "Tags" not in described(threadline_server, chat)


def test_routing_data_is_one_of_two(threadline_server: Threadline, chat: dict[str, str]) -> None:
    connect: Any = threadline_server.connect
    connect.update_contact_routing_data(**chat, QueuePriority=2)
    assert described(threadline_server, chat)["QueuePriority"] == 2
    connect.update_contact_routing_data(**chat, QueueTimeAdjustmentSeconds=-30)
    after = described(threadline_server, chat)
    assert after["QueueTimeAdjustmentSeconds"] == -30
    assert "QueuePriority" not in after
    for both in ({}, {"QueuePriority": 1, "QueueTimeAdjustmentSeconds": 1}):
        with refused(PARAMETER, "Give either QueuePriority or QueueTimeAdjustmentSeconds"):
            connect.update_contact_routing_data(**chat, **both)
    with refused(PARAMETER, "QueuePriority 9223372036854775807 is out of range"):
        connect.update_contact_routing_data(**chat, QueuePriority=(1 << 63) - 1)
    stop(threadline_server, chat)
    with refused(("ResourceConflictException", 409), "has ended"):
        connect.update_contact_routing_data(**chat, QueuePriority=1)


def test_members_of_other_channels_are_refused(threadline_server: Threadline, chat: dict[str, str]) -> None:
    connect: Any = threadline_server.connect
    with refused(INVALID, "Nothing to update"):
        connect.update_contact(**chat)
    with refused(INVALID, "UserInfo is not supported by this server. Leave it out."):
        connect.update_contact(**chat, UserInfo={"UserId": threadline_server.agents["a1"]})
    with refused(NOT_FOUND, "Contact not found: nothing"):
        connect.update_contact(InstanceId=chat["InstanceId"], ContactId="nothing", Name="x")


def test_an_ended_contact_has_metrics_of_its_own_messages(threadline: Threadline) -> None:
    casey = threadline.customer()
    chat = {"InstanceId": threadline.instance_id, "ContactId": casey.contact_id}
    first = threadline.agent("a1").accept(casey)
    casey.say("😀 Hello?")
    threadline.clock.advance(seconds=30)
    first.say("Hello!")
    threadline.clock.advance(seconds=90)
    casey.say("Bye.")
    assert "ChatMetrics" not in described(threadline, chat)
    following = first.transfer(threadline.queue_id)
    threadline.agent("a2").accept(following).say("Of the following contact.")
    metrics = described(threadline, chat)["ChatMetrics"]
    agent, customer, whole = (
        metrics[name] for name in ("AgentMetrics", "CustomerMetrics", "ChatContactMetrics")
    )
    assert (customer["ParticipantId"], customer["ParticipantType"]) == (casey.participant_id, "CUSTOMER")
    assert (customer["MessagesSent"], customer["MessageLengthInChars"], customer["NumResponses"]) == (
        2,
        12,
        1,
    )
    assert 90_000 <= customer["MaxResponseTimeInMillis"] < 120_000
    assert (agent["ParticipantType"], agent["MessagesSent"], agent["MessageLengthInChars"]) == ("AGENT", 1, 6)
    assert 30_000 <= agent["TotalResponseTimeInMillis"] == agent["MaxResponseTimeInMillis"] < 60_000
    assert (whole["TotalMessages"], whole["ConversationTurnCount"], whole["MultiParty"]) == (3, 1, False)
    assert whole["AgentFirstResponseTimestamp"] == agent["LastMessageTimestamp"]
    assert whole["AgentFirstResponseTimeInMillis"] >= 30_000
    assert whole["ConversationCloseTimeInMillis"] >= 0
