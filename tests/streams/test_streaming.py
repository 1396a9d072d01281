"""StartContactStreaming and StopContactStreaming as boto3 sees them, and the deliveries of a terminal."""

import json
from threading import Event
from typing import Any

import pytest

from tests.command_line import Run, here, nowhere, run
from tests.engines import store_of
from tests.operations.refusals import INVALID, NOT_FOUND, PARAMETER, refused
from tests.streams.aws import Aws, until
from threadline.testing import Threadline
from threadline.testing.options import Options

__all__ = ["here", "nowhere", "run"]

TOPIC = "arn:aws:sns:us-east-1:123456789012:chat"
LIMIT = ("LimitExceededException", 429)


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> Options:
    return store_of(request)


def start(server: Threadline, contact_id: str, token: str = "t", arn: str = TOPIC) -> str:
    reply = server.connect.start_contact_streaming(
        InstanceId=server.instance_id,
        ContactId=contact_id,
        ChatStreamingConfiguration={"StreamingEndpointArn": arn},
        ClientToken=token,
    )
    return str(reply["StreamingId"])


def stop(server: Threadline, contact_id: str, streaming_id: str) -> None:
    server.connect.stop_contact_streaming(
        InstanceId=server.instance_id, ContactId=contact_id, StreamingId=streaming_id
    )


def test_the_same_client_token_gets_the_same_stream(threadline: Threadline) -> None:
    chat = threadline.invite().contact_id
    assert start(threadline, chat) == start(threadline, chat)
    with refused(INVALID, "ClientToken was used with different parameters"):
        start(threadline, chat, arn=TOPIC + "2")


def test_a_chat_has_two_streams_at_most_and_a_stopped_one_makes_room(threadline: Threadline) -> None:
    chat = threadline.invite(ChatStreamingConfiguration={"StreamingEndpointArn": TOPIC}).contact_id
    second = start(threadline, chat, "2")
    with refused(LIMIT, "2 endpoints"):
        start(threadline, chat, "3")
    stop(threadline, chat, second)
    stop(threadline, chat, second)
    assert start(threadline, chat, "4") != second


def test_a_chat_that_has_ended_or_never_was(threadline: Threadline) -> None:
    chat = threadline.invite().contact_id
    stream = start(threadline, chat)
    threadline.connect.stop_contact(InstanceId=threadline.instance_id, ContactId=chat)
    with refused(INVALID, "is not active"):
        start(threadline, chat, "2")
    stop(threadline, chat, stream)
    with refused(NOT_FOUND, "Contact not found"):
        start(threadline, "nobody")
    with refused(NOT_FOUND, "Streaming not found"):
        stop(threadline, chat, "nothing")
    other = threadline.invite().contact_id
    with refused(NOT_FOUND, "Streaming not found"):
        stop(threadline, other, stream)


@pytest.mark.parametrize(
    "arn",
    [
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "chat",
        TOPIC + ".fifo",
        "arn:aws:sqs:us-east-1:123456789012:chat",
        "arn:aws:sns:us-east-1:1:chat",
        TOPIC + "\n",
        TOPIC + "/../x",
    ],
)
def test_an_endpoint_is_a_topic_and_nothing_else(threadline: Threadline, arn: str) -> None:
    chat = threadline.invite().contact_id
    with refused(PARAMETER, "is not the ARN of a standard SNS topic"):
        start(threadline, chat, arn=arn)
    with refused(PARAMETER, "is not the ARN of a standard SNS topic"):
        threadline.invite(ChatStreamingConfiguration={"StreamingEndpointArn": arn})


def test_without_a_setting_no_stream_begins() -> None:
    with Threadline() as server, refused(INVALID, "AWS_ENDPOINT_URL_SNS"):
        start(server, server.invite().contact_id)


def test_a_transfer_and_its_contact_are_in_the_stream_and_private_words_have_their_visibility(
    threadline: Threadline, aws: Aws
) -> None:
    topic = aws.topic()
    casey = threadline.customer(ChatStreamingConfiguration={"StreamingEndpointArn": topic.arn})
    a1 = threadline.agent("a1").accept(casey)
    second = a1.transfer(threadline.agent("a2"))
    threadline.agent("a2").accept(second)
    casey.say("hello again")
    until(lambda: topic.texts, lambda found: found[-1:] == ["hello again"])
    assert {each["InitialContactId"] for each in topic.attributes} == {casey.contact_id}
    assert topic.attributes[-1]["ContactId"] == second
    assert {each["MessageVisibility"] for each in topic.attributes} == {"ALL"}
    kinds = [item["ContentType"].rpartition(".")[2] for item in topic.items if item["Type"] == "EVENT"]
    assert "succeeded" in kinds
    assert "ended" not in kinds, "the end that the agent alone sees is no end of the chat"
    assert all(item["AbsoluteTime"].endswith("Z") for item in topic.items)


