"""HTTP/1.1 connections: time, back-pressure, tasks and writing. `http1` reads the bytes.

Each request is answered by a task, and each answer is one write. A request that reaches no application (too many
headers, too slow, not HTTP) is refused here, in the same JSON as everywhere, and after the answers to the requests
before it. A WebSocket's handshake is a request like any other, until it is accepted.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from threadline.config import Settings
from threadline.http import head as heads
from threadline.http.budget import FREE_BYTES, address_of
from threadline.http.http1 import BODY_OVERHEAD, BodyData, EndOfMessage, Http1, RequestHead
from threadline.http.lingering import Connections, drop, end_after, linger
from threadline.http.outgoing import Outgoing
from threadline.http.phase import LAST, OPEN, OVER, HttpPhase
from threadline.http.refusal import STATUS_LINES, refusal
from threadline.http.request import App, Gone, Request, Rest
from threadline.http.run import run
from threadline.http.websocket import Receiver, WebSocket, switching

UNASKED_BYTES_MAX = 65_536
"""The bytes of a body that are read before the application asks for it."""

STREAM_BYTES_PER_SECOND = 32_768
"""The slowest pace of a body that is taken piece by piece: a client gets another second for so many bytes."""

REQUEST_BYTES = 2_048
"""The memory of a request besides its body: some headers, and the objects for them."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Http(Outgoing):
    """One HTTP connection. Its requests are answered one after the other; each phase has a limit in time."""

    transport: asyncio.Transport

    def __init__(
        self, app: App, sockets: App, settings: Settings, connections: Connections, request_ids: Iterator[str]
    ) -> None:
        self.app = app
        self.sockets = sockets
        super().__init__(settings, connections)
        self.request_ids = request_ids
        self.phase: HttpPhase = OPEN
        self.http1 = Http1(settings)
        self.request: Request | None = None
        self.current: Request | None = None
        self.waiting: deque[Request] = deque()
        self.refusal: bytes | None = None
        self.is_counted = False
        self.is_busy = False
        self.is_read_paused = False
        self.is_idle = False
        self.since = self.loop.time()
        self.timer: asyncio.TimerHandle | None = None
        self.finished: asyncio.Future[None] | None = None
        self.drained: asyncio.Future[None] | None = None

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.connections.replace(None, self)
        self.transport.set_write_buffer_limits(high=FREE_BYTES)
        if len(self.connections) > self.bounds.connections_max:
            self.refuse(503, "ServiceUnavailableException", "Too many connections are open.")
        else:
            self.look()

    def connection_lost(self, exc: Exception | None) -> None:
        self.leave()
        self.connections.replace(self, None)

    def eof_received(self) -> bool:
        """The client has closed its side. It still gets its answers; a request that is not complete is dropped."""
        if self.phase is OPEN:
            self.phase = LAST
            self.drop_unfinished()
            self.http1.close()
            if last := self.waiting[-1] if self.waiting else self.current:
                last.keeps_alive = False
            self.proceed()
        return self.phase is not OVER

    def resume_writing(self) -> None:
        if self.phase is OVER:  # the client may still be reading the last answer
            self.is_write_paused = False
            return
        super().resume_writing()
        self.wake_sender()
        if self.current is None:
            self.proceed()

    def wake_sender(self) -> None:
        """Have the next piece of an answer sent."""
        if self.drained is not None and not self.drained.done():
            self.drained.set_result(None)

    def look(self) -> None:
        """End the connection if the client's time is over, else look again later. One timer serves all requests."""
        bounds, current = self.bounds, self.current
        soonest = min(bounds.request_seconds_max, bounds.keep_alive_seconds)
        left: float = soonest
        if current is None and self.is_idle and not self.http1.bytes_so_far and not self.waiting:
            left = self.since + bounds.keep_alive_seconds - self.loop.time()
        elif (
            current.is_handshake or not current.is_complete if current else not self.waiting
        ) and not self.is_write_paused:
            left = self.since + bounds.request_seconds_max - self.loop.time()
        if left > 0:
            self.timer = self.loop.call_later(min(left, soonest), self.look)
        elif current is not None and current.is_handshake:
            self.turn_away("It could not be found out in time whose ticket this is.")
        elif self.http1.bytes_so_far and self.phase is OPEN:
            self.refuse(408, "RequestTimeoutException", "The request did not arrive in time.")
        elif self.transport.get_write_buffer_size():
            drop(self.transport)  # closing would wait for a client that does not read
        else:
            self.finish()

    # Receiving

    def data_received(self, data: bytes) -> None:
        if self.phase is not OPEN:
            self.hold()
            return
        http1 = self.http1
        if not http1.bytes_so_far:
            self.since = self.loop.time()
        has_ended = False
        self.is_busy = True
        for event in http1.receive(data, len(self.waiting)):
            if isinstance(event, RequestHead):
                self.take(event)
            elif isinstance(event, BodyData):
                self.add_body(event.data)
            elif isinstance(event, EndOfMessage):
                has_ended = True
                self.complete()
                if self.phase is not OPEN:
                    break
            else:
                self.refuse(*event)
        self.is_busy = False
        if has_ended and http1.bytes_so_far:  # another request has begun after it
            self.since = self.loop.time()
        if self.current is None:
            self.proceed()
        elif self.waiting or self.phase is not OPEN:
            self.hold()
        if (self.is_counted or self.waiting or http1.bytes_so_far > FREE_BYTES) and self.phase is OPEN:
            self.count()

    def take(self, head: RequestHead) -> None:
        """Have a request wait for its turn, and perhaps for its body."""
        request = Request(head, self.respond)
        request.connection = self
        if head.is_handshake:
            request.accept = self.accept
        self.request = request
        self.waiting.append(request)

    def address(self) -> str:
        """The address of the client, empty for a Unix socket."""
        return address_of(self.transport)

    def add_body(self, data: bytes | bytearray) -> None:
        """Keep a piece of the body, unless its request was answered without it."""
        request = self.request
        if request is None or (request is not self.current and request not in self.waiting):
            return
        if request.is_streamed:  # the time to send a body grows with what has come
            self.since += len(data) / STREAM_BYTES_PER_SECOND
        request.feed(data)
        if len(request.content) > UNASKED_BYTES_MAX and request.bytes_max is None:
            self.hold()

    def complete(self) -> None:
        """The last request has come whole."""
        request = self.request
        if request is not None:
            request.is_complete = True
            if request.waiter is not None:
                request.wake()
            if not request.keeps_alive:
                self.phase = LAST

    def count(self) -> None:
        """Count the bytes that wait in the budget. Refuse the last request when it has no room for them."""
        requests = [self.current, *self.waiting] if self.current else self.waiting
        count = self.http1.held_bytes + sum(len(request.content) + REQUEST_BYTES for request in requests)
        self.is_counted = count > FREE_BYTES
        whose = (self.current.credential, self.current.claimed) if self.current else ("", "")
        if not self.connections.budget.take_in(self.transport, count, *whose):
            self.refuse(*heads.NO_ROOM)

    def more(self) -> "asyncio.Future[None]":
        """Read the rest of the current request's body. Return the future that its end wakes."""
        request = self.current
        if request is None:
            raise RuntimeError(f"A body is asked for in phase {self.phase.name}: expected a running request")
        self.count()
        if request.is_gone:
            raise Gone
        request.waiter = self.loop.create_future()
        self.release()
        waits = request.headers.get(b"expect", b"").lower() == b"100-continue" and not request.is_awaited
        if waits and not request.content:
            self.transport.write(CONTINUE)
            request.is_awaited = True
        return request.waiter

    def hold(self) -> None:
        """Pause reading."""
        if not self.is_read_paused and self.phase is not OVER:
            self.is_read_paused = True
            self.transport.pause_reading()

    def release(self) -> None:
        """Resume reading."""
        if self.is_read_paused and self.phase is not OVER:
            self.is_read_paused = False
            self.transport.resume_reading()

    # Sending

    def proceed(self) -> None:
        """Run the next request, if the client reads its answers. Further ones run in later turns of the loop."""
        if self.is_busy:
            return
        if self.waiting and self.current is None and not self.is_write_paused:
            request = self.current = self.waiting.popleft()
            if request.is_handshake or not request.is_complete:
                self.since = self.loop.time()
            self.is_busy = True
            run((self.sockets if request.is_handshake else self.app)(request), self.loop)
            self.is_busy = False
            if self.waiting:
                self.loop.call_soon(self.proceed)
        if self.waiting or self.phase is LAST:
            self.hold_or_finish()
        elif self.is_read_paused and self.current is None:
            self.release()

    def hold_or_finish(self) -> None:
        """Pause reading until fewer requests wait. Finish when no request is left and none will come."""
        if self.phase is LAST and self.current is None and not self.waiting:
            self.finish()
        else:
            self.hold()

    def respond(self, status: int, head: bytes, body: bytes) -> None:
        """Answer the current request in one write, and run the next one."""
        request, self.current = self.current, None
        if request is None or self.phase is OVER:
            self.has_answered()
            return
        self.credential = request.credential
        if self.is_counted:
            self.count()
        if not request.is_complete and not self.can_skip(request):
            request.keeps_alive = False
        if not request.keeps_alive:
            head += b"connection: close\r\n"
        self.transport.write(
            b"%b%b\r\n%b" % (STATUS_LINES[status], head, b"" if request.method == "HEAD" else body)
        )
        if request.rest is not None and request.method != "HEAD":
            self.current = request
            run(self.send_rest(request, request.rest), self.loop)
            return
        self.go_on_after(request)

    async def send_rest(self, request: Request, rest: Rest) -> None:
        """Send the rest of an answer. Read the next piece once the client has taken the one before."""
        left = rest.size
        try:
            async for piece in rest.pieces:
                if request.is_gone:
                    return
                self.transport.write(piece)
                left -= len(piece)
                if self.is_write_paused and not request.is_gone:
                    self.drained = self.loop.create_future()
                    await self.drained
        finally:
            if left and not request.is_gone:
                drop(self.transport)
        if not left and not request.is_gone:
            self.current = None
            self.go_on_after(request)

    def has_answered(self) -> None:
        """Tell the one who waits for the last answer."""
        if self.finished is not None and not self.finished.done():
            self.finished.set_result(None)

    def go_on_after(self, request: Request) -> None:
        """Run the request after one that is answered, or end the connection."""
        self.has_answered()
        if not request.keeps_alive:
            self.finish()
            return
        if self.waiting or self.is_read_paused or self.phase is not OPEN:
            self.proceed()
        if not self.http1.bytes_so_far:
            self.is_idle = True
            self.since = self.loop.time()

    def can_skip(self, request: Request) -> bool:
        """Whether to read and drop the rest of a body that the answer did not need: it is short, and will come."""
        length = request.headers.get(b"content-length", b"")
        is_short = 0 < len(length) < 18 and int(length) <= BODY_OVERHEAD * self.bounds.body_bytes_max
        return is_short and (request.is_awaited or bool(request.content) or b"expect" not in request.headers)

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer without an application, in its turn and in the application's form, and close.

        It answers the request that is still coming, in its head or in its body, unless that is answered already.
        """
        if self.phase is not OPEN:
            return
        self.phase = LAST
        if self.drop_unfinished():
            self.refusal = refusal(self.bounds, next(self.request_ids), status, code, message)
        self.proceed()

    def drop_unfinished(self) -> bool:
        """Drop the request whose body is not complete. False when it is answered already."""
        request = self.request
        if request is None or request.is_complete:
            return True
        if request is self.current:
            self.current = None
            request.give_up()
        elif self.waiting and self.waiting[-1] is request:
            self.waiting.pop()
        else:
            return False
        return True

    # The end

    def accept(self, receiver_of: Callable[[WebSocket], Receiver]) -> WebSocket:
        """Go on as a WebSocket. Raises Gone when the client has hung up."""
        request = self.current
        if request is None or self.phase is OVER:
            raise Gone
        self.transport.write(switching(request.headers[b"sec-websocket-key"]))
        websocket = WebSocket(self.transport, self.connections, self.bounds, request.credential)
        self.connections.replace(self, websocket)
        self.transport.set_protocol(websocket)
        self.release()
        self.leave()
        websocket.receiver = receiver_of(websocket)
        websocket.data_received(self.http1.rest)
        return websocket

    def cut_off(self, data: bytes) -> None:
        """End the connection in place of an answer: close it after `data`, or reset it when there is none."""
        self.leave()
        end_after(self.transport, data)

    def finish(self) -> None:
        """Send a refusal, if there is one, and close when the client has had time to read the last answer."""
        seconds = self.since + self.bounds.request_seconds_max - self.loop.time()
        if self.refusal is not None:
            self.transport.write(self.refusal)
        self.leave()
        if not linger(self.transport, self.connections, self, seconds):
            self.transport.close()
            self.wait_for_reader(self.transport.get_write_buffer_size())

    def leave(self) -> None:
        """End: cancel the timers, and give up the requests that are not answered."""
        self.phase = OVER
        for timer in (self.timer, self.patience):
            if timer is not None:
                timer.cancel()
        for request in (self.current, *self.waiting):
            if request is not None:
                request.give_up()
        self.current = self.request = None
        self.waiting.clear()
        self.http1.close()
        self.wake_sender()
        self.has_answered()

    def shut_down(self) -> "asyncio.Future[None] | None":
        """Take no further request. Return a future for the answer to the running one; None when none runs."""
        if self.current is None:
            if self.phase is not OVER:
                self.leave()
                self.transport.close()
            return None
        self.current.keeps_alive = False
        self.finished = self.loop.create_future()
        return self.finished

    def turn_away(self, why: str) -> None:
        """Refuse the current request, which takes too long, and drop those after it."""
        if self.phase is OVER:
            return
        if self.current is not None:
            self.current.give_up()
        self.current = self.request = None
        self.waiting.clear()
        self.phase = OPEN
        self.refuse(503, "ServiceUnavailableException", why)
