"""A WebSocket's handshake is a request like any other: one parser reads it, within the same limits."""

import asyncio
import json
import socket
from collections.abc import Iterator
from itertools import count

import pytest
from websockets.sync.client import connect

from tests.http.raw import Answer, Connection, ask, connected, frontend_of
from tests.server.test_sockets import (
    KEY,
    PATIENCE_SECONDS,
    SUBSCRIBE,
    close_code,
    handshaken,
    hear,
    masked,
    opened,
    ticket_url,
)
from threadline.config import Settings
from threadline.http.listener import Listener
from threadline.http.request import Gone, Request
from threadline.testing import Threadline

BODIES = [
    b"content-length: 1\r\n\r\nx",
    b"content-length: 1\r\n\r\n",
    b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    b"transfer-encoding: chunked\r\n\r\n",
]


def handshake(path: str, *, upgrade: str = "websocket", connection: str = "Upgrade", more: str = "") -> bytes:
    """A handshake without the empty line that ends its head."""
    return (
        f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: {connection}\r\nupgrade: {upgrade}\r\n{more}"
        f"sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n"
    ).encode()


def path_of(url: str) -> str:
    return "/participant/socket" + url.partition("/participant/socket")[2]


def answer_to(url: str, data: bytes) -> Answer:
    with connected(url) as client:
        client.send(data)
        answer = client.answer(has_body=True)
        if answer.status != 101:
            assert client.closed()
        return answer


@pytest.fixture
def crowded() -> Iterator[Threadline]:
    """A server with room for twenty connections, that waits a second for a request."""
    with Threadline(connections_max=20, request_seconds_max=1) as server:
        yield server


@pytest.mark.parametrize("body", BODIES, ids=["length", "no body yet", "chunked", "no chunk yet"])
def test_a_handshake_with_a_body_is_refused_in_words(threadline: Threadline, body: bytes) -> None:
    for path in ("/participant/socket", path_of(ticket_url(threadline.invite()))):
        answer = answer_to(threadline.url, handshake(path) + body)
        assert (answer.status, answer.error) == (400, "BadRequestException")
        assert "has no body" in answer.json["message"]


@pytest.mark.parametrize("body", [*BODIES, b"", b"\r\n"], ids=range(6))
def test_a_handshake_without_a_ticket_holds_no_connection(crowded: Threadline, body: bytes) -> None:
    holders = [Connection(crowded.url) for _ in range(20)]
    for holder in holders:
        holder.send(handshake("/participant/socket") + body)
    for holder in holders:  # refused at once, or when the time for a request is over
        assert holder.answer().status in {400, 403, 408}
        assert holder.closed()
    assert ask(crowded.url, "GET", "/health").status == 200
    for holder in holders:
        holder.socket.close()


def test_a_refused_client_that_does_not_close_is_closed(crowded: Threadline) -> None:
    listener = frontend_of(crowded)._listener
    with connected(crowded.url) as client:
        client.send(handshake("/participant/socket") + BODIES[0])
        assert client.answer().status == 400
        while listener.connections.lingering:
            assert ask(crowded.url, "GET", "/health", connection="close").status == 200


@pytest.mark.parametrize("more", ["x-long: " + "x" * 20_000 + "\r\n", "x-one: of many\r\n" * 200])
def test_the_limits_of_a_handshake_are_those_of_every_request(threadline: Threadline, more: str) -> None:
    url = ticket_url(threadline.invite())
    assert answer_to(threadline.url, handshake(path_of(url), more=more) + b"\r\n").status == 101
    assert answer_to(threadline.url, handshake("/participant/socket", more=more) + b"\r\n").status == 403
    answer = answer_to(threadline.url, handshake(path_of(url), more=more * 20) + b"\r\n")
    assert (answer.status, answer.error) == (431, "RequestHeaderFieldsTooLargeException")


@pytest.mark.parametrize(
    ("upgrade", "connection"),
    [
        ("websocket, foo", "Upgrade"),
        ("foo/1,WebSocket", "keep-alive, Upgrade"),
        ("websocket", "upgrade,keep-alive"),
    ],
)
def test_upgrade_and_connection_are_lists(threadline: Threadline, upgrade: str, connection: str) -> None:
    path = path_of(ticket_url(threadline.invite()))
    answer = answer_to(threadline.url, handshake(path, upgrade=upgrade, connection=connection) + b"\r\n")
    assert answer.status == 101
    assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_refused_handshake_is_answered_like_every_request(threadline: Threadline) -> None:
    answer = answer_to(threadline.url, handshake("/participant/socket?ticket=none") + b"\r\n")
    assert (answer.status, answer.error) == (403, "AccessDeniedException")
    assert {"x-amzn-requestid", "date", "content-type"} <= set(answer.headers)
    assert answer.headers["connection"] == "close"


