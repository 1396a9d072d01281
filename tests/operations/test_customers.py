"""ListCustomerChats and StartCustomerChat: a backend needs no table from customers to contacts."""

from typing import Any
from uuid import uuid4

import pytest

from tests.operations.refusals import INVALID, NOT_FOUND, PARAMETER, refused
from threadline.testing import Threadline
from threadline.testing.people import Customer, Person


@pytest.fixture
def customer_id() -> str:
    return f"Ünï customer {uuid4()}"


def chats(server: Threadline, customer_id: str, **members: Any) -> list[dict[str, Any]]:
    reply = server.threadline.list_customer_chats(
        InstanceId=server.instance_id, CustomerId=customer_id, **members
    )
    found: list[dict[str, Any]] = reply["Chats"]
    while "NextToken" in reply:
        reply = server.threadline.list_customer_chats(
            InstanceId=server.instance_id, CustomerId=customer_id, **members, NextToken=reply["NextToken"]
        )
        found += reply["Chats"]
    return found


def start(server: Threadline, customer_id: str, **members: Any) -> dict[str, Any]:
    reply: dict[str, Any] = server.threadline.start_customer_chat(
        InstanceId=server.instance_id,
        CustomerId=customer_id,
        ContactFlowId=server.contact_flow_id,
        ParticipantDetails={"DisplayName": "Casey"},
        **members,
    )
    return reply


def had(server: Threadline, customer_id: str) -> Customer:
    casey = server.customer(CustomerId=customer_id)
    casey.leave()
    return casey


def test_the_chats_of_a_customer_are_listed_newest_first(
    threadline_server: Threadline, customer_id: str
) -> None:
    first = had(threadline_server, customer_id)
    second = threadline_server.customer(CustomerId=customer_id)
    agent = threadline_server.agent("a1").accept(second)
    agent.leave()
    second.leave()
    running = threadline_server.customer(CustomerId=customer_id)
    had(threadline_server, customer_id + " of another")
    found = chats(threadline_server, customer_id)
    ids = [chat["InitialContactId"] for chat in found]
    assert ids == [running.contact_id, second.contact_id, first.contact_id]
    for size in (1, 2):
        assert found == chats(threadline_server, customer_id, MaxResults=size)
    now, before, oldest = found
    assert (now["CanBeContinued"], "EndTimestamp" in now, "DisconnectReason" in now) == (False, False, False)
    assert "which is still active" in now["Explanation"]
    assert before["CanBeContinued"] is True
    assert "Explanation" not in before
    assert (before["ContactCount"], before["AgentNames"]) == (2, ["Alex"])
    assert before["LatestContactId"] != before["InitialContactId"]
    assert oldest["DisconnectReason"] == "CUSTOMER_DISCONNECT"
    assert oldest["StartTimestamp"] <= oldest["EndTimestamp"]


def test_a_listed_chat_that_can_be_continued_is_continued(
    threadline_server: Threadline, customer_id: str
) -> None:
    had(threadline_server, customer_id)
    [chat] = chats(threadline_server, customer_id)
    again = threadline_server.customer(CustomerId=customer_id)
    continued = again.continue_from("ENTIRE_PAST_SESSION", chat["InitialContactId"])
    listed = chats(threadline_server, customer_id)[0]
    assert listed["ContinuedFromContactId"] == continued


def test_a_customer_without_chats(threadline_server: Threadline, customer_id: str) -> None:
    assert chats(threadline_server, customer_id) == []
    here = {"InstanceId": threadline_server.instance_id}
    for token in ("x", "1.x", "1.2.3", "9" * 19 + ".1"):
        with refused(INVALID, "NextToken is not one that ListCustomerChats has given."):
            threadline_server.threadline.list_customer_chats(**here, CustomerId=customer_id, NextToken=token)
    with refused(PARAMETER, "CustomerId"):
        threadline_server.threadline.list_customer_chats(**here, CustomerId="c" * 129)


def test_a_started_chat_continues_the_newest_that_has_ended(
    threadline_server: Threadline, customer_id: str
) -> None:
    assert "ContinuedFromContactId" not in start(threadline_server, customer_id), "the first has no past"
    first = had(threadline_server, customer_id)
    newest = threadline_server.customer(CustomerId=customer_id)
    newest.say("The newest.")
    newest.leave()
    threadline_server.customer(CustomerId=customer_id)
    started = start(
        threadline_server, customer_id, InitialMessage={"ContentType": "text/plain", "Content": "Hi"}
    )
    assert started["ContinuedFromContactId"] == newest.contact_id != first.contact_id
    casey = Person(threadline_server, "Casey", started["ContactId"], started["ParticipantToken"]).connect()
    assert "The newest." in [item.get("Content") for item in casey.history()]
    [chat, *_] = chats(threadline_server, customer_id, MaxResults=1)
    assert chat["InitialContactId"] == started["ContactId"]


def test_a_repeated_start_is_one_chat(threadline_server: Threadline, customer_id: str) -> None:
    had(threadline_server, customer_id)
    token = str(uuid4())
    once = start(threadline_server, customer_id, ClientToken=token)
    again = start(threadline_server, customer_id, ClientToken=token)
    assert {k: v for k, v in once.items() if k != "ResponseMetadata"} == {
        k: v for k, v in again.items() if k != "ResponseMetadata"
    }
    assert len(chats(threadline_server, customer_id)) == 2
    with refused(INVALID):
        start(threadline_server, customer_id, ClientToken=token, Attributes={"other": "arguments"})


def test_a_start_is_refused_as_any_other(threadline_server: Threadline, customer_id: str) -> None:
    had(threadline_server, customer_id)
    with refused(NOT_FOUND):
        threadline_server.threadline.start_customer_chat(
            InstanceId=threadline_server.instance_id,
            CustomerId=customer_id,
            ContactFlowId="01a203c5-0000-7000-8000-000000000000",
            ParticipantDetails={"DisplayName": "Casey"},
        )
    assert len(chats(threadline_server, customer_id)) == 1