def test_a_continued_chat_streams_its_own_entries_and_not_its_past(threadline: Threadline, aws: Aws) -> None:
    past = threadline.past_chat()
    topic = aws.topic()
    casey = threadline.customer(
        ChatStreamingConfiguration={"StreamingEndpointArn": topic.arn},
        PersistentChat={"RehydrationType": "ENTIRE_PAST_SESSION", "SourceContactId": past.c1},
    )
    casey.say("I am back")
    until(lambda: topic.texts, lambda found: "I am back" in found)
    assert "My parcel has not come." not in topic.texts


def test_the_deliveries_in_a_terminal(threadline: Threadline, here: Run) -> None:
    assert "everything is delivered" in here("deliveries").out
    casey = threadline.customer(
        ChatStreamingConfiguration={"StreamingEndpointArn": TOPIC + "-that-is-not-there"}
    )
    listed: list[dict[str, Any]] = until(
        lambda: json.loads(here("deliveries", "--output", "json").out)["Deliveries"], bool
    )
    assert listed[0]["ContactId"] == casey.contact_id
    shown = here("deliveries", "--contact-id", casey.contact_id).out
    assert casey.contact_id in shown
    assert "NotFound (404)" in shown
    assert "1 delivery is sent again" in here("deliveries", "--retry").out
    assert "everything is delivered" in here("deliveries", "--contact-id", "another").out


def test_an_attachment_is_streamed_as_its_item_has_it(threadline: Threadline, aws: Aws) -> None:
    topic = aws.topic()
    casey = threadline.customer(ChatStreamingConfiguration={"StreamingEndpointArn": topic.arn})
    attachment_id = casey.attach("receipt.txt", b"12 EUR", "text/plain")
    items = until(
        lambda: [item for item in topic.items if item["Type"] == "ATTACHMENT"], lambda found: len(found) == 1
    )
    (attachment,) = items[0]["Attachments"]
    assert (attachment["AttachmentId"], attachment["AttachmentName"]) == (attachment_id, "receipt.txt")
    assert attachment["Status"] == "APPROVED"
    assert topic.attributes[-1]["Type"] == "ATTACHMENT"


@pytest.mark.parametrize("verdict", ["APPROVED", "REJECTED"])
def test_a_verdict_on_an_attachment_is_streamed_as_the_same_item_in_its_turn(
    request: pytest.FixtureRequest, aws: Aws, engine: Options, verdict: str
) -> None:
    topic = aws.topic()
    options: Options = {**engine, "attachment_scanner": "scan", "sns_url": aws.url}
    with Threadline(**options) as server:
        goes_on = Event()

        def scan(event: dict[str, Any], _: object) -> dict[str, str]:
            goes_on.wait(30)
            return {"Status": verdict}

        server.lambda_("scan", scan)
        casey = server.customer(ChatStreamingConfiguration={"StreamingEndpointArn": topic.arn})
        agent = server.agent("a1").accept(casey)
        casey.attach("receipt.txt", b"12 EUR", "text/plain")
        agent.transfer(server.queue_id)  # the verdict comes while another contact is the current one
        casey.say("did it come?")
        until(lambda: topic.texts, lambda texts: texts[-1:] == ["did it come?"])
        goes_on.set()
        items = until(
            lambda: [item for item in topic.items if item["Type"] in ("ATTACHMENT", "MESSAGE")],
            lambda found: [item["Type"] for item in found].count("ATTACHMENT") == 2,
        )
    told = [item.get("Content") or item["Attachments"][0]["Status"] for item in items]
    assert told[-3:] == ["IN_PROGRESS", "did it come?", verdict]
    first, last = items[-3], items[-1]
    assert last == first | {"Attachments": [first["Attachments"][0] | {"Status": verdict}]}
    assert topic.attributes[-1]["ContactId"] == casey.contact_id
