"""The client's connection to a server that misbehaves."""

import json
import socket
import threading
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.command_line import Done, Run

STARTED = {"ContactId": "c", "ParticipantId": "p", "ParticipantToken": "t"}
START = ("connect", "start-chat-contact", "--instance-id", "i", "--contact-flow-id", "f")


class Odd(ThreadingHTTPServer):
    """A server with given replies, in turn: a status and a body, or None to hang up. It keeps the requests."""

    daemon_threads = True

    def __init__(self, *answers: tuple[int, Any] | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []
        self.headers: list[Message] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Odd

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        self.server.asked.append((self.path, body))
        self.server.headers.append(self.headers)
        answer = self.server.answers.pop(0)
        if answer is None:
            self.close_connection = True
            return
        status, content = answer
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_CONNECT = do_PUT  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def odd(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Serves odd replies, and starts a chat there."""
    servers: list[Odd] = []
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("AWS_REGION", "us-east-1")

    def start(*answers: tuple[int, Any] | None, base: str = "", attempts: int = 3) -> tuple[Done, Odd]:
        server = Odd(*answers)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", str(attempts))
        return run(
            *START, "--participant-details", "DisplayName=C", "--endpoint-url", server.url + base
        ), server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_busy_server_is_asked_again_with_the_same_token(odd: Any) -> None:
    done, server = odd(
        (503, {"message": "busy"}), (429, {"__type": "TooManyRequestsException"}), (200, STARTED)
    )
    assert json.loads(done.out) == STARTED
    assert len(server.asked) == 3
    assert len({body for _, body in server.asked}) == 1
    assert json.loads(server.asked[0][1])["ClientToken"]


def test_a_server_that_stays_busy_is_given_up(odd: Any) -> None:
    done, server = odd((500, {"message": "no"}), (500, {"message": "no"}), attempts=2)
    assert done.status == 254
    assert "(500) when calling the StartChatContact operation (reached max retries: 1): no" in done.err
    assert len(server.asked) == 2


def test_a_refusal_is_final(odd: Any) -> None:
    done, server = odd((400, {"__type": "InvalidRequestException", "message": "no"}))
    assert (done.status, len(server.asked)) == (254, 1)


def test_a_server_that_hangs_up_is_named(odd: Any) -> None:
    done, server = odd(None, attempts=1)
    assert done.status == 255
    assert (
        f'Connection was closed before we received a valid response from endpoint URL: "{server.url}/'
        in done.err
    )
    assert odd(None, (200, STARTED))[0].status == 0


def test_a_reply_that_is_no_reply_is_shown(odd: Any) -> None:
    done, _ = odd((200, b"<html>"))
    assert done.status == 255
    assert "invalid response received" in done.err
    assert "<html>" in done.err


def test_an_endpoint_may_have_a_path(odd: Any) -> None:
    done, server = odd((200, STARTED), base="/base/")
    assert (done.status, server.asked[0][0]) == (0, "/base/contact/chat")


def test_https_goes_through_the_proxy(run: Run, odd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, proxy = odd((200, STARTED), (403, {}))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    done = run(*START, "--participant-details", "DisplayName=C", "--endpoint-url", "https://chat.example.com")
    assert done.status == 255
    assert f'Failed to connect to proxy URL: "{proxy.url}"' in done.err
    assert proxy.asked[-1][0] == "chat.example.com:443"


def test_http_goes_through_the_proxy_and_shows_it_who_asks(
    run: Run, odd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, proxy = odd((200, STARTED), (200, STARTED))
    monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//casey:p%40ss@"))
    done = run(
        *START, "--participant-details", "DisplayName=C", "--endpoint-url", "http://chat.example.com/x"
    )
    assert (done.status, json.loads(done.out)) == (0, STARTED)
    assert proxy.asked[-1][0] == "http://chat.example.com/x/contact/chat"
    assert proxy.headers[-1]["Proxy-Authorization"] == "Basic Y2FzZXk6cEBzcw=="
    assert proxy.headers[-1]["Host"] == "chat.example.com"


def test_a_proxy_that_is_not_there_is_named_without_its_password(
    run: Run, odd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd((200, STARTED), attempts=1)
    monkeypatch.setenv("http_proxy", "casey:secret@127.0.0.1:9")
    done = run(*START, "--participant-details", "DisplayName=C", "--endpoint-url", "http://chat.example.com")
    assert done.status == 255
    assert 'Failed to connect to proxy URL: "http://***:***@127.0.0.1:9"' in done.err


def test_this_machine_is_reached_without_a_proxy(odd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert odd((200, STARTED))[0].status == 0


def test_a_reply_may_come_in_chunks_or_end_with_the_connection(run: Run, odd: Any) -> None:
    odd((200, STARTED))
    body = json.dumps(STARTED).encode()
    for reply in (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
        b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\n" + body,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body),
    ):
        done = _answered_with(reply, run)
        assert (done.status, json.loads(done.out)) == (0, STARTED)


def test_a_reply_that_ends_too_soon_is_none(run: Run, odd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    odd((200, STARTED), attempts=1)
    for reply in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\n",
        b"what?\r\n\r\n",
    ):
        done = _answered_with(reply, run)
        assert done.status == 255
        assert "Connection was closed before we received a valid response" in done.err


def _answered_with(reply: bytes, run: Run) -> Done:
    """The outcome of a call when the server sends these bytes and nothing else."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            asked = b""
            while b'"DisplayName"' not in asked:
                asked += connection.recv(65_536)
            connection.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=serve)
        server.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        done = run(*START, "--participant-details", "DisplayName=C", "--endpoint-url", url)
        server.join()
    return done


def test_a_header_cannot_be_ended_by_a_value(run: Run, odd: Any) -> None:
    _, server = odd((200, STARTED))
    done = run(
        "connectparticipant", "disconnect-participant",
        "--connection-token", "x\r\nX-Evil: 1", "--endpoint-url", server.url,
    )  # fmt: skip
    assert done.status == 255
    assert "Invalid header value" in done.err
    assert len(server.asked) == 1
