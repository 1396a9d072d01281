"""GetContactTranscript and CreateReadToken: a chat is read from outside, also after its end."""

import json
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.operations.refusals import DENIED, NOT_FOUND, PARAMETER, VALIDATION, refused
from threadline.testing import PastChat, Threadline

Items = list[dict[str, Any]]


@pytest.fixture(scope="module")
def past(threadline_server: Threadline) -> PastChat:
    return threadline_server.past_chat()


def pages(call: Any, **members: Any) -> Items:
    """The items of all pages, newest first."""
    reply = call(**members)
    items: Items = reply["Transcript"]
    while "NextToken" in reply:
        reply = call(**members, NextToken=reply["NextToken"])
        assert reply["Transcript"], "a token leads to at least one item"
        items += reply["Transcript"]
    return items


def of_account(server: Threadline, contact_id: str, **members: Any) -> Items:
    return pages(
        server.threadline.get_contact_transcript,
        InstanceId=server.instance_id,
        ContactId=contact_id,
        **members,
    )


def read_token(server: Threadline, contact_id: str, **members: Any) -> str:
    reply = server.threadline.create_read_token(
        InstanceId=server.instance_id, ContactId=contact_id, **members
    )
    token: str = reply["ReadToken"]
    return token


def texts(items: Items) -> list[str]:
    return [item["Content"] for item in items if item["Type"] == "MESSAGE"]


SAID = ["Five stars.", "It left this morning.", "I will ask the depot.", "My parcel has not come."]


def test_an_account_reads_an_ended_chat(threadline_server: Threadline, past: PastChat) -> None:
    items = of_account(threadline_server, past.c2, MaxResults=3)
    assert [text for text in texts(items) if text in SAID] == SAID
    assert {item["ContactId"] for item in items} == set(past)
    assert all("RelatedContactId" not in item for item in items)
    assert items == of_account(threadline_server, past.c1, MaxResults=100), "any contact names the chat"


def test_a_chat_that_has_ended_again_shows_its_past(threadline_server: Threadline, past: PastChat) -> None:
    casey = threadline_server.customer()
    casey.continue_from("FROM_SEGMENT", past.c1)
    casey.say("Here again.")
    before = of_account(threadline_server, casey.contact_id)
    assert texts(before)[0] == "Here again."
    casey.leave()
    items = of_account(threadline_server, casey.contact_id, MaxResults=2)
    own = [item for item in items if "ContactId" in item]
    shown = [item for item in items if "RelatedContactId" in item]
    assert items == own + shown
    assert {item["ContactId"] for item in own} == {casey.contact_id}
    assert {item["RelatedContactId"] for item in shown} == {past.c1}
    token = read_token(threadline_server, casey.contact_id)
    by_customer = pages(threadline_server.connectparticipant.get_transcript, ConnectionToken=token)
    assert by_customer == items


def test_the_items_of_one_contact_alone(threadline_server: Threadline, past: PastChat) -> None:
    for contact_id in past:
        alone = of_account(threadline_server, contact_id, OnlyContact=True, MaxResults=2)
        whole = of_account(threadline_server, contact_id)
        assert alone == [item for item in whole if item["ContactId"] == contact_id]


def test_a_read_token_shows_the_customer_their_ended_chat(
    threadline_server: Threadline, past: PastChat
) -> None:
    token = read_token(threadline_server, past.c3, DurationInMinutes=5)
    items = pages(threadline_server.connectparticipant.get_transcript, ConnectionToken=token, MaxResults=100)
    assert [text for text in texts(items) if text in SAID] == SAID


