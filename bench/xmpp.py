"""People on an XMPP server: one writes, the other's connection brings it; and pages of an archive (MAM).

Plain TCP and SASL PLAIN, so that TLS is nobody's cost, and hardly any parsing: the server is what is measured.
"""

import asyncio
import base64
from collections.abc import Callable, Sequence
from time import perf_counter

from bench.http import Run

HOST = "localhost"
PASSWORD = "secret"
OPEN = (
    f"<?xml version='1.0'?><stream:stream to='{HOST}' version='1.0' xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams'>"
)
BIND = "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>"


class Refused(Exception):
    """The server ended the stream, or answered with an error."""


class Stream(asyncio.Protocol):
    """One client's connection. `arrived` is called with all that came when the `expected` text has come."""

    transport: asyncio.Transport

    def __init__(self, user: str) -> None:
        self.user = user
        self.buffer = bytearray()
        self.expected: bytes | None = None
        self.searched = 0
        self.arrived: Callable[[bytes], None] = self.ignore

    async def open(self, port: int) -> None:
        """Connect, log in, bind the resource `r`, become available."""
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)
        await self.ask(OPEN, "</stream:features>")
        login = base64.b64encode(f"\0{self.user}\0{PASSWORD}".encode()).decode()
        await self.ask(
            f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{login}</auth>", "<success"
        )
        await self.ask(OPEN, "</stream:features>")
        await self.ask(BIND, "</iq>")
        self.transport.write(b"<presence/>")

    async def ask(self, text: str, expected: str) -> bytes:
        """Send `text`; all that comes until `expected` has come."""
        came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.await_text(expected.encode(), came.set_result)
        self.transport.write(text.encode())
        return await came

    def await_text(self, expected: bytes, arrived: Callable[[bytes], None]) -> None:
        self.expected, self.arrived = expected, arrived

    def ignore(self, came: bytes) -> None:
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self.expected is None:
            return
        self.buffer += data
        if self.buffer.find(self.expected, self.searched) < 0:
            self.searched = max(0, len(self.buffer) - len(self.expected))
            return
        came = bytes(self.buffer)
        self.buffer.clear()
        self.searched, self.expected = 0, None
        self.arrived(came)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.expected is not None:
            raise Refused(f"{self.user}: {bytes(self.buffer)!r}") from exc


class XmppPair:
    """One who writes and one who reads. A message is done when it is on the reader's connection, both archives
    having it: servers put the archive's id into what they deliver, and the first one is checked for it.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.writer, self.reader = Stream(f"w{number}"), Stream(f"r{number}")
        self.said = 0

    async def open(self, port: int) -> None:
        """Log both in, and check that a first message is archived."""
        await self.writer.open(port)
        await self.reader.open(port)
        came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.reader.await_text(b"</message>", came.set_result)
        self.say("are you there?")
        if b"<stanza-id" not in await came:
            raise Refused("a message was delivered that is in no archive")

    def say(self, text: str) -> None:
        self.said += 1
        to = f"r{self.number}@{HOST}/r"
        message = f"<message to='{to}' type='chat' id='m{self.said}'><body>{text}</body></message>"
        self.writer.transport.write(message.encode())

    async def exchange(self, until: float, latencies: list[float]) -> None:
        """Send one message after the other, each when the one before has been delivered."""
        self.until, self.latencies = until, latencies
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.next()
        await self.finished

    def next(self) -> None:
        self.sent_at = perf_counter()
        if self.sent_at >= self.until:
            self.finished.set_result(None)
            return
        text = f"message {self.said} of pair {self.number}: where is my parcel?"
        self.reader.await_text(text.encode(), self.delivered)
        self.say(text)

    def delivered(self, came: bytes) -> None:
        self.latencies.append(perf_counter() - self.sent_at)
        self.next()


async def open_pairs(port: int, count: int) -> list[XmppPair]:
    """Log in `count` pairs."""
    pairs = [XmppPair(number) for number in range(count)]
    for pair in pairs:
        await pair.open(port)
    return pairs


async def turn(reader: Stream, size: int, before: Sequence[str], times: int) -> list[Run]:
    """Read pages of an archive, `times` for each id in `before`: the `size` messages before it, the newest for an
    empty id. All are interleaved. Return a run for each id.
    """
    latencies: list[list[float]] = [[] for _ in before]
    for _ in range(times):
        for archive_id, shares in zip(before, latencies, strict=True):
            query = (
                "<iq type='set' id='page'><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'>"
                f"<max>{size}</max><before>{archive_id}</before></set></query></iq>"
            )
            start = perf_counter()
            came = await reader.ask(query, "</iq>")
            shares.append(perf_counter() - start)
            if came.count(b"</result>") != size:
                raise Refused(f"a page of {came.count(b'</result>')}: {came[-500:]!r}")
    return [Run(sum(shares), shares) for shares in latencies]
