"""Wakes over PostgreSQL's own LISTEN and NOTIFY: no further service to run.

Every node hears every wake. A NOTIFY takes a lock that all commits with one share, so none is ever sent inside the
transaction of a message: they go out after the commit, many in one, on a connection of their own.
"""

import asyncio
import json

import msgspec

from threadline.bus.hub import Hub
from threadline.bus.relay import Relay, Told
from threadline.clock import Clock
from threadline.store import Signal
from threadline.store.postgres.pipeline import Pipeline, Statement, statement

PAYLOAD_BYTES_MAX = 7_900
"""PostgreSQL takes 7,999. Source: NOTIFY."""
CHUNK = 200
"""Sessions in one payload: two numbers of up to 19 digits each."""

LISTEN = statement("listen", "LISTEN threadline")
UNHURRIED = statement("unhurried", "SET synchronous_commit = off")
NOTIFY = statement(
    "notify", "SELECT pg_notify('threadline', payload) FROM json_array_elements_text(:payloads) AS payload"
)


class PostgresBus(Relay):
    """The bus of the nodes that share the database at `address`."""

    def __init__(self, hub: Hub, clock: Clock, address: str) -> None:
        super().__init__(hub, clock)
        self._address = address
        self._line: Pipeline | None = None

    @property
    def is_up(self) -> bool:
        return self._line is not None and self._line.is_open

    async def _connect(self) -> None:
        self._line = await Pipeline.open(self._address)
        self._line.on_notify = self._heard
        self._line.send(UNHURRIED, {})
        await self._sent(LISTEN, {})

    async def close(self) -> None:
        if self._line is not None:
            await self._line.close()

    async def _tell(self, grown: dict[int, int], signals: list[Signal]) -> None:
        """What grows meanwhile goes out together, once these have been taken."""
        pairs = list(grown.items())
        told = [Told(self._node, pairs[at : at + CHUNK], []) for at in range(0, len(pairs), CHUNK)]
        told += [Told(self._node, [], [signal]) for signal in signals]
        payloads = [payload for each in told if len(payload := msgspec.json.encode(each)) < PAYLOAD_BYTES_MAX]
        if payloads:
            await self._sent(NOTIFY, {"payloads": json.dumps([payload.decode() for payload in payloads])})

    async def _sent(self, statement: Statement, values: dict[str, str]) -> None:
        """Run a statement. Raises what makes it fail."""
        if self._line is None:
            raise ConnectionError
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def failed(error: Exception) -> None:
            self._woken.set()
            if not answered.done():
                answered.set_exception(error)

        self._line.on_error = self._line.on_lost = failed
        self._line.send(statement, values, lambda _: answered.set_result(None))
        self._line.flush()
        await answered
