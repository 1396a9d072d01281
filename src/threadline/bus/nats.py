"""Wakes over NATS, for many nodes. Each session is a subject; a node subscribes to those it has sockets for."""

import asyncio
import contextlib
from typing import Any

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from threadline.bus.hub import Hub
from threadline.bus.relay import Announcement, Relay
from threadline.clock import Clock
from threadline.store import Signal

CONNECT_SECONDS = 2
PING_SECONDS = 10


class NatsBus(Relay):
    """The bus of the nodes that share the NATS server at `address`. `name` separates the nodes of one database."""

    def __init__(self, hub: Hub, clock: Clock, address: str, name: str) -> None:
        super().__init__(hub, clock)
        self._address = address
        self._prefix = f"threadline.{name}."
        self._client: Client | None = None
        self._wanted: dict[int, bool] = {}
        self._subscribed: dict[int, Subscription] = {}
        hub.on_follow = self._follow

    @property
    def is_up(self) -> bool:
        return self._client is not None and self._client.is_connected

    async def _connect(self) -> None:
        connecting = asyncio.ensure_future(
            nats.connect(
                self._address,
                connect_timeout=CONNECT_SECONDS,
                allow_reconnect=False,
                ping_interval=PING_SECONDS,
                disconnected_cb=self._on_disconnect,
                error_cb=self._on_disconnect,
            )
        )
        try:
            self._client = await asyncio.shield(connecting)
        except asyncio.CancelledError:  # a connection that is half open would be left behind
            with contextlib.suppress(Exception):
                await asyncio.shield(self._close_when_connected(connecting))
            raise
        self._subscribed = {}
        self._wanted = dict.fromkeys(self._hub.sessions(), True)

    async def _close_when_connected(self, connecting: "asyncio.Future[Client]") -> None:
        await (await connecting).close()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _announce(self, appended: dict[int, int], signals: list[Signal]) -> None:
        if self._client is None:
            raise ConnectionError
        await self._subscribe(self._client)
        for session, last_seq in appended.items():
            announcement = Announcement(self._node, [(session, last_seq)], [])
            await self._client.publish(f"{self._prefix}{session}", msgspec.json.encode(announcement))
        for signal in signals:
            announcement = Announcement(self._node, [], [signal])
            await self._client.publish(f"{self._prefix}{signal.session}", msgspec.json.encode(announcement))

    async def _subscribe(self, client: Client) -> None:
        """Subscribe to the sessions that have sockets here now, then wake those sockets: they may have missed wakes."""
        wanted, self._wanted = self._wanted, {}
        subscribed = []
        for session, is_wanted in wanted.items():
            if not is_wanted and session in self._subscribed:
                await self._subscribed.pop(session).unsubscribe()
            elif is_wanted and session not in self._subscribed:
                self._subscribed[session] = await client.subscribe(
                    f"{self._prefix}{session}", cb=self._on_message
                )
                subscribed.append(session)
        if subscribed:
            await client.flush(CONNECT_SECONDS)
            for session in subscribed:
                self._hub.wake(session)

    def _follow(self, session: int, is_wanted: bool) -> None:
        self._wanted[session] = is_wanted
        self._woken.set()

    async def _on_message(self, message: Msg) -> None:
        self._receive(message.data)

    async def _on_disconnect(self, *_: Any) -> None:
        self._woken.set()
