"""One client cannot use up the memory or the time that is for all: it is refused, cut off or slowed, nobody else is."""

import json
import random
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.http.raw import PATIENCE_SECONDS, Answer, Connection, ask, frontend_of
from tests.server.test_sockets import masked, ticket_url, unread
from threadline.http.budget import Budget
from threadline.http.lingering import Connections
from threadline.testing import Customer, Threadline

BUDGET = 16_777_216
PAGE = {"MaxResults": 100}
HEALTH = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
HALF = b"\x81\xfe\xf0\0" + bytes(4) + b" " * 50_000
"""The beginning of a frame of 61,440 bytes."""
HEARTBEAT = masked(0x81, b'{"topic":"aws/heartbeat"}')


@pytest.fixture(scope="module")
def server() -> Iterator[Threadline]:
    with Threadline(buffered_bytes_max=BUDGET, request_seconds_max=60, test_controls=False) as server:
        yield server


@pytest.fixture(scope="module")
def casey(server: Threadline) -> Customer:
    """A customer with a chat of which a page is more than the system takes at once."""
    casey = server.customer()
    for _ in range(100):
        casey.say("x" * 9_000)
    return casey


def connections_of(server: Threadline) -> Connections:
    return frontend_of(server)._listener.connections


def budget_of(server: Threadline) -> Budget:
    return connections_of(server).budget


def until(is_true: Callable[[], bool]) -> None:
    """Wait for the server to get there."""
    deadline = threading.Event()
    timer = threading.Timer(PATIENCE_SECONDS, deadline.set)
    timer.start()
    while not is_true():
        assert not deadline.is_set(), "it did not happen in time"
    timer.cancel()


def post(path: str, token: str, body: bytes, announced: int | None = None) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nx-amz-bearer: {token}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {announced or len(body)}\r\n\r\n".encode() + body


def page(person: Customer) -> bytes:
    return post("/participant/transcript", person.connection_token, json.dumps(PAGE).encode())


@contextmanager
def crowd(server: Threadline, size: int) -> Iterator[list[Connection]]:
    """Connections that take as little as they can; once they are closed, nothing is held any more."""
    with ExitStack() as stack:
        connections = [Connection(server.url) for _ in range(size)]
        for connection in connections:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            stack.enter_context(connection.socket)
        yield connections
    budget = budget_of(server)
    until(lambda: not len(budget))
    assert budget.held == 0
    assert not any((budget._credentials, budget._addresses, budget._unread))


def test_answers_that_nobody_reads_are_held_up_to_a_share(server: Threadline, casey: Customer) -> None:
    other = server.customer("Other")
    with crowd(server, 40) as slow:
        for connection in slow:
            connection.send(page(casey))
        until(lambda: sum(map(is_cut_off, slow)) > 30)
        assert BUDGET / 16 < budget_of(server).held <= BUDGET / 8
        other.say("I am served.")
        assert ask_for_page(server, other).status == 200
        assert ask_for_page(server, casey).status == 200, (
            "who reads is served, whatever others of its own do not read"
        )


def is_cut_off(connection: Connection) -> bool:
    poll = select.poll()
    poll.register(connection.socket, 0)
    return bool(poll.poll(0))


def ask_for_page(server: Threadline, person: Customer) -> Answer:
    return ask(
        server.url,
        "POST",
        "/participant/transcript",
        json.dumps(PAGE).encode(),
        x_amz_bearer=person.connection_token,
        content_type="application/json",
    )


