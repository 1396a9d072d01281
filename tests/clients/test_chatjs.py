import json
from contextlib import closing
from typing import Any

import pytest

from tests.clients.chatjs import Chatjs
from tests.clients.conftest import Tab
from tests.clients.script import Rejected
from threadline.testing import Threadline

OLDER: dict[str, Any] = {"scanDirection": "BACKWARD", "sortOrder": "ASCENDING"}


def texts(page: dict[str, Any]) -> list[str]:
    return [item["Content"] for item in page["Transcript"] if item["Type"] == "MESSAGE"]


def test_the_documentations_example(threadline: Threadline, tab: Tab) -> None:
    casey = threadline.invite("Casey")
    customer = tab(casey)
    a1, a2 = threadline.agent("a1"), threadline.agent("a2")
    first = tab(a1.take(casey))
    assert customer.see_event("participant.joined")["ParticipantRole"] == "CUSTOMER"
    customer.see("onMessage", lambda item: item.get("ParticipantRole") == "AGENT")
    customer.say("My parcel has not come.")
    first.see_message("My parcel has not come.")
    c2 = a1.transfer(a2)
    for told in (first, customer):
        told.see_event("transfer.succeeded")
    second = tab(a2.take(c2))
    second.say("It left this morning.")
    assert customer.see_message("It left this morning.")["ContactId"] == c2
    a2.connect().leave()
    c3 = customer.see("onMessage", lambda item: item["ContactId"] not in (casey.contact_id, c2))["ContactId"]
    customer.say("Five stars.")
    customer.call("disconnectParticipant")

    again = threadline.invite(PersistentChat={"SourceContactId": c2, "RehydrationType": "FROM_SEGMENT"})
    assert again.continued_from == c2
    customer = tab(again)
    customer.see("onChatRehydrated")
    page = customer.call("getTranscript", **OLDER)
    assert page["InitialContactId"] == again.contact_id
    older = customer.call("getTranscript", **OLDER, nextToken=page["NextToken"])
    assert texts(older) == ["My parcel has not come.", "It left this morning."]
    assert [item.get("ContactId") for item in older["Transcript"]] == [None] * len(older["Transcript"])
    assert {item["RelatedContactId"] for item in older["Transcript"]} == {casey.contact_id, c2}
    assert "NextToken" not in older

    whole = {"SourceContactId": casey.contact_id, "RehydrationType": "ENTIRE_PAST_SESSION"}
    assert threadline.invite(PersistentChat=whole).continued_from == c3


def test_typing_and_receipts(threadline: Threadline, tab: Tab) -> None:
    casey = threadline.invite()
    customer = tab(casey)
    agent = tab(threadline.agent("a1").take(casey))
    customer.send_event("typing")
    assert agent.see("onTyping")["ParticipantRole"] == "CUSTOMER"
    for text in ("one", "two"):
        sent = customer.say(text)["Id"]
        agent.see_message(text)
        agent.send_event("message.delivered", {"messageId": sent, "disableThrottle": True})
        agent.send_event("message.read", {"messageId": sent, "disableThrottle": True})
        read = customer.see("onReadReceipt")["MessageMetadata"]
        assert read["MessageId"] == sent
        items = {item["Id"]: item for item in customer.call("getTranscript", **OLDER)["Transcript"]}
        (receipt,) = items[sent]["MessageMetadata"]["Receipts"]
        assert receipt["ReadTimestamp"] == read["Receipts"][0]["ReadTimestamp"]
        assert receipt["RecipientParticipantId"] == read["Receipts"][0]["RecipientParticipantId"]
        assert "MESSAGEMETADATA" not in {item["Type"] for item in items.values()}
        customer.forget()


def test_a_message_is_delivered_before_it_is_read(threadline: Threadline, tab: Tab) -> None:
    casey = threadline.invite()
    customer = tab(casey)
    agent = tab(threadline.agent("a1").take(casey))
    sent = customer.say("hello")["Id"]
    agent.see_message("hello")
    agent.send_event("message.delivered", {"messageId": sent})
    receipts = customer.see("onDeliveredReceipt")["MessageMetadata"]["Receipts"]
    assert list(receipts[0]) == ["DeliveredTimestamp", "RecipientParticipantId"]
    agent.send_event("message.read", {"messageId": sent})
    assert customer.see("onReadReceipt")["MessageMetadata"]["MessageId"] == sent


def test_a_lost_connection_comes_back(threadline: Threadline, tab: Tab) -> None:
    casey = threadline.invite()
    customer = tab(casey)
    a1 = threadline.agent("a1").accept(casey)
    customer.forget()
    customer.call("drop")
    customer.see("onConnectionLost")
    customer.see("frame", lambda frame: frame["topic"] == "aws/subscribe")
    a1.say("Still there?")
    customer.see_message("Still there?")
    customer.say("Yes.")
    a1.see("Yes.")
    assert customer.count("onConnectionBroken") == 0
    assert customer.call("sockets") == 1


