"""A bridge to another messenger, from its first call to its last, with SNS away in the middle."""

from typing import Any

from tests.streams.aws import Aws, Topic, until
from threadline.testing import Threadline

EVENT = "application/vnd.amazonaws.connect.event."


class Bridge:
    """A messaging bridge: it sends by the participant API and hears by SNS alone."""

    def __init__(self, server: Threadline, topic: Topic) -> None:
        self._server = server
        self._topic = topic
        started = server.connect.start_chat_contact(
            InstanceId=server.instance_id,
            ContactFlowId=server.contact_flow_id,
            ParticipantDetails={"DisplayName": "+49 30 1234"},
        )
        self.contact_id = started["ContactId"]
        self.streaming_id = server.connect.start_contact_streaming(
            InstanceId=server.instance_id,
            ContactId=self.contact_id,
            ChatStreamingConfiguration={"StreamingEndpointArn": topic.arn},
            ClientToken=self.contact_id,
        )["StreamingId"]
        connected = server.connectparticipant.create_participant_connection(
            ParticipantToken=started["ParticipantToken"],
            Type=["CONNECTION_CREDENTIALS"],
            ConnectParticipant=True,
        )
        self._token = connected["ConnectionCredentials"]["ConnectionToken"]

    def say(self, text: str) -> None:
        self._server.connectparticipant.send_message(
            ConnectionToken=self._token, ContentType="text/plain", Content=text
        )

    def history(self) -> list[dict[str, Any]]:
        page = self._server.connectparticipant.get_transcript(
            ConnectionToken=self._token, MaxResults=100, SortOrder="ASCENDING"
        )
        return [dict(item) for item in page["Transcript"]]

    def stop(self) -> None:
        self._server.connect.stop_contact_streaming(
            InstanceId=self._server.instance_id, ContactId=self.contact_id, StreamingId=self.streaming_id
        )


def test_a_bridge_hears_everything_in_order_though_sns_is_away_for_a_minute(
    threadline: Threadline, aws: Aws
) -> None:
    topic = aws.topic()
    bridge = Bridge(threadline, topic)
    agent = threadline.agent("a1").accept(bridge.contact_id)
    bridge.say("hello")
    agent.say("good morning")
    until(lambda: topic.texts, lambda texts: texts[-2:] == ["hello", "good morning"])

    aws.take_away()
    try:
        for number in range(30):
            (bridge if number % 2 else agent).say(f"meanwhile {number}")
        failing = until(
            lambda: threadline.threadline.list_deliveries(InstanceId=threadline.instance_id)["Deliveries"],
            lambda found: len(found) == 1,
        )
    finally:
        aws.bring_back()
    assert (failing[0]["Status"], failing[0]["ContactId"]) == ("RETRYING", bridge.contact_id)
    threadline.clock.advance(minutes=1)
    until(lambda: topic.texts, lambda texts: texts[-1] == "meanwhile 29")

    bridge.say("that is all")
    until(lambda: topic.texts, lambda texts: texts[-1] == "that is all")
    bridge.stop()
    agent.say("nobody hears this")
    bridge.say("the chat goes on")
    agent.leave()

    shown = bridge_items(topic)
    written = agent_history(threadline, bridge.contact_id)
    until_stop = next(n for n, item in enumerate(written) if item.get("Content") == "that is all") + 1
    assert [item["Id"] for item in shown] == [item["Id"] for item in written[:until_stop]]


def bridge_items(topic: Topic) -> list[dict[str, Any]]:
    """The items of the topic without repetitions, in the order in which each came first."""
    return list({item["Id"]: item for item in topic.items}.values())


def agent_history(server: Threadline, contact_id: str) -> list[dict[str, Any]]:
    """The whole chat as an account reads it."""
    page = server.threadline.get_contact_transcript(
        InstanceId=server.instance_id, ContactId=contact_id, MaxResults=100, SortOrder="ASCENDING"
    )
    return [dict(item) for item in page["Transcript"]]
