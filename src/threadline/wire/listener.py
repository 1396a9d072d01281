"""The listening side: our HTTP connections, and uvicorn's WebSockets with a way to push ready frames.

uvicorn's own server loop is left out: signals and draining are ours.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import InvalidState
from websockets.protocol import State

from threadline.config import Settings
from threadline.wire.acceptor import Acceptor
from threadline.wire.http import App, Http, drop
from threadline.wire.refusal import refusal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
SocketApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

LINE = "threadline.line"
"""Extension of the ASGI scope: the `line` of a WebSocket."""

_quiet = logging.getLogger("threadline.uvicorn")
_quiet.setLevel(logging.CRITICAL)  # uvicorn's lines carry the query string, and that carries a ticket


class BoundedConfig(Config):
    """uvicorn's configuration, with the set that keeps the tasks of its sockets."""

    socket_tasks: set[asyncio.Task[None]]


class BoundedSocket(WebSocketsSansIOProtocol):
    """One WebSocket that an application may also push ready frames to, without waiting and without a queue.

    It offers itself to the application in the scope, as the extension `threadline.line`.
    """

    config: BoundedConfig

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _quiet
        self.conn.logger = _quiet
        self.tasks = self.config.socket_tasks
        self.left: asyncio.Future[None] | None = None

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except (
            InvalidState
        ):  # nonsense and a goodbye in one packet: uvicorn wants to refuse the one after the other
            self.abort()

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][LINE] = {"line": self}

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.left is not None:
            self.left.set_result(None)

    def handle_ping(self) -> None:
        pong = self.conn.data_to_send()
        if self.writable.is_set():  # who does not read is owed no more of them
            self.transport.write(b"".join(pong))

    def leave(self) -> "asyncio.Future[None]":
        """Done once the connection is gone."""
        self.left = self.loop.create_future()
        return self.left

    def push(self, frame: bytes) -> bool:
        """Send a frame of `wire.socket`; False, and nothing sent, when the client is not reading or is gone."""
        if not self.writable.is_set() or not self.is_open:
            return False
        self.transport.write(frame)
        return True

    async def drained(self) -> None:
        """Wait until the client has read enough for `push` to work again, or is gone."""
        await self.writable.wait()

    @property
    def is_open(self) -> bool:
        """Whether a push can still succeed, now or later."""
        return self.conn.state is State.OPEN and not self.close_sent and not self.transport.is_closing()

    async def close(self, code: int, reason: str) -> None:
        """Close in good order, or drop a client that is not reading."""
        if not self.writable.is_set():
            self.abort()
        elif self.is_open:
            with contextlib.suppress(ClientDisconnected):
                await self.send({"type": "websocket.close", "code": code, "reason": reason})

    def abort(self) -> None:
        """Drop the connection and whatever the client has not read, in the system's buffers too."""
        drop(self.transport)


class Listener:
    """The connections of one listening socket: requests are answered by `app`, WebSockets by `sockets` (ASGI)."""

    def __init__(self, app: App, sockets: SocketApp, settings: Settings, request_ids: Iterator[str]) -> None:
        self._app = app
        self._settings = settings
        self._request_ids = request_ids
        self._state = ServerState()
        self._connections: set[Any] = self._state.connections
        self._config = BoundedConfig(
            app=sockets,
            ws=BoundedSocket,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            ws_max_size=settings.frame_bytes_max,
            ws_ping_interval=None,
            ws_per_message_deflate=False,
        )
        self._config.socket_tasks = set()
        self._config.load()
        self._acceptor: Acceptor | None = None

    async def start(self, bound: socket.socket, backlog: int) -> None:
        """Answer whoever connects to `bound`, which is listening already; `backlog` connections may wait."""
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
        return Http(self._app, self._settings, self._connections, self._request_ids, self._upgrade)

    def _upgrade(self, connection: Http, method: bytes) -> None:
        """Let a connection go on as a WebSocket."""
        lines = [b"%b: %b\r\n" % header for header in connection.headers.items()]
        socket = BoundedSocket(config=self._config, server_state=self._state, app_state={})
        socket.connection_made(connection.transport)
        socket.data_received(b"%b %b HTTP/1.1\r\n%b\r\n" % (method, connection.url, b"".join(lines)))
        connection.transport.set_protocol(socket)

    def _requests(self) -> list[Http]:
        return [connection for connection in self._connections if isinstance(connection, Http)]

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
            connection.turn_away()
        return not late

    async def left(self, seconds: float) -> None:
        """Wait until the sockets, closed by whoever knows why, are gone; drop those that take longer."""
        gone = [c.leave() for c in self._connections if isinstance(c, BoundedSocket)]
        if gone:
            await asyncio.wait(gone, timeout=seconds)
        for connection in list(self._connections):
            connection.transport.abort()
        for task in self._config.socket_tasks:
            task.cancel()
        await _finished(self._config.socket_tasks, seconds)


async def _finished(tasks: Iterable["asyncio.Task[None]"], seconds: float) -> None:
    if waiting := set(tasks):
        await asyncio.wait(waiting, timeout=seconds)