def test_a_handshake_waits_for_the_answers_before_it(threadline: Threadline) -> None:
    path = path_of(ticket_url(threadline.invite()))
    health = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
    with connected(threadline.url) as client:
        client.send(health * 3 + handshake(path) + b"\r\n" + masked(0x81, b'{"topic":"aws/ping"}'))
        assert [client.answer().status for _ in range(4)] == [200, 200, 200, 101]
        while b"aws/ping" not in client.rest:
            client._more()


async def test_a_handshake_is_not_decided_for_ever() -> None:
    """As when the store does not answer. An answer that comes too late is dropped."""
    decided = asyncio.get_running_loop().create_future()
    ended = asyncio.get_running_loop().create_future()

    async def stuck(request: Request) -> None:
        await decided
        with pytest.raises(Gone):
            request.accept(lambda _: pytest.fail("accepted"))
        ended.set_result(None)

    bound = socket.create_server(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    listener = Listener(stuck, stuck, Settings(request_seconds_max=1), map(str, count()))
    await listener.start(bound, 10)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(handshake("/participant/socket?ticket=mine") + b"\r\n")
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"x-amzn-errortype: ServiceUnavailableException" in answer
        decided.set_result(None)
        await ended
    writer.close()
    listener.stop()
    await listener.left(0)


def test_an_upgrade_of_http_1_0_is_no_upgrade(threadline: Threadline) -> None:
    path = path_of(ticket_url(threadline.invite()))
    answer = answer_to(threadline.url, handshake(path).replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n")
    assert answer.status == 426


def test_a_socket_that_never_subscribes_is_closed_after_the_time_for_a_request() -> None:
    with Threadline(request_seconds_max=1) as server:
        assert close_code(opened(ticket_url(server.invite()))) == 1001


def test_a_client_that_does_not_answer_a_close_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threadline.http.websocket.CLOSING_SECONDS", 0.1)
    with Threadline(request_seconds_max=1) as server, handshaken(ticket_url(server.invite())) as client:
        assert client.recv(4_096)[:1] == b"\x88"
        with pytest.raises(ConnectionResetError):
            client.recv(4_096)


def test_the_reason_reaches_a_client_that_sends_much_more(threadline: Threadline) -> None:
    with handshaken(ticket_url(threadline.invite())) as client:
        client.sendall(bytes([0x81, 0xFF]) + (2_000_000).to_bytes(8, "big") + bytes(2_000_004))
        answer = client.recv(4_096)
        assert (answer[0], int.from_bytes(answer[2:4], "big")) == (0x88, 1009)


def frames(first: int, count: int, *, size: int) -> bytes:
    """A message in `count` pieces, not ended."""
    payload = bytes([0x80 | size]) + bytes(4) + b"x" * size
    return bytes([first]) + payload + (bytes([0]) + payload) * (count - 1)


def test_a_message_in_pieces_is_bounded_as_a_whole() -> None:
    with Threadline(socket_frames_max=1_000) as server, handshaken(ticket_url(server.invite())) as client:
        client.sendall(frames(0x01, 600, size=120))
        assert int.from_bytes(client.recv(4_096)[2:4], "big") == 1009


def test_a_message_in_pieces_is_heard(threadline: Threadline) -> None:
    with connect(ticket_url(threadline.invite()), compression=None, proxy=None) as chat:
        chat.send(iter(SUBSCRIBE))
        assert json.loads(hear(chat))["content"]["status"] == "success"


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (masked(0x88, b""), None),
        (masked(0x88, (1000).to_bytes(2, "big")), 1000),
        (masked(0x88, (1005).to_bytes(2, "big")), 1002),
        (masked(0x88, b"\x03"), 1002),
        (masked(0x88, (1000).to_bytes(2, "big") + b"\xff"), 1007),
        (bytes([0x81, 0x02]) + b"{}", 1002),
        (masked(0x83, b"reserved opcode"), 1002),
        (masked(0xC1, b"compressed"), 1002),
        (masked(0x09, b"ping in pieces"), 1002),
        (bytes([0x89, 0xFE, 0, 126]) + bytes(130), 1002),
        (masked(0x80, b"nothing to go on with"), 1002),
        (masked(0x01, b"a") + masked(0x81, b"b"), 1002),
        (masked(0x01, b"\xe6\xbc") + masked(0x80, b"\xff"), 1007),
        (masked(0x02, b"binary") + masked(0x80, b""), 1003),
    ],
    ids=range(14),
)
def test_close_codes_are_those_of_rfc_6455(threadline: Threadline, packet: bytes, code: int | None) -> None:
    with handshaken(ticket_url(threadline.invite())) as client:
        client.sendall(packet)
        answer = client.recv(4_096)
        assert answer[0] == 0x88
        assert answer[2:4] == (code.to_bytes(2, "big") if code else b"")
        client.shutdown(socket.SHUT_WR)
        assert not client.recv(4_096)
