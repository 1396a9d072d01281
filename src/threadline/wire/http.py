"""HTTP/1.1 connections, as small as the wire allows, with a bound on everything a client can make grow.

llhttp reads, each answer is one write, and a request is answered by a coroutine that runs without a task of its own:
what a framework costs for each request is here spent on the request. What a client sends before there is a request
to answer (too many headers, too slow, no HTTP at all) is refused here, in the same JSON as everywhere.
"""

import asyncio
import re
import socket
import struct
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import httptools

from threadline.config import Settings
from threadline.wire.refusal import STATUS_LINES, refusal

Headers = list[tuple[bytes, bytes]]

UNREAD_BYTES_MAX = 65_536
"""What the system may hold of what a client has not read; Linux would let it grow to megabytes."""

UNASKED_BYTES_MAX = 65_536
"""What is read of a body before anybody wants it."""

WAITING_MAX = 128
"""Requests of one connection that may wait for their turn: each takes a hundred times its bytes on the wire."""

BODY_OVERHEAD = 4
"""A chunked body may take this many times `body_bytes_max` on the wire: chunk sizes, extensions and trailers count."""

LINGER_NOT = struct.pack("ii", 1, 0)
SOCKET_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")  # 16 bytes in base64
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Gone(Exception):
    """The client hung up before its request was complete: nobody is left to answer."""


class TooLarge(Exception):
    """The body is larger than whoever wants it takes."""


class Request:
    """One request. `headers` are by lowercase name, values of one sent more than once joined by commas.

    `respond(status, head, body)` answers it. `head` is the header lines, content-length among them, each with its line
    end; it is trusted: whoever makes it puts nothing of a client's in.
    """

    keeps_alive = True
    is_complete = False
    content: bytes | bytearray = b""
    bytes_max: int | None = None
    waiter: asyncio.Future[None] | None = None
    more: Callable[[], asyncio.Future[None]]

    def __init__(
        self,
        method: str,
        raw_path: bytes,
        query_string: bytes,
        headers: dict[bytes, bytes],
        respond: Callable[[int, bytes, bytes], None],
    ) -> None:
        self.method = method
        self.raw_path = raw_path
        self.query_string = query_string
        self.headers = headers
        self.respond = respond

    def arrived(self, bytes_max: int) -> bytes | None:
        """The whole body if it is there already and takes no more than `bytes_max` bytes, as nearly all do."""
        if self.is_complete and len(self.content) <= bytes_max:
            return bytes(self.content)
        return None

    async def body(self, bytes_max: int) -> bytes:
        """The whole body. Raises TooLarge for more than `bytes_max` bytes, and Gone when the client hangs up."""
        declared = self.headers.get(b"content-length", b"0")
        self.bytes_max = bytes_max
        if len(declared) > 18 or int(declared) > bytes_max:
            self.content = b""
            raise TooLarge
        if not self.is_complete and len(self.content) <= bytes_max:
            await self.more()
        if len(self.content) > bytes_max:
            self.content = b""
            raise TooLarge
        return bytes(self.content)

    def feed(self, data: bytes) -> None:
        """Keep a piece of the body, as long as somebody may still want it."""
        if not self.content:
            self.content = data
        elif self.bytes_max is None or len(self.content) <= self.bytes_max:
            if isinstance(self.content, bytes):
                self.content = bytearray(self.content)
            self.content += data
        if self.bytes_max is not None and len(self.content) > self.bytes_max:
            self.wake()

    def wake(self, error: Exception | None = None) -> None:
        """There is nothing more to wait for."""
        if self.waiter is not None and not self.waiter.done():
            if error is None:
                self.waiter.set_result(None)
            else:
                self.waiter.set_exception(error)


def add_header(headers: dict[bytes, bytes], name: bytes, value: bytes) -> None:
    """Add a header as it was sent to those by lowercase name, joined by a comma to what was sent under that name."""
    name, value = name.lower(), value.strip()
    known = headers.get(name)
    headers[name] = value if known is None else b"%b,%b" % (known, value)


App = Callable[[Request], Coroutine[Any, Any, None]]
"""Answers a request by `Request.respond`, unless its client is gone."""


