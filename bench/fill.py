"""Chats made quickly, on a data folder that nobody serves: by the operations themselves, many to a transaction, and by
copying what these have made.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

from bench.bulk import Copier
from tests.units import Function
from threadline.chat.limits import Policy
from threadline.chat.participant import Token
from threadline.clock import Clock
from threadline.operations.contacts import start_chat_contact, stop_contact
from threadline.operations.messages import send_message
from threadline.operations.registry import AccountCaller
from threadline.operations.tokens import authenticate
from threadline.store import Tx
from threadline.store.sqlite.store import SqliteStore

HOUR_MS = 3_600_000
CHATS_PER_COMMIT = 500
SESSIONS_PER_COMMIT = 50


class Chat(NamedTuple):
    """A chat's contact and its customer's token."""

    contact_id: str
    token: str


class AnHourAgo(Clock):
    """A clock that is an hour slow, so that filled chats lie in the past when they are read."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, an hour ago."""
        return super().now_ms() - HOUR_MS


class Filler:
    """Fills the workspace that `env` (what `threadline env` prints) names, in the data folder `folder`.

    A context manager that leaves everything on the disk.
    """

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.store = SqliteStore(
            folder / "threadline.db", AnHourAgo(), Policy(connect_within_ms=24 * HOUR_MS)
        )
        self.copier = Copier(folder / "threadline.db")
        self.env = env

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.store.close()
        self.copier.settle()
        self.copier.close()

    async def fresh(self, count: int) -> list[str]:
        """The contacts of `count` running chats whose customers have yet to connect."""
        chat = await self.store.write(Function(self.start))
        return [chat.contact_id, *self.copier.chats(chat.contact_id, count - 1)]

    async def chats(self, count: int) -> list[Chat]:
        """As many such chats, with their customers' tokens."""
        made: list[Chat] = []
        while len(made) < count:
            wanted = min(CHATS_PER_COMMIT, count - len(made))
            made += await self.store.write(Function(partial(self.start_all, count=wanted)))
        return made

    async def past_chats(self, count: int, items: int) -> list[str]:
        """The contacts of `count` ended chats of `items` messages."""
        return await self.store.write(Function(lambda tx: [self.past_chat(tx, items) for _ in range(count)]))

    async def many_past_chats(self, count: int, items: int) -> None:
        """The same, when there are very many and nobody needs their contacts."""
        (contact_id,) = await self.past_chats(1, items)
        self.copier.chats(contact_id, count - 1)

    async def long_chat(self, items: int) -> Chat:
        """A running chat of `items` messages."""
        chat = await self.store.write(Function(self.start))
        await self.store.write(Function(partial(self.say, chat=chat, items=1)))
        self.copier.messages(chat.contact_id, items - 1)
        return chat

    async def long_past_chat(self, items: int) -> str:
        """The contact of an ended chat of `items` messages."""
        chat = await self.long_chat(items)
        await self.store.write(Function(partial(self.stop, contact_id=chat.contact_id)))
        return chat.contact_id

    async def continuing(self, past: str) -> Chat:
        """A running chat that continues the one that the contact `past` is of."""
        return await self.store.write(Function(partial(self.start, past=past)))

    async def past_lineage(self, sessions: int, items: int) -> list[str]:
        """The contacts of ended chats of `items` messages, of which each continues the one before."""
        made: list[str] = []

        def some(tx: Tx) -> None:
            for _ in range(min(SESSIONS_PER_COMMIT, sessions - len(made))):
                made.append(self.past_chat(tx, items, made[-1] if made else None))

        while len(made) < sessions:
            await self.store.write(Function(some))
        return made

    async def lineage(self, sessions: int, items: int) -> Chat:
        """A running chat of `items` messages that continues one, that continues one, and so on for `sessions`."""
        past = await self.past_lineage(sessions - 1, items)
        chat = await self.continuing(past[-1])
        await self.store.write(Function(partial(self.say, chat=chat, items=items)))
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
            )

    def past_chat(self, tx: Tx, items: int, past: str | None = None) -> str:
        chat = self.start(tx, past)
        self.say(tx, chat, items)
        self.stop(tx, chat.contact_id)
        return chat.contact_id

    def stop(self, tx: Tx, contact_id: str) -> None:
        stop_contact(
            tx, self.caller(tx), contact_id=contact_id, instance_id=self.env["THREADLINE_INSTANCE_ID"]
        )

    def caller(self, tx: Tx) -> AccountCaller:
        key = self.env["AWS_ACCESS_KEY_ID"]
        row = tx.one("access_key", id=key)
        assert row is not None, "the server made no workspace"
        return AccountCaller(row[2], key)
