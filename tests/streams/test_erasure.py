"""Erasure of a chat whose items were not delivered yet: nothing of it is sent later."""

from threading import Event
from time import monotonic

from tests.streams.aws import Aws, until
from tests.streams.bridge import Bridge
from threadline.testing import Threadline

PATIENCE_SECONDS = 60


def test_items_that_were_not_delivered_are_given_up_with_an_erased_chat(
    threadline: Threadline, aws: Aws
) -> None:
    topic = aws.topic()
    here = {"InstanceId": threadline.instance_id}
    bridge = Bridge(threadline, topic)
    bridge.say("hello")
    until(lambda: topic.texts, lambda texts: texts[-1:] == ["hello"])
    aws.take_away()
    try:
        bridge.say("not delivered")
        until(
            lambda: threadline.threadline.list_deliveries(**here)["Deliveries"], lambda found: len(found) == 1
        )
        threadline.connect.stop_contact(**here, ContactId=bridge.contact_id)
        started = threadline.threadline.start_erasure(**here, LineageContactId=bridge.contact_id)
        asked = {**here, "ErasureId": started["ErasureId"]}
        deadline = monotonic() + PATIENCE_SECONDS
        while threadline.threadline.describe_erasure(**asked)["Status"] != "COMPLETED":
            assert monotonic() < deadline
            Event().wait(0.02)
        assert threadline.threadline.list_deliveries(**here)["Deliveries"] == []
    finally:
        aws.bring_back()
    threadline.clock.advance(minutes=10)
    other = Bridge(threadline, topic)
    other.say("another chat")
    until(lambda: topic.texts, lambda texts: texts[-1:] == ["another chat"])
    assert topic.texts == ["hello", "another chat"]
