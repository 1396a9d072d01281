"""The corner cases of RFC 9112, and that no client can hide one request within another."""

import json
from datetime import UTC, datetime

import pytest

from tests.http.raw import Answer, connected
from tests.http.test_http import start_chat
from threadline.aws.sigv4 import Credentials, sign
from threadline.http.lingering import LINGER_BYTES_MAX
from threadline.testing import Threadline

HEALTH = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"


def refused(url: str, data: bytes) -> Answer:
    """The one answer to `data`, after which the server closes."""
    with connected(url) as client:
        client.send(data)
        answer = client.answer()
        assert client.closed()
        assert not client.rest
        assert answer.headers["connection"] == "close"
        assert answer.json["message"]
        return answer


@pytest.mark.parametrize(
    "hosts",
    [
        b"",
        b"host: x\r\nhost: x\r\n",
        b"host: x\r\nhost: y\r\n",
        b"host:\r\nHost: x\r\n",
        b"host: a b\r\n",
        b"host: a/b\r\n",
        b"host: user@x\r\n",
        b"host: x:port\r\n",
    ],
)
def test_a_request_has_one_host(threadline_server: Threadline, hosts: bytes) -> None:
    answer = refused(threadline_server.url, b"GET /health HTTP/1.1\r\n" + hosts + b"\r\n" + HEALTH)
    assert (answer.status, answer.error) == (400, "BadRequestException")
    assert "Host" in answer.json["message"]


@pytest.mark.parametrize("host", [b"x", b"x:8080", b"127.0.0.1:1", b"[::1]:1", b"", b"a_b.example", b"x:"])
def test_a_host_may_be(threadline_server: Threadline, host: bytes) -> None:
    with connected(threadline_server.url) as client:
        client.send(b"GET /health HTTP/1.1\r\nhost: " + host + b"\r\n\r\n")
        assert client.answer().status == 200


@pytest.mark.parametrize(
    "line",
    [
        b"GET /health HTTP/2.0",
        b"GET /health HTTP/0.9",
        b"GET /health HTTP/1.2",
        b"GET /health HTTP/3.0",
        b"GET /health HTTP/9.9",
        b"GET /health HTTP/2",
        b"GET /health HTTP/3",
        b"GET /health HTTP/10.1",
        b"GET /health",
        b"GET /health RTSP/1.0",
        b"GET /health RTSP/1.1",
        b"DESCRIBE rtsp://x/ RTSP/1.0",
        b"PUT /health RTSP/1.0",
        b"SOURCE /health ICE/1.0",
        b"GET /health SIP/2.0",
        b"PRI * HTTP/2.0",
    ],
)
@pytest.mark.parametrize(
    "before", [b"", HEALTH, HEALTH + b"\r\n"], ids=["first", "second", "after an empty line"]
)
def test_other_protocols_are_refused_by_name(
    threadline_server: Threadline, line: bytes, before: bytes
) -> None:
    with connected(threadline_server.url) as client:
        client.send(before + line + b"\r\nhost: x\r\n\r\n" + HEALTH)
        for _ in range(before.count(b"GET")):
            assert client.answer().status == 200
        answer = client.answer()
        assert (answer.status, answer.error) == (505, "HTTPVersionNotSupportedException")
        assert client.closed()


