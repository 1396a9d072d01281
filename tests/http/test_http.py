"""A client gets a typed answer or a clean close for any bytes over HTTP, and the server goes on."""

import json
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.http.raw import Answer, ask, connected
from threadline.operations.registry import OPERATIONS
from threadline.testing import Threadline

ASSOCIATION = "/contact/persistent-contact-association/i/c"
SEND = "/participant/message"


@pytest.fixture
def url(threadline_server: Threadline) -> Iterator[str]:
    """A server shared by all tests; it must still answer after each."""
    yield threadline_server.url
    assert ask(threadline_server.url, "GET", "/health").status == 200


@contextmanager
def code_of(caught: type[Exception] = ClientError) -> Iterator[Callable[[], str]]:
    with pytest.raises(caught) as error:
        yield lambda: str(error.value.response["Error"]["Code"])  # type: ignore[attr-defined]


def test_health(url: str) -> None:
    assert ask(url, "GET", "/health").json["status"] == "ok"
    assert ask(url, "HEAD", "/health").status == 200


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/contact/", "//contact/chat", "/%00", "/contact/chat/../x"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "BREW"])
def test_an_unknown_path_is_a_typed_404(url: str, method: str, path: str) -> None:
    if method == "BREW":
        with connected(url) as connection:
            connection.send(b"BREW / HTTP/1.1\r\nhost: x\r\n\r\n")
            answer = connection.answer()
        assert (answer.status, answer.error) == (400, "BadRequestException")
        return
    answer = ask(url, method, path)
    assert (answer.status, answer.error) == (404, "UnknownOperationException")
    assert answer.json["message"] == answer.json["Message"]


def test_an_operation_without_an_implementation_is_named(threadline_server: Threadline) -> None:
    with code_of() as code:
        threadline_server.connect.list_security_keys(InstanceId=threadline_server.instance_id)
    assert code() == "NotImplementedException"
    answer = ask(threadline_server.url, "GET", "/instance/i/security-keys")
    assert (answer.status, "ListSecurityKeys" in answer.json["message"]) == (501, True)


def test_the_caller_is_checked_before_the_body_is_looked_into(url: str) -> None:
    for headers in ({}, {"authorization": "AWS4-HMAC-SHA256 nonsense"}, {"authorization": "\xff\x00"[:1]}):
        answer = ask(url, "POST", ASSOCIATION, b"\xff{not json", **headers)
        assert answer.status == 403, headers
        assert answer.error in {"MissingAuthenticationTokenException", "InvalidSignatureException"}
    answer = ask(url, "POST", SEND, b"\xff{not json", x_amz_bearer="unknown")
    assert (answer.status, answer.error) == (403, "AccessDeniedException")
    assert ask(url, "POST", SEND).error == "AccessDeniedException"


def test_every_answer_has_an_id_of_its_own_and_the_date(url: str) -> None:
    answers = [ask(url, "GET", "/health"), ask(url, "GET", "/nothing"), ask(url, "POST", SEND)]
    assert len({answer.headers["x-amzn-requestid"] for answer in answers}) == len(answers)
    assert all(answer.headers["date"].endswith("GMT") for answer in answers)
    assert all(answer.headers["content-type"] == "application/json" for answer in answers)
    assert not any("server" in answer.headers for answer in answers)


# Browsers


def test_a_preflight_allows_what_chatjs_sends(url: str) -> None:
    asked = "authorization,content-type,x-amz-bearer,x-amz-content-sha256,x-amz-date,x-amz-user-agent,cookie"
    answer = ask(
        url,
        "OPTIONS",
        "/participant/connection",
        origin="https://shop.example",
        access_control_request_method="POST",
        access_control_request_headers=asked,
    )
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"].split(", ") == asked.split(",")[:-1]


@pytest.mark.parametrize("path", ["/health", "/nothing", SEND])
def test_a_page_may_read_every_answer(url: str, path: str) -> None:
    answer = ask(url, "POST" if path == SEND else "GET", path, origin="https://shop.example")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "x-amzn-ErrorType" in answer.headers["access-control-expose-headers"]


