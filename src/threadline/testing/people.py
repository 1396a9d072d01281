"""Scripted participants: a customer and an agent who say, see and leave, over the real API and a real WebSocket.

Waiting is for something to be seen, never for time to pass; who waits in vain is told what was seen instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from threadline.clock import Clock

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

    from threadline.testing.workspace import Workspace

Item = dict[str, Any]
"""One entry of a transcript or socket, with the members of the model's Item."""

EVENT = "application/vnd.amazonaws.connect.event."
PATIENCE_SECONDS = 10.0
"""How long a participant waits to see something. Everything here happens in milliseconds; only a failure waits."""


class Participant:
    """Someone in a chat, with one connection and one socket.

    `items` holds everything the socket has shown so far, in order; `see` looks for what has not been seen yet.
    """

    connects: ClassVar[dict[str, Any]] = {"Type": ["WEBSOCKET", "CONNECTION_CREDENTIALS"]}

    def __init__(self, workspace: Workspace, name: str, contact_id: str, participant_token: str) -> None:
        self.workspace = workspace
        self.name = name
        self.contact_id = contact_id
        self.participant_token = participant_token
        self.connection_token = ""
        self.items: list[Item] = []
        self._unseen: list[Item] = []
        self._answers: list[str] = []
        self._socket: ClientConnection | None = None
        self._open = ExitStack()
        workspace.people.append(self)

    def connect(self) -> Self:
        """Connect and subscribe, as a client does at first and again after its connection has dropped.

        Returns once subscribed. Raises botocore's ClientError when the server refuses the connection.
        """
        from websockets.sync.client import connect

        self.drop()
        reply = self.workspace.connectparticipant.create_participant_connection(
            ParticipantToken=self.participant_token, **self.connects
        )
        self.connection_token = reply["ConnectionCredentials"]["ConnectionToken"]
        opened = connect(reply["Websocket"]["Url"], compression=None, proxy=None, max_queue=None)
        self._socket = self._open.enter_context(opened)
        self.frame({"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}})
        return self

    def frame(self, frame: dict[str, Any]) -> None:
        """Send a frame of one's own on the socket and wait for the server's frame of the same topic."""
        assert self._socket is not None, f"{self.name} is not connected"
        self._socket.send(json.dumps(frame))
        while frame["topic"] not in self._answers:
            if not self._hear(PATIENCE_SECONDS):
                self._fail(f"an answer to {frame}")
        self._answers.remove(frame["topic"])

    def say(self, content: str, content_type: str = "text/plain", **members: Any) -> Item:
        """Send a message; returns its Id and AbsoluteTime."""
        reply: Item = self.workspace.connectparticipant.send_message(
            ConnectionToken=self.connection_token, ContentType=content_type, Content=content, **members
        )
        return reply

    def typing(self) -> None:
        """Let the others see that this one is typing."""
        self._event("typing")

    def delivered(self, item: Item) -> None:
        """Report that `item` has arrived."""
        self._event("message.delivered", Content=json.dumps({"messageId": item["Id"]}))

    def read(self, item: Item) -> None:
        """Report that `item` has been read."""
        self._event("message.read", Content=json.dumps({"messageId": item["Id"]}))

    def see(self, content: str | None = None, **members: Any) -> Item:
        """Wait for an item that has this Content and these members, among those not seen before, and return it.

        Raises AssertionError, with all that was seen, when it does not come.
        """
        wanted = members if content is None else {"Content": content, **members}
        described = ", ".join(f"{name} {value!r}" for name, value in wanted.items())
        return self.see_like(lambda item: all(item.get(name) == wanted[name] for name in wanted), described)

    def see_like(self, like: Callable[[Item], bool], described: str) -> Item:
        """Wait for an item that `like` accepts, among those not seen before; `described` tells what that is."""
        deadline_ms = Clock().now_ms() + int(PATIENCE_SECONDS * 1000)
        while True:
            for item in self._unseen:
                if like(item):
                    self._unseen.remove(item)
                    return item
            if not self._hear((deadline_ms - Clock().now_ms()) / 1000):
                self._fail(described)

    def catch_up(self) -> list[Item]:
        """Take in all that the server has sent up to now; returns everything seen so far."""
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
        """Return one answer of GetTranscript."""
        reply: dict[str, Any] = self.workspace.connectparticipant.get_transcript(
            ConnectionToken=self.connection_token, **arguments
        )
        return reply

    def history(self, page_size: int = 100, **arguments: Any) -> list[Item]:
        """Return every item this participant may read, oldest first: what came before this chat included."""
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
        self.workspace.connectparticipant.disconnect_participant(ConnectionToken=self.connection_token)

    def drop(self) -> None:
        """Lose the connection without a word; `connect` comes back."""
        self._open.close()
        self._socket = None

    def _event(self, kind: str, **members: Any) -> None:
        self.workspace.connectparticipant.send_event(
            ConnectionToken=self.connection_token, ContentType=EVENT + kind, **members
        )

    def _hear(self, seconds: float) -> bool:
        """Take in the next frame; False when none comes in time."""
        from websockets.exceptions import ConnectionClosed

        assert self._socket is not None, f"{self.name} is not connected"
        try:
            frame = json.loads(self._socket.recv(timeout=max(seconds, 0)))
        except (TimeoutError, ConnectionClosed):
            return False
        if frame["topic"] == "aws/chat":
            item = json.loads(frame["content"])
            self.items.append(item)
            self._unseen.append(item)
        else:
            self._answers.append(frame["topic"])
        return True

    def _fail(self, wanted: str) -> NoReturn:
        seen = "".join(f"\n  {_told(item)}" for item in self.items) or " nothing"
        raise AssertionError(f"{self.name} did not see {wanted}. {self.name} has seen:{seen}")


class Customer(Participant):
    """A customer: the chat is theirs. `continued_from` is the contact it continues from, if it does."""

    def __init__(self, workspace: Workspace, name: str, **members: Any) -> None:
        started = workspace.connect.start_chat_contact(
            **{
                "InstanceId": workspace.instance_id,
                "ContactFlowId": workspace.contact_flow_id,
                "ParticipantDetails": {"DisplayName": name},
            }
            | members
        )
        super().__init__(workspace, name, started["ContactId"], started["ParticipantToken"])
        self.participant_id: str = started["ParticipantId"]
        self.continued_from: str | None = started.get("ContinuedFromContactId")

    def another_tab(self) -> Participant:
        """Return the same customer on a connection and socket of its own."""
        return Participant(self.workspace, self.name, self.contact_id, self.participant_token).connect()

    def continue_from(self, rehydration_type: str, source_contact_id: str, **members: Any) -> str:
        """Bring a past chat into this one by CreatePersistentContactAssociation; returns ContinuedFromContactId."""
        reply = self.workspace.connect.create_persistent_contact_association(
            InstanceId=self.workspace.instance_id,
            InitialContactId=self.contact_id,
            RehydrationType=rehydration_type,
            SourceContactId=source_contact_id,
            **members,
        )
        continued_from: str = reply["ContinuedFromContactId"]
        return continued_from


class Agent(Participant):
    """A user of the instance who takes chats, one at a time; who takes several at once is several of these."""

    connects: ClassVar[dict[str, Any]] = Participant.connects | {"ConnectParticipant": True}

    def __init__(self, workspace: Workspace, name: str) -> None:
        super().__init__(workspace, name, "", "")
        self.user_id = workspace.agents[name]
        self.participant_id = ""

    def accept(self, contact: Customer | str) -> Self:
        """Take a queued or offered contact and connect."""
        self.take(contact)
        return self.connect()

    def take(self, contact: Customer | str) -> Self:
        """Take a queued or offered contact and leave it to another client to connect with `participant_token`."""
        self.contact_id = contact if isinstance(contact, str) else contact.contact_id
        reply = self.workspace.threadline.accept_contact(
            InstanceId=self.workspace.instance_id, ContactId=self.contact_id, UserId=self.user_id
        )
        self.participant_id = reply["ParticipantId"]
        self.participant_token = reply["ParticipantToken"]
        self.drop()
        self.items, self._unseen = [], []
        return self

    def transfer(self, to: Agent | str) -> str:
        """Hand the chat to another agent, or to the queue of that id; returns the id of the new contact."""
        target = {"QueueId": to} if isinstance(to, str) else {"UserId": to.user_id}
        reply = self.workspace.threadline.transfer_chat(
            InstanceId=self.workspace.instance_id, ContactId=self.contact_id, **target
        )
        contact_id: str = reply["ContactId"]
        return contact_id


def _told(item: Item) -> str:
    what = item.get("Content") or item["ContentType"].removeprefix(EVENT)
    return f"{item.get('ParticipantRole', '-')} {item.get('DisplayName', '-')}: {what}"
