"""Scripted participants: a customer or an agent who says, sees and leaves, over the public API and a real WebSocket.

The demo and the pytest kit share them. They wait until they see an item, never for an amount of time.
"""

import json
from collections.abc import Callable
from typing import Any, NoReturn, Protocol, Self

from threadline.client.chat_socket import ChatSocket
from threadline.client.failures import Failure
from threadline.clock import monotonic

Item = dict[str, Any]
"""One entry of a transcript or socket, with the members of the model's Item."""

EVENT = "application/vnd.amazonaws.connect.event."


class ParticipantCall(Protocol):
    """Calls one operation of Amazon Connect Participant, by our client or by boto3."""

    def __call__(self, operation: str, **members: Any) -> dict[str, Any]:
        """Return the reply. Raises the client's own error if the service refuses."""


class NotSeen(Failure, AssertionError):
    """A participant waited in vain for an item: a failed assertion in a test, a failure in a command."""


class ScriptedParticipant:
    """Someone with a participant token, one connection and one socket. Use as a context manager, or call `drop`.

    `connect_participant` is ConnectParticipant, which agents and custom participants connect with.
    `items` holds everything the socket has shown so far, in order. `see` looks through the items that it has not
    returned before.
    """

    patience_seconds = 10.0
    """How long to wait for an item. Items arrive within milliseconds, so only a failure waits."""

    def __init__(
        self,
        call: ParticipantCall,
        name: str,
        contact_id: str,
        participant_token: str,
        *,
        connect_participant: bool = False,
    ) -> None:
        self.name = name
        self.contact_id = contact_id
        self.participant_token = participant_token
        self.connection_token = ""
        self.items: list[Item] = []
        self._call = call
        self._connect_participant = connect_participant
        self._unseen: list[Item] = []
        self._replies: list[str] = []
        self._socket: ChatSocket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def connect(self) -> Self:
        """Connect and subscribe, at first and again after the connection has dropped. A customer's flow starts here.

        Returns once subscribed. Raises the client's error when the server refuses the connection, Failure when the
        socket cannot be opened.
        """
        self.drop()
        members = {"ConnectParticipant": True} if self._connect_participant else {}
        reply = self._call(
            "CreateParticipantConnection",
            ParticipantToken=self.participant_token,
            Type=["WEBSOCKET", "CONNECTION_CREDENTIALS"],
            **members,
        )
        self.connection_token = reply["ConnectionCredentials"]["ConnectionToken"]
        self._socket = ChatSocket(reply["Websocket"]["Url"])
        self.frame({"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}})
        return self

    def frame(self, frame: dict[str, Any]) -> None:
        """Send a frame on the socket and wait for the server's frame of the same topic. Raises NotSeen."""
        assert self._socket is not None, f"{self.name} is not connected"
        self._socket.send(json.dumps(frame))
        while frame["topic"] not in self._replies:
            if not self._receive(self.patience_seconds):
                self._fail(f"a reply to {frame}")
        self._replies.remove(frame["topic"])

    def say(self, content: str, content_type: str = "text/plain", **members: Any) -> Item:
        """Send a message; returns its Id and AbsoluteTime."""
        return self._call(
            "SendMessage",
            ConnectionToken=self.connection_token,
            ContentType=content_type,
            Content=content,
            **members,
        )

    def typing(self) -> None:
        """Send the event that shows the others a typing indicator."""
        self._event("typing")

    def delivered(self, item: Item) -> None:
        """Report that `item` has arrived."""
        self._event("message.delivered", Content=json.dumps({"messageId": item["Id"]}))

    def read(self, item: Item) -> None:
        """Report that `item` has been read."""
        self._event("message.read", Content=json.dumps({"messageId": item["Id"]}))

    def see(self, content: str | None = None, **members: Any) -> Item:
        """Wait for an item that has this Content and these members, among those not seen before, and return it.

        Raises NotSeen, an AssertionError that lists every item seen, when it does not come.
        """
        wanted = members if content is None else {"Content": content, **members}
        described = ", ".join(f"{name} {value!r}" for name, value in wanted.items())
        return self.see_like(lambda item: all(item.get(name) == wanted[name] for name in wanted), described)

    def see_like(self, like: Callable[[Item], bool], described: str) -> Item:
        """Wait for an item that `like` accepts, among those not seen before; `described` is for the error."""
        deadline = monotonic() + self.patience_seconds
        while True:
            for item in self._unseen:
                if like(item):
                    self._unseen.remove(item)
                    return item
            if not self._receive(deadline - monotonic()):
                self._fail(described)

    def catch_up(self) -> list[Item]:
        """Receive all that the server has sent up to now; returns everything seen so far."""
        self.frame({"topic": "aws/heartbeat"})
        return self.items

    def see_event(self, kind: str, **members: Any) -> Item:
        """Wait for an event such as `typing`, `participant.joined` or `chat.rehydrated`, and return it."""
        return self.see(ContentType=EVENT + kind, **members)

    def events(self) -> list[str]:
        """The kinds of event the socket has shown up to now, in order."""
        return [
            item["ContentType"].removeprefix(EVENT) for item in self.catch_up() if item["Type"] == "EVENT"
        ]

    def page(self, **arguments: Any) -> dict[str, Any]:
        """Return one page of GetTranscript."""
        return self._call("GetTranscript", ConnectionToken=self.connection_token, **arguments)

    def history(self, page_size: int = 100, **arguments: Any) -> list[Item]:
        """Return every item this participant may read, oldest first, including the past that the chat continues."""
        arguments = {
            "ScanDirection": "BACKWARD",
            "SortOrder": "ASCENDING",
            "MaxResults": page_size,
        } | arguments
        items: list[Item] = []
        while True:
            page = self.page(**arguments)
            items[:0] = page["Transcript"]
            if not page.get("NextToken"):
                return items
            arguments["NextToken"] = page["NextToken"]

    def reads(self, page_size: int = 100) -> list[str]:
        """Return the text of every message in `history`, oldest first."""
        return [item["Content"] for item in self.history(page_size) if item["Type"] == "MESSAGE"]

    def leave(self) -> None:
        """Leave the chat for good; the socket stays open, so that the end can be seen."""
        self._call("DisconnectParticipant", ConnectionToken=self.connection_token)

    def drop(self) -> None:
        """Close the socket without leaving the chat; `connect` comes back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _event(self, kind: str, **members: Any) -> None:
        self._call("SendEvent", ConnectionToken=self.connection_token, ContentType=EVENT + kind, **members)

    def _receive(self, seconds: float) -> bool:
        """Receive the next frame; False when none comes in time."""
        assert self._socket is not None, f"{self.name} is not connected"
        text = self._socket.receive(max(seconds, 0))
        if text is None:
            return False
        frame = json.loads(text)
        if frame["topic"] == "aws/chat":
            item = json.loads(frame["content"])
            self.items.append(item)
            self._unseen.append(item)
        else:
            self._replies.append(frame["topic"])
        return True

    def _fail(self, wanted: str) -> NoReturn:
        seen = "".join(f"\n  {_line(item)}" for item in self.items) or " nothing"
        raise NotSeen(f"{self.name} did not see {wanted}. {self.name} has seen:{seen}")


def _line(item: Item) -> str:
    content = item.get("Content") or item["ContentType"].removeprefix(EVENT)
    return f"{item.get('ParticipantRole', '-')} {item.get('DisplayName', '-')}: {content}"
