"""Receivers that fail in every way: entries come late, and neither get lost nor change their order."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from tests.streams.aws import until
from tests.streams.keys import SigningKey
from tests.streams.receiver import Receiver, receiving
from threadline.neighbours import deliveries
from threadline.testing import Threadline
from threadline.testing.people import Customer

TOPIC = "arn:aws:sns:eu-central-1:123456789012:chat"
CERTIFICATE_URL = "https://sns.example.com/signing.pem"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey(tmp_path)


@pytest.fixture
def server(receiver: Receiver, key: SigningKey) -> Iterator[Threadline]:
    with Threadline(
        verify=True,
        neighbours=f"{TOPIC}={receiver.url}",
        signing_key_file=str(key.file),
        signing_certificate_url=CERTIFICATE_URL,
    ) as server:
        yield server


def streamed(server: Threadline, **members: Any) -> Customer:
    """A customer in a chat that is streamed from its first entry on."""
    return server.customer(ChatStreamingConfiguration={"StreamingEndpointArn": TOPIC}, **members)


def texts(receiver: Receiver) -> list[str]:
    """The messages that the receiver took, in the order in which each came first."""
    items = [json.loads(got.json["Message"]) for got in receiver.answered]
    return [i["Content"] for i in {i["Id"]: i for i in items}.values() if i["Type"] == "MESSAGE"]


def failing(server: Threadline) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.threadline.list_deliveries(InstanceId=server.instance_id)[
        "Deliveries"
    ]
    return found


def test_a_url_gets_the_notification_of_sns_with_a_signature_that_receivers_can_check(
    server: Threadline, receiver: Receiver, key: SigningKey
) -> None:
    casey = streamed(server, InitialMessage={"ContentType": "text/plain", "Content": "Grüße"})
    until(lambda: texts(receiver), lambda found: found[:1] == ["Grüße"])
    got = receiver.answered[0]
    assert got.headers["x-amz-sns-message-type"] == "Notification"
    assert got.headers["x-amz-sns-topic-arn"] == got.json["TopicArn"] == TOPIC
    assert got.json["SigningCertURL"] == CERTIFICATE_URL
    key.check_notification(got.json)
    with pytest.raises(InvalidSignature):
        key.check_notification({**got.json, "Message": got.json["Message"] + " "})
    attributes = {name: value["Value"] for name, value in got.json["MessageAttributes"].items()}
    assert attributes == {
        "InitialContactId": casey.contact_id,
        "ContactId": casey.contact_id,
        "MessageVisibility": "ALL",
        "Type": "MESSAGE",
        "AccountId": "123456789012",
        "ContentType": "text/plain",
        "InstanceId": server.instance_id,
        "ParticipantRole": "CUSTOMER",
    }


def test_the_end_of_a_chat_is_streamed_without_a_role(server: Threadline, receiver: Receiver) -> None:
    casey = streamed(server)
    casey.leave()
    ended = until(
        lambda: [got.json for got in receiver.answered if "chat.ended" in got.json["Message"]],
        lambda found: len(found) == 1,
    )[0]
    assert "ParticipantRole" not in ended["MessageAttributes"]
    assert ended["MessageAttributes"]["Type"]["Value"] == "EVENT"


@pytest.mark.parametrize("how", [500, 503, 429, 403, 404, 302, "half", "huge", "no http"])
def test_a_receiver_that_fails_gets_everything_in_order_later(
    server: Threadline, receiver: Receiver, how: str | int
) -> None:
    receiver.how = how
    casey = streamed(server)
    casey.say("0")
    (delivery,) = until(lambda: failing(server), bool)
    assert (delivery["Status"], delivery["Type"], delivery["Endpoint"]) == ("RETRYING", "MESSAGES", TOPIC)
    assert delivery["Reason"]
    for number in range(1, 6):
        casey.say(str(number))
    receiver.how = 200
    server.clock.advance(minutes=5)
    until(lambda: texts(receiver), lambda found: found[-1:] == ["5"])
    assert [text for text in texts(receiver) if text.isdecimal()] == ["0", "1", "2", "3", "4", "5"]
    until(lambda: failing(server), lambda found: not found)


def test_a_receiver_that_never_answers_is_given_up_and_holds_up_no_chat(
    server: Threadline, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "ENTRY_SECONDS", 0.2)
    receiver.how = "hang"
    casey = streamed(server)
    agent = server.agent("a1").accept(casey)
    casey.say("are you there?")
    agent.see("are you there?")
    (delivery,) = until(lambda: failing(server), bool)
    assert "Timeout" in delivery["Reason"]
    receiver.how = 200
    server.clock.advance(minutes=5)
    until(lambda: texts(receiver), lambda found: found[-1:] == ["are you there?"])


def test_the_time_between_attempts_grows(server: Threadline, receiver: Receiver) -> None:
    receiver.how = 503
    server.clock.stop()
    streamed(server)
    until(lambda: failing(server), bool)
    attempts = []
    for seconds in (1, 2, 4, 8, 16):
        before = len(receiver.got)
        server.clock.advance(ms=seconds * 1_000 - 1)
        attempts.append(len(receiver.got) - before)
        server.clock.advance(ms=1)
        until(lambda: failing(server)[0]["Attempts"], lambda count: count == len(attempts) + 1)
    assert attempts == [0, 0, 0, 0, 0], "an attempt before its time"


def test_an_entry_that_is_refused_is_kept_and_sent_again(server: Threadline, receiver: Receiver) -> None:
    casey = streamed(server)
    casey.say("before")
    until(lambda: texts(receiver), lambda found: found[-1:] == ["before"])
    receiver.how = 400
    casey.say("refused 1")
    casey.say("refused 2")
    letters = until(lambda: failing(server), lambda found: len(found) == 2)
    assert [(each["Status"], each["Reason"]) for each in letters] == [
        ("FAILED", "the URL answered status 400")
    ] * 2
    receiver.how = 200
    casey.say("after")
    until(lambda: texts(receiver), lambda found: found[-1:] == ["after"])
    assert server.threadline.retry_deliveries(InstanceId=server.instance_id)["Count"] == 2
    until(lambda: failing(server), lambda found: not found)
    assert texts(receiver)[-3:] == ["after", "refused 1", "refused 2"]


def test_a_receiver_that_is_away_for_longer_than_the_setting_leaves_dead_letters(
    server: Threadline, receiver: Receiver
) -> None:
    receiver.how = 503
    casey = streamed(server)
    casey.say("hello")
    until(lambda: failing(server), bool)
    server.clock.advance(days=4)
    until(lambda: failing(server), lambda found: any(each["Status"] == "FAILED" for each in found))
    receiver.how = 200
    server.threadline.retry_deliveries(InstanceId=server.instance_id, ContactId=casey.contact_id)
    until(lambda: failing(server), lambda found: not found)
    assert "hello" in texts(receiver)


def test_a_retry_does_not_wait_for_the_next_attempt(server: Threadline, receiver: Receiver) -> None:
    receiver.how = 503
    server.clock.stop()
    casey = streamed(server)
    casey.say("hello")
    until(lambda: failing(server), bool)
    receiver.how = 200
    assert server.threadline.retry_deliveries(InstanceId=server.instance_id)["Count"] == 1
    until(lambda: texts(receiver), lambda found: found[-1:] == ["hello"])


def test_without_a_key_nothing_is_posted_to_a_url(receiver: Receiver) -> None:
    with Threadline(neighbours=f"{TOPIC}={receiver.url}") as server:
        streamed(server)
        (delivery,) = until(lambda: failing(server), bool)
    assert "THREADLINE_SIGNING_KEY_FILE" in delivery["Reason"]
    assert receiver.got == []


def test_a_running_chat_ends_in_the_stream_too(server: Threadline, receiver: Receiver) -> None:
    receiver.how = 503
    casey = streamed(server)
    casey.say("goodbye")
    until(lambda: failing(server), bool)
    casey.leave()
    receiver.how = 200
    server.clock.advance(minutes=5)
    events = until(
        lambda: [json.loads(got.json["Message"])["ContentType"] for got in receiver.answered],
        lambda found: found[-1:] == ["application/vnd.amazonaws.connect.event.chat.ended"],
    )
    assert len(events) >= 4


def test_a_receiver_that_hangs_holds_up_no_other(
    server: Threadline, receiver: Receiver, key: SigningKey
) -> None:
    receiver.how = "hang"
    with receiving() as good:
        other = TOPIC + "-2"
        neighbours = f"{TOPIC}={receiver.url},{other}={good.url}"
        with Threadline(neighbours=neighbours, signing_key_file=str(key.file)) as both:
            for _ in range(deliveries.THREADS + 2):
                streamed(both)
            until(lambda: receiver.got, lambda found: len(found) == deliveries.THREADS)
            casey = both.customer(ChatStreamingConfiguration={"StreamingEndpointArn": other})
            casey.say("hello")
            until(lambda: texts(good), lambda found: found[-1:] == ["hello"])
        receiver.released.set()


def test_a_chat_that_was_erased_before_its_delivery_is_not_delivered(
    server: Threadline, receiver: Receiver
) -> None:
    receiver.how = 400
    casey = streamed(server)
    casey.say("secret of the customer")
    until(lambda: failing(server), lambda found: len(found) >= 2)
    receiver.how = 503
    casey.say("secret of the customer")
    casey.leave()
    before = len(receiver.got)
    erasure = server.threadline.start_erasure(InstanceId=server.instance_id, ContactId=casey.contact_id)
    until(
        lambda: server.threadline.describe_erasure(
            InstanceId=server.instance_id, ErasureId=erasure["ErasureId"]
        )["Status"],
        lambda status: status == "COMPLETED",
    )
    receiver.how = 200
    server.threadline.retry_deliveries(InstanceId=server.instance_id)
    server.clock.advance(minutes=10)
    until(lambda: failing(server), lambda found: not found)
    assert not [got for got in receiver.got[before + 1 :] if b"secret" in got.body]
