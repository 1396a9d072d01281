"""The connections of one listening socket, from the first accept to the end when the server stops."""

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
        """Serve the connections to `bound`. Up to `backlog` of them may wait to be accepted."""
        self._acceptor = Acceptor(bound, self._connection, self._full)
        self._acceptor.start(backlog)

    def _full(self) -> bytes:
        """Return the answer to a connection for which the system has no descriptor."""
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
        """Accept no further connection and no further request. Running requests go on."""
        if self._acceptor is not None:
            self._acceptor.close()
        self._running = [left for connection in self._requests() if (left := connection.shut_down())]

    async def answered(self, seconds: float) -> bool:
        """Wait until the running requests are answered. Refuse those that take longer than `seconds`.

        Returns True when none took longer.
        """
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        late = [connection for connection in self._requests() if connection.current is not None]
        for connection in late:
            connection.turn_away("The server is stopping.")
        return not late

    async def left(self, seconds: float) -> None:
        """Wait until the connections, which are being closed, have ended. Drop those that take longer."""
        await self.connections.gone(seconds)
