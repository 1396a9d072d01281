"""Wakes over PostgreSQL's LISTEN and NOTIFY, without another service.

Every node receives every wake. A transaction with NOTIFY takes a lock that serialises all such commits. So a message's
transaction never sends one: the wakes go out after the commit, many in one statement, on another connection.
"""

import asyncio
import json

import msgspec

from threadline.bus.hub import Hub
from threadline.bus.relay import Announcement, Relay
from threadline.clock import Clock
from threadline.store import Signal
from threadline.store.postgres.pipeline import Pipeline, Statement, statement

PAYLOAD_BYTES_MAX = 7_900
"""PostgreSQL takes 7,999. Source: NOTIFY."""
CHUNK = 200
"""Sessions in one payload: two numbers of up to 19 digits each."""

LISTEN = statement("listen", "LISTEN threadline")
ASYNCHRONOUS = statement("asynchronous_commit", "SET synchronous_commit = off")
NOTIFY = statement(
    "notify", "SELECT pg_notify('threadline', payload) FROM json_array_elements_text(:payloads) AS payload"
)


class PostgresBus(Relay):
    """The bus of the nodes that share the database at `address`."""

    def __init__(self, hub: Hub, clock: Clock, address: str) -> None:
        super().__init__(hub, clock)
        self._address = address
        self._connection: Pipeline | None = None

    @property
    def is_up(self) -> bool:
        return self._connection is not None and self._connection.is_open

    async def _connect(self) -> None:
        self._connection = await Pipeline.open(self._address)
        self._connection.on_notify = self._receive
        self._connection.send(ASYNCHRONOUS, {})
        await self._execute(LISTEN, {})

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _announce(self, appended: dict[int, int], signals: list[Signal]) -> None:
        """Announce with one statement. Sessions that are written meanwhile go out together in the next one."""
        pairs = list(appended.items())
        announcements = [
            Announcement(self._node, pairs[at : at + CHUNK], []) for at in range(0, len(pairs), CHUNK)
        ]
        announcements += [Announcement(self._node, [], [signal]) for signal in signals]
        payloads = [
            payload for each in announcements if len(payload := msgspec.json.encode(each)) < PAYLOAD_BYTES_MAX
        ]
        if payloads:
            await self._execute(NOTIFY, {"payloads": json.dumps([payload.decode() for payload in payloads])})

    async def _execute(self, statement: Statement, values: dict[str, str]) -> None:
        """Run a statement. Raises its error."""
        if self._connection is None:
            raise ConnectionError
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def fail(error: Exception) -> None:
            self._woken.set()
            if not answered.done():
                answered.set_exception(error)

        self._connection.on_error = self._connection.on_lost = fail
        self._connection.send(statement, values, lambda _: answered.set_result(None))
        self._connection.flush()
        await answered
