"""A bucket of S3 that answers as a test says: well, with a status, by halves, or not."""

import contextlib
import http.server
import threading
from collections.abc import Iterator
from typing import Any


class FakeS3:
    """A server on a free port with one bucket. `how` is a status, "half" or "hang"; it may change at any time."""

    def __init__(self) -> None:
        self.how: int | str = 200
        self.objects: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.ending = threading.Event()
        handler = type("Handler", (_Handler,), {"bucket": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Let go of requests that hang, and end the server."""
        self.ending.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: FakeS3

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._is_well():
            self.bucket.objects[self.path] = body
            self._answer(200, b"")

    def do_GET(self) -> None:
        if self._is_well():
            found = self.bucket.objects.get(self.path)
            self._answer(404 if found is None else 200, found or b"")

    def do_DELETE(self) -> None:
        if self._is_well():
            self.bucket.objects.pop(self.path, None)
            self._answer(204, b"")

    def _is_well(self) -> bool:
        """Whether to answer well; else it has answered as `how` says."""
        how = self.bucket.how
        self.bucket.asked.append(f"{self.command} {self.path}")
        if how == "half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<half")
            self.close_connection = True
        elif how == "hang":
            self.bucket.ending.wait(100)
            self.close_connection = True
        elif isinstance(how, int) and how != 200:
            self._answer(how, b"<Error><Code>SlowDown</Code></Error>")
        return how == 200

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Fri, 27 Nov 2026 10:00:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def fake_s3() -> Iterator[FakeS3]:
    """A bucket for as long as the block runs."""
    bucket = FakeS3()
    try:
        yield bucket
    finally:
        bucket.close()
