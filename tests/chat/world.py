"""Real operations on a real store, without a server, with a manual clock."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import threadline.server  # noqa: F401  (registers every operation, and the flows' runner)
from tests.units import Function
from threadline.chat.limits import Policy
from threadline.chat.participant import Token
from threadline.chat.transcript import EVENT
from threadline.clock import ManualClock
from threadline.encryption import SecretCipher
from threadline.errors import Fault
from threadline.operations.continuations import due_tasks, run_task
from threadline.operations.participants import subscribe
from threadline.operations.registry import OPERATIONS, AccountCaller, ParticipantCaller, dispatch
from threadline.operations.tokens import authenticate
from threadline.operations.workspace import make_workspace
from threadline.store import Tx
from threadline.store.sqlite.store import SqliteStore

T = TypeVar("T")
Reply = dict[str, Any]
Item = dict[str, Any]


class Started(NamedTuple):
    """A started chat: its first contact, its customer, and the contact that it continues from."""

    contact_id: str
    customer: ParticipantCaller
    continued_from: str | None


class World:
    """A store of its own with one workspace; `close` it."""

    def __init__(self, **policy: Any) -> None:
        self.clock = ManualClock()
        self._loop = asyncio.new_event_loop()
        self.store = SqliteStore(None, self.clock, Policy(cipher=SecretCipher(bytes(32)), **policy))
        self.workspace = self.write(make_workspace)

    def close(self) -> None:
        self._loop.run_until_complete(self.store.close())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def write(self, work: Callable[[Tx], T]) -> T:
        return self._loop.run_until_complete(self.store.write(Function(work)))

    def read(self, work: Callable[[Tx], T]) -> T:
        return self._loop.run_until_complete(self.store.read(work))

    def call(self, name: str, *, service: str = "connect", **arguments: Any) -> Reply:
        """An operation, called with the workspace's key."""
        caller = AccountCaller(self.workspace.account_id, self.workspace.access_key_id)
        arguments = {"instance_id": self.workspace.instance_id, **arguments}
        return self.write(lambda tx: dispatch(tx, OPERATIONS[service, name], caller, arguments))

    def act(self, caller: ParticipantCaller, name: str, **arguments: Any) -> Reply:
        """An operation of the participant service."""
        operation = OPERATIONS["connectparticipant", name]
        run = self.write if operation.writes else self.read
        return run(lambda tx: dispatch(tx, operation, caller, {"connection_token": "", **arguments}))

    def start(self, name: str = "Casey", **members: Any) -> Started:
        """A chat whose customer has not connected yet."""
        reply = self.call(
            "StartChatContact",
            contact_flow_id=self.workspace.contact_flow_id,
            participant_details={"DisplayName": name},
            **members,
        )
        caller = self.caller_of(reply["ParticipantToken"])
        return Started(reply["ContactId"], caller, reply.get("ContinuedFromContactId"))

    def caller_of(self, participant_token: str) -> ParticipantCaller:
        return self.read(lambda tx: authenticate(tx, participant_token, Token.PARTICIPANT))[0]

    def connect(self, caller: ParticipantCaller) -> None:
        """Open a socket; the first time, the chat's flow starts and queues it."""
        self.write(lambda tx: subscribe(tx, caller))

    def accept(self, contact_id: str, username: str = "a1") -> ParticipantCaller:
        user_id = self.workspace.agents[username]
        reply = self.call("AcceptContact", service="threadline", contact_id=contact_id, user_id=user_id)
        return self.caller_of(reply["ParticipantToken"])

    def transfer(self, contact_id: str, username: str | None) -> str:
        """Transfer a chat to a user, or to the queue; return the new contact's id."""
        target = (
            {"user_id": self.workspace.agents[username]}
            if username
            else {"queue_id": self.workspace.queue_id}
        )
        reply = self.call("TransferChat", service="threadline", contact_id=contact_id, **target)
        return str(reply["ContactId"])

    def say(self, caller: ParticipantCaller, text: str) -> Reply:
        return self.act(caller, "SendMessage", content_type="text/plain", content=text)

    def associate(self, contact_id: str, kind: str, source_contact_id: str, **members: Any) -> str:
        reply = self.call(
            "CreatePersistentContactAssociation",
            initial_contact_id=contact_id,
            rehydration_type=kind,
            source_contact_id=source_contact_id,
            **members,
        )
        return str(reply["ContinuedFromContactId"])

    def pass_time(self, *, seconds: float = 0, ms: int = 0) -> None:
        """Move the clock and run the tasks that are due."""
        self.clock.advance(seconds=seconds, ms=ms)
        for task in self.read(due_tasks)[0]:
            self.write(partial(run_task, task=task))

    def pages(self, caller: ParticipantCaller, **arguments: Any) -> list[list[Item]]:
        """Every page of a transcript, from the first to the one without a NextToken."""
        pages: list[list[Item]] = []
        more: dict[str, str] = {}
        while True:
            reply = self.act(caller, "GetTranscript", **arguments, **more)
            pages.append(reply["Transcript"])
            if "NextToken" not in reply:
                return pages
            more = {"next_token": reply["NextToken"]}

    def history(self, caller: ParticipantCaller, page_size: int = 100) -> list[Item]:
        """All that a participant may read, oldest first."""
        pages = self.pages(caller, max_results=page_size, sort_order="ASCENDING")
        return [item for page in reversed(pages) for item in page]

    def lineage(self, contact_id: str, page_size: int = 1000, **arguments: Any) -> list[Reply]:
        """The contacts of all pages of DescribeLineage, newest first."""
        contacts: list[Reply] = []
        token: dict[str, str] = {}
        while True:
            reply = self.call(
                "DescribeLineage",
                service="threadline",
                contact_id=contact_id,
                max_results=page_size,
                **arguments,
                **token,
            )
            contacts += reply["Contacts"]
            if "NextToken" not in reply:
                return contacts
            token = {"next_token": reply["NextToken"]}


def told(item: Item) -> str:
    """An item in a few words: `Casey: Hello`, or the event and its participant."""
    if item["Type"] == "MESSAGE":
        return f"{item['DisplayName']}: {item['Content']}"
    return f"{item['ContentType'].removeprefix(EVENT)} {item.get('DisplayName', '')}".strip()


def contact_of(item: Item, *, past: bool) -> str:
    """The contact an item was sent on. A past item has it as RelatedContactId, a current one as ContactId."""
    assert ("RelatedContactId" in item, "ContactId" in item) == (past, not past), item
    return str(item["RelatedContactId" if past else "ContactId"])


def refusal_of(work: Callable[[], object]) -> str | None:
    """The code with which a call is refused, or None."""
    try:
        work()
    except Fault as fault:
        return fault.code
    return None
