"""What the processes of one server say to each other, over a pair of sockets that only they hold."""

import asyncio
import socket
from collections.abc import Callable
from struct import Struct
from typing import Any

import msgspec

from threadline.processes.messages import Message, ToFrontend, ToWriter

HEAD = Struct(">IBI")
"""The bytes that follow, and the head of a MessagePack array of so many messages (its format `array 32`)."""
LENGTH_BYTES, ARRAY = 4, 0xDD
TOGETHER_MAX = 8
"""Messages that travel together. More would save a little, and keep the other process waiting for the last of them."""


class Channel(asyncio.Protocol):
    """One end. `heard` gets each message in the order they were sent in, `lost` is called when the other is gone."""

    _transport: asyncio.WriteTransport
    _encode = msgspec.msgpack.Encoder().encode
    _decode = msgspec.msgpack.Decoder(list[ToWriter | ToFrontend]).decode

    def __init__(self, heard: Callable[[Any], None], lost: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._heard = heard
        self._lost = lost
        self._incoming = bytearray()
        self._outgoing: list[bytes] = []

    async def open(self, end: socket.socket) -> None:
        """Speak over `end`. Messages may be heard before this returns; nothing can be sent before."""
        await self._loop.create_unix_connection(lambda: self, sock=end)

    def send(self, message: Message) -> None:
        """Send a message, with others that are sent in this turn of the loop. To one that is gone, it is lost.

        Raises OverflowError or UnicodeEncodeError for a number or a text that no message can hold.
        """
        encoded = self._encode(message)
        if not self._outgoing:
            self._loop.call_soon(self.flush)
        self._outgoing.append(encoded)
        if len(self._outgoing) >= TOGETHER_MAX:
            self.flush()

    def close(self) -> None:
        """Send what is to be sent, and hang up."""
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Send what is to be sent now; otherwise it is at the end of this turn of the loop."""
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
                self._heard(message)

    def connection_lost(self, error: Exception | None) -> None:
        self._lost()
