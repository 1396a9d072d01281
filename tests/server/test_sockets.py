"""Real sockets against a real server: admission, delivery, and the reasons to close a socket."""

import contextlib
import json
import select
import socket
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.http.raw import ask, frontend_of
from threadline.testing import Customer, Threadline

SUBSCRIBE = '{"topic":"aws/subscribe","content":{"topics":["aws/chat"]}}'
PATIENCE_SECONDS = 60
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.fixture
def casey(threadline: Threadline) -> Customer:
    return threadline.invite()


def ticket_url(person: Customer) -> str:
    """Return a new URL for a socket of `person`. Its connection token is renewed by that."""
    reply = person.workspace.connectparticipant.create_participant_connection(
        ParticipantToken=person.participant_token, Type=["WEBSOCKET", "CONNECTION_CREDENTIALS"]
    )
    person.connection_token = reply["ConnectionCredentials"]["ConnectionToken"]
    url: str = reply["Websocket"]["Url"]
    return url


def opened(url: str) -> ClientConnection:
    return connect(url, compression=None, proxy=None).__enter__()


def subscribed(person: Customer) -> ClientConnection:
    chat = opened(ticket_url(person))
    chat.send(SUBSCRIBE)
    assert json.loads(hear(chat))["topic"] == "aws/subscribe"
    return chat


def hear(chat: ClientConnection) -> str:
    return str(chat.recv(timeout=PATIENCE_SECONDS))


def items(chat: ClientConnection) -> Iterator[dict[str, Any]]:
    """The items that the server sends, one after the other."""
    while True:
        frame = json.loads(hear(chat))
        if frame["topic"] == "aws/chat":
            yield json.loads(frame["content"])


def texts(chat: ClientConnection, count: int) -> list[str]:
    """The next `count` messages."""
    found: list[str] = []
    for item in items(chat):
        found += [item["Content"]] if item["Type"] == "MESSAGE" else []
        if len(found) == count:
            return found
    raise AssertionError


def close_code(chat: ClientConnection) -> int:
    """Wait for the server to close."""
    with pytest.raises(ConnectionClosed) as closed:
        deque(iter(lambda: hear(chat), None), maxlen=0)
    return closed.value.rcvd.code if closed.value.rcvd else 1006


# The handshake


def test_only_a_fresh_ticket_opens_a_socket(threadline: Threadline, casey: Customer) -> None:
    url = ticket_url(casey)
    for bad, status, says in (
        (f"{url}x", 403, "the socket ticket is not known"),
        (url.partition("?")[0], 403, "the socket ticket is not known"),
        (url.replace("/socket?", "/other?"), 404, "no WebSocket at this path"),
    ):
        with pytest.raises(InvalidStatus) as refusal:
            opened(bad)
        assert refusal.value.response.status_code == status
        assert says in json.loads(refusal.value.response.body or b"")["message"]
    for _ in range(2):  # chatjs tries one URL again and again until it is open
        opened(url).close()
    threadline.clock.advance(seconds=101)
    with pytest.raises(InvalidStatus):
        opened(url)


@pytest.mark.parametrize(
    ("method", "version", "key"),
    [
        ("POST", "13", KEY),
        ("GET", "8", KEY),
        ("GET", "13, 13", KEY),
        ("GET", "13", "dGhlIHNhbXBsZQ=="),
        ("GET", "13", "no base64 at all"),
        ("GET", "13", ""),
    ],
)
def test_a_handshake_that_is_none_is_refused_like_everything_else(
    casey: Customer, method: str, version: str, key: str
) -> None:
    path = ticket_url(casey).removeprefix(casey.workspace.url.replace("http", "ws"))
    answer = ask(
        casey.workspace.url,
        method,
        path,
        connection="Upgrade",
        upgrade="websocket",
        sec_websocket_version=version,
        sec_websocket_key=key,
    )
    assert (answer.status, answer.error) == (400, "BadRequestException")
    assert answer.json["message"].startswith("A WebSocket begins with GET")
    opened(ticket_url(casey)).close()


def test_a_ticket_is_worth_nothing_once_the_chat_has_ended(casey: Customer) -> None:
    url = ticket_url(casey)
    casey.leave()
    with pytest.raises(InvalidStatus):
        opened(url)


def test_the_url_comes_from_the_settings() -> None:
    with Threadline(public_url="https://chat.example/") as server:
        assert ticket_url(server.invite()).startswith("wss://chat.example/participant/socket?ticket=")