def test_origins_can_be_limited() -> None:
    with Threadline(cors_origins="https://a.example, https://b.example") as server:
        mine = ask(server.url, "GET", "/health", origin="https://b.example")
        assert mine.headers["access-control-allow-origin"] == "https://b.example"
        assert mine.headers["vary"] == "Origin"
        assert (
            "access-control-allow-origin"
            not in ask(server.url, "GET", "/health", origin="https://c.example").headers
        )


# Bounds


@pytest.fixture(scope="module")
def narrow_server() -> Iterator[Threadline]:
    with Threadline(
        body_bytes_max=2_000, header_bytes_max=2_000, path_bytes_max=300, connections_max=20
    ) as server:
        yield server


@pytest.fixture(scope="module")
def narrow(narrow_server: Threadline) -> str:
    return narrow_server.url


def start_chat(server: Threadline) -> bytes:
    """The first lines of a request that names a key the server knows: others are refused before their body."""
    return (
        "PUT /contact/chat HTTP/1.1\r\nhost: x\r\nx-amz-date: 20261122T000000Z\r\n"
        f"authorization: AWS4-HMAC-SHA256 Credential={server.env['AWS_ACCESS_KEY_ID']}/20261122/us-east-1/connect"
        f"/aws4_request, SignedHeaders=host;x-amz-date, Signature={'0' * 64}\r\n"
    ).encode()


def test_a_body_that_is_too_large(narrow_server: Threadline) -> None:
    with connected(narrow_server.url) as connection:
        for _ in range(2):  # the connection lives on
            connection.send(start_chat(narrow_server) + b"content-length: 2001\r\n\r\n" + b"x" * 2001)
            answer = connection.answer()
            assert (answer.status, answer.error) == (413, "RequestEntityTooLargeException")


def test_a_chunked_body_that_is_too_large(narrow_server: Threadline) -> None:
    with connected(narrow_server.url) as connection:
        connection.send(start_chat(narrow_server) + b"transfer-encoding: chunked\r\n\r\n")
        for _ in range(3):
            connection.send(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        assert connection.answer().status == 413


def test_a_body_without_end_is_cut_off(narrow: str) -> None:
    with connected(narrow) as connection:
        connection.send(b"PUT /contact/chat HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        with pytest.raises(ConnectionError):
            connection.send_for_ever(b"3e8\r\n" + b"x" * 1000 + b"\r\n")


def test_a_declared_length_that_is_no_number_we_take(narrow: str) -> None:
    assert ask(narrow, "PUT", "/contact/chat", content_length="9" * 15).status in {400, 413}
    with connected(narrow) as connection:
        connection.send(b"PUT /contact/chat HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n")
        assert connection.answer().status == 400


def test_headers_that_are_too_large(narrow: str) -> None:
    answer = ask(narrow, "GET", "/health", x_long="x" * 3000)
    assert (answer.status, answer.error) == (431, "RequestHeaderFieldsTooLargeException")
    with connected(narrow) as connection:  # in pieces, never complete
        connection.send(b"GET /health HTTP/1.1\r\n")
        with pytest.raises(ConnectionError):
            connection.send_for_ever(b"x-more: " + b"x" * 500 + b"\r\n")


def test_a_path_that_is_too_long(narrow: str) -> None:
    answer = ask(narrow, "GET", "/health?" + "x" * 300)
    assert (answer.status, answer.error) == (414, "RequestUriTooLongException")


def test_trailers_go_nowhere(narrow: str) -> None:
    with connected(narrow) as connection:
        connection.send(b"PUT /contact/chat HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n")
        connection.send(b"".join(b"x-t%d: authorization\r\n" % i for i in range(50)) + b"\r\n")
        assert connection.answer().error == "MissingAuthenticationTokenException"


def test_more_connections_than_there_is_room_for(narrow: str) -> None:
    open_ones = [connected(narrow) for _ in range(20)]
    for one in open_ones:
        one.__enter__()
    try:
        with connected(narrow) as connection:
            answer = connection.answer()
            assert (answer.status, answer.error) == (503, "ServiceUnavailableException")
            assert connection.closed()
    finally:
        for one in open_ones:
            one.__exit__(None, None, None)


def test_a_client_that_does_not_finish_is_not_waited_for() -> None:
    with Threadline(request_seconds_max=1) as server:
        for unfinished in (
            b"GET /health HTTP/1.1\r\nhost:",
            start_chat(server) + b"content-length: 10\r\n\r\n{",
            start_chat(server) + b"transfer-encoding: chunked\r\n\r\n5\r\nab",
        ):
            with connected(server.url) as connection:
                connection.send(unfinished)
                assert connection.answer().status == 408
                assert connection.closed()
        with connected(server.url) as connection:
            assert connection.closed()  # nothing sent at all


# Rubbish


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        b"hello\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nhost: x\r\n\r\n",
        bytes(100),
    ],
)
def test_rubbish_is_refused_in_json(url: str, rubbish: bytes) -> None:
    with connected(url) as connection:
        connection.send(rubbish)
        answer = connection.answer()
        assert answer.status in {400, 404}
        assert answer.json["message"]
        assert connection.closed()