def test_the_preface_of_http_2_is_refused_by_name(threadline_server: Threadline) -> None:
    answer = refused(threadline_server.url, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
    assert (answer.status, answer.error) == (505, "HTTPVersionNotSupportedException")


def test_a_version_is_seen_in_pieces_too(threadline_server: Threadline) -> None:
    for whole, status in ((b"GET /health RTSP/1.0\r\nhost: x\r\n\r\n", 505), (HEALTH, 200)):
        for at in range(1, len(whole)):
            with connected(threadline_server.url) as client:
                client.send(HEALTH + whole[:at])
                assert client.answer().status == 200
                client.send(whole[at:])
                assert client.answer().status == status


def test_a_text_that_names_another_protocol_is_a_text(threadline: Threadline) -> None:
    casey = threadline.customer()
    said = "POST /participant/message RTSP/1.0"
    casey.say(said)
    casey.see(said)


SMUGGLED = [
    b"content-length: 1\r\ncontent-length: 2\r\n\r\nx",
    b"content-length: 1\r\ncontent-length: 1\r\n\r\nx",
    b"content-length: 1, 1\r\n\r\nx",
    b"content-length: +1\r\n\r\nx",
    b"content-length: 0x1\r\n\r\nx",
    b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"transfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n0\r\n\r\n",
    b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"transfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    b"x-folded: a\r\n b\r\n\r\n",
    b" x-first: a\r\n\r\n",
    b"x-bare: a\n\r\n",
    b"x-bare: a\rb\r\n\r\n",
    b"x-nul: a\0b\r\n\r\n",
    b"x-no-colon\r\n\r\n",
    b": no name\r\n\r\n",
]


@pytest.mark.parametrize("rest", SMUGGLED, ids=range(len(SMUGGLED)))
def test_a_head_that_two_servers_might_read_differently_is_refused(
    threadline_server: Threadline, rest: bytes
) -> None:
    answer = refused(threadline_server.url, b"POST /nothing HTTP/1.1\r\nhost: x\r\n" + rest + HEALTH)
    assert (answer.status, answer.error) == (400, "BadRequestException")


@pytest.mark.parametrize(
    "chunks",
    [
        b"1\nx\r\n0\r\n\r\n",
        b"1 \r\nx\r\n0\r\n\r\n",
        b"1;a=\nb\r\nx\r\n0\r\n\r\n",
        b"1\r\nxx0\r\n\r\n",
        b"g\r\n",
    ],
)
def test_chunks_that_are_none_are_refused(threadline: Threadline, chunks: bytes) -> None:
    head = start_chat(threadline) + b"transfer-encoding: chunked\r\n\r\n"
    answer = refused(threadline.url, head + chunks + HEALTH)
    assert (answer.status, answer.error) == (400, "BadRequestException")


def test_codings_that_nobody_undoes_are_refused(threadline_server: Threadline) -> None:
    for coding, version, status in (
        (b"gzip, chunked", b"1.1", 501),
        (b"identity", b"1.1", 501),
        (b"chunked", b"1.0", 400),
    ):
        head = b"POST /nothing HTTP/%b\r\nhost: x\r\ntransfer-encoding: %b\r\n\r\n" % (version, coding)
        assert refused(threadline_server.url, head + b"0\r\n\r\n").status == status


def test_a_whole_url_stands_for_path_and_host(threadline: Threadline) -> None:
    authority = threadline.url.removeprefix("http://")
    with connected(threadline.url) as client:
        for target, status in (
            (f"http://{authority}/health", 200),
            ("HTTP://elsewhere:1/health?x", 200),
            ("http://x", 404),
            ("*", 404),
        ):
            client.send(f"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            assert client.answer().status == status, target


def test_the_host_of_a_whole_url_is_the_one_that_was_signed(verifying_server: Threadline) -> None:
    """A proxy may have put another into the Host header."""
    key = Credentials(
        verifying_server.env["AWS_ACCESS_KEY_ID"], verifying_server.env["AWS_SECRET_ACCESS_KEY"]
    )
    path = f"/users-summary/{verifying_server.instance_id}"
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    host = {"host": verifying_server.url.removeprefix("http://")}
    signed = {**sign("GET", path, "", host, b"", key, "us-east-1", "connect", stamp), "host": "proxy"}
    head = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
    for target, status in ((verifying_server.url + path, 200), (path, 403)):
        with connected(verifying_server.url) as client:
            client.send(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode())
            assert client.answer().status == status


def test_other_upgrades_are_not_taken_up(threadline_server: Threadline) -> None:
    head = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"
    with connected(threadline_server.url) as client:
        client.send((head + b"\r\n") * 3 + head + b"content-length: 2\r\n\r\n{}" + HEALTH)
        assert [client.answer().status for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("size", [1, 20, 10_000])
def test_the_body_of_a_request_that_offers_an_upgrade_is_its_body(threadline: Threadline, size: int) -> None:
    """As of the first request of Java's client, which would rather speak HTTP/2."""
    casey = threadline.customer()
    for number in range(2):
        text = f"hello {number}"
        body = json.dumps({"ContentType": "text/plain", "Content": text}).encode()
        head = (
            f"POST /participant/message HTTP/1.1\r\nhost: x\r\nx-amz-bearer: {casey.connection_token}\r\n"
            "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"
        ).encode()
        whole = (
            head + b"content-length: %d\r\n\r\n" % len(body) + body,
            head + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
        )[number]
        with connected(threadline.url) as client:
            for at in range(0, len(whole + HEALTH), size):
                client.send((whole + HEALTH)[at : at + size])
            assert [client.answer().status for _ in range(2)] == [200, 200]
        casey.see(text)


# A refusal that the client gets to read


@pytest.mark.parametrize("last", [b"HTTP/1.0\r\n", b"HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"])
def test_a_last_answer_outlives_what_the_client_goes_on_sending(
    threadline_server: Threadline, last: bytes
) -> None:
    with connected(threadline_server.url) as client:
        client.send(b"GET /health " + last + b"\r\n")
        for _ in range(100):
            client.send(HEALTH * 100)
        assert client.answer().status == 200
        assert client.closed()


@pytest.mark.parametrize("at", [0, 10, 20_000])
def test_a_large_head_is_refused_wherever_its_packets_end(threadline_server: Threadline, at: int) -> None:
    large = HEALTH[:-2] + b"x: " + b"y" * 40_000 + b"\r\n\r\n"
    with connected(threadline_server.url) as client:
        client.send(HEALTH + large[:at])
        assert client.answer().status == 200
        client.send(large[at:])
        assert client.answer().status == 431


def test_a_huge_body_gets_its_answer(threadline: Threadline) -> None:
    size = 52_000_000
    assert size < LINGER_BYTES_MAX
    for framing in (b"content-length: %d\r\n\r\n" % size, b"transfer-encoding: chunked\r\n\r\n3197500\r\n"):
        for head, status in (
            (start_chat(threadline), 413),
            (b"PUT /contact/chat HTTP/1.1\r\nhost: x\r\n", 403),
        ):
            with connected(threadline.url) as client:
                client.send(head + framing)
                client.send(bytes(size))
                answer = client.answer()
                assert answer.status == status
                assert answer.headers["connection"] == "close"
                assert client.closed()


def test_a_body_of_tiny_chunks_gets_its_answer() -> None:
    with Threadline(body_bytes_max=2_000, header_bytes_max=2_000) as server, connected(server.url) as client:
        client.send(start_chat(server) + b"transfer-encoding: chunked\r\n\r\n")
        client.send((b"1;" + b"x" * 100 + b"\r\nx\r\n") * 200)
        assert client.answer().status == 413
        assert client.closed()


def test_a_client_without_100_continue_may_send_another_request(threadline: Threadline) -> None:
    """After a final answer in place of 100, the next bytes may be a request or the body. The server cannot tell."""
    with connected(threadline.url) as client:
        head = b"POST /participant/message HTTP/1.1\r\nhost: x\r\nx-amz-bearer: unknown\r\nexpect: 100-continue\r\n"
        client.send(head + b"content-length: %d\r\n\r\n" % len(HEALTH))
        answer = client.answer()
        assert (answer.status, answer.headers["connection"]) == (403, "close")
        client.send(HEALTH)
        assert client.closed()


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"x" * 40_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", 400),
    ],
    ids=["path", "head", "host", "nonsense", "handshake"],
)
def test_a_refusal_comes_after_the_answers_before_it(threadline: Threadline, bad: bytes, status: int) -> None:
    casey = threadline.customer()
    body = json.dumps({"ContentType": "text/plain", "Content": "in order"}).encode()
    say = (
        f"POST /participant/message HTTP/1.1\r\nhost: x\r\nx-amz-bearer: {casey.connection_token}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    with connected(threadline.url) as client:
        client.send((say.encode() + body) * 2 + bad + HEALTH)
        assert [client.answer().status for _ in range(3)] == [200, 200, status]
        assert client.closed()


def test_half_a_request_after_another_is_not_waited_for_longer() -> None:
    with Threadline(request_seconds_max=1) as server, connected(server.url) as client:
        client.send(HEALTH + b"GET /heal")
        assert client.answer().status == 200
        assert client.answer().status == 408
        assert client.closed()
