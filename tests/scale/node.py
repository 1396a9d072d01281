"""A node without its frontend: the store on PostgreSQL, and the operations on it."""

from typing import Any, Self

import threadline.server  # noqa: F401  (registers every operation, and the flows' runner)
from tests.recorder import Recorder
from tests.units import Function
from threadline.chat.limits import Policy
from threadline.chat.participant import Token
from threadline.clock import Clock
from threadline.encryption import SecretCipher
from threadline.operations.participants import subscribe
from threadline.operations.registry import OPERATIONS, AccountCaller, ParticipantCaller, Reply, dispatch
from threadline.operations.tokens import authenticate
from threadline.operations.workspace import first_workspace
from threadline.store.postgres.store import PostgresStore


class Node:
    """A store and the commits that it has announced."""

    address: str

    def __init__(self, store: PostgresStore, seen: Recorder) -> None:
        self.store = store
        self.told = seen.commits

    @classmethod
    async def open(cls, address: str) -> Self:
        seen, policy = Recorder(), Policy(cipher=SecretCipher(bytes(32)))
        return cls(await PostgresStore.open(address, Clock(), policy, seen), seen)

    async def begin(self) -> None:
        made = await self.store.write(Function(first_workspace))
        self.ids = {"instance_id": made.instance_id}
        self.flow_id = made.contact_flow_id
        self.users = list(made.agents.values())
        self.account = AccountCaller(made.account_id, made.access_key_id)

    async def call(self, name: str, *, service: str = "connect", **arguments: Any) -> Reply:
        operation = OPERATIONS[service, name]
        return await self.store.write(
            Function(lambda tx: dispatch(tx, operation, self.account, self.ids | arguments))
        )

    async def start(self) -> tuple[str, ParticipantCaller]:
        reply = await self.call(
            "StartChatContact", contact_flow_id=self.flow_id, participant_details={"DisplayName": "Casey"}
        )
        token = reply["ParticipantToken"]
        caller = (await self.store.read(lambda tx: authenticate(tx, token, Token.PARTICIPANT)))[0]
        await self.store.write(Function(lambda tx: subscribe(tx, caller), caller.session))
        return reply["ContactId"], caller

    async def say(self, caller: ParticipantCaller, text: str, **members: Any) -> Reply:
        operation = OPERATIONS["connectparticipant", "SendMessage"]
        arguments = {"content_type": "text/plain", "content": text, "connection_token": "", **members}
        return await self.store.write(
            Function(
                lambda tx: dispatch(tx, operation, caller, arguments),
                caller.session if "hint" not in text else None,
            ),
        )

    async def log(self, caller: ParticipantCaller) -> list[tuple[Any, ...]]:
        everything = {
            "session": caller.session,
            "participant_id": caller.participant_id,
            "seq": 0,
            "limit": 100_000,
        }
        rows = await self.store.read(lambda tx: tx.all("entries_after", **everything))
        return [row[1:] for row in rows if row[1] is not None]
