"""The open connections of a listener, and the end of one, in which its client still gets the last answer."""

import asyncio
import contextlib
import socket
import struct

from threadline.http.budget import Budget

LINGER_BYTES_MAX = 64 * 1_048_576
"""The bytes that are read and dropped when a client goes on sending after its last answer."""

LINGER_SECONDS = 2.0
"""The time after which such a connection is closed when its client sends nothing."""

LINGERING_MAX = 256
"""The connections that may be in this state at a time. They do not count as open ones."""

LINGER_NOT = struct.pack("ii", 1, 0)


class HasTransport(asyncio.Protocol):
    """A protocol of one of the connections."""

    __slots__ = ("transport",)
    transport: asyncio.Transport


class Connections:
    """The open connections of a listener, HTTP and WebSocket. Lingering ones do not count.

    `tasks` holds the running work of their WebSockets, `budget` counts the bytes held for all of them.
    """

    def __init__(self, buffered_bytes_max: int) -> None:
        self.budget = Budget(buffered_bytes_max, drop)
        self.open: set[HasTransport] = set()
        self.lingering = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self._emptied: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self.open) - self.lingering

    def replace(self, old: HasTransport | None, new: HasTransport | None) -> None:
        """Note that a connection has another protocol. `old` is None at its begin, `new` is None at its end."""
        if old is not None:
            self.open.discard(old)
        if new is not None:
            self.open.add(new)
            return
        if old is not None:
            self.budget.release(old.transport)
        if not self.open and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    async def gone(self, seconds: float) -> None:
        """Wait until all have ended. Drop those that take longer, and cancel their tasks."""
        if self.open:
            self._emptied = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._emptied], timeout=seconds)
        for connection in list(self.open):
            connection.transport.abort()
        if waiting := set(self.tasks):
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting, timeout=seconds)


class Lingering(HasTransport):
    """A connection that has had its last answer, while its client may still be sending.

    Closing a connection with unread bytes resets it, and a reset takes the answer away from a client that has not read
    it yet. So the bytes that still come are read and dropped, within bounds, until the client closes.
    Source: RFC 9112, section 9.6.
    """

    __slots__ = ("_connections", "_discarded", "_loop", "_seen", "_timer", "_unread", "_until")

    def __init__(self, transport: asyncio.Transport, connections: Connections, seconds: float) -> None:
        self.transport = transport
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + seconds
        self._discarded = 0
        self._seen = 0
        self._unread = transport.get_write_buffer_size()
        self._timer = self._loop.call_later(min(LINGER_SECONDS, seconds), self._look)

    def resume_writing(self) -> None:
        self._connections.budget.release(self.transport)

    def data_received(self, data: bytes) -> None:
        self._discarded += len(data)
        if self._discarded > LINGER_BYTES_MAX:
            drop(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._connections.lingering -= 1
        self._connections.replace(self, None)

    def _look(self) -> None:
        left = self._until - self._loop.time()
        unread = self.transport.get_write_buffer_size()
        is_reading = unread < self._unread
        is_quiet = self._discarded == self._seen and not unread
        if not is_reading and (left <= 0 or is_quiet):
            drop(self.transport)
        else:
            self._seen, self._unread = self._discarded, unread
            self._timer = self._loop.call_later(LINGER_SECONDS, self._look)


def linger(transport: asyncio.Transport, connections: Connections, old: HasTransport, seconds: float) -> bool:
    """Close our side, and the connection when the client has closed its side, after `seconds` at the latest.

    Without time or room for it do nothing, and return False.
    """
    if seconds <= 0 or connections.lingering >= LINGERING_MAX:
        return False
    connections.lingering += 1
    connections.budget.take_in(transport, 0, "")
    lingering = Lingering(transport, connections, seconds)
    connections.replace(old, lingering)
    transport.set_protocol(lingering)
    with contextlib.suppress(
        OSError, RuntimeError
    ):  # the client is gone already, and the loop is about to say so
        transport.write_eof()
        transport.resume_reading()
    return True


def drop(transport: asyncio.Transport) -> None:
    """Drop a connection and everything that its client has not read, in the system's buffers too."""
    if not transport.is_closing():
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    transport.abort()


def end_after(transport: asyncio.Transport, data: bytes) -> None:
    """Close a connection after `data`; without any, reset it."""
    if data:
        transport.write(data)
        transport.close()
    else:
        drop(transport)
