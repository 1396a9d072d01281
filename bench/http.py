"""A load generator that takes little of the processor: ready-made requests, raw sockets, hardly any parsing."""

import asyncio
import re
from collections.abc import Iterator
from time import perf_counter
from typing import NamedTuple

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"connection: *close", re.IGNORECASE)


class Run(NamedTuple):
    """One timed run: how many calls, in what time, and how long each took. Times are in seconds."""

    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Calls per second."""
        return len(self.latencies) / self.seconds

    @property
    def p99_ms(self) -> float:
        """The latency that one call in a hundred exceeds, in milliseconds."""
        return 1000 * sorted(self.latencies)[len(self.latencies) * 99 // 100]


class Reply(Exception):
    """A reply other than 200. Its run is not measured."""


class Answers(asyncio.Protocol):
    """One connection, one request at a time: `send` it, and `answered` is called once the whole reply is there."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.closes = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def send(self, request: bytes) -> None:
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = LENGTH.search(self.buffer, 0, head)
        if length is None or len(self.buffer) < head + 4 + int(length[1]):
            return
        if self.buffer[9:12] != b"200":
            raise Reply(self.buffer.decode())
        self.closes = self.buffer.startswith(b"HTTP/1.0") or CLOSES.search(self.buffer, 0, head) is not None
        body = bytes(self.buffer[head + 4 :])
        self.buffer.clear()
        self.answered(body)

    def answered(self, body: bytes) -> None:
        raise NotImplementedError


class Caller(Answers):
    """A connection that sends one request after the other from a supply shared with other callers.

    It opens itself again when the server closes after each reply, as moto's does.
    """

    def __init__(self, port: int, supply: Iterator[bytes], latencies: list[float]) -> None:
        super().__init__()
        self.port = port
        self.supply = supply
        self.latencies = latencies
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self.port)

    def start(self) -> None:
        request = next(self.supply, None)
        if request is None:
            self.transport.close()
            if not self.finished.done():
                self.finished.set_result(None)
        else:
            self.sent_at = perf_counter()
            self.send(request)

    def answered(self, body: bytes) -> None:
        self.latencies.append(perf_counter() - self.sent_at)
        if self.closes:
            self.transport.close()
        else:
            self.start()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.finished.done():
            return
        if self.closes:
            self.reopened = asyncio.ensure_future(self.reopen())
        else:
            self.finished.set_exception(exc or ConnectionError(f"the server closed: {bytes(self.buffer)!r}"))

    async def reopen(self) -> None:
        self.closes = False
        await self.open()
        self.start()


async def call_all(port: int, requests: list[bytes], callers: int) -> Run:
    """Send every request, `callers` at a time, each when its caller has the reply to the one before."""
    latencies: list[float] = []
    supply = iter(requests)
    crew = [Caller(port, supply, latencies) for _ in range(callers)]
    for caller in crew:
        await caller.open()
    start = perf_counter()
    for caller in crew:
        caller.start()
    await asyncio.gather(*(caller.finished for caller in crew))
    return Run(perf_counter() - start, latencies)


def request(method: str, path: str, port: int, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """A whole HTTP request with a JSON body."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body
