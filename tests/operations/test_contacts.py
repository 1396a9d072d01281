"""Contacts: described, listed, searched, stopped, and their attributes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.operations.refusals import DENIED, INVALID, NOT_FOUND, PARAMETER, answer, refused
from threadline.testing import Customer, Threadline, Workspace

FULL = 32_768
EVER = {"Type": "INITIATION_TIMESTAMP", "StartTime": 0, "EndTime": 32_503_680_000}


def described(server: Workspace, contact_id: str) -> dict[str, Any]:
    reply = server.connect.describe_contact(InstanceId=server.instance_id, ContactId=contact_id)
    contact: dict[str, Any] = reply["Contact"]
    return contact


def stop(server: Workspace, contact_id: str) -> dict[str, Any]:
    return answer(server.connect.stop_contact(InstanceId=server.instance_id, ContactId=contact_id))


# DescribeContact, through the example of the documentation


@pytest.mark.model_has("connect.AgentInfo.AcceptedByAgentTimestamp")
def test_a_contact_is_described_all_its_life(threadline: Threadline) -> None:
    casey = threadline.invite(Attributes={"order": "17"}, CustomerId="c-17")
    c1 = casey.contact_id
    threadline.clock.advance(seconds=1)
    created = described(threadline, c1)
    instance = threadline.connect.describe_instance(InstanceId=threadline.instance_id)["Instance"]["Arn"]
    assert created == {
        "Arn": f"{instance}/contact/{c1}",
        "Id": c1,
        "ContactAssociationId": c1,
        "InitiationMethod": "API",
        "Channel": "CHAT",
        "InitiationTimestamp": created["InitiationTimestamp"],
        "LastUpdateTimestamp": created["InitiationTimestamp"],
        "CustomerId": "c-17",
        "Attributes": {"order": "17"},
        "SegmentAttributes": {"connect:Subtype": {"ValueString": "connect:Chat"}},
    }
    casey.connect()
    queued = described(threadline, c1)
    connected = queued["ConnectedToSystemTimestamp"]
    assert queued.keys() - created.keys() == {"ConnectedToSystemTimestamp", "QueueInfo"}
    assert queued["QueueInfo"] == {"Id": threadline.queue_id, "EnqueueTimestamp": connected}
    assert connected - created["InitiationTimestamp"] >= timedelta(seconds=1)
    threadline.clock.advance(seconds=1)
    a1 = threadline.agent("a1").accept(casey)
    accepted = described(threadline, c1)
    assert accepted.keys() - queued.keys() == {"AgentInfo"}
    assert accepted["AgentInfo"] == {
        "Id": threadline.agents["a1"],
        "AcceptedByAgentTimestamp": accepted["LastUpdateTimestamp"],
        "ConnectedToAgentTimestamp": accepted["LastUpdateTimestamp"],
    }
    threadline.clock.advance(seconds=1)
    a2 = threadline.agent("a2")
    c2 = a1.transfer(a2)
    ended, offered = described(threadline, c1), described(threadline, c2)
    assert ended.keys() - accepted.keys() == {
        "ChatMetrics",
        "DisconnectTimestamp",
        "NextContacts",
        "Recordings",
    }, "a transfer has no reason"
    assert ended["NextContacts"] == [quick_connect(offered, "USER")]
    assert ended["AgentInfo"] == accepted["AgentInfo"] | after_contact_work(ended)
    assert ended["QueueInfo"] == queued["QueueInfo"]
    assert offered["InitialContactId"] == offered["PreviousContactId"] == c1
    assert offered["InitiationMethod"] == "TRANSFER"
    assert offered["InitiationTimestamp"] == offered["ConnectedToSystemTimestamp"]
    assert offered["InitiationTimestamp"] == ended["DisconnectTimestamp"]
    assert not offered.keys() & {"AgentInfo", "QueueInfo", "DisconnectTimestamp", "RelatedContactId"}
    a2.accept(c2).leave()
    c3 = casey.see(ParticipantRole="SYSTEM")["ContactId"]
    answered = described(threadline, c2)
    assert answered["DisconnectReason"] == "AGENT_DISCONNECT"
    assert answered["AgentInfo"].items() >= after_contact_work(answered).items()
    assert "NextContacts" not in answered, "the disconnect flow is no quick connect"
    survey = described(threadline, c3)
    assert (survey["InitialContactId"], survey["PreviousContactId"]) == (c1, c2)
    assert survey["InitiationMethod"] == "DISCONNECT"
    threadline.clock.advance(minutes=5)
    assert described(threadline, c3)["DisconnectReason"] == "CONTACT_FLOW_DISCONNECT"
    for contact_id in (c1, c2, c3):
        contact = described(threadline, contact_id)
        assert contact["LastUpdateTimestamp"] == contact["DisconnectTimestamp"]
        assert contact["Attributes"] == {"order": "17"}
        assert contact["CustomerId"] == "c-17"


def quick_connect(following: dict[str, Any], kind: str) -> dict[str, Any]:
    data = {
        "ContactId": following["Id"],
        "InitiationTimestamp": following["InitiationTimestamp"],
        "QuickConnectType": kind,
    }
    return {"Type": "QUICK_CONNECT", "NextContactMetadata": {"QuickConnectContactData": data}}


def after_contact_work(contact: dict[str, Any]) -> dict[str, Any]:
    return {
        "AfterContactWorkDuration": 0,
        "AfterContactWorkStartTimestamp": contact["DisconnectTimestamp"],
        "AfterContactWorkEndTimestamp": contact["DisconnectTimestamp"],
    }


@pytest.mark.model_has("connect.Contact.NextContacts")
def test_a_transfer_to_a_queue_is_a_quick_connect_too(threadline_server: Threadline) -> None:
    casey, second = two_segments(threadline_server)
    following = described(threadline_server, second)
    [entry] = described(threadline_server, casey.contact_id)["NextContacts"]
    assert entry == quick_connect(following, "QUEUE")
    third = threadline_server.agent("a2").accept(second).transfer(threadline_server.queue_id)
    assert "NextContacts" not in following
    [entry] = described(threadline_server, second)["NextContacts"]
    assert entry["NextContactMetadata"]["QuickConnectContactData"]["ContactId"] == third


def test_attributes_and_an_association_update_all_contacts_of_a_chat(threadline: Threadline) -> None:
    past = threadline.past_chat()
    casey, second = two_segments(threadline)
    seen = [described(threadline, second)["LastUpdateTimestamp"]]

    def is_updated() -> bool:
        times = {described(threadline, each)["LastUpdateTimestamp"] for each in (casey.contact_id, second)}
        seen.append(max(times))
        threadline.clock.advance(seconds=10)
        return len(times) == 1 and seen[-1] - seen[-2] >= timedelta(seconds=10)

    threadline.clock.advance(seconds=10)
    update(threadline, casey.contact_id, {"a": "1"})
    assert is_updated()
    casey.continue_from("FROM_SEGMENT", past.c2)
    assert is_updated()
    casey.say("no part of the record")
    assert not is_updated()
    casey.leave()
    update(threadline, second, {"a": ""})
    assert is_updated()
    assert described(threadline, past.c2)["LastUpdateTimestamp"] < seen[0]


@pytest.mark.parametrize(
    "call",
    [
        lambda server, contact_id: described(server, contact_id),
        lambda server, contact_id: stop(server, contact_id),
        lambda server, contact_id: listed(server, contact_id),
        lambda server, contact_id: attributes(server, contact_id),
        lambda server, contact_id: update(server, contact_id, {"a": "b"}),
    ],
    ids=["DescribeContact", "StopContact", "ListAssociatedContacts", "GetContactAttributes", "Update.."],
)
def test_a_contact_that_is_not_there_or_not_in_this_instance(
    threadline_server: Threadline, call: Callable[[Workspace, str], object]
) -> None:
    theirs = threadline_server.another_account().invite().contact_id
    for contact_id in ("nobody", theirs):
        with refused(NOT_FOUND, f"Contact not found: {contact_id}"):
            call(threadline_server, contact_id)


# StopContact


def but_for_its_file(contact: dict[str, Any]) -> dict[str, Any]:
    """A contact without its transcript's file, which is written after its end."""
    return {name: value for name, value in contact.items() if name != "Recordings"}


