"""The listening side: the connections of one listening socket, and how they end when the server stops."""

import asyncio
import socket
from collections.abc import Iterator

from threadline.config import Settings
from threadline.http.acceptor import Acceptor
from threadline.http.connection import Http
from threadline.http.lingering import Connections
from threadline.http.refusal import refusal
from threadline.http.request import App


class Listener:
    """The connections of one listening socket: requests are answered by `app`, handshakes by `sockets`."""

    def __init__(self, app: App, sockets: App, settings: Settings, request_ids: Iterator[str]) -> None:
        self.connections = Connections(settings.buffered_bytes_max)
        self._app = app
        self._sockets = sockets
        self._settings = settings
        self._request_ids = request_ids
        self._acceptor: Acceptor | None = None

    async def start(self, bound: socket.socket, backlog: int) -> None:
        """Answer connections to `bound`, which is listening already; `backlog` connections may wait."""
        self._acceptor = Acceptor(bound, self._connection, self._full)
        self._acceptor.start(backlog)

    def _full(self) -> bytes:
        """The answer to a connection for which the system has no descriptor."""
        return refusal(
            self._settings,
            next(self._request_ids),
            503,
            "ServiceUnavailableException",
            "The server has run out of file descriptors.",
            is_logged=False,
        )

    def _connection(self) -> Http:
        return Http(self._app, self._sockets, self._settings, self.connections, self._request_ids)

    def _requests(self) -> list[Http]:
        return [connection for connection in self.connections.open if isinstance(connection, Http)]

    def stop(self) -> None:
        """Take no further connection and no further request; running requests go on."""
        if self._acceptor is not None:
            self._acceptor.close()
        self._running = [left for connection in self._requests() if (left := connection.shut_down())]

    async def answered(self, seconds: float) -> bool:
        """Wait until the running requests are answered, and turn away those that take longer than `seconds`.

        True when there were none of these.
        """
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        late = [connection for connection in self._requests() if connection.current is not None]
        for connection in late:
            connection.turn_away("The server is stopping.")
        return not late

    async def left(self, seconds: float) -> None:
        """Wait until the connections, which are closed already, are gone; drop those that take longer."""
        await self.connections.gone(seconds)
