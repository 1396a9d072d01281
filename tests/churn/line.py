"""A chat socket in as little memory as it takes: ten thousand of them are one test's clients."""

import asyncio
import json
import socket
from typing import Any
from urllib.parse import urlsplit

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
SUBSCRIBE = {"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}}
CLOSE = bytes((0x88, 0x80, 0, 0, 0, 0))
SMALL_BYTES = 4_096


class Line(asyncio.Protocol):
    """One socket. `ids` are the messages that it was shown, in order; `gone` is done when it is closed."""

    transport: asyncio.Transport

    def __init__(self, url: str) -> None:
        self.url = url
        self.ids: list[str] = []
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rest = b""
        self._is_open = False
        self._subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wanted = 0
        self._seen: asyncio.Future[None] | None = None

    async def open(self, *, takes_little: bool = False) -> "Line":
        """Connect, shake hands, and subscribe. Raises ConnectionError when the server will not."""
        parts = urlsplit(self.url)
        loop = asyncio.get_running_loop()
        client = socket.socket()
        client.setblocking(False)
        if takes_little:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
        await loop.sock_connect(client, (parts.hostname, parts.port))
        await loop.create_connection(lambda: self, sock=client)
        self.transport.write(
            f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n".encode()
        )
        await self._subscribed
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if not self._is_open and b"\r\n\r\n" in self._rest:
            _, _, self._rest = self._rest.partition(b"\r\n\r\n")
            self._is_open = True
            self.say(SUBSCRIBE)
        while self._is_open and (frame := self._frame()) is not None:
            if frame[:1] == b"{":
                self._take(json.loads(frame))

    def _frame(self) -> bytes | None:
        if len(self._rest) < 2:
            return None
        head, size = 2, self._rest[1] & 0x7F
        if size == 126:
            head, size = 4, int.from_bytes(self._rest[2:4], "big")
        if len(self._rest) < head + size:
            return None
        frame, self._rest = self._rest[head : head + size], self._rest[head + size :]
        return frame

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["topic"] == "aws/subscribe" and not self._subscribed.done():
            self._subscribed.set_result(None)
        elif frame["topic"] == "aws/chat":
            item = json.loads(frame["content"])
            if item["Type"] == "MESSAGE":
                self.ids.append(item["Id"])
        if self._seen is not None and len(self.ids) >= self._wanted and not self._seen.done():
            self._seen.set_result(None)

    async def sees(self, count: int) -> None:
        """Wait until so many messages have been shown in all."""
        if len(self.ids) < count:
            self._wanted, self._seen = count, asyncio.get_running_loop().create_future()
            await self._seen

    def say(self, frame: dict[str, Any]) -> None:
        """Send a frame, masked with zeros."""
        text = json.dumps(frame).encode()
        self.transport.write(bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text)

    def close(self) -> None:
        """Close in good order."""
        self.transport.write(CLOSE)

    def hang_up(self) -> None:
        """Be gone without a word."""
        self.transport.close()

    def abort(self) -> None:
        """Be gone as a client whose machine has lost its network and forgotten the connection: with a reset."""
        client = self.transport.get_extra_info("socket")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        for future in (self._subscribed, self._seen):
            if future is not None and not future.done():
                future.set_exception(ConnectionError("the server has closed the socket"))
        if not self.gone.done():
            self.gone.set_result(None)