@pytest.mark.parametrize("at", ["created", "queued", "in the survey"])
def test_a_chat_is_stopped_in_any_state(threadline_server: Threadline, at: str) -> None:
    casey = threadline_server.invite()
    contact_id = casey.contact_id
    if at != "created":
        casey.connect()
    if at == "in the survey":
        threadline_server.agent("a1").accept(casey).leave()
        contact_id = casey.see(ParticipantRole="SYSTEM")["ContactId"]
    assert stop(threadline_server, contact_id) == {}
    contact = described(threadline_server, contact_id)
    assert contact["DisconnectReason"] == "API"
    assert contact["DisconnectTimestamp"]
    if at != "created":
        casey.see_event("chat.ended")
    with refused(DENIED, "the chat has ended"):
        casey.connect()
    assert stop(threadline_server, contact_id) == {}, "again, and nothing happens"
    assert but_for_its_file(described(threadline_server, contact_id)) == but_for_its_file(contact)


def test_a_chat_that_is_stopped_under_an_agent_has_no_survey(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    agent = threadline_server.agent("a1").accept(casey)
    stop(threadline_server, casey.contact_id)
    for person in (casey, agent):
        person.see_event("chat.ended")
        assert person.events()[-1] == "chat.ended"
        with refused(DENIED, "the chat has ended"):
            person.say("still there?")


def test_stopping_a_transferred_contact_of_a_running_chat_is_refused(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    second = threadline_server.agent("a1").accept(casey).transfer(threadline_server.queue_id)
    with refused(INVALID, f"its chat goes on in contact {second}: stop that"):
        stop(threadline_server, casey.contact_id)
    stop(threadline_server, second)
    assert stop(threadline_server, casey.contact_id) == {}, "now the chat has ended"
    assert "DisconnectReason" not in described(threadline_server, casey.contact_id)


def test_a_reason_is_for_campaigns(threadline_server: Threadline) -> None:
    with refused(INVALID, "DisconnectReason is not supported"):
        threadline_server.connect.stop_contact(
            InstanceId=threadline_server.instance_id,
            ContactId=threadline_server.invite().contact_id,
            DisconnectReason={"Code": "x"},
        )


def test_stopping_a_chat_cancels_its_tasks(threadline: Threadline) -> None:
    casey = threadline.customer(ChatDurationInMinutes=60)
    threadline.agent("a1").accept(casey).leave()
    survey = casey.see(ParticipantRole="SYSTEM")["ContactId"]
    stop(threadline, survey)
    before = described(threadline, survey)
    threadline.clock.advance(minutes=61)
    assert but_for_its_file(described(threadline, survey)) == but_for_its_file(before)
    assert casey.events().count("chat.ended") == 1


# ListAssociatedContacts


def listed(server: Workspace, contact_id: str, **members: Any) -> list[dict[str, Any]]:
    """All contacts of the tree, from as many pages as it takes."""
    arguments = {"InstanceId": server.instance_id, "ContactId": contact_id, **members}
    found: list[dict[str, Any]] = []
    while True:
        reply = server.connect.list_associated_contacts(**arguments)
        found += reply["ContactSummaryList"]
        assert len(reply["ContactSummaryList"]) <= members.get("MaxResults", 100)
        if "NextToken" not in reply:
            return found
        assert reply["ContactSummaryList"]
        arguments["NextToken"] = reply["NextToken"]


@pytest.fixture(scope="module")
def tree(threadline_server: Threadline) -> list[str]:
    """The contacts of three chats: three of the example, one that continues it, two of one that continues that."""
    past = threadline_server.past_chat()
    second = threadline_server.customer()
    second.continue_from("ENTIRE_PAST_SESSION", past.c1)
    second.leave()
    persistent = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": second.contact_id}
    third = threadline_server.customer(PersistentChat=persistent)
    transferred = threadline_server.agent("a1").accept(third).transfer(threadline_server.queue_id)
    return [*past, second.contact_id, third.contact_id, transferred]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 100])
