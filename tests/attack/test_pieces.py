"""Requests in a row, right and wrong ones, cut anywhere into packets: the answers are those to the whole at once."""

import re
import socket
from random import Random
from urllib.parse import urlsplit

import pytest

from tests.attack.figures import rounds
from tests.http.test_handshakes import handshake, path_of
from tests.server.test_sockets import PATIENCE_SECONDS, masked, ticket_url
from threadline.testing import Customer, Threadline

ROUND = 100
CUTS = (1, 2, 5, 40)
HEALTH = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
H2C = b"connection: Upgrade\r\nupgrade: h2c\r\n"
MESSAGE = b'{"ContentType":"text/plain","Content":"in pieces"}'


def said(casey: Customer, body: bytes = MESSAGE, more: bytes = b"", *, chunked: bool = False) -> bytes:
    """A SendMessage."""
    head = f"POST /participant/message HTTP/1.1\r\nhost: x\r\nx-amz-bearer: {casey.connection_token}\r\n".encode()
    if chunked:
        return (
            head
            + more
            + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\nt: v\r\n\r\n" % (len(body), body)
        )
    return head + more + b"content-length: %d\r\n\r\n%b" % (len(body), body)


def middles(casey: Customer) -> list[bytes]:
    """Requests after which a connection goes on."""
    return [
        HEALTH,
        b"\r\n" + HEALTH,
        HEALTH.replace(b"/health", b"/nothing"),
        HEALTH[:-2] + H2C + b"\r\n",
        b"POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello",
        said(casey),
        said(casey, chunked=True),
        said(casey, more=H2C),
        said(casey, more=H2C, chunked=True),
        said(casey, b"{bad"),
        said(casey, b"y" * 3_000),
    ]


def ends(casey: Customer, socket_path: str) -> list[bytes]:
    """Requests after which it does not."""
    return [
        b"",
        handshake(socket_path) + b"\r\n" + masked(0x81, b'{"topic":"aws/ping"}'),
        handshake(socket_path) + b"content-length: 1\r\n\r\nx",
        handshake("/participant/socket") + b"\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / RTSP/1.0\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n" + HEALTH,
        b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 40_000 + b"\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n" + HEALTH,
        b"nonsense\r\n\r\n",
        HEALTH[:-2] + b"connection: close\r\n\r\n" + HEALTH,
        b"POST /nothing HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        said(casey, chunked=True).replace(b"\r\n0\r\n", b"0\r\n"),
    ]


def answers(url: str, data: bytes, cuts: list[int]) -> tuple[list[bytes], bool]:
    """The statuses that come back, and whether a chat frame did."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_SECONDS) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            client.sendall(data[start:end])
        client.shutdown(socket.SHUT_WR)
        received = b""
        while more := client.recv(65_536):
            received += more
    return re.findall(rb"HTTP/1\.1 (\d+)", received), b"aws/ping" in received


@pytest.mark.parametrize(("seed", "count"), rounds("PIECES", ROUND))
def test_packets_have_no_say_in_the_answers(seed: str, count: int) -> None:
    random = Random(seed)
    with Threadline(body_bytes_max=2_000) as server:
        casey = server.invite().connect()
        path = path_of(ticket_url(casey))
        for _ in range(count):
            data = b"".join(random.choices(middles(casey), k=random.randrange(1, 4)))
            data += random.choice(ends(casey, path))
            at_once = answers(server.url, data, [])
            cuts = sorted(random.sample(range(1, len(data)), min(random.choice(CUTS), len(data) - 1)))
            assert answers(server.url, data, cuts) == at_once, (data[:2_000], cuts)
