"""The listening side: uvicorn's HTTP and WebSocket parsers with a bound on everything a client can make grow.

What a client sends before there is a request to answer (too many headers, too slow, no HTTP at all) is refused
here, in the same JSON as everywhere. uvicorn's own server loop is left out: signals and draining are ours.
"""

import asyncio
import contextlib
import functools
import json
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import InvalidState
from websockets.protocol import State

from threadline.config import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Answer = Callable[[int, Headers, bytes], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

ANSWER, LINE = "threadline.answer", "threadline.line"
"""Extensions of the ASGI scope: a request's `answer` (an `Answer`), and the `line` of a WebSocket."""

log = logging.getLogger("threadline.wire")
_quiet = logging.getLogger("threadline.uvicorn")
_quiet.setLevel(logging.CRITICAL)  # uvicorn's lines carry the query string, and that carries a ticket

UNREAD_BYTES_MAX = 65_536
"""What the system may hold of what a client has not read; Linux would let it grow to megabytes."""

WAITING_MAX = 128
"""Requests of one connection that may wait for their turn: each takes a hundred times its bytes on the wire."""

LINGER_NOT = struct.pack("ii", 1, 0)

BODY_OVERHEAD = 4
"""A chunked body may take this many times `body_bytes_max` on the wire: chunk sizes, extensions and trailers count."""


class _Nowhere(list[tuple[bytes, bytes]]):
    """Where a body's trailers go: they change nothing and are not kept."""

    def append(self, header: tuple[bytes, bytes]) -> None:
        pass


class BoundedConfig(Config):
    """uvicorn's configuration, with ours for the two protocols that it makes."""

    settings: Settings
    request_ids: Iterator[str]
    socket_tasks: set[asyncio.Task[None]]


class BoundedHttp(HttpToolsProtocol):
    """One HTTP connection: its head bounded in bytes and in time, its place among the others counted."""

    config: BoundedConfig

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _quiet
        self.access_log = False
        self.bounds = self.config.settings
        self.in_head = True
        self.bytes_so_far = 0
        self.deadline: asyncio.TimerHandle | None = None
        self.patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES_MAX)
        if len(self.connections) > self.bounds.connections_max:
            self.refuse(
                b"503 Service Unavailable", "ServiceUnavailableException", "Too many connections are open."
            )
        else:
            self.deadline = self.loop.call_later(self.bounds.request_seconds_max, self.too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self.forget_deadline()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.wait_for_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.patience is not None:
            self.patience.cancel()

    def wait_for_reader(self, unread: int) -> None:
        """Give the client time to take some of the `unread` bytes of its answers, and again as long as it does."""

        def look() -> None:
            now_unread = self.transport.get_write_buffer_size()
            if now_unread < unread:
                self.wait_for_reader(now_unread)
            else:
                drop(self.transport)

        self.patience = self.loop.call_later(self.bounds.socket_stalled_seconds, look)

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            drop(self.transport)  # a close would wait for a client that does not read
        else:
            super().timeout_keep_alive_handler()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self.bytes_so_far += len(data)
        super().data_received(data)
        if not self.bytes_so_far or self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        if self.deadline is None:
            self.deadline = self.loop.call_later(self.bounds.request_seconds_max, self.too_late)
        if self.in_head and self.bytes_so_far > self.bounds.header_bytes_max:
            self.refuse_head()
        elif self.bytes_so_far > BODY_OVERHEAD * self.bounds.body_bytes_max + self.bounds.header_bytes_max:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        self.in_head = False
        if self.transport.is_closing():
            return
        if len(self.pipeline) == WAITING_MAX:
            self.transport.abort()
        elif (
            self.bytes_so_far > self.bounds.header_bytes_max
            and self.head_bytes() > self.bounds.header_bytes_max
        ):
            self.refuse_head()
        elif len(self.url) > self.bounds.path_bytes_max:
            self.refuse(
                b"414 URI Too Long", "RequestUriTooLongException", "The path and query string are too long."
            )
        else:
            super().on_headers_complete()
            if getattr(self.cycle, "scope", None) is self.scope:
                answer = functools.partial(self.answer, self.cycle)
                self.scope["extensions"] = {ANSWER: {"answer": answer}}
                self.headers = _Nowhere()

    def head_bytes(self) -> int:
        """What the headers take, more or less."""
        return sum(len(name) + len(value) for name, value in self.headers)

    async def answer(self, cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer at once: ASGI takes two messages and two writes for it.

        `headers` are trusted, content-length among them; whoever makes them puts nothing of a client's in.
        """
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if cycle.disconnected or self.transport.is_closing():
            return
        lines = [STATUS_LINE[status], *[b"%b: %b\r\n" % header for header in headers]]
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        self.transport.write(
            b"%b\r\n%b" % (b"".join(lines), b"" if cycle.scope["method"] == "HEAD" else body)
        )
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        self.in_head = True
        self.bytes_so_far = 0
        self.forget_deadline()
        if not self.transport.is_closing():
            super().on_message_complete()

    def eof_received(self) -> bool:  # type: ignore[override]
        """A client that has said all it has to say still gets its answer; a request cut short is dropped."""
        is_waiting = self.in_head and not getattr(self.cycle, "response_complete", True)
        if is_waiting:
            self.cycle.keep_alive = False
        return is_waiting

    def forget_deadline(self) -> None:
        """The request is complete, or nobody is left to send it."""
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    def too_late(self) -> None:
        """The client did not send a whole request in time: answer if nothing else has, and close."""
        if self.bytes_so_far and (self.in_head or not self.cycle.response_started):
            self.refuse(
                b"408 Request Timeout", "RequestTimeoutException", "The request did not arrive in time."
            )
        else:
            self.transport.abort()

    def refuse_head(self) -> None:
        """Answer that the head is larger than anyone needs."""
        self.refuse(
            b"431 Request Header Fields Too Large",
            "RequestHeaderFieldsTooLargeException",
            f"The headers are larger than {self.bounds.header_bytes_max} bytes.",
        )

    def turn_away(self) -> None:
        """The server stops and cannot wait for this request any longer."""
        if not getattr(self.cycle, "response_complete", True):
            self.refuse(b"503 Service Unavailable", "ServiceUnavailableException", "The server is stopping.")
            self.cycle.disconnected = True
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        self.refuse(b"400 Bad Request", "BadRequestException", "This is no HTTP request.")

    def _unsupported_upgrade_warning(self) -> None:
        self.cycle.keep_alive = False  # the parser is done with this connection once it has seen an upgrade

    def refuse(self, status: bytes, code: str, message: str) -> None:
        """Answer without an application, in its manner, and close."""
        request_id = next(self.config.request_ids)
        log.info("%s request=%s", code, request_id)
        body = json.dumps({"message": message, "Message": message}).encode()
        head = [
            b"HTTP/1.1 " + status,
            b"content-type: application/json",
            b"content-length: %d" % len(body),
            b"x-amzn-requestid: " + request_id.encode(),
            b"x-amzn-errortype: " + code.encode(),
            b"connection: close",
        ]
        if self.bounds.cors_origins == "*":
            head += [b"access-control-allow-origin: *", b"access-control-expose-headers: x-amzn-ErrorType"]
        self.transport.write(b"\r\n".join([*head, b"", body]))
        self.transport.close()


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
        if not self.transport.is_closing():
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT
            )
        self.transport.abort()


def drop(transport: asyncio.Transport) -> None:
    """Drop a connection and whatever its client has not read, in the system's buffers too."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    transport.abort()


class Listener:
    """The connections of one listening socket, answered by an ASGI application."""

    def __init__(self, app: App, settings: Settings, request_ids: Iterator[str]) -> None:
        self._state = ServerState()
        self._config = BoundedConfig(
            app=app,
            http=BoundedHttp,
            ws=BoundedSocket,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            timeout_keep_alive=settings.keep_alive_seconds,
            ws_max_size=settings.frame_bytes_max,
            ws_ping_interval=None,
            ws_per_message_deflate=False,
        )
        self._config.settings = settings
        self._config.request_ids = request_ids
        self._config.socket_tasks = set()
        self._config.load()
        self._server: asyncio.Server | None = None

    async def start(self, bound: socket.socket, backlog: int) -> None:
        """Answer whoever connects to `bound`, which is listening already; `backlog` connections may wait."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, sock=bound, backlog=backlog)

    def _protocol(self) -> asyncio.Protocol:
        return BoundedHttp(config=self._config, server_state=self._state, app_state={})

    def stop(self) -> None:
        """Take no further connection and no further request; running requests go on."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._state.connections):
            if isinstance(connection, BoundedHttp):
                connection.shutdown()

    async def answered(self, seconds: float) -> bool:
        """Wait until the running requests are answered, and turn away those that take longer than `seconds`.

        True when there were none of these.
        """
        await _finished(self._state.tasks, seconds)
        left = set(self._state.tasks)
        for connection in list(self._state.connections):
            if isinstance(connection, BoundedHttp):
                connection.turn_away()
        for task in left:
            task.cancel()
        return not left

    async def left(self, seconds: float) -> None:
        """Wait until the sockets, closed by whoever knows why, are gone; drop those that take longer."""
        gone = [c.leave() for c in self._state.connections if isinstance(c, BoundedSocket)]
        if gone:
            await asyncio.wait(gone, timeout=seconds)
        for connection in list(self._state.connections):
            connection.transport.abort()
        for task in self._config.socket_tasks:
            task.cancel()
        await _finished({*self._config.socket_tasks, *self._state.tasks}, seconds)


async def _finished(tasks: Iterable["asyncio.Task[None]"], seconds: float) -> None:
    if waiting := set(tasks):
        await asyncio.wait(waiting, timeout=seconds)
