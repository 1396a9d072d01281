"""The state machine of HTTP/1.1 without a socket: the same bytes are the same events, wherever their packets end."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_house import imports
from threadline.config import Settings
from threadline.http import head, http1
from threadline.http.head import WAITING_MAX, Refusal
from threadline.http.http1 import BodyData, EndOfMessage, Event, Http1, Http1State, RequestHead

SEEDS = 50
SETTINGS = Settings(header_bytes_max=2_000, path_bytes_max=300, body_bytes_max=2_000)
READING = {Http1State.IDLE, Http1State.HEAD, Http1State.BODY}
KEY = b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
WEBSOCKET = b"connection: Upgrade\r\nupgrade: websocket\r\n"
H2C = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"

GET = b"GET /health?a=b HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /contact HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2 \r\ncontent-length: 11\r\n\r\nhello world"
CHUNKED = (
    b"PUT /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nx-trailer: t\r\n\r\n"
)
UPGRADED = b"POST /c HTTP/1.1\r\nhost: x\r\n" + H2C + b"content-length: 11\r\n\r\nhello world"
GOING_ON = {
    "get": GET,
    "empty lines": b"\r\n\r\n" + GET,
    "body": POST,
    "empty body": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
    "chunks": CHUNKED,
    "whole url": b"GET http://elsewhere:1/p?q HTTP/1.1\r\nhost: x\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
    "upgrade": b"GET /h HTTP/1.1\r\nhost: x\r\n" + H2C + b"\r\n",
    "upgrade with a body": UPGRADED,
    "upgrade with chunks": CHUNKED.replace(b"host: x\r\n", b"host: x\r\n" + H2C),
    "old with keep-alive": b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
}
"""Requests after which another may come."""

HANDSHAKE = b"GET /participant/socket?ticket=t HTTP/1.1\r\nhost: x\r\n" + WEBSOCKET + KEY
LAST = {
    "close": GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"),
    "close with a body": POST.replace(b"X-A: 1", b"connection: close"),
    "upgrade and close": UPGRADED.replace(b"Upgrade, ", b"Upgrade, close, "),
    "old": b"GET / HTTP/1.0\r\n\r\n",
    "connect": b"CONNECT example.com:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    "handshake": HANDSHAKE + b"\r\n",
}
"""Requests after which no other may come."""

REFUSED = {
    "no http": (b"nonsense\r\n\r\n", 400),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400),
    "two lengths": (b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
    "bad chunk": (CHUNKED.replace(b"6\r\n world", b"z\r\n"), 400),
    "coding": (CHUNKED.replace(b"chunked", b"gzip, chunked"), 501),
    "old with chunks": (CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/3": (GET.replace(b"HTTP/1.1", b"HTTP/3"), 505),
    "RTSP": (GET.replace(b"HTTP/1.1", b"RTSP/1.0"), 505),
    "ICE": (b"SOURCE /h ICE/1.0\r\nhost: x\r\n\r\n", 505),
    "handshake with a body": (HANDSHAKE + b"content-length: 1\r\n\r\nx", 400),
    "handshake before its body": (HANDSHAKE + b"content-length: 1\r\n\r\n", 400),
    "handshake with chunks": (HANDSHAKE + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 400),
    "handshake before its chunks": (HANDSHAKE + b"transfer-encoding: chunked\r\n\r\n", 400),
    "no handshake": (b"GET / HTTP/1.1\r\nhost: x\r\n" + WEBSOCKET + b"\r\n", 400),
    "path": (b"GET /" + b"x" * 400 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
    "head": (b"GET / HTTP/1.1\r\nhost: x\r\nx-long: " + b"x" * 3_000 + b"\r\n\r\n", 431),
}
"""Bytes that are refused, with the status of their answer."""

OTHER = {"RTSP", "ICE"}
"""Protocols that llhttp takes for HTTP. An earlier request for the same URL in one packet may be refused with them."""


class Reading(NamedTuple):
    """The events that came of some bytes, the state after them, and the bytes that were not read as HTTP."""

    events: list[Event]
    state: Http1State
    left: bytes


def read(pieces: Iterable[bytes]) -> Reading:
    """Feed a machine piece by piece for as long as it reads. Adjacent pieces of one body are joined."""
    machine = Http1(SETTINGS)
    events: list[Event] = []
    left = b""
    for piece in pieces:
        if machine.state not in READING:
            left += piece
            continue
        ahead = sum(isinstance(event, RequestHead) for event in events)
        for event in machine.receive(piece, ahead):
            if isinstance(event, BodyData) and events and isinstance(events[-1], BodyData):
                events[-1] = BodyData(bytes(events[-1].data) + bytes(event.data))
            else:
                events.append(event)
    return Reading(events, machine.state, machine.rest + left)


def cut(data: bytes, ends: Iterable[int]) -> Iterator[bytes]:
    """`data` in the pieces that end at `ends`."""
    return (data[start:end] for start, end in pairwise(sorted({0, *ends, len(data)})))


def same_in_any_pieces(data: bytes) -> Reading:
    """Read `data` at once, byte by byte, in two at every place and in random pieces. Return the one result."""
    whole = read([data])
    ways = [range(len(data)), *([end] for end in range(1, len(data), max(1, len(data) // 300)))]
    for seed in range(SEEDS):
        random = Random(seed)
        ways.append(sorted(random.sample(range(len(data)), min(len(data), random.randint(1, 10)))))
    for ends in ways:
        got = read(cut(data, ends))
        assert (got.events, got.state) == (whole.events, whole.state), f"{data!r} cut at {list(ends)}"
        if whole.state is Http1State.SWITCHED:
            assert got.left == whole.left, f"{data!r} cut at {list(ends)}"
    return whole


@pytest.mark.parametrize("data", GOING_ON.values(), ids=GOING_ON)
def test_a_request_is_the_same_events_in_any_pieces(data: bytes) -> None:
    once = same_in_any_pieces(data)
    assert isinstance(once.events[0], RequestHead)
    assert isinstance(once.events[-1], EndOfMessage)
    assert once.state is Http1State.IDLE
    twice = same_in_any_pieces(data * 2)
    assert twice.events == once.events * 2


@pytest.mark.parametrize("data", LAST.values(), ids=LAST)
@pytest.mark.parametrize("before", [b"", GET, POST], ids=["first", "after a GET", "after a POST"])
def test_nothing_is_read_after_the_last_request(data: bytes, before: bytes) -> None:
    ended = same_in_any_pieces(before + data)
    assert isinstance(ended.events[-1], EndOfMessage)
    assert ended.state is (Http1State.SWITCHED if data is LAST["handshake"] else Http1State.ENDED)
    assert same_in_any_pieces(before + data + GET * 2).events == ended.events


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("before", [b"", GET, UPGRADED + CHUNKED], ids=["first", "second", "third"])
def test_a_refusal_is_the_last_event_in_any_pieces(data: bytes, status: int, before: bytes) -> None:
    refused = same_in_any_pieces(before + data)
    assert refused.events[: len(read([before]).events)] == read([before]).events
    assert isinstance(refused.events[-1], Refusal)
    assert refused.events[-1].status == status
    assert refused.state is Http1State.REFUSED
    assert same_in_any_pieces(before + data + GET).events == refused.events


@given(
    st.lists(st.sampled_from(sorted(GOING_ON)), min_size=1, max_size=6),
    st.sampled_from([b"", *LAST.values(), *(REFUSED[name][0] for name in REFUSED if name not in OTHER)]),
    st.lists(st.integers(0, 2_000), max_size=30),
)
def test_pipelined_requests_are_the_same_events_in_any_pieces(
    names: list[str], last: bytes, ends: list[int]
) -> None:
    data = b"".join(GOING_ON[name] for name in names) + last
    got = read(cut(data, [end for end in ends if end < len(data)]))
    expected = [event for name in names for event in read([GOING_ON[name]]).events]
    assert got.events == expected + read([last]).events


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10))
def test_any_bytes_are_events_and_no_exception(data: bytes, ends: list[int]) -> None:
    for sent in (data, GET + data, POST[:-5] + data, CHUNKED[:-20] + data):
        pieces = list(cut(sent, [end for end in ends if end < len(sent)]))
        assert read(pieces).events == read([sent]).events


def test_a_request_is_read_as_it_was_sent() -> None:
    head, body, end = read([POST]).events
    assert head == RequestHead(
        "POST",
        b"/contact",
        b"",
        {b"host": b"x", b"x-a": b"1,2", b"content-length": b"11"},
        keeps_alive=True,
        is_handshake=False,
    )
    assert body == BodyData(b"hello world")
    assert end == EndOfMessage()


def test_the_bytes_after_a_handshake_are_kept_for_the_websocket() -> None:
    frame = bytes([0x81, 0x80, 1, 2, 3, 4])
    switched = same_in_any_pieces(HANDSHAKE + b"\r\n" + frame)
    head = switched.events[0]
    assert isinstance(head, RequestHead)
    assert (head.is_handshake, head.keeps_alive) == (True, False)
    assert switched.left == frame


def test_no_more_requests_are_taken_ahead_than_may_wait() -> None:
    for pieces in ([GET * (WAITING_MAX + 2)], [GET] * (WAITING_MAX + 2)):
        events = read(pieces).events
        assert len(events) == 2 * WAITING_MAX + 1
        assert events[-1] == head.TOO_FAR_AHEAD


def test_a_body_is_bounded_with_all_that_frames_it() -> None:
    tiny = CHUNKED[: CHUNKED.index(b"5;")] + b"1;" + b"x" * 50 + b"\r\na\r\n"
    machine = Http1(SETTINGS)
    events = machine.receive(tiny)
    sent = len(tiny)
    while not isinstance(events[-1], Refusal):
        events = machine.receive(b"1;" + b"x" * 50 + b"\r\na\r\n")
        sent += 57
        assert sent < 12_000, "the body was not bounded"
    assert events[-1].status == 413


def test_a_part_of_a_request_is_counted_until_it_is_whole() -> None:
    machine = Http1(SETTINGS)
    machine.receive(GET[:20])
    assert (machine.state, machine.bytes_so_far, machine.held_bytes) == (Http1State.HEAD, 20, 40)
    machine.receive(GET[20:] + POST[:10])
    assert (machine.state, machine.bytes_so_far) == (Http1State.HEAD, len("/cont"))
    machine.receive(POST[10:-5])
    assert (machine.state, machine.held_bytes) == (Http1State.BODY, 0)
    assert machine.bytes_so_far
    machine.receive(POST[-5:])
    assert (machine.state, machine.bytes_so_far, machine.held_bytes) == (Http1State.IDLE, 0, 0)


def ended_by(data: bytes) -> Http1:
    machine = Http1(SETTINGS)
    machine.receive(data)
    return machine


def closed() -> Http1:
    machine = Http1(SETTINGS)
    machine.close()
    return machine


@pytest.mark.parametrize(
    ("machine", "state"),
    [
        (ended_by(LAST["close"]), "ENDED"),
        (ended_by(LAST["handshake"]), "SWITCHED"),
        (ended_by(REFUSED["no http"][0]), "REFUSED"),
        (closed(), "CLOSED"),
    ],
    ids=["ended", "switched", "refused", "closed"],
)
def test_bytes_that_nobody_may_read_are_an_error_that_names_the_state(machine: Http1, state: str) -> None:
    with pytest.raises(RuntimeError) as error:
        machine.receive(GET)
    assert str(error.value) == f"Http1.receive in state {state}: expected IDLE, HEAD or BODY"


def test_the_state_machine_knows_no_socket_no_clock_and_no_task() -> None:
    outside = {"asyncio", "select", "socket", "threading", "time"}
    for module in (http1, head):
        found = {name.partition(".")[0] for name in imports(Path(str(module.__file__)))}
        assert not found & outside, f"{module.__name__} imports {found & outside}"
