"""Chats made quickly: the operations themselves, many to a transaction, on a data folder that nobody serves."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from threadline.chat.limits import Policy
from threadline.chat.participant import Token
from threadline.clock import Clock
from threadline.operations import AccountCaller
from threadline.operations.contacts import start_chat_contact, stop_contact
from threadline.operations.messages import send_message
from threadline.operations.tokens import authenticate
from threadline.store import Tx
from threadline.store.sqlite import SqliteStore

DAY_MS = 86_400_000
CHATS_PER_COMMIT = 500
ITEMS_PER_COMMIT = 5_000


class Chat(NamedTuple):
    """A chat's contact and its customer's token."""

    contact_id: str
    token: str


class Filler:
    """Fills the workspace that `env` (what `threadline env` prints) names, in the data folder `folder`."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.store = SqliteStore(folder / "threadline.db", Clock(), Policy(connect_within_ms=DAY_MS))
        self.env = env

    async def chats(self, count: int) -> list[Chat]:
        """`count` running chats, nothing said in them."""
        made: list[Chat] = []
        while len(made) < count:
            wanted = min(CHATS_PER_COMMIT, count - len(made))
            made += await self.store.write(partial(self.start_all, count=wanted))
        return made

    async def past_chats(self, count: int, items: int) -> list[str]:
        """The contacts of `count` ended chats of `items` messages."""
        return await self.store.write(lambda tx: [self.past_chat(tx, items) for _ in range(count)])

    async def long_chat(self, items: int) -> Chat:
        """A running chat of `items` messages."""
        chat = await self.store.write(self.start)
        for first in range(0, items, ITEMS_PER_COMMIT):
            share = min(ITEMS_PER_COMMIT, items - first)
            await self.store.write(partial(self.say, chat=chat, items=share))
        return chat

    async def lineage(self, sessions: int, items: int) -> Chat:
        """A running chat of `items` messages that continues one, that continues one, and so on for `sessions`."""
        past: str | None = None
        for _ in range(sessions - 1):
            past = await self.store.write(partial(self.past_chat, items=items, past=past))
        chat = await self.store.write(partial(self.start, past=past))
        await self.store.write(partial(self.say, chat=chat, items=items))
        return chat

    def start_all(self, tx: Tx, count: int) -> list[Chat]:
        return [self.start(tx) for _ in range(count)]

    def start(self, tx: Tx, past: str | None = None) -> Chat:
        more: dict[str, Any] = {}
        if past is not None:
            more["persistent_chat"] = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": past}
        reply = start_chat_contact(
            tx,
            self.caller(tx),
            instance_id=self.env["THREADLINE_INSTANCE_ID"],
            contact_flow_id=self.env["THREADLINE_CONTACT_FLOW_ID"],
            participant_details={"DisplayName": "Casey"},
            **more,
        )
        return Chat(reply["ContactId"], reply["ParticipantToken"])

    def say(self, tx: Tx, chat: Chat, items: int) -> None:
        customer, _ = authenticate(tx, chat.token, Token.PARTICIPANT)
        for number in range(items):
            send_message(
                tx,
                customer,
                content_type="text/plain",
                content=f"Message {number} of a long conversation about a parcel that is late.",
                connection_token="",
            )

    def past_chat(self, tx: Tx, items: int, past: str | None = None) -> str:
        chat = self.start(tx, past)
        self.say(tx, chat, items)
        stop_contact(
            tx, self.caller(tx), contact_id=chat.contact_id, instance_id=self.env["THREADLINE_INSTANCE_ID"]
        )
        return chat.contact_id

    def caller(self, tx: Tx) -> AccountCaller:
        key = self.env["AWS_ACCESS_KEY_ID"]
        row = tx.one("access_key", id=key)
        assert row is not None, "the server made no workspace"
        return AccountCaller(row[2], key)
