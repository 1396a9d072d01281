"""What the processes of one server say to each other, over a pair of sockets that only they hold."""

import asyncio
import socket
from collections.abc import Callable
from struct import Struct
from typing import Any, Self

import msgspec

from threadline.server.units import Call, Subscribe
from threadline.store import Grown, Signal

HEAD = Struct(">IBI")
"""The bytes that follow, and the head of a MessagePack array of so many messages (its format `array 32`)."""
LENGTH_BYTES, ARRAY = 4, 0xDD
TOGETHER_MAX = 4
"""Messages that travel together. More would save a little, and keep the other process waiting for the last of them."""


class Message(msgspec.Struct, array_like=True, tag=True, gc=False):
    """Something to say; its class says what."""


class Begin(Message):
    """To an edge: the store is open."""


class Ready(Message):
    """From an edge: it serves."""


class Asked(Message):
    """From an edge: run a unit of work."""

    number: int
    unit: Call | Subscribe


class Answered(Message):
    """To an edge: what the unit of work of this number has come to."""

    number: int
    result: Any


class Refused(Message):
    """To an edge: the Fault that a unit of work has come to; without a code it failed, and a log says how."""

    number: int
    code: str
    message: str
    members: dict[str, Any]


class News(Message):
    """To an edge: what has been committed, for its sockets."""

    grown: tuple[Grown, ...]
    signals: tuple[Signal, ...]


class Synced(Message):
    """To an edge: so many batches are durable."""

    batches: int


class Drain(Message):
    """To an edge: take nothing more, answer what is running, close the sockets."""

    seconds: float


class Drained(Message):
    """From an edge: all are gone; `is_clean` when nobody had to be cut off."""

    is_clean: bool


class Channel(asyncio.Protocol):
    """One end. `heard` gets each message in the order they were sent in, `lost` is called when the other is gone."""

    _transport: asyncio.WriteTransport
    _encode = msgspec.msgpack.Encoder().encode
    _decode = msgspec.msgpack.Decoder(
        list[Begin | Ready | Asked | Answered | Refused | News | Synced | Drain | Drained]
    ).decode

    def __init__(self, heard: Callable[[Any], None], lost: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._heard = heard
        self._lost = lost
        self._incoming = bytearray()
        self._outgoing: list[bytes] = []

    @classmethod
    async def open(cls, end: socket.socket, heard: Callable[[Any], None], lost: Callable[[], None]) -> Self:
        """Speak over `end`."""
        channel = cls(heard, lost)
        await channel._loop.create_unix_connection(lambda: channel, sock=end)
        return channel

    def send(self, message: Message) -> None:
        """Send a message, with others that are sent in this turn of the loop. To one that is gone, it is lost.

        Raises OverflowError or UnicodeEncodeError for a number or a text that no message can hold.
        """
        encoded = self._encode(message)
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(encoded)
        if len(self._outgoing) >= TOGETHER_MAX:
            self._flush()

    def close(self) -> None:
        """Send what is to be sent, and hang up."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
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