def test_two_tabs_of_one_customer(threadline: Threadline, tab: Tab) -> None:
    casey = threadline.invite()
    left, right = tab(casey), tab(casey)
    sent = left.say("hello")
    for side in (left, right):
        seen = side.see_message("hello")
        assert (seen["Id"], seen["AbsoluteTime"]) == (sent["Id"], sent["AbsoluteTime"])
    a1 = threadline.agent("a1").accept(casey)
    a1.say("hi")
    left.see_message("hi")
    right.see_message("hi")


def test_paging_into_the_past(threadline: Threadline, tab: Tab) -> None:
    past = threadline.past_chat()
    casey = threadline.invite(
        PersistentChat={"SourceContactId": past.c1, "RehydrationType": "ENTIRE_PAST_SESSION"}
    )
    customer = tab(casey)
    customer.say("I am back.")
    customer.see_message("I am back.")
    expected = casey.connect().history()
    for size in (1, 2, 100):
        items: list[Any] = []
        more: dict[str, str] | None = {}
        while more is not None:
            page = customer.call("getTranscript", **OLDER, maxResults=size, **more)
            assert page["Transcript"]
            assert len({"RelatedContactId" in item for item in page["Transcript"]}) == 1
            items[:0] = page["Transcript"]
            more = {"nextToken": page["NextToken"]} if "NextToken" in page else None
        assert items == expected
    assert expected[-1]["Content"] == "I am back."
    assert "ContactId" in expected[-1]
    assert expected[0]["RelatedContactId"] == past.c1


def test_rehydrated_in_mid_chat(threadline: Threadline, tab: Tab) -> None:
    past = threadline.past_chat()
    casey = threadline.invite()
    customer = tab(casey)
    agent = tab(threadline.agent("a1").take(casey))
    page = customer.call("getTranscript", **OLDER)
    assert "NextToken" not in page
    assert casey.continue_from("FROM_SEGMENT", past.c2) == past.c2
    for side in (customer, agent):
        assert side.see("onChatRehydrated")["InitialContactId"] == casey.contact_id
    page = customer.call("getTranscript", **OLDER)
    assert (
        texts(customer.call("getTranscript", **OLDER, nextToken=page["NextToken"]))[-1]
        == "It left this morning."
    )
    # chatjs leaves an empty token out, so a client that asks again after the end begins again at the newest page.
    assert customer.call("getTranscript", **OLDER, nextToken="")["Transcript"] == page["Transcript"]
    bodies = [
        json.loads(line["data"]["body"]) for line in customer.happened if line.get("event") == "request"
    ]
    assert "NextToken" not in [body for body in bodies if "ScanDirection" in body][-1]


def test_the_customer_ends_the_chat(threadline: Threadline, tab: Tab, major: int) -> None:
    casey = threadline.invite()
    customer = tab(casey)
    agent = tab(threadline.agent("a1").take(casey))
    customer.call("disconnectParticipant")
    agent.see("onEnded")
    if major == 5:
        customer.see("onEnded")
    assert customer.see("closed") == {"code": 1000}
    with pytest.raises(Rejected) as refused:
        tab(casey)
    assert refused.value.error["statusCode"] == 403
    assert refused.value.error["type"] == "AccessDeniedException"


def test_an_ended_chat_is_read_with_a_read_token(threadline: Threadline, major: int) -> None:
    """chatjs begins with CreateParticipantConnection and a socket, also for a chat to which nothing is added."""
    past = threadline.past_chat()
    casey = threadline.customer(
        PersistentChat={"SourceContactId": past.c1, "RehydrationType": "ENTIRE_PAST_SESSION"}
    )
    casey.say("It came.")
    casey.leave()
    token = threadline.threadline.create_read_token(
        InstanceId=threadline.instance_id, ContactId=casey.contact_id
    )["ReadToken"]
    with closing(Chatjs(major, threadline.url)) as reader:
        reader.join("CUSTOMER", casey.contact_id, casey.participant_id, token)
        page = reader.call("getTranscript", **OLDER)
        said = texts(page)
        while "NextToken" in page:
            page = reader.call("getTranscript", **OLDER, nextToken=page["NextToken"])
            said = texts(page) + said
        assert said[0] == "My parcel has not come."
        assert said[-1] == "It came."
        with pytest.raises(Rejected):
            reader.say("Hello?")
        with pytest.raises(Rejected):
            reader.call("disconnectParticipant")
        assert reader.call("sockets") == 1
