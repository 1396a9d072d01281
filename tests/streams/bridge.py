"""A bridge to another messenger, which sends by the participant API and hears by SNS alone."""

from typing import Any

from tests.streams.aws import Topic
from threadline.testing import Threadline


class Bridge:
    """A messaging bridge of one customer of another messenger."""

    def __init__(self, server: Threadline, topic: Topic) -> None:
        self.server = server
        self.topic = topic
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
        self.token = connected["ConnectionCredentials"]["ConnectionToken"]

    def say(self, text: str) -> None:
        self.server.connectparticipant.send_message(
            ConnectionToken=self.token, ContentType="text/plain", Content=text
        )

    def heard(self) -> list[dict[str, Any]]:
        """The items of the topic without repetitions, in the order in which each came first."""
        return list({item["Id"]: item for item in self.topic.items}.values())

    def written(self) -> list[dict[str, Any]]:
        """The whole chat as an account reads it."""
        page = self.server.threadline.get_contact_transcript(
            InstanceId=self.server.instance_id,
            ContactId=self.contact_id,
            MaxResults=100,
            SortOrder="ASCENDING",
        )
        return [dict(item) for item in page["Transcript"]]
