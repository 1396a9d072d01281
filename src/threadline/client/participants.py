"""The people of the demo: a customer and agents who chat over the public API and a real WebSocket."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from threadline.client.client import Client
from threadline.client.failures import Failure

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

Item = dict[str, Any]
"""An entry of a transcript, as the socket and GetTranscript have it."""

EVENT = "application/vnd.amazonaws.connect.event."
PATIENCE_SECONDS = 10
PAGE_MAX = 100


class Person:
    """Someone with a participant token. Use as a context manager, which closes the socket."""

    def __init__(self, client: Client, name: str, contact_id: str, participant_token: str) -> None:
        self.name = name
        self.contact_id = contact_id
        self._client = client
        self._participant_token = participant_token
        self._connection_token = ""
        self._socket: ClientConnection | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def connect(self, *, agent: bool = False) -> Self:
        """Connect and subscribe, which starts a customer's flow."""
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        members = {"ConnectParticipant": True} if agent else {}
        reply = self._call(
            "CreateParticipantConnection",
            ParticipantToken=self._participant_token,
            Type=["WEBSOCKET", "CONNECTION_CREDENTIALS"],
            **members,
        )
        self._connection_token = reply["ConnectionCredentials"]["ConnectionToken"]
        try:
            opened = connect(reply["Websocket"]["Url"], proxy=None)
        except (OSError, WebSocketException) as error:
            raise Failure(f"The chat's socket cannot be opened: {error}") from error
        self._socket = self._open.enter_context(opened)
        self._socket.send(json.dumps({"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}}))
        self._frame(lambda frame: frame["topic"] == "aws/subscribe")
        return self

    def say(self, text: str) -> Item:
        """Send a message, wait until it is in the chat, and return it."""
        sent = self._call(
            "SendMessage", ConnectionToken=self._connection_token, ContentType="text/plain", Content=text
        )
        return self.see(lambda item: item["Id"] == sent["Id"])

    def leave(self) -> None:
        """Leave the chat for good."""
        self._call("DisconnectParticipant", ConnectionToken=self._connection_token)

    def see(self, wanted: Callable[[Item], bool]) -> Item:
        """The next item on the socket that is `wanted`. Raises Failure when none comes."""

        def is_wanted(frame: dict[str, Any]) -> bool:
            return frame["topic"] == "aws/chat" and wanted(json.loads(frame["content"]))

        item: Item = json.loads(self._frame(is_wanted)["content"])
        return item

    def see_event(self, kind: str) -> Item:
        """The next event of a kind such as `chat.rehydrated`."""
        return self.see(lambda item: item["ContentType"] == EVENT + kind)

    def history(self) -> list[Item]:
        """Every item this person may read, oldest first, by GetTranscript's pages."""
        items: list[Item] = []
        token: dict[str, str] = {}
        while True:
            page = self._call(
                "GetTranscript",
                ConnectionToken=self._connection_token,
                MaxResults=PAGE_MAX,
                ScanDirection="BACKWARD",
                SortOrder="ASCENDING",
                **token,
            )
            items[:0] = page["Transcript"]
            if not page.get("NextToken"):
                return items
            token = {"NextToken": page["NextToken"]}

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._client.call("connectparticipant", operation, **parameters)

    def _frame(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        from websockets.exceptions import ConnectionClosed

        assert self._socket is not None, "connect first"
        while True:
            try:
                frame: dict[str, Any] = json.loads(self._socket.recv(timeout=PATIENCE_SECONDS))
            except (TimeoutError, ConnectionClosed) as error:
                raise Failure(
                    f"{self.name} waited {PATIENCE_SECONDS} s in vain for the chat to go on."
                ) from error
            if wanted(frame):
                return frame
