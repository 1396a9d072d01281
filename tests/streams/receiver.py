"""A receiver of deliveries that answers as a test says: well, with an error, never, too much, by halves."""

import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

HUGE_BYTES = 3_000_000


class Got(NamedTuple):
    """A request of the receiver."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


class Receiver:
    """A server on a free port. `how` is the name of a way to answer, a status code, or the body of a 200.

    It may change at any time.
    """

    def __init__(self) -> None:
        self.how: str | int | bytes = 200
        self.got: list[Got] = []
        self.answered: list[Got] = []
        self.released = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got = Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                receiver.got.append(got)
                receiver._answer(self, got)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def _answer(self, handler: http.server.BaseHTTPRequestHandler, got: Got) -> None:
        how = self.how
        if isinstance(how, bytes):
            self.answered.append(got)
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(how)))
            handler.end_headers()
            handler.wfile.write(how)
        elif isinstance(how, int):
            if 200 <= how <= 299:
                self.answered.append(got)  # before the answer, after which the next request comes
            handler.send_response(how)
            handler.send_header("Location", "http://127.0.0.1:9/elsewhere")
            handler.send_header("Content-Length", "2")
            handler.end_headers()
            handler.wfile.write(b"{}")
        elif how == "hang":
            self.released.wait(30)
        elif how == "half":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it")
            handler.connection.shutdown(socket.SHUT_RDWR)
        elif how == "huge":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            with contextlib.suppress(OSError):
                handler.wfile.write(b"x" * HUGE_BYTES)
        elif how == "no http":
            handler.wfile.write(b"\x00\x01\x02 what?\r\n\r\n")
        handler.close_connection = True

    def close(self) -> None:
        """Let go of requests that hang, and end the server."""
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for as long as the block runs."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()
