"""Wakes over NATS, for many nodes: each session is a subject, and a node hears those it has sockets for."""

from typing import Any

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from threadline.bus.hub import Hub
from threadline.bus.relay import Relay, Told
from threadline.clock import Clock
from threadline.store import Signal

CONNECT_SECONDS = 2
PING_SECONDS = 10


class NatsBus(Relay):
    """The bus of the nodes that share the NATS at `address`; `name` keeps those of one database to themselves."""

    def __init__(self, hub: Hub, clock: Clock, address: str, name: str) -> None:
        super().__init__(hub, clock)
        self._address = address
        self._prefix = f"threadline.{name}."
        self._client: Client | None = None
        self._wanted: dict[int, bool] = {}
        self._followed: dict[int, Subscription] = {}
        hub.followed = self._follow

    @property
    def is_up(self) -> bool:
        return self._client is not None and self._client.is_connected

    async def _connect(self) -> None:
        self._client = await nats.connect(
            self._address,
            connect_timeout=CONNECT_SECONDS,
            allow_reconnect=False,
            ping_interval=PING_SECONDS,
            disconnected_cb=self._gone,
            error_cb=self._gone,
        )
        self._followed = {}
        self._wanted = dict.fromkeys(self._hub.sessions(), True)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _tell(self, grown: dict[int, int], signals: list[Signal]) -> None:
        if self._client is None:
            raise ConnectionError
        await self._listen(self._client)
        for session, last_seq in grown.items():
            told = Told(self._node, [(session, last_seq)], [])
            await self._client.publish(f"{self._prefix}{session}", msgspec.json.encode(told))
        for signal in signals:
            told = Told(self._node, [], [signal])
            await self._client.publish(f"{self._prefix}{signal.session}", msgspec.json.encode(told))

    async def _listen(self, client: Client) -> None:
        """Follow the sessions that have sockets here now; then look for what they missed until NATS knew."""
        wanted, self._wanted = self._wanted, {}
        begun = []
        for session, is_wanted in wanted.items():
            if not is_wanted and session in self._followed:
                await self._followed.pop(session).unsubscribe()
            elif is_wanted and session not in self._followed:
                self._followed[session] = await client.subscribe(f"{self._prefix}{session}", cb=self._take)
                begun.append(session)
        if begun:
            await client.flush(CONNECT_SECONDS)
            for session in begun:
                self._hub.wake(session)

    def _follow(self, session: int, is_followed: bool) -> None:
        self._wanted[session] = is_followed
        self._woken.set()

    async def _take(self, message: Msg) -> None:
        self._heard(message.data)

    async def _gone(self, *_: Any) -> None:
        self._woken.set()
