"""One HTTP request, which a connection hands to the application that answers it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple, Protocol

from threadline.http.http1 import RequestHead
from threadline.http.websocket import Receiver, WebSocket

Headers = list[tuple[bytes, bytes]]


class Gone(Exception):
    """The client has hung up before its request was complete, so nobody reads an answer."""


class TooLarge(Exception):
    """The body is larger than the application takes."""


class Rest(NamedTuple):
    """The part of an answer's body that is sent after the head, piece by piece, as fast as the client reads it.

    `pieces` has fewer than `size` bytes when it fails: then the connection is cut off, which tells the client.
    """

    size: int
    pieces: AsyncIterator[bytes]


class Connection(Protocol):
    """The connection that a request came by."""

    def cut_off(self, data: bytes) -> None: ...

    def address(self) -> str: ...

    def more(self) -> asyncio.Future[None]:
        """Read the rest of the current request's body. Return the future that its end wakes."""


class Request:
    """One request. `headers` are by lowercase name, values of one sent more than once joined by commas.

    `respond(status, head, body)` answers it. `head` holds the header lines, content-length among them, each with its
    line end. It is sent as it is, so it must not contain any text of a client. A handshake may be answered by `accept`
    instead: the connection goes on as a WebSocket, and the given function makes its receiver. It raises Gone when the
    client has hung up.
    """

    is_complete = False
    is_gone = False
    is_awaited = False
    content: bytes | bytearray = b""
    bytes_max: int | None = None
    is_streamed = False
    """Whether the application takes the body piece by piece."""
    rest: Rest | None = None
    """The part of the answer's body that the application does not give to `respond`. The answer to HEAD has none."""
    waiter: asyncio.Future[None] | None = None
    credential = ""
    """The access key or participant of the request: `Budget` bounds the bytes held for each."""
    claimed = ""
    """The access key of a signature that cannot be checked before the body is there."""
    call: object = None
    """The unit of work that the application made of the request, or as much as it knows of it: for the audit."""
    accept: Callable[[Callable[[WebSocket], Receiver]], WebSocket]

    connection: Connection

    def __init__(self, head: RequestHead, respond: Callable[[int, bytes, bytes], None]) -> None:
        self.method, self.raw_path, self.query_string, self.headers, self.keeps_alive, self.is_handshake = (
            head
        )
        self.respond = respond

    def address(self) -> str:
        """The address of the client, empty for a Unix socket. Behind a proxy it is the proxy's."""
        return self.connection.address()

    def cut_off(self, data: bytes) -> None:
        """End the connection in place of an answer: after these bytes, or by a reset when there are none."""
        self.connection.cut_off(data)

    def arrived(self, bytes_max: int) -> bytes | None:
        """Return the whole body if it has come already, as nearly all have, and has at most `bytes_max` bytes."""
        if self.is_complete and len(self.content) <= bytes_max:
            return bytes(self.content)
        return None

    async def body(self, bytes_max: int) -> bytes:
        """Read the whole body. Raises TooLarge for more than `bytes_max` bytes, and Gone when the client hangs up."""
        declared = self.headers.get(b"content-length", b"0")
        self.bytes_max = bytes_max
        if self.is_gone:
            raise Gone
        if len(declared) > 18 or int(declared) > bytes_max:
            self.content = b""
            raise TooLarge
        if not self.is_complete and len(self.content) <= bytes_max:
            await self.connection.more()
        if len(self.content) > bytes_max:
            self.content = b""
            raise TooLarge
        return bytes(self.content)

    async def pieces(self, bytes_max: int) -> AsyncIterator[bytes]:
        """Read the body piece by piece. Raises TooLarge for more than `bytes_max` bytes, Gone as `body` does.

        The connection reads on only when the next piece is asked for, so little of the body is ever in memory.
        """
        self.is_streamed = True
        taken = 0
        while True:
            if self.is_gone:
                raise Gone
            piece, self.content = self.content, b""
            taken += len(piece)
            if taken > bytes_max:
                raise TooLarge
            if piece:
                yield bytes(piece)
            elif self.is_complete:
                return
            else:
                await self.connection.more()

    def feed(self, data: bytes | bytearray) -> None:
        """Keep a piece of the body, as long as the application may still take it."""
        if not self.content:
            self.content = data
        elif self.bytes_max is None or len(self.content) <= self.bytes_max:
            if isinstance(self.content, bytes):
                self.content = bytearray(self.content)
            self.content += data
        if self.is_streamed or (self.bytes_max is not None and len(self.content) > self.bytes_max):
            self.wake()

    def wake(self) -> None:
        """Wake the application that waits for the body."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def give_up(self) -> None:
        """End the wait for the body: it raises Gone, now or later, since the client is gone."""
        self.is_gone = True
        self.content = b""
        # An exception refers to the frames that wait, and they refer to this request.
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(Gone())


App = Callable[[Request], Coroutine[Any, Any, None]]
"""Answers a request by `Request.respond`, unless its client is gone."""
