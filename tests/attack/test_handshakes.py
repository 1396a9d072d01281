"""Mutated WebSocket handshakes: each is answered or its connection closed in time, so that none holds one for ever."""

import socket
from collections import Counter
from collections.abc import Iterator
from random import Random
from urllib.parse import urlsplit

import pytest

from tests.attack.figures import rounds
from tests.attack.mutations import ANY, plain
from tests.http.raw import PATIENCE_SECONDS, ask
from tests.server.test_sockets import KEY, ticket_url
from threadline.testing import Threadline

ROUND = 500
AT_A_TIME = 100
CONNECTIONS_MAX = 150
"""So few that those that are held would keep the others out."""


@pytest.fixture
def server() -> Iterator[Threadline]:
    with Threadline(request_seconds_max=1, keep_alive_seconds=1, connections_max=CONNECTIONS_MAX) as running:
        yield running


def handshake(target: str, random: Random) -> bytes:
    lines = [
        f"GET {target} HTTP/1.1",
        "Host: x",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {KEY}",
    ]
    end, body = "\r\n", b""
    for _ in range(random.choice([0, 1, 1, 2, 3])):
        at = random.randrange(len(lines))
        name = lines[at].partition(":")[0]
        match random.randrange(10):
            case 0:
                del lines[at]
            case 1:
                lines.insert(random.randint(1, len(lines)), lines[at])
            case 2:
                lines[at] = f"{name}: {plain(random.choice(ANY))}"
            case 3:
                lines.append(
                    random.choice(["Content-Length: 1", "Content-Length: 5", "Transfer-Encoding: chunked"])
                )
                body = random.choice([b"", b"x", b"5\r\nhello\r\n0\r\n\r\n", b"5\r\nhe"])
            case 4:
                lines.append("X-Long: " + "x" * random.choice([1_000, 9_000, 40_000]))
            case 5:
                lines += [f"X-{number}: x" for number in range(random.choice([50, 200, 2_000]))]
            case 6:
                words = [
                    [*"GET POST PUT HEAD get".split()],
                    [target, "/participant/socket", "*", target + "x"],
                ]
                versions = ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "RTSP/1.0", ""]
                lines[0] = " ".join(random.choice(each) for each in [*words, versions])
            case 7:
                lines.append(
                    random.choice(["Upgrade: foo, websocket", "Sec-WebSocket-Extensions: permessage-deflate"])
                )
            case 8:
                end = random.choice(["\n", "\r", "\r\n "])
            case 9:
                body = random.randbytes(random.randint(1, 50))
        lines = lines or ["GET"]
    sent = end.join([*lines, "", ""]).encode("latin-1") + body
    return sent[: random.randrange(len(sent))] if random.random() < 0.1 else sent


def outcome(client: socket.socket) -> str:
    """How a handshake is taken: the status of its answer, or closed without one. Raises TimeoutError."""
    answer = b""
    try:
        while b"\r\n\r\n" not in answer:
            if not (data := client.recv(65_536)):
                return "closed"
            answer += data
    except ConnectionError:
        return "closed"
    return answer.split()[1].decode()


@pytest.mark.parametrize(("seed", "count"), rounds("HANDSHAKES", ROUND))
def test_every_mutated_handshake_is_answered_or_closed(server: Threadline, seed: str, count: int) -> None:
    random = Random(seed)
    casey = server.customer()
    seen: Counter[str] = Counter()
    for start in range(0, count, AT_A_TIME):
        parts = urlsplit(ticket_url(casey))
        target = f"{parts.path}?{parts.query}"
        shakes = [handshake(target, random) for _ in range(min(AT_A_TIME, count - start))]
        clients = []
        for sent in shakes:
            clients.append(socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_SECONDS))
            clients[-1].sendall(sent)
        for number, (client, sent) in enumerate(zip(clients, shakes, strict=True), start):
            with client:
                try:
                    status = outcome(client)
                except TimeoutError:
                    raise AssertionError(
                        f"seed {seed}, {number}: neither answered nor closed: {sent!r}"
                    ) from None
            seen[status] += 1
            assert status[0] in "1c24" or status in ("501", "505"), (
                f"seed {seed}, {number}: {status} to {sent!r}"
            )
    assert seen["101"] > count / 10, f"the handshakes do not come far: {seen}"
    assert ask(server.url, "GET", "/health").status == 200