# Frames of clients


def test_every_frame_of_chatjs_is_answered(casey: Customer) -> None:
    chat = opened(ticket_url(casey))
    for frame in ('{"topic":"aws/ping"}', '{"topic":"aws/heartbeat"}', "", SUBSCRIBE + ")"):
        chat.send(frame)
    assert [json.loads(hear(chat))["topic"] for _ in range(3)] == [
        "aws/ping",
        "aws/heartbeat",
        "aws/subscribe",
    ]
    chat.send(SUBSCRIBE)  # again: acknowledged again, nothing twice
    topics = [json.loads(hear(chat))["topic"] for _ in range(2)]
    assert sorted(topics) == ["aws/chat", "aws/subscribe"]
    chat.send('{"topic":"aws/subscribe","content":{"topics":["aws/other"]}}')
    assert json.loads(hear(chat))["content"]["status"] == "failure"


def test_nothing_is_delivered_before_the_subscription(casey: Customer) -> None:
    chat = opened(ticket_url(casey))
    casey.say("too early")
    chat.send('{"topic":"aws/heartbeat"}')
    assert json.loads(hear(chat)) == {"topic": "aws/heartbeat"}
    chat.send(SUBSCRIBE)
    assert json.loads(hear(chat))["topic"] == "aws/subscribe"
    casey.say("in time")
    assert texts(chat, 1) == ["in time"]


@pytest.mark.parametrize(
    ("frame", "code"),
    [("rubbish", 1007), ("[1]", 1007), (b"\x00\x01", 1003), ('"' + "x" * 70_000 + '"', 1009)],
    ids=["rubbish", "list", "binary", "oversized"],
)
def test_a_frame_that_is_none_closes_the_socket(casey: Customer, frame: str | bytes, code: int) -> None:
    chat = opened(ticket_url(casey))
    chat.send(frame)
    assert close_code(chat) == code
    with subscribed(casey) as again:
        casey.say("still here")
        assert texts(again, 1) == ["still here"]


def test_text_that_is_no_utf8_closes_the_socket(casey: Customer) -> None:
    chat = opened(ticket_url(casey))
    chat.send(b"\xff\xfe", text=True)
    assert close_code(chat) == 1007


def test_a_protocol_ping_is_answered(casey: Customer) -> None:
    with opened(ticket_url(casey)) as chat:
        assert chat.ping().wait(PATIENCE_SECONDS)


# Delivery


def test_all_sockets_see_every_item_once_and_in_order(threadline: Threadline, casey: Customer) -> None:
    chats = [subscribed(casey), subscribed(casey)]
    count = 120
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: casey.say(str(number)), range(count)))
    seen = [texts(chat, count) for chat in chats]
    assert seen[0] == seen[1]
    assert sorted(map(int, seen[0])) == list(range(count))
    assert [item["Content"] for item in casey.history() if item["Type"] == "MESSAGE"] == seen[0]


