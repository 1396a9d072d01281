"""Pairs of people chatting: a message counts when its answer is there and the other's socket has brought it."""

import asyncio
import base64
import json
from collections.abc import Sequence
from http.client import HTTPConnection
from time import perf_counter
from typing import Any, Protocol

from bench.http import Answers, Run, request
from threadline.testing.workspace import Workspace

HEARTBEAT_SECONDS = 20


def participant_call(port: int, path: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
    """Call the participant service, which is authenticated by `token` alone."""
    connection = HTTPConnection("127.0.0.1", port)
    connection.request(
        "POST", path, json.dumps(body), {"X-Amz-Bearer": token, "Content-Type": "application/json"}
    )
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    assert reply.status == 200, text
    answer: dict[str, Any] = json.loads(text)
    return answer


class Line(asyncio.Protocol):
    """One chat socket, which looks for a text in the bytes and parses no frame."""

    transport: asyncio.Transport

    def __init__(self, url: str) -> None:
        self.target = url.partition("://")[2].partition("/")
        self.buffer = bytearray()
        self.expected: bytes | None = None
        self.seen: asyncio.Future[None]

    async def open(self) -> None:
        """Connect, shake hands, subscribe, and wait until the server says so."""
        host, port = self.target[0].split(":")
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, host, int(port))
        key = base64.b64encode(bytes(16)).decode()
        upgraded = self.expect(b"\r\n\r\n")
        self.transport.write(
            f"GET /{self.target[2]} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        await upgraded
        subscribed = self.expect(b'"aws/subscribe"')
        self.say({"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}})
        await subscribed
        self.beat()

    def expect(self, text: bytes) -> "asyncio.Future[None]":
        self.expected = text
        self.seen = asyncio.get_running_loop().create_future()
        return self.seen

    def say(self, frame: dict[str, Any]) -> None:
        text = json.dumps(frame).encode()
        assert len(text) < 126
        self.transport.write(bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text)

    def beat(self) -> None:
        if not self.transport.is_closing():
            self.say({"topic": "aws/heartbeat"})
            asyncio.get_running_loop().call_later(HEARTBEAT_SECONDS, self.beat)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.expected is not None and self.expected in self.buffer:
            self.expected = None
            self.arrived()
        if self.expected is None:
            self.buffer.clear()

    def arrived(self) -> None:
        self.seen.set_result(None)


class Talking(Protocol):
    """A pair of people on any server."""

    async def exchange(self, until: float, latencies: list[float]) -> None:
        """Send one message at a time until `perf_counter` reaches `until`. Append the time of each, in seconds."""


class Pair(Answers):
    """A customer who writes and an agent who reads, both with a socket open. Opened by `make_pair`."""

    def __init__(self, port: int, number: int, token: str, customer: Line, agent: Line) -> None:
        super().__init__()
        self.port, self.number, self.token = port, number, token
        self.customer, self.agent = customer, agent
        self.agent.arrived = self.delivered  # type: ignore[method-assign]
        self.said = 0

    async def exchange(self, until: float, latencies: list[float]) -> None:
        """Send one message after the other, each when the one before has been answered and delivered."""
        self.until, self.latencies = until, latencies
        loop = asyncio.get_running_loop()
        self.finished: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(lambda: self, "127.0.0.1", self.port)
        self.next()
        await self.finished
        self.transport.close()

    def next(self) -> None:
        self.sent_at = perf_counter()
        if self.sent_at >= self.until:
            self.finished.set_result(None)
            return
        self.said += 1
        text = f"message {self.said} of pair {self.number}: where is my parcel?"
        token = f"{self.number:04}-{self.said:012}"
        body = f'{{"ContentType":"text/plain","Content":"{text}","ClientToken":"{token}"}}'.encode()
        self.waiting = 2
        self.agent.expected = text.encode()
        self.send(request("POST", "/participant/message", self.port, body, {"X-Amz-Bearer": self.token}))

    def delivered(self) -> None:
        self.latencies.append(perf_counter() - self.sent_at)
        self.one_down()

    def answered(self, body: bytes) -> None:
        self.one_down()

    def one_down(self) -> None:
        self.waiting -= 1
        if self.waiting == 0:
            self.next()


async def make_pair(workspace: Workspace, port: int, number: int, agents_port: int | None = None) -> Pair:
    """Start a chat, connect its customer, accept it as an agent who connects at `agents_port`, open both sockets."""
    both = {"Type": ["WEBSOCKET", "CONNECTION_CREDENTIALS"]}
    chat = workspace.connect.start_chat_contact(
        InstanceId=workspace.instance_id,
        ContactFlowId=workspace.contact_flow_id,
        ParticipantDetails={"DisplayName": "Casey"},
    )
    connection = participant_call(port, "/participant/connection", chat["ParticipantToken"], both)
    customer = Line(connection["Websocket"]["Url"])
    await customer.open()
    accepted = workspace.threadline.accept_contact(
        InstanceId=workspace.instance_id, ContactId=chat["ContactId"], UserId=workspace.agents["a1"]
    )
    theirs = participant_call(
        agents_port or port, "/participant/connection", accepted["ParticipantToken"], both
    )
    agent = Line(theirs["Websocket"]["Url"])
    await agent.open()
    return Pair(port, number, connection["ConnectionCredentials"]["ConnectionToken"], customer, agent)


async def exchange_all(pairs: Sequence[Talking], seconds: float) -> Run:
    """Have every pair chat at once, for `seconds`."""
    latencies: list[float] = []
    start = perf_counter()
    await asyncio.gather(*(pair.exchange(start + seconds, latencies) for pair in pairs))
    return Run(perf_counter() - start, latencies)
