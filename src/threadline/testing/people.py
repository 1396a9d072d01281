"""The people of a test: customers who start chats and agents who take them, as `client.participants` has them."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlsplit

from threadline.client.participants import EVENT, Item, NotSeen, ScriptedParticipant
from threadline.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from threadline.testing.controls import FlowStep
    from threadline.testing.workspace import Workspace


__all__ = ["EVENT", "Agent", "Customer", "Item", "Person"]


POLL_SECONDS = 0.02


def _is_step(step: FlowStep, block: str, members: dict[str, Any]) -> bool:
    if block not in (step["Type"], step["ContactFlowModuleType"], step["Identifier"]):
        return False
    parameters = members.get("Parameters", {})
    return all(step.get(name) == value for name, value in members.items() if name != "Parameters") and all(
        step["Parameters"].get(name) == value for name, value in parameters.items()
    )


def _shown(step: FlowStep) -> str:
    results = f" Results={step['Results']!r}" if "Results" in step else ""
    parameters = json.dumps(step["Parameters"], ensure_ascii=False)
    return f"{step['Type']} {step['Identifier']!r}{results} {parameters}"


class Person(ScriptedParticipant):
    """A scripted participant of a workspace, which closes the socket when the test ends.

    `workspace` may be set to another node of the same store: calls and connections go there from then on.
    """

    workspace: Workspace

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        contact_id: str,
        participant_token: str,
        *,
        connect_participant: bool = False,
    ) -> None:
        super().__init__(
            lambda *call, **members: self.workspace.call_participant(*call, **members),
            name,
            contact_id,
            participant_token,
            connect_participant=connect_participant,
        )
        self.workspace = workspace
        self._steps_seen: set[int] = set()
        workspace.people.append(self)

    def see_block(self, block: str, **members: Any) -> FlowStep:
        """Wait until the chat's flow has run a block, and return its step; each step is seen once.

        `block` is the type of its action, its name in flow logs or its identifier. `members` are those of its step,
        such as `Results="True"`; `Parameters` are compared as far as given. Raises NotSeen with the steps there were.
        """
        deadline = monotonic() + self.patience_seconds
        while True:
            steps = list(enumerate(self.workspace.steps))
            own = [(n, s) for n, s in steps if self.contact_id in (s["ContactId"], s["InitialContactId"])]
            for number, step in own:
                if number not in self._steps_seen and _is_step(step, block, members):
                    self._steps_seen.add(number)
                    return step
            if monotonic() >= deadline:
                shown = "".join(f"\n  {_shown(step)}" for _, step in own) or " nothing"
                wanted = ", ".join([block, *(f"{name}={value!r}" for name, value in members.items())])
                raise NotSeen(f"The flow of {self.name}'s chat has not run {wanted}. It has run:{shown}")
            threading.Event().wait(POLL_SECONDS)

    def attach(self, name: str, content: bytes, content_type: str) -> str:
        """Send a file: begin its upload, PUT the bytes and complete it. Returns its AttachmentId."""
        started = self._call(
            "StartAttachmentUpload",
            ConnectionToken=self.connection_token,
            ContentType=content_type,
            AttachmentSizeInBytes=len(content),
            AttachmentName=name,
        )
        upload = started["UploadMetadata"]
        answer = request(upload["Url"], "PUT", upload["HeadersToInclude"], content)
        if answer.status != 200:
            raise AssertionError(f"The upload of {name} was answered {answer.status}: {answer.body!r}")
        self._call(
            "CompleteAttachmentUpload",
            ConnectionToken=self.connection_token,
            AttachmentIds=[started["AttachmentId"]],
        )
        return str(started["AttachmentId"])

    def attachment(self, attachment_id: str, **members: Any) -> HttpAnswer:
        """Get a file by GetAttachment and a plain GET of its URL."""
        reply = self._call(
            "GetAttachment", ConnectionToken=self.connection_token, AttachmentId=attachment_id, **members
        )
        return request(reply["Url"])


class HttpAnswer(NamedTuple):
    """The answer to a plain request; the names of its headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def request(
    url: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> HttpAnswer:
    """Make a plain HTTP request of a signed URL, past any proxy of the environment."""
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.hostname or "", parts.port, timeout=30)) as connection:
        connection.request(method, f"{parts.path}?{parts.query}", body, dict(headers or {}))
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return HttpAnswer(response.status, named, response.read())


class Customer(Person):
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

    def another_tab(self) -> Person:
        """Return the same customer on a connection and socket of its own."""
        return Person(self.workspace, self.name, self.contact_id, self.participant_token).connect()

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


class Agent(Person):
    """A user of the instance who takes chats, one at a time. For several chats at once, make several of these."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        super().__init__(workspace, name, "", "", connect_participant=True)
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

    def transfer(self, to: Agent | str = "", *, quick_connect_id: str = "") -> str:
        """Hand the chat to another agent, to the queue of that id, or by a quick connect; returns the new contact."""
        target = {"QueueId": to} if isinstance(to, str) else {"UserId": to.user_id}
        if quick_connect_id:
            target = {"QuickConnectId": quick_connect_id}
        reply = self.workspace.threadline.transfer_chat(
            InstanceId=self.workspace.instance_id, ContactId=self.contact_id, **target
        )
        contact_id: str = reply["ContactId"]
        return contact_id