def test_requests_in_a_row_are_answered_in_order(url: str) -> None:
    with connected(url) as connection:
        paths = ["/health", "/nothing", "/health", "/instance/i/security-keys", "/health"] * 20
        connection.send(b"".join(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode() for path in paths))
        expected = {"/health": 200, "/nothing": 404, "/instance/i/security-keys": 501}
        assert [connection.answer().status for _ in paths] == [expected[path] for path in paths]


def test_rubbish_after_a_request_is_no_answer_to_it(threadline: Threadline) -> None:
    casey = threadline.customer()
    body = b'{"ContentType":"text/plain","Content":"before the noise"}'
    say = f"POST {SEND} HTTP/1.1\r\nhost: x\r\nx-amz-bearer: {casey.connection_token}\r\n"
    whole = f"{say}content-length: {len(body)}\r\n\r\n".encode() + body
    for rubbish in (b"\0\0\0\0", f"{say}transfer-encoding: chunked\r\n\r\nno length".encode()):
        with connected(threadline.url) as connection:
            connection.send(whole * 2 + rubbish)
            assert [connection.answer().status for _ in range(3)] == [200, 200, 400]
            assert connection.closed()


def test_a_client_that_asks_first_is_told_to_go_on(threadline: Threadline) -> None:
    casey = threadline.customer()
    body = b'{"ContentType":"text/plain","Content":"after a pause"}'
    with connected(threadline.url) as connection:
        connection.send(
            f"POST {SEND} HTTP/1.1\r\nhost: x\r\nx-amz-bearer: {casey.connection_token}\r\n"
            f"expect: 100-continue\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        )
        assert connection.answer().status == 100
        connection.send(body)
        assert connection.answer().status == 200
    casey.see("after a pause")


def test_an_idle_connection_is_closed() -> None:
    with Threadline(keep_alive_seconds=1) as server, connected(server.url) as connection:
        connection.send(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        assert connection.answer().status == 200
        assert connection.closed()


def test_old_and_odd_clients(url: str) -> None:
    with connected(url) as connection:
        connection.send(b"GET /health HTTP/1.0\r\n\r\n")
        assert connection.answer().headers["connection"] == "close"
        assert connection.closed()
    with connected(url) as connection:  # Java's client offers HTTP/2 with its first request
        connection.send(
            b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n\r\n"
        )
        assert connection.answer().status == 200
        connection.send(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        assert connection.answer().status == 200
    with connected(url) as connection:
        connection.send(b"POST /participant/message HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n")
        connection.send(b"x-amz-bearer: unknown\r\ncontent-length: 2\r\n\r\n")
        assert connection.answer().status == 403  # no need to send the body


def test_a_client_that_has_closed_its_side_still_gets_an_answer(threadline: Threadline) -> None:
    casey = threadline.customer()
    body = b'{"ContentType":"text/plain","Content":"over and out"}'
    head = f"POST {SEND} HTTP/1.1\r\nhost: x\r\nx-amz-bearer: {casey.connection_token}\r\n"
    with connected(threadline.url) as connection:
        connection.send(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        connection.socket.shutdown(socket.SHUT_WR)
        assert connection.answer().status == 200
        assert connection.closed()
    with connected(threadline.url) as connection:
        connection.send(f"{head}content-length: {len(body) + 1}\r\n\r\n".encode() + body)
        connection.socket.shutdown(socket.SHUT_WR)
        assert connection.closed()


def test_a_body_may_come_in_chunks(threadline: Threadline) -> None:
    casey = threadline.customer()
    body = json.dumps({"ContentType": "text/plain", "Content": "in pieces"}).encode()
    with connected(threadline.url) as connection:
        connection.send(
            f"POST {SEND} HTTP/1.1\r\nhost: x\r\nx-amz-bearer: {casey.connection_token}\r\n"
            "transfer-encoding: chunked\r\n\r\n".encode()
        )
        for at in range(0, len(body), 7):
            piece = body[at : at + 7]
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
        assert connection.answer().status == 200
    casey.see("in pieces")


# Secrets


def test_an_error_of_ours_is_a_typed_500_that_tells_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(tx: Any, caller: Any, **members: Any) -> Any:
        raise ZeroDivisionError(f"secret {members}")

    with Threadline() as server, caplog.at_level(logging.INFO, "threadline"):
        for key in (("connect", "ListQueues"), ("connectparticipant", "SendMessage")):
            monkeypatch.setitem(OPERATIONS, key, OPERATIONS[key]._replace(call=broken))
        casey = server.customer()
        with code_of() as code:
            server.client("connect", config=_once()).list_queues(InstanceId=server.instance_id)
        assert code() == "InternalServiceException"
        answer = _say(server.url, casey.connection_token, "private words")
    assert (answer.status, answer.error) == (500, "InternalServerException")
    assert "ZeroDivisionError" in caplog.text
    assert "test_http.py" in caplog.text
    assert answer.headers["x-amzn-requestid"] in caplog.text
    for hidden in ("secret", "private words"):
        assert hidden not in caplog.text
        assert hidden not in answer.body.decode()


def _once() -> Any:
    from botocore.config import Config

    return Config(retries={"total_max_attempts": 1})


def _say(url: str, token: str, content: str) -> Answer:
    body = json.dumps({"ContentType": "text/plain", "Content": content}).encode()
    return ask(url, "POST", SEND, body, x_amz_bearer=token)


def test_the_log_keeps_secrets(verifying_server: Threadline, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        casey = verifying_server.customer(
            "Casey Secretname", CustomerId="customer-4711", Attributes={"pin": "pin-0815"}
        )
        casey.say("my card is 4929")
        for _ in range(2):
            assert _say(verifying_server.url, casey.connection_token, "x" * 20_000).status == 400
            assert _say(verifying_server.url, "bad" + casey.connection_token, "my card is 4929").status == 403
        casey.leave()
        assert _say(verifying_server.url, casey.connection_token, "my card is 4929").status == 403
        secret = verifying_server.env["AWS_SECRET_ACCESS_KEY"]
        for wrong in (casey.connection_token, secret):  # in the place of an id
            with pytest.raises(verifying_server.connect.exceptions.ResourceNotFoundException):
                verifying_server.connect.describe_contact(
                    InstanceId=verifying_server.instance_id, ContactId=wrong
                )
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            verifying_server.client("connect", aws_access_key_id=secret).list_instances()
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("threadline"))
    assert "SendMessage ValidationException: Content has 20000 characters;" in ours
    assert "SendMessage AccessDeniedException: Access denied: the connection token is not known." in ours
    assert "DescribeContact ResourceNotFoundException: Contact not found: (not shown)" in ours
    for hidden in (
        "4929",
        "4711",
        "0815",
        "Secretname",
        "ticket",
        casey.connection_token,
        casey.participant_token,
        verifying_server.env["AWS_SECRET_ACCESS_KEY"],
    ):
        assert hidden not in ours