def test_bodies_that_do_not_come_whole_are_held_up_to_a_share(server: Threadline, casey: Customer) -> None:
    """The next of them is answered 503, and when to come again."""
    other = server.customer("Other")
    with crowd(server, 12) as slow:
        for connection in slow:
            connection.send(post("/participant/message", casey.connection_token, b"x" * 300_000, 1_000_000))
        until(lambda: sum(map(has_come, slow)) + budget_of(server).held // 300_000 >= len(slow))
        refused = [connection.answer() for connection in slow if has_come(connection)]
        assert 4 <= len(refused) <= 6
        assert {(answer.status, answer.error, answer.headers["retry-after"]) for answer in refused} == {
            (503, "ServiceUnavailableException", "1")
        }
        other.say("I am served.")
        casey.say("So is a request of the usual size.")


def has_come(connection: Connection) -> bool:
    """Whether there is something to read, such as an answer."""
    poll = select.poll()
    poll.register(connection.socket, select.POLLIN)
    return bool(poll.poll(0))


def test_a_stranger_s_body_is_read_no_further_than_its_credential_takes(server: Threadline) -> None:
    with crowd(server, 10) as strangers:
        for connection in strangers:
            connection.send(post("/participant/message", "nobody's", b"x" * 100_000, 1_000_000))
        assert {connection.answer().status for connection in strangers} == {403}
        assert budget_of(server).held == 0


def test_half_a_frame_is_counted_and_given_back(server: Threadline) -> None:
    with crowd(server, 0):
        chat = unread(ticket_url(server.invite()))
        chat.sendall(HALF)
        until(lambda: budget_of(server).held > 40_000)
        chat.close()


def test_requests_sent_ahead_let_others_in_between(server: Threadline) -> None:
    """Ids of answers are counted up: one that came at the same time is answered among the first."""
    with crowd(server, 2) as (ahead, other):
        resume = threading.Event()
        server._served.loop.call_soon_threadsafe(
            resume.wait, PATIENCE_SECONDS
        )  # so that both find the server busy
        ahead.send(HEALTH * 100)
        other.send(HEALTH)
        resume.set()
        numbers = [number_of(ahead.answer()) for _ in range(100)]
        assert number_of(other.answer()) < numbers[10]


def number_of(answer: Answer) -> int:
    return int(answer.headers["x-amzn-requestid"].rpartition("-")[2], 16)


def test_a_socket_that_sends_too_many_frames_is_read_more_slowly_and_loses_nothing() -> None:
    with Threadline(socket_frames_max=20) as server:
        chat = unread(ticket_url(server.invite()))
        chat.setblocking(False)
        sent, most = 0, buffered_by_the_system_at_most()
        with suppress(BlockingIOError):
            while sent <= most:
                sent += chat.send(HEARTBEAT * 100)
        assert sent <= most, "the server reads on"
        (socket_,) = [each for each in connections_of(server).open if hasattr(each, "push")]
        until(lambda: not socket_.transport.is_reading())
        assert ask(server.url, "GET", "/health").status == 200
        chat.settimeout(PATIENCE_SECONDS)
        answers = b""
        while answers.count(b"heartbeat") < 110:
            answers += chat.recv(65_536)
        chat.close()


def buffered_by_the_system_at_most() -> int:
    """Bytes between two sockets of this machine, and some that the server has read. Source: tcp(7)."""
    limits = [Path(f"/proc/sys/net/ipv4/tcp_{name}").read_text().split() for name in ("wmem", "rmem")]
    return sum(int(largest) for _, _, largest in limits) + 1_048_576


def test_whatever_clients_do_and_leave_undone_is_given_back(server: Threadline, casey: Customer) -> None:
    """A seed draws what two hundred of them do before they hang up."""
    seed = random.Random(7)
    message = post("/participant/message", casey.connection_token, b"x" * 200_000, 900_000)
    steps = [
        page(casey),
        page(casey) * 3,
        message[: seed.randrange(len(message))],
        HEALTH * 100,
        HEALTH[:10],
        b"GET /" + b"x" * 6_000,
        page(casey) + message,
        HEALTH + page(casey).replace(b"x-amz-bearer", b"x-nobody"),
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffff\r\n" + b"x" * 9_000,
        b"\0\1\2",
    ]
    tickets = [ticket_url(server.invite()) for _ in range(10)]
    with crowd(server, 200) as clients:
        chats = [unread(ticket) for ticket in tickets]
        for chat in chats:
            chat.sendall(seed.choice([HEARTBEAT * 50, HEARTBEAT[:9], HALF]))
        for client in clients:
            with_errors_ignored(client, seed.choice(steps))
            if seed.random() < 0.3:
                client.socket.close()
        for chat in chats:
            chat.close()


def with_errors_ignored(client: Connection, data: bytes) -> None:
    """Send: a client may be refused before it has sent all."""
    client.socket.settimeout(0.5)
    with suppress(OSError):
        client.send(data)