def test_a_tree_is_listed_in_pages_of_every_size(
    threadline_server: Threadline, tree: list[str], size: int
) -> None:
    for contact_id in tree:
        found = listed(threadline_server, contact_id, MaxResults=size)
        assert [summary["ContactId"] for summary in found] == tree


def test_the_members_of_a_summary(threadline_server: Threadline, tree: list[str]) -> None:
    for summary in listed(threadline_server, tree[0]):
        contact = described(threadline_server, summary["ContactId"])
        assert summary.pop("ContactArn") == contact["Arn"]
        assert summary.pop("ContactId") == contact["Id"]
        assert summary == {name: contact[name] for name in summary}
        assert ("InitialContactId" in summary) == ("PreviousContactId" in summary)
        assert contact["ContactAssociationId"] == tree[0]


def test_a_chat_alone_is_a_tree(threadline_server: Threadline) -> None:
    casey = threadline_server.invite()
    assert [s["ContactId"] for s in listed(threadline_server, casey.contact_id)] == [casey.contact_id]


@pytest.mark.parametrize("token", ["x", "1", "1.0", "\N{EURO SIGN}", "9" * 50])
def test_a_token_that_is_none(threadline_server: Threadline, tree: list[str], token: str) -> None:
    stranger = threadline_server.another_account().invite().contact_id
    for given in (token, threadline_server.invite().contact_id, stranger):
        with refused(INVALID, "NextToken is not one"):
            listed(threadline_server, tree[0], NextToken=given)