def drive(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` here and now, and go on when what it waits for is done.

    A task would take a turn of the loop for its first step and for its end, which no request needs.
    """
    try:
        awaited = work.send(None)
    except StopIteration:
        return
    awaited._asyncio_future_blocking = False  # as a task tells the future that it has seen it
    awaited.add_done_callback(lambda _: drive(work))


class Http(asyncio.Protocol):
    """One HTTP connection: its requests answered one after the other, its head bounded in bytes and in time."""

    transport: asyncio.Transport

    def __init__(
        self,
        app: App,
        settings: Settings,
        connections: set[Any],
        request_ids: Iterator[str],
        upgrade: Callable[["Http", bytes], None],
    ) -> None:
        self.app = app
        self.bounds = settings
        self.connections = connections
        self.request_ids = request_ids
        self.upgrade = upgrade
        self.loop = asyncio.get_running_loop()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # such data is not looked at
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.in_head = True
        self.is_websocket = False
        self.bytes_so_far = 0
        self.request: Request | None = None
        self.current: Request | None = None
        self.waiting: deque[Request] = deque()
        self.is_proceeding = False
        self.is_write_paused = False
        self.is_read_paused = False
        self.is_idle = False
        self.since = self.loop.time()
        self.timer: asyncio.TimerHandle | None = None
        self.patience: asyncio.TimerHandle | None = None
        self.finished: asyncio.Future[None] | None = None

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.connections.add(self)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES_MAX)
        if len(self.connections) > self.bounds.connections_max:
            self.refuse(503, "ServiceUnavailableException", "Too many connections are open.")
        else:
            self.look()

    def connection_lost(self, exc: Exception | None) -> None:
        self.connections.discard(self)
        for timer in (self.timer, self.patience):
            if timer is not None:
                timer.cancel()
        for request in (self.current, *self.waiting):
            if request is not None:
                request.wake(Gone())
        self.waiting.clear()
        del self.parser  # it refers to its protocol
        if self.finished is not None and not self.finished.done():
            self.finished.set_result(None)

    def eof_received(self) -> bool:
        """A client that has said all it has to say still gets its answers; a request cut short is dropped."""
        if self.in_head and self.current is not None and self.request is not None:
            self.request.keeps_alive = False
            return True
        return False

    def pause_writing(self) -> None:
        self.is_write_paused = True
        self.wait_for_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self.is_write_paused = False
        if self.patience is not None:
            self.patience.cancel()
        if not self.is_proceeding and self.current is None:
            self.proceed()

    def wait_for_reader(self, unread: int) -> None:
        """Give the client time to take some of the `unread` bytes of its answers, and again as long as it does."""

        def check() -> None:
            now_unread = self.transport.get_write_buffer_size()
            if now_unread < unread:
                self.wait_for_reader(now_unread)
            else:
                drop(self.transport)

        self.patience = self.loop.call_later(self.bounds.socket_stalled_seconds, check)

    def look(self) -> None:
        """Whether the client's time is over; if not, look again when it may be. One timer serves all requests."""
        bounds = self.bounds
        soonest = min(bounds.request_seconds_max, bounds.keep_alive_seconds)
        left: float = soonest
        if self.current is None and not self.waiting and self.is_idle and not self.bytes_so_far:
            left = self.since + bounds.keep_alive_seconds - self.loop.time()
        elif self.current is None or not self.in_head:
            left = self.since + bounds.request_seconds_max - self.loop.time()
        if left > 0:
            self.timer = self.loop.call_later(min(left, soonest), self.look)
        elif self.bytes_so_far and (self.in_head or self.current is self.request):
            self.refuse(408, "RequestTimeoutException", "The request did not arrive in time.")
        elif self.transport.get_write_buffer_size():
            drop(self.transport)  # a close would wait for a client that does not read
        else:
            self.transport.close()

    # What comes in

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if not self.bytes_so_far:
            self.since = self.loop.time()
        self.bytes_so_far += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self.is_websocket:
                self.hand_over()
                return
        except httptools.HttpParserError:
            self.misunderstand()
        if self.bytes_so_far and not self.transport.is_closing():
            if self.in_head and self.bytes_so_far > self.bounds.header_bytes_max:
                self.refuse_head()
            elif (
                self.bytes_so_far > BODY_OVERHEAD * self.bounds.body_bytes_max + self.bounds.header_bytes_max
            ):
                self.transport.abort()
        if self.transport.is_closing():
            self.waiting.clear()
        elif self.current is None:
            self.proceed()
        elif self.waiting:
            self.hold()

    def misunderstand(self) -> None:
        """What came is no HTTP: say so, unless the client would take it for the answer to something else."""
        if not self.in_head and self.waiting and self.waiting[-1] is self.request:
            self.request = self.current
            self.waiting.pop()
        if self.waiting or (self.current is not None and self.current.is_complete):
            (self.waiting[-1] if self.waiting else self.current).keeps_alive = False  # type: ignore[union-attr]
            self.hold()
        elif not self.transport.is_closing():
            self.refuse(400, "BadRequestException", "This is no HTTP request.")

    def hand_over(self) -> None:
        """The connection goes on as a WebSocket, unless something is still to be answered in HTTP."""
        if self.current is not None or self.waiting:
            self.transport.abort()
            return
        if not self.is_handshake():
            self.refuse(
                400,
                "BadRequestException",
                "A WebSocket begins with GET, Sec-WebSocket-Version 13 and a Sec-WebSocket-Key of 16 bytes.",
            )
            return
        self.connections.discard(self)
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.upgrade(self, self.parser.get_method())
        del self.parser  # as when a connection is lost, which this one does not hear of any more

    def is_handshake(self) -> bool:
        """Whether the request opens a WebSocket as RFC 6455 has it."""
        key, version = (
            self.headers.get(name, b"") for name in (b"sec-websocket-key", b"sec-websocket-version")
        )
        return (
            self.parser.get_method() == b"GET" and version == b"13" and SOCKET_KEY.fullmatch(key) is not None
        )

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:  # trailers go nowhere
            add_header(self.headers, name, value)

    def on_headers_complete(self) -> None:
        self.in_head = False
        bounds, url, headers = self.bounds, self.url, self.headers
        self.url, self.headers = b"", {}
        if self.transport.is_closing():
            return
        if len(self.waiting) == WAITING_MAX:
            self.transport.abort()
        elif self.bytes_so_far > bounds.header_bytes_max < sum(map(len, (*headers, *headers.values()))):
            self.refuse_head()
        elif len(url) > bounds.path_bytes_max:
            self.refuse(414, "RequestUriTooLongException", "The path and query string are too long.")
        else:
            self.take(url, headers)

    def take(self, url: bytes, headers: dict[bytes, bytes]) -> None:
        """There is a request; it waits for its turn, and perhaps for its body."""
        raw_path, _, query_string = url.partition(b"?")
        if not raw_path.startswith(b"/") or b"#" in url:
            raw_path, query_string = _parts_of(url)
        parser = self.parser
        is_upgrade = parser.should_upgrade()
        if is_upgrade and headers.get(b"upgrade", b"").lower() == b"websocket":
            self.is_websocket, self.url, self.headers = True, url, headers
            return
        request = Request(parser.get_method().decode(), raw_path, query_string, headers, self.respond)
        request.more = self.more
        # after an upgrade the parser is done with the connection
        request.keeps_alive = not is_upgrade and parser.should_keep_alive()
        self.request = request
        self.waiting.append(request)

    def on_body(self, data: bytes) -> None:
        request = self.request
        if request is None or self.transport.is_closing():
            return
        if request is not self.current and request not in self.waiting:
            return  # answered without it
        request.feed(data)
        if request.bytes_max is None and len(request.content) > UNASKED_BYTES_MAX:
            self.hold()

    def on_message_complete(self) -> None:
        self.in_head = True
        self.bytes_so_far = 0
        if self.request is not None:
            self.request.is_complete = True
            self.request.wake()

    def more(self) -> "asyncio.Future[None]":
        """The current request wants the rest of its body."""
        request = self.current
        assert request is not None
        request.waiter = self.loop.create_future()
        self.release()
        if request.headers.get(b"expect", b"").lower() == b"100-continue" and not request.content:
            self.transport.write(CONTINUE)
        return request.waiter

    def hold(self) -> None:
        """Read no more for now."""
        if not self.is_read_paused and not self.transport.is_closing():
            self.is_read_paused = True
            self.transport.pause_reading()

    def release(self) -> None:
        """Read on."""
        if self.is_read_paused and not self.transport.is_closing():
            self.is_read_paused = False
            self.transport.resume_reading()

    # What goes out

    def proceed(self) -> None:
        """Answer the requests that wait, as long as each is answered at once and the client takes the answers."""
        self.is_proceeding = True
        while self.waiting and self.current is None and not self.is_write_paused:
            self.current = self.waiting.popleft()
            drive(self.app(self.current))
            if self.transport.is_closing():
                self.waiting.clear()
        self.is_proceeding = False
        if self.waiting:
            self.hold()
        elif self.current is None:
            self.release()

    def respond(self, status: int, head: bytes, body: bytes) -> None:
        """Answer the current request in one write, and go on with the next."""
        request, self.current = self.current, None
        if self.finished is not None and not self.finished.done():
            self.finished.set_result(None)
        if request is None or self.transport.is_closing():
            return
        if not request.keeps_alive:
            head += b"connection: close\r\n"
        self.transport.write(
            b"%b%b\r\n%b" % (STATUS_LINES[status], head, b"" if request.method == "HEAD" else body)
        )
        if not request.keeps_alive:
            self.transport.close()
        elif not self.is_proceeding:
            self.proceed()
        if not self.bytes_so_far:
            self.is_idle = True
            self.since = self.loop.time()

    def refuse_head(self) -> None:
        """Answer that the head is larger than anyone needs."""
        limit = self.bounds.header_bytes_max
        self.refuse(
            431, "RequestHeaderFieldsTooLargeException", f"The headers are larger than {limit} bytes."
        )

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer without an application, in its manner, and close."""
        self.transport.write(refusal(self.bounds, next(self.request_ids), status, code, message))
        self.transport.close()

    # The end

    def shut_down(self) -> "asyncio.Future[None] | None":
        """Take no further request. What is done when the running one is answered; None when there is none."""
        if self.current is None:
            self.transport.close()
            return None
        self.current.keeps_alive = False
        self.finished = self.loop.create_future()
        return self.finished

    def turn_away(self) -> None:
        """The server stops and cannot wait for this request any longer."""
        if not self.transport.is_closing():
            self.refuse(503, "ServiceUnavailableException", "The server is stopping.")


def drop(transport: asyncio.Transport) -> None:
    """Drop a connection and whatever its client has not read, in the system's buffers too."""
    if not transport.is_closing():
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    transport.abort()


def _parts_of(url: bytes) -> tuple[bytes, bytes]:
    """Path and query string of a URL that is more than these."""
    try:
        parts = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        return url, b""
    return parts.path or b"/", parts.query or b""
