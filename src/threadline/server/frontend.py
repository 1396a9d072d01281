"""The frontend: it serves requests and WebSockets on one listening socket, with the hub between them.

It sees only the interface of the store. So it runs in the process of the writer, or in a process of its own
(`processes.frontends`).
"""

import asyncio
import socket
from typing import Protocol

from threadline import datadir
from threadline.aws.frames import chat_frame
from threadline.bus.hub import Hub
from threadline.clock import Clock
from threadline.config import Settings
from threadline.controls import Controls
from threadline.http.listener import Listener
from threadline.http.request import App
from threadline.objects import Objects
from threadline.server.access_keys import AccessKeys
from threadline.server.api import Api, request_ids_of
from threadline.server.audited import Audit
from threadline.server.calls import timed, watched
from threadline.server.controlled import ControlledCalls, ControlledSockets
from threadline.server.counted import CountedApi
from threadline.server.measures import FrontendMeasures, RequestCounts, memory_bytes
from threadline.server.readiness import Readiness
from threadline.server.sockets import Endpoint, pull_from
from threadline.store import Store

GOODBYE_SECONDS = 0.5
"""Time that clients have to answer the close of their WebSocket when the server stops."""


class Clients(Protocol):
    """The part of a server that serves its clients: in this process, or in others."""

    async def start(self) -> None:
        """Serve, from when this returns."""

    async def measure(self) -> dict[int, FrontendMeasures]:
        """The measures of each process that serves clients, by its number. Number 0 is the process of the store."""

    async def close(self, seconds: float) -> bool:
        """Answer running requests within `seconds`, then end. True when nobody had to be cut off."""


class Frontend:
    """The clients' side of a server, from `start` to `close`, on the running loop. Its owner closes the audit."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        store: Store,
        bound: socket.socket,
        objects: Objects,
        unverified_account: str | None = None,
        controls: Controls | None = None,
        audit: Audit | None = None,
    ) -> None:
        self.hub = Hub(settings, pull_from(store), chat_frame)
        request_ids = request_ids_of(clock)
        self._readiness = Readiness(store, settings)
        self._counts = RequestCounts() if settings.metrics_address else None
        self.keys = AccessKeys(store, clock, unverified_account=unverified_account)
        rest = timed(store, settings), clock, settings, request_ids, self._readiness, self.keys, objects
        api = Api(*rest) if self._counts is None else CountedApi(self._counts, *rest)
        self._bound = bound
        app: App = api
        sockets: App = Endpoint(store, self.hub, api.refuse)
        if controls is not None:
            app = ControlledCalls(api, store, clock, controls, settings.body_bytes_max)
            sockets = ControlledSockets(sockets, api.refuse, store, clock, controls)
        if audit is not None:
            app, sockets = audit.watched(app), audit.watched_sockets(sockets)
        self._listener = Listener(watched(app, store), sockets, settings, request_ids)
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accept connections on the listening socket."""
        self._sweeping = asyncio.create_task(self.hub.sweep())
        await self._listener.start(self._bound, datadir.BACKLOG)

    def measures(self) -> FrontendMeasures:
        """The measures of this process. Requests are counted only with the setting `metrics_address`."""
        connections = self._listener.connections
        return FrontendMeasures(
            memory_bytes=memory_bytes(),
            requests=self._counts.read() if self._counts is not None else [],
            connections=len(connections),
            buffered_bytes=connections.budget.held,
            sockets=self.hub.count_sockets(),
            subscriptions=self.hub.count_subscriptions(),
            pushes=self.hub.pushes,
            pulls=self.hub.pulls,
        )

    async def measure(self) -> dict[int, FrontendMeasures]:
        return {0: self.measures()}

    def stop(self) -> None:
        """Accept no further connection and no further request; running requests go on. A second call does nothing."""
        if not self._readiness.is_draining:
            self._readiness.is_draining = True
            self._listener.stop()

    async def close(self, seconds: float) -> bool:
        """Answer what is running within `seconds`, close the sockets. True when nobody had to be cut off."""
        self.stop()
        clean = await self._listener.answered(seconds)
        self.hub.close()
        await self._listener.left(GOODBYE_SECONDS)
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        await self.keys.close()
        return clean