def test_a_page_of_none_or_too_many(threadline_server: Threadline, tree: list[str]) -> None:
    with refused(PARAMETER):
        listed(threadline_server, tree[0], MaxResults=101)


# Attributes


def attributes(server: Workspace, contact_id: str) -> dict[str, str]:
    reply = server.connect.get_contact_attributes(InstanceId=server.instance_id, InitialContactId=contact_id)
    found: dict[str, str] = reply["Attributes"]
    return found


def update(server: Workspace, contact_id: str, values: dict[str, str]) -> dict[str, Any]:
    return answer(
        server.connect.update_contact_attributes(
            InstanceId=server.instance_id, InitialContactId=contact_id, Attributes=values
        )
    )


def two_segments(server: Threadline, **members: Any) -> tuple[Customer, str]:
    casey = server.customer(**members)
    return casey, server.agent("a1").accept(casey).transfer(server.queue_id)


def test_attributes_are_shared_by_the_segments_of_a_chat(threadline_server: Threadline) -> None:
    casey, second = two_segments(threadline_server, Attributes={"a": "1", "b": "1"})
    assert update(threadline_server, casey.contact_id, {"b": "2", "c": "2"}) == {}
    assert update(threadline_server, second, {"c": "3"}) == {}
    for contact_id in (casey.contact_id, second):
        assert attributes(threadline_server, contact_id) == {"a": "1", "b": "2", "c": "3"}
        assert described(threadline_server, contact_id)["Attributes"] == {"a": "1", "b": "2", "c": "3"}


def test_an_empty_value_removes_an_attribute(threadline_server: Threadline) -> None:
    casey, second = two_segments(threadline_server, Attributes={"a": "1", "b": "1", "never": ""})
    assert attributes(threadline_server, second) == {"a": "1", "b": "1"}
    assert update(threadline_server, casey.contact_id, {"a": "", "c": "", "d": "1"}) == {}
    assert attributes(threadline_server, second) == {"b": "1", "d": "1"}
    assert described(threadline_server, second)["Attributes"] == {"b": "1", "d": "1"}
    casey.leave()
    update(threadline_server, casey.contact_id, {"b": "", "d": ""})
    assert attributes(threadline_server, casey.contact_id) == {}


def test_a_removed_attribute_makes_room(threadline_server: Threadline) -> None:
    casey = threadline_server.invite(Attributes={"a": "x" * (FULL - 1)})
    with refused(INVALID, "at most 32768"):
        update(threadline_server, casey.contact_id, {"b": "1"})
    update(threadline_server, casey.contact_id, {"a": "", "b": "y" * (FULL - 1)})
    assert attributes(threadline_server, casey.contact_id) == {"b": "y" * (FULL - 1)}


def test_an_attribute_that_was_removed_before_an_association_comes_along_with_it(
    threadline_server: Threadline,
) -> None:
    past = threadline_server.customer(Attributes={"a": "past", "b": "past", "c": "past"})
    past.leave()
    casey = threadline_server.customer(Attributes={"a": "now", "b": "now"})
    update(threadline_server, casey.contact_id, {"a": ""})
    casey.continue_from("FROM_SEGMENT", past.contact_id)
    assert attributes(threadline_server, casey.contact_id) == {"a": "past", "b": "now", "c": "past"}
    update(threadline_server, casey.contact_id, {"a": "", "c": ""})
    casey.continue_from("FROM_SEGMENT", past.contact_id)
    assert attributes(threadline_server, casey.contact_id) == {"b": "now"}, "the same association again"
    persistent = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": past.contact_id}
    other = threadline_server.invite(PersistentChat=persistent, Attributes={"a": "", "b": "now"})
    assert attributes(threadline_server, other.contact_id) == {"b": "now", "c": "past"}


def test_attributes_of_related_chats_are_each_their_own(threadline_server: Threadline) -> None:
    past, _ = two_segments(threadline_server, Attributes={"a": "1"})
    past.leave()
    persistent = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": past.contact_id}
    casey = threadline_server.customer(PersistentChat=persistent)
    update(threadline_server, casey.contact_id, {"a": "2"})
    update(threadline_server, past.contact_id, {"late": "1"})
    assert attributes(threadline_server, past.contact_id) == {"a": "1", "late": "1"}, "also after the end"
    assert attributes(threadline_server, casey.contact_id) == {"a": "2"}


