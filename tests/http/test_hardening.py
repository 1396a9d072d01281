"""Attempts to do harm, and an operator's mistakes: others are not affected."""

import json
import logging
import os
import select
import socket
import sys
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from websockets.sync.client import connect

from tests.http.raw import PATIENCE_SECONDS, ask, connected, frontend_of
from tests.server.test_sockets import masked, ticket_url, unread
from threadline.config import Settings
from threadline.server import Server
from threadline.server.logs import JsonLines, Lines
from threadline.testing import Threadline

SQLITE_HEADER = b"SQLite format 3\0\x10\0\2\2\0"
HEALTH = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"


def test_few_requests_may_be_sent_ahead(threadline: Threadline) -> None:
    """Each takes a hundred times its bytes on the wire, and the caller is not known yet."""
    with connected(threadline.url) as client:
        client.send(HEALTH * 1_000)
        answers = [client.answer() for _ in range(129)]
        assert [answer.status for answer in answers] == [200] * 128 + [429]
        assert answers[-1].error == "TooManyRequestsException"
        assert client.closed()
    with connected(threadline.url) as client, pytest.raises(ConnectionError):
        client.send_for_ever(HEALTH * 1_000)
    assert ask(threadline.url, "GET", "/health").status == 200


@pytest.mark.parametrize(
    "header",
    [
        "x-amz-bearer: nobody's",
        "authorization: AWS4-HMAC-SHA256 Credential=AKIANOBODYS/20261122/us-east-1/connect/aws4_request,"
        " SignedHeaders=host;x-amz-date, Signature=" + "0" * 64,
    ],
    ids=["bearer", "signature"],
)
def test_no_body_is_taken_from_an_unknown_caller(header: str) -> None:
    path = "/participant/message" if "bearer" in header else "/contact/attributes"
    with Threadline(verify=True, test_controls=False) as server, connected(server.url) as client:
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\n{header}\r\ncontent-length: 1000000\r\n\r\n"
        client.send(head.encode() + b"only a beginning")
        assert client.answer().status == 403


def unread_bytes(server: Threadline) -> int:
    """The bytes of answers that wait in the server until their clients read, as the connections themselves say."""
    return sum(
        each.transport.get_write_buffer_size() for each in frontend_of(server)._listener.connections.open
    )


def test_pings_of_a_client_that_does_not_read_are_not_answered() -> None:
    pings = masked(0x89, b"x" * 120) * 1_000
    with Threadline(socket_frames_max=1_000_000) as server, unread(ticket_url(server.invite())) as client:
        for _ in range(100):
            client.sendall(pings)
        assert unread_bytes(server) < 500_000 < 100 * len(pings)


def test_a_socket_that_is_only_kept_open_is_closed() -> None:
    with Threadline(socket_idle_seconds=1) as server, connect(ticket_url(server.invite())) as chat:

        def keep_open() -> None:
            while True:
                chat.send('{"topic":"aws/heartbeat"}')
                chat.recv(PATIENCE_SECONDS)

        with pytest.raises(ConnectionClosed) as closed:
            keep_open()
        assert closed.value.rcvd == Close(1001, "No subscription has come in time.")


@pytest.mark.parametrize("ahead", [1, 2])
def test_answers_are_not_kept_for_a_client_that_does_not_read(ahead: int) -> None:
    with Threadline(socket_stalled_seconds=1) as server:
        casey = server.invite().connect()
        for number in range(100):
            casey.say(str(number).ljust(16_000))
        body = json.dumps({"MaxResults": 100}).encode()
        head = (
            f"POST /participant/transcript HTTP/1.1\r\nx-amz-bearer: {casey.connection_token}\r\nhost: x\r\n"
        )
        request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
        with connected(server.url) as client:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.send(request * ahead)
            dropped = select.poll()
            dropped.register(client.socket, 0)  # reports a dropped connection and nothing else
            assert dropped.poll(PATIENCE_SECONDS * 1000)


@pytest.mark.parametrize("lines", [Lines(), JsonLines()], ids=["human", "json"])
def test_a_logged_error_says_where_and_not_what(lines: logging.Formatter) -> None:
    try:
        raise ValueError("what a customer wrote")
    except ValueError:
        record = logging.LogRecord("threadline", logging.ERROR, "", 0, "it failed", (), sys.exc_info())
    text = lines.format(record)
    assert "it failed" in text
    assert "ValueError" in text
    assert "test_hardening.py" in text
    assert "customer" not in text


def test_the_data_folder_is_private_to_its_user(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        with Threadline(data=str(tmp_path)):
            modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    finally:
        os.umask(mask)
    assert {"threadline.db", "threadline.db-wal", "workspace.json"} <= set(modes)
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize(
    "content", [b"no database" * 1_000, SQLITE_HEADER.ljust(8_192, b"\1")], ids=["other", "damaged"]
)
async def test_a_database_that_is_none_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "threadline.db").write_bytes(content)
    with pytest.raises(RuntimeError, match=r"threadline.db is damaged: .*threadline restore"):
        await Server(Settings(port=0, data=str(tmp_path))).start()
    (tmp_path / "threadline.db").unlink()
    async with Server(Settings(port=0, data=str(tmp_path))) as server:
        assert server.workspace