def test_a_read_token_does_nothing_but_read(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    casey.say("Hello.")
    token = read_token(threadline_server, casey.contact_id)
    participant = threadline_server.connectparticipant
    assert "Hello." in texts(participant.get_transcript(ConnectionToken=token)["Transcript"])
    with refused(DENIED, "this is a read token; a connection token is needed here"):
        participant.send_message(ConnectionToken=token, ContentType="text/plain", Content="No.")
    with refused(DENIED, "this is a read token"):
        participant.send_event(
            ConnectionToken=token, ContentType="application/vnd.amazonaws.connect.event.typing"
        )
    with refused(DENIED, "this is a read token"):
        participant.disconnect_participant(ConnectionToken=token)
    with refused(DENIED, "a read token connects nobody"):
        participant.create_participant_connection(ParticipantToken=token, ConnectParticipant=True)
    assert casey.say("I am still here.")["Id"]


def test_a_connection_of_a_read_token_only_reads(threadline: Threadline) -> None:
    """chatjs begins with CreateParticipantConnection, also where the chat has ended."""
    casey = threadline.customer()
    casey.say("Hello.")
    casey.leave()
    token = read_token(threadline, casey.contact_id, DurationInMinutes=10)
    participant = threadline.connectparticipant
    reply = participant.create_participant_connection(
        ParticipantToken=token, Type=["WEBSOCKET", "CONNECTION_CREDENTIALS"]
    )
    made = reply["ConnectionCredentials"]["ConnectionToken"]
    assert "Hello." in texts(participant.get_transcript(ConnectionToken=made)["Transcript"])
    with refused(DENIED, "this is a read token; a connection token is needed here"):
        participant.send_message(ConnectionToken=made, ContentType="text/plain", Content="No.")
    ticket = reply["Websocket"]["Url"].partition("ticket=")[2]
    with refused(DENIED, "this is a reader's socket ticket"):
        participant.get_transcript(ConnectionToken=ticket)
    threadline.clock.advance(minutes=11)
    with refused(DENIED, "the read token has expired"):
        participant.get_transcript(ConnectionToken=made)
    with refused(DENIED, "the read token has expired"):
        participant.create_participant_connection(ParticipantToken=token, Type=["WEBSOCKET"])


def test_a_reader_of_a_running_chat_disturbs_nobody(threadline_server: Threadline) -> None:
    """Its socket delivers nothing, starts no flow, and takes no place among the sockets of the customer."""
    casey = threadline_server.invite()
    token = read_token(threadline_server, casey.contact_id)
    urls = [
        threadline_server.connectparticipant.create_participant_connection(
            ParticipantToken=token, Type=["WEBSOCKET"]
        )["Websocket"]["Url"]
        for _ in range(6)
    ]
    with ExitStack() as sockets:
        readers = [sockets.enter_context(connect(url)) for url in urls]
        for reader in readers[-2:]:
            reader.send(json.dumps({"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}}))
            assert "success" in str(reader.recv(10))
        contact = threadline_server.connect.describe_contact(
            InstanceId=threadline_server.instance_id, ContactId=casey.contact_id
        )["Contact"]
        assert "ConnectedToSystemTimestamp" not in contact
        casey.connect()
        casey.say("Hello.")
        casey.see("Hello.")
        readers[-1].send(json.dumps({"topic": "aws/heartbeat"}))
        assert json.loads(readers[-1].recv(10))["topic"] == "aws/heartbeat"


def test_a_read_token_expires(threadline: Threadline) -> None:
    casey = threadline.customer()
    casey.leave()
    token = read_token(threadline, casey.contact_id, DurationInMinutes=10)
    participant = threadline.connectparticipant
    assert participant.get_transcript(ConnectionToken=token)["Transcript"]
    threadline.clock.advance(minutes=11)
    with refused(DENIED, "the read token has expired. The application gets a new one from CreateReadToken."):
        participant.get_transcript(ConnectionToken=token)


def test_a_token_of_a_page_belongs_to_its_reader(threadline_server: Threadline, past: PastChat) -> None:
    chat = {"InstanceId": threadline_server.instance_id, "ContactId": past.c1}
    page = threadline_server.threadline.get_contact_transcript(**chat, MaxResults=1)
    token = read_token(threadline_server, past.c1)
    with refused(VALIDATION, "NextToken does not belong to this request"):
        threadline_server.connectparticipant.get_transcript(
            ConnectionToken=token, NextToken=page["NextToken"]
        )
    with refused(VALIDATION, "ScanDirection FORWARD needs a place to start"):
        threadline_server.threadline.get_contact_transcript(**chat, ScanDirection="FORWARD")


def test_reading_a_chat_that_is_not_there(threadline_server: Threadline, past: PastChat) -> None:
    client, here = threadline_server.threadline, {"InstanceId": threadline_server.instance_id}
    with refused(NOT_FOUND, "Contact not found: nothing"):
        client.get_contact_transcript(**here, ContactId="nothing")
    with refused(NOT_FOUND, "Contact not found: nothing"):
        client.create_read_token(**here, ContactId="nothing")
    with refused(PARAMETER, "DurationInMinutes"):
        client.create_read_token(**here, ContactId=past.c1, DurationInMinutes=1441)