def test_an_update_is_all_or_nothing(threadline_server: Threadline) -> None:
    casey = threadline_server.invite(Attributes={"a": "x" * 30_000})
    for values, words in (
        ({"b": "1", "two words": "2"}, "Attribute name 'two words'"),
        ({"b": "y" * 2_767}, f"Attributes are {FULL + 1} bytes"),
        ({"ü": "1"}, "Attribute name 'ü'"),
    ):
        with refused(INVALID, words):
            update(threadline_server, casey.contact_id, values)
    assert attributes(threadline_server, casey.contact_id).keys() == {"a"}
    update(threadline_server, casey.contact_id, {"b": "y" * 2_766})
    update(threadline_server, casey.contact_id, {"a": "short", "b": "y" * 20_000})
    assert len(attributes(threadline_server, casey.contact_id)["b"]) == 20_000


def test_no_attributes_are_an_empty_map(threadline_server: Threadline) -> None:
    assert attributes(threadline_server, threadline_server.invite().contact_id) == {}


def test_an_update_of_nothing_changes_nothing(threadline_server: Threadline) -> None:
    casey = threadline_server.invite(Attributes={"a": "1"})
    before = described(threadline_server, casey.contact_id)
    for nothing in ({}, {"a": "1"}, {"b": ""}):
        update(threadline_server, casey.contact_id, nothing)
    assert described(threadline_server, casey.contact_id) == before


# SearchContacts


def test_contacts_are_found_by_when_they_began(threadline: Threadline) -> None:
    now = threadline.connect.describe_instance(InstanceId=threadline.instance_id)["Instance"]["CreatedTime"]
    begun = []
    for _ in range(5):
        threadline.clock.advance(minutes=10)
        begun.append(threadline.invite().contact_id)

    def found(start: int, end: int, **members: Any) -> list[str]:
        time_range = {
            "Type": "INITIATION_TIMESTAMP",
            "StartTime": now + timedelta(minutes=start),
            "EndTime": now + timedelta(minutes=end),
        }
        pages = threadline.connect.get_paginator("search_contacts").paginate(
            InstanceId=threadline.instance_id, TimeRange=time_range, MaxResults=2, **members
        )
        return [contact["Id"] for page in pages for contact in page["Contacts"]]

    assert found(0, 60) == begun[::-1]
    assert found(15, 45) == begun[3:0:-1]
    assert found(0, 60, Sort={"FieldName": "INITIATION_TIMESTAMP", "Order": "ASCENDING"}) == begun
    assert found(51, 60) == []
    assert found(-100_000, -99_000) == []


def test_a_found_contact_names_its_queue_and_agent(threadline: Threadline) -> None:
    past = threadline.past_chat()
    reply = threadline.connect.search_contacts(InstanceId=threadline.instance_id, TimeRange=EVER)
    contacts = {contact["Id"]: contact for contact in reply["Contacts"]}
    assert list(contacts) == [past.c3, past.c2, past.c1]
    assert "NextToken" not in reply
    assert (contacts[past.c2]["InitialContactId"], contacts[past.c2]["PreviousContactId"]) == (
        past.c1,
        past.c1,
    )
    assert "InitialContactId" not in contacts[past.c1]
    assert contacts[past.c1]["AgentInfo"]["Id"] == threadline.agents["a1"]
    assert contacts[past.c1]["QueueInfo"]["Id"] == threadline.queue_id
    full = described(threadline, past.c1)
    for member in ("Arn", "InitiationMethod", "Channel", "InitiationTimestamp", "DisconnectTimestamp"):
        assert contacts[past.c1][member] == full[member]
    assert contacts[past.c1]["SegmentAttributes"] == {"connect:Subtype": {"ValueString": "connect:Chat"}}


@pytest.mark.parametrize("order", ["ASCENDING", "DESCENDING"])
@pytest.mark.model_has("connect.ContactSearchSummarySegmentAttributeValue.ValueMap")
def test_a_contact_that_is_found_has_its_segment_attributes(threadline: Threadline, order: str) -> None:
    """Integers are left out, since the model has no member for them."""
    own = {
        "connect:Subtype": {"ValueString": "connect:SMS"},
        "team": {"ValueMap": {"n": {"ValueInteger": 1}}},
    }
    threadline.invite(SegmentAttributes={**own, "size": {"ValueInteger": 3}})
    [found] = threadline.connect.search_contacts(
        InstanceId=threadline.instance_id,
        TimeRange=EVER,
        Sort={"FieldName": "INITIATION_TIMESTAMP", "Order": order},
    )["Contacts"]
    assert found["SegmentAttributes"] == own
