"""What happens between us and a server that misbehaves."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.cli.conftest import Done, Run

STARTED = {"ContactId": "c", "ParticipantId": "p", "ParticipantToken": "t"}
START = ("connect", "start-chat-contact", "--instance-id", "i", "--contact-flow-id", "f")


class Odd(ThreadingHTTPServer):
    """Answers with what it is given, in turn: a status and a body, or None to hang up. Keeps what it was asked."""

    daemon_threads = True

    def __init__(self, *answers: tuple[int, Any] | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Odd

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        self.server.asked.append((self.path, body))
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
    """Serves odd answers, and starts a chat there."""
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
    assert "https://chat.example.com" in done.err
    assert proxy.asked[-1][0] == "chat.example.com:443"
