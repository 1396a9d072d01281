"""Raw bytes on a connection, which no HTTP client would send, and the exact bytes of the answers."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from threadline.server.frontend import Frontend
from threadline.testing import Threadline

PATIENCE_SECONDS = 60.0
"""The longest wait for an answer. A starved machine has taken ten seconds for one, which says nothing of the server."""


class Answer(NamedTuple):
    """One HTTP answer. `headers` have lowercase names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return self.headers["x-amzn-errortype"]


class Connection:
    """A TCP connection to a server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_SECONDS)
        self.rest = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_for_ever(self, data: bytes) -> None:
        """Send until the server hangs up. Raises ConnectionError then."""
        while True:
            self.socket.sendall(data)

    def answer(self, *, has_body: bool = True) -> Answer:
        """The next answer. Raises EOFError when the server closes instead."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", "0")) if has_body else 0
        while len(self.rest) < length:
            self._more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return Answer(int(status.split()[1]), headers, body)

    def closed(self) -> bool:
        """Wait until the server closes; False when it sends something instead."""
        try:
            return not self.socket.recv(1)
        except ConnectionError:
            return True

    def _more(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise EOFError(f"closed after {self.rest!r}")
        self.rest += data


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    connection = Connection(url)
    with connection.socket:
        yield connection


def ask(url: str, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """One request with these headers (underscores for hyphens) on a connection of its own."""
    lines = [f"{method} {path} HTTP/1.1", "host: localhost", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    with connected(url) as connection:
        connection.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return connection.answer(has_body=method != "HEAD")


def frontend_of(server: Threadline) -> Frontend:
    """The clients' side of a server that runs in this process."""
    frontend = server._server.frontend
    assert isinstance(frontend, Frontend)
    return frontend
