"""Customer and agent of the demo: participants who connect as any client does, over HTTP and a WebSocket."""

import json
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

from threadline.cli.client import Client
from threadline.cli.failures import Failure

ANSWER_SECONDS = 10.0
PAGE_ITEMS = 100


class Person:
    """One participant, connected from the moment it is made."""

    def __init__(self, client: Client, participant_token: str) -> None:
        self._client = client
        reply = client.call(
            "connectparticipant",
            "CreateParticipantConnection",
            ParticipantToken=participant_token,
            Type=["WEBSOCKET", "CONNECTION_CREDENTIALS"],
        )
        self._token = reply["ConnectionCredentials"]["ConnectionToken"]
        self._socket = _subscribed(reply["Websocket"]["Url"])

    @classmethod
    def accepting(cls, client: Client, instance_id: str, contact_id: str, user_id: str) -> Self:
        """The agent who accepts a contact."""
        reply = client.call(
            "threadline", "AcceptContact", InstanceId=instance_id, ContactId=contact_id, UserId=user_id
        )
        return cls(client, reply["ParticipantToken"])

    def say(self, text: str) -> None:
        """Send a message."""
        self._call("SendMessage", ContentType="text/plain", Content=text)

    def leave(self) -> None:
        """Leave the chat and close the socket."""
        self._call("DisconnectParticipant")
        self.close()

    def close(self) -> None:
        """Close the socket only, as a lost connection would."""
        self._socket.close()

    def pages(self) -> list[list[dict[str, Any]]]:
        """Everything this participant can read, page by page, newest first, as GetTranscript gives it."""
        pages: list[list[dict[str, Any]]] = []
        token: str | None = None
        while token != "":
            more: dict[str, str] = {"NextToken": token} if token else {}
            reply = self._call("GetTranscript", MaxResults=PAGE_ITEMS, ScanDirection="BACKWARD", **more)
            pages.append(reply["Transcript"])
            token = reply.get("NextToken", "")
        return pages

    def contact_id(self) -> str:
        """The contact that the newest item of the chat belongs to."""
        return str(self._call("GetTranscript", MaxResults=1)["Transcript"][0]["ContactId"])

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._client.call("connectparticipant", operation, ConnectionToken=self._token, **parameters)


def _subscribed(url: str) -> ClientConnection:
    try:
        socket = connect(url, open_timeout=ANSWER_SECONDS, proxy=None).__enter__()
        socket.send(json.dumps({"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}}))
        while json.loads(socket.recv(timeout=ANSWER_SECONDS))["topic"] != "aws/subscribe":
            pass
    except (OSError, TimeoutError) as error:
        raise Failure(f"The socket of the chat cannot be opened: {error}") from error
    return socket
