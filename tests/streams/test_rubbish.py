"""Services of AWS that are something else, or answer with half of an answer: nothing counts as delivered by mistake."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.streams.aws import until
from tests.streams.receiver import Got, Receiver, receiving
from threadline.testing import Threadline
from threadline.testing.options import Options

TOPIC = "arn:aws:sns:us-east-1:123456789012:chat"
PAGE = b"<html><title>Sign in to the network</title></html>"
GOOD = {
    "MESSAGES": b"<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>",
    "EVENTS": b'{"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}',
    "RECORDS": b'{"ShardId": "s", "SequenceNumber": "1"}',
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def options_of(kind: str, url: str) -> Options:
    found: dict[str, Options] = {
        "MESSAGES": {"sns_url": url},
        "EVENTS": {
            "eventbridge_url": url,
            "contact_events": "arn:aws:events:us-east-1:123456789012:event-bus/b",
        },
        "RECORDS": {
            "kinesis_url": url,
            "contact_records": "arn:aws:kinesis:us-east-1:123456789012:stream/s",
        },
    }
    return found[kind]


def taken(kind: str, got: Got) -> Any:
    """The contact id of an entry as a service was given it."""
    if kind == "MESSAGES":
        return json.loads(parse_qs(got.body.decode())["Message"][0])["ContactId"]
    if kind == "EVENTS":
        return json.loads(got.json["Entries"][0]["Detail"])["contactId"]
    return got.json["PartitionKey"]


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("how", [PAGE, b"{}", b"[]", b'{"Entries": 1}', b"", 302, 507, "half"])
def test_an_answer_that_is_not_the_services_is_tried_again(
    receiver: Receiver, kind: str, how: bytes | int | str
) -> None:
    receiver.how = how
    with Threadline(**options_of(kind, receiver.url)) as server:
        streaming = {"ChatStreamingConfiguration": {"StreamingEndpointArn": TOPIC}}
        members: dict[str, Any] = streaming if kind == "MESSAGES" else {}
        casey = server.customer(**members)
        casey.say("hello")
        casey.leave()

        def failing() -> list[dict[str, Any]]:
            reply = server.threadline.list_deliveries(InstanceId=server.instance_id)
            return [dict(each) for each in reply["Deliveries"]]

        (delivery,) = until(failing, bool)
        assert (delivery["Type"], delivery["Status"]) == (kind, "RETRYING")
        receiver.how = GOOD[kind]
        receiver.answered.clear()
        server.clock.advance(minutes=5)
        until(failing, lambda found: not found)
        assert {taken(kind, got) for got in receiver.answered} == {casey.contact_id}
