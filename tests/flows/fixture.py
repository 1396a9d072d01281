"""A fixture for flows: real operations on a real store, with a manual clock."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import threadline.server  # noqa: F401  (registers every operation, and the runner)
from tests.flows.flows import Document, content
from tests.units import Function
from threadline.chat.limits import Policy
from threadline.chat.participant import Token
from threadline.chat.transcript import EVENT, Item
from threadline.clock import ManualClock
from threadline.encryption import SecretCipher
from threadline.operations.continuations import due_tasks, run_task
from threadline.operations.participants import subscribe
from threadline.operations.registry import OPERATIONS, AccountCaller, ParticipantCaller, dispatch
from threadline.operations.tokens import authenticate
from threadline.operations.workspace import WorkspaceIds, make_workspace
from threadline.store.sqlite.store import SqliteStore

Reply = dict[str, Any]


class FlowChat(NamedTuple):
    """A chat of one connected customer: the caller, and the chat's first contact."""

    caller: ParticipantCaller
    contact_id: str


class FlowFixture:
    """A workspace with a manual clock, and the calls that a flow reacts to."""

    clock: ManualClock
    store: SqliteStore
    workspace: WorkspaceIds

    async def open(self, path: Path | None = None) -> None:
        self.clock = ManualClock()
        self.store = SqliteStore(path, self.clock, Policy(cipher=SecretCipher(bytes(32)), topics=None))
        self.workspace = await self.store.write(Function(make_workspace))

    async def call(self, service: str, name: str, /, **arguments: Any) -> Reply:
        """An operation called with the workspace's key."""
        caller = AccountCaller(self.workspace.account_id, self.workspace.access_key_id)
        arguments = {"instance_id": self.workspace.instance_id, **arguments}
        return await self.store.write(
            Function(lambda tx: dispatch(tx, OPERATIONS[service, name], caller, arguments))
        )

    async def act(self, caller: ParticipantCaller, name: str, /, **arguments: Any) -> Reply:
        """An operation of the participant service."""
        arguments = {"connection_token": "", **arguments}
        operation = OPERATIONS["connectparticipant", name]
        return await self.store.write(Function(lambda tx: dispatch(tx, operation, caller, arguments)))

    async def flow(
        self,
        name: str = "flow",
        status: str = "PUBLISHED",
        kind: str = "CONTACT_FLOW",
        /,
        **actions: Document,
    ) -> str:
        reply = await self.call(
            "connect",
            "CreateContactFlow",
            name=name,
            type=kind,
            status=status,
            content=content(**actions),
        )
        return str(reply["ContactFlowId"])

    async def start(self, flow_id: str, **members: Any) -> FlowChat:
        """A customer who is connected to a chat in the flow."""
        reply = await self.call(
            "connect",
            "StartChatContact",
            contact_flow_id=flow_id,
            participant_details={"DisplayName": "Ada"},
            **members,
        )
        token = reply["ParticipantToken"]
        caller, _ = await self.store.read(lambda tx: authenticate(tx, token, Token.PARTICIPANT))
        await self.store.write(Function(lambda tx: subscribe(tx, caller)))
        return FlowChat(caller, reply["ContactId"])

    async def run(self, **actions: Document) -> FlowChat:
        """A customer in a chat of a flow made of these actions."""
        return await self.start(await self.flow(**actions))

    async def agent(self, contact_id: str, username: str = "a1") -> ParticipantCaller:
        user_id = self.workspace.agents[username]
        reply = await self.call("threadline", "AcceptContact", contact_id=contact_id, user_id=user_id)
        token = reply["ParticipantToken"]
        return (await self.store.read(lambda tx: authenticate(tx, token, Token.PARTICIPANT)))[0]

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)
        for task in (await self.store.read(due_tasks))[0]:
            await self.store.write(Function(partial(run_task, task=task)))

    async def contact(self, contact_id: str) -> Reply:
        reply: Reply = (await self.call("connect", "DescribeContact", contact_id=contact_id))["Contact"]
        return reply

    async def rows(self, name: str, **parameters: Any) -> list[Any]:
        return await self.store.read(lambda tx: list(tx.all(name, **parameters)))

    async def log(self, chat: FlowChat) -> list[str]:
        """The entries of the chat's log: `Ada: text` of messages, the name of events."""
        of = {"session": chat.caller.session, "participant_id": chat.caller.participant_id}
        rows = await self.rows("entries_after", **of, seq=0, limit=9_999)
        items = [Item(*row[1:]) for row in rows if row[1] is not None]
        return [
            f"{item.display_name}: {item.content}"
            if item.type == "MESSAGE"
            else item.content_type.removeprefix(EVENT)
            for item in items
        ]

    async def said(self, chat: FlowChat) -> list[str]:
        """The flow's messages."""
        return [
            line.partition(": ")[2] for line in await self.log(chat) if line.startswith("SYSTEM_MESSAGE: ")
        ]

    async def reason(self, chat: FlowChat) -> str | None:
        """The DisconnectReason of the chat's first contact, None while it is active."""
        reason: str | None = (await self.contact(chat.contact_id))["DisconnectReason"]
        return reason

    async def flow_state(self, chat: FlowChat) -> str | None:
        """The stored state of the flow of the chat's first contact, None when none runs."""
        rows = await self.rows("flow_run", session=chat.caller.session, contact_id=chat.contact_id)
        return rows[0][1] if rows else None

    async def attributes(self, chat: FlowChat) -> dict[str, str]:
        reply = await self.call("connect", "GetContactAttributes", initial_contact_id=chat.contact_id)
        attributes: dict[str, str] = reply["Attributes"]
        return attributes


@pytest.fixture
async def fixture() -> AsyncIterator[FlowFixture]:
    fixture = FlowFixture()
    await fixture.open()
    yield fixture
    await fixture.store.close()
