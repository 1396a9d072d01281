"""A channel between two processes of one server: ordered messages over a socket pair that only they hold."""

import asyncio
import socket
from collections.abc import Callable
from struct import Struct
from typing import Any

import msgspec

from threadline.processes.messages import Message, ToFrontend, ToWriter

HEAD = Struct(">IBI")
"""The number of bytes that follow, and the head of a MessagePack array of the messages (its format `array 32`)."""
LENGTH_BYTES, ARRAY = 4, 0xDD
TOGETHER_MAX = 8
"""The most messages in one write. A larger limit saves little and delays the first message of the write."""


class Channel(asyncio.Protocol):
    """One end of the channel. It calls `receive` with each message in order, and `lost` when the other end closes."""

    _transport: asyncio.WriteTransport
    _encode = msgspec.msgpack.Encoder().encode
    _decode = msgspec.msgpack.Decoder(list[ToWriter | ToFrontend]).decode

    def __init__(self, receive: Callable[[Any], None], lost: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._receive = receive
        self._lost = lost
        self._incoming = bytearray()
        self._outgoing: list[bytes] = []

    async def open(self, end: socket.socket) -> None:
        """Connect to the socket `end`. Messages may arrive before this returns; `send` works only afterwards."""
        await self._loop.create_unix_connection(lambda: self, sock=end)

    def send(self, message: Message) -> None:
        """Send a message together with the others of this turn of the loop. It is dropped when the other end is gone.

        Raises OverflowError or UnicodeEncodeError for a number or a text that MessagePack cannot hold.
        """
        encoded = self._encode(message)
        if not self._outgoing:
            self._loop.call_soon(self.flush)
        self._outgoing.append(encoded)
        if len(self._outgoing) >= TOGETHER_MAX:
            self.flush()

    def close(self) -> None:
        """Flush, then close the connection."""
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Write the queued messages now instead of at the end of this turn of the loop."""
        messages, self._outgoing = self._outgoing, []
        if messages and not self._transport.is_closing():
            data = b"".join(messages)
            self._transport.write(HEAD.pack(1 + 4 + len(data), ARRAY, len(messages)) + data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        incoming = self._incoming
        incoming += data
        while len(incoming) >= LENGTH_BYTES:
            end = LENGTH_BYTES + int.from_bytes(incoming[:LENGTH_BYTES], "big")
            if len(incoming) < end:
                break
            messages = self._decode(incoming[LENGTH_BYTES:end])
            del incoming[:end]
            for message in messages:
                self._receive(message)

    def connection_lost(self, error: Exception | None) -> None:
        self._lost()