def test_a_lost_wake_costs_delay_and_no_data(
    threadline: Threadline, casey: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = subscribed(casey)
    hub = frontend_of(threadline).hub
    with monkeypatch.context() as lost:
        lost.setattr(hub, "committed", lambda _: None)
        casey.say("unheard")
    chat.send('{"topic":"aws/heartbeat"}')
    assert texts(chat, 1) == ["unheard"]
    with monkeypatch.context() as lost:
        lost.setattr(hub, "committed", lambda _: None)
        casey.say("unheard as well")
    casey.say("heard")  # finds the socket behind
    assert texts(chat, 2) == ["unheard as well", "heard"]


def test_typing_is_for_the_others(threadline: Threadline) -> None:
    casey = threadline.customer()
    agent = threadline.agent().accept(casey)
    casey.typing()
    agent.see_event("typing", DisplayName="Casey")
    assert "typing" not in casey.events()
    assert not any(item["ContentType"].endswith("typing") for item in casey.history())


def test_an_agent_who_has_left_hears_no_more(threadline: Threadline) -> None:
    casey = threadline.customer()
    a1, a2 = threadline.agent("a1").accept(casey), threadline.agent("a2")
    a2.accept(a1.transfer(a2))
    casey.say("just for you two")
    a2.see("just for you two")
    a2.typing()
    casey.see_event("typing")
    assert a1.events()[-1] == "chat.ended"
    assert not any(item.get("Content") == "just for you two" for item in a1.items)
    assert "chat.ended" not in casey.events()


# Ends


def test_a_sixth_socket_closes_the_oldest(casey: Customer) -> None:
    chats = [subscribed(casey) for _ in range(5)]
    sixth = subscribed(casey)
    assert close_code(chats[0]) == 1008
    casey.say("to five")
    for chat in [*chats[1:], sixth]:
        assert texts(chat, 1) == ["to five"]


def test_silence_closes_a_socket() -> None:
    with Threadline(socket_idle_seconds=1) as server:
        assert close_code(subscribed(server.invite())) == 1001


def test_a_socket_stays_open_after_the_end_for_a_while() -> None:
    with Threadline(socket_after_end_seconds=1) as server:
        casey = server.invite()
        chat = subscribed(casey)
        casey.leave()
        assert next(item for item in items(chat) if item["ContentType"].endswith("chat.ended"))
        chat.send('{"topic":"aws/ping"}')
        assert json.loads(hear(chat))["topic"] == "aws/ping"
        assert close_code(chat) == 1000


def test_a_server_that_stops_says_so() -> None:
    server = Threadline()
    chat = subscribed(server.invite())
    server.close()
    assert close_code(chat) == 1012


# A client that does not read


def handshaken(url: str) -> socket.socket:
    """A socket that has shaken hands and can now send any bytes."""
    parts = urlsplit(url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.settimeout(PATIENCE_SECONDS)
    client.connect((parts.hostname, parts.port))
    client.sendall(
        f"GET {parts.path}?{parts.query} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        f"sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += client.recv(1)
    return client


def masked(first: int, payload: bytes) -> bytes:
    """A frame of a client, masked with zeros."""
    return bytes([first, 0x80 | len(payload)]) + bytes(4) + payload


@pytest.mark.parametrize(
    "packet",
    [
        masked(0x81, b"\xff") + masked(0x88, b""),
        masked(0x88, b"") + masked(0x81, b"{}"),
        masked(0x81, b'{"topic":"aws/ping"}') * 50 + masked(0x88, b""),
        masked(0x80, b"a continuation of nothing"),
        masked(0xF1, b"reserved bits"),
        masked(0x89, b"ping") + masked(0x8A, b"pong") + bytes([0x88, 0x01]),
        bytes([0x81, 0x02]) + b"{}",
        bytes([0x81, 0xFF]) + b"\xff" * 8 + bytes(4),
        masked(0x01, b"a beginning"),
        bytes(64),
    ],
    ids=range(10),
)
def test_frames_that_no_library_sends(
    casey: Customer, packet: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with handshaken(ticket_url(casey)) as client:
        client.sendall(packet)
        with contextlib.suppress(OSError):  # the server may have dropped it already
            client.shutdown(socket.SHUT_WR)
            while client.recv(65_536):
                pass
    with subscribed(casey) as chat:
        casey.say("still here")
        assert texts(chat, 1) == ["still here"]
    assert not [record for record in caplog.records if record.exc_info]


def unread(url: str) -> socket.socket:
    """A subscribed socket whose client takes as little as it can."""
    client = handshaken(url)
    client.sendall(masked(0x81, SUBSCRIBE.encode()))
    answer = b""
    while b"success" not in answer:
        answer += client.recv(1)
    return client


def test_a_slow_reader_costs_a_buffer_and_no_more(threadline: Threadline, casey: Customer) -> None:
    slow = unread(ticket_url(casey))
    count, size = 60, 16_000
    for number in range(count):
        casey.say(str(number).ljust(size))
    assert 0 < frontend_of(threadline).measures().buffered_bytes < 200_000 < count * size
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000)
    received = b""
    while f"{count - 1} ".encode() + b" " * 100 not in received:
        received += slow.recv(1_000_000)
    assert [number for number in range(count) if f'\\"{number} '.encode() in received] == list(range(count))
    slow.close()


def test_a_client_that_takes_nothing_is_cut_off() -> None:
    with Threadline(socket_stalled_seconds=1) as server:
        casey = server.invite()
        slow = unread(ticket_url(casey))
        for number in range(60):
            casey.say(str(number).ljust(16_000))
        dropped = select.poll()
        dropped.register(slow, 0)  # reports a dropped connection and nothing else
        assert dropped.poll(PATIENCE_SECONDS * 1000)
        slow.close()
