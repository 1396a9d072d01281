"""Downloads of attachments: parts of them, HEAD, clients that read slowly or hang up, objects that are damaged."""

import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import pytest

from tests.engines import store_of
from threadline.testing import Customer, Threadline
from threadline.testing.options import Options
from threadline.testing.people import request

TEXT = bytes(range(256)) * 2_000
LARGE = bytes(range(251)) * 60_000  # 15 MB
READ_AHEAD_MAX = 2_000_000
"""More bytes than the server, its sockets and ours hold of a download that nobody reads."""


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Threadline]:
    options: Options = {**store_of(request), "objects": f"{tmp_path}/objects"}
    with Threadline(**options) as server:
        yield server


@pytest.fixture
def customer(server: Threadline) -> Customer:
    return Customer(server, "Ada").connect()


def url_of(customer: Customer, content: bytes) -> str:
    attachment_id = customer.attach("notes.txt", content, "text/plain")
    return str(
        customer.workspace.connectparticipant.get_attachment(
            ConnectionToken=customer.connection_token, AttachmentId=attachment_id
        )["Url"]
    )


def asked(url: SplitResult, **headers: str) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\n{lines}\r\n".encode()


def place_of(file: Path) -> int | None:
    """How far this process has read a file that it has open; None when it has not."""
    for link in Path("/proc/self/fd").iterdir():
        try:
            if link.readlink() == file:
                info = Path(f"/proc/self/fdinfo/{link.name}").read_text()
                return int(info.split()[1])
        except FileNotFoundError:
            continue
    return None


def test_a_part_of_a_file_is_given_to_who_asks_for_it(customer: Customer) -> None:
    url, size = url_of(customer, TEXT), len(TEXT)
    for asked_for, status, part in (
        ("bytes=0-3", 206, range(4)),
        ("bytes=300000-300009", 206, range(300_000, 300_010)),
        ("bytes=511000-", 206, range(511_000, size)),
        ("bytes=-5", 206, range(size - 5, size)),
        ("bytes=511990-99999999", 206, range(511_990, size)),
        ("bytes=0-", 200, range(size)),
        ("bytes=-99999999", 200, range(size)),
        ("bytes=3-1", 200, range(size)),
        ("bytes=0-1,4-5", 200, range(size)),
        ("items=0-1", 200, range(size)),
    ):
        answer = request(url, headers={"Range": asked_for})
        assert (answer.status, len(answer.body)) == (status, len(part)), asked_for
        assert answer.body == TEXT[part.start : part.stop], asked_for
        named = f"bytes {part.start}-{part.stop - 1}/{size}" if status == 206 else None
        assert answer.headers.get("content-range") == named, asked_for
    assert request(url, headers={"Range": "bytes=0-3", "If-Range": '"x"'}).status == 200
    for asked_for in (f"bytes={size}-", "bytes=-0"):
        answer = request(url, headers={"Range": asked_for})
        assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{size}"), asked_for


def test_the_head_of_a_download_and_what_follows_on_the_connection(customer: Customer) -> None:
    url = urlsplit(url_of(customer, TEXT))
    connection = HTTPConnection(url.hostname or "", url.port, timeout=30)
    for method, body in (("HEAD", b""), ("GET", TEXT), ("HEAD", b""), ("GET", TEXT)):
        connection.request(method, f"{url.path}?{url.query}")
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("content-length")) == (200, str(len(TEXT)))
        assert (answer.getheader("accept-ranges"), answer.read()) == ("bytes", body)
    connection.close()
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=30) as client:
        health = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        client.sendall(asked(url) + asked(url, Range="bytes=0-9") + health)
        got = b"".join(iter(lambda: client.recv(65_536), b""))
    first, second, third = got.split(b"HTTP/1.1 2")[1:]
    assert first.endswith(TEXT)
    assert second.endswith(b"\r\n\r\n" + TEXT[:10])
    assert third.startswith(b"00")


def test_a_download_is_read_from_the_store_as_fast_as_its_client_reads(
    customer: Customer, tmp_path: Path
) -> None:
    url = urlsplit(url_of(customer, LARGE))
    (file,) = [each for each in (tmp_path / "objects").rglob("*") if each.is_file()]
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        client.settimeout(30)
        client.connect((url.hostname, url.port))
        client.sendall(asked(url))
        got = client.recv(1_000)
        for _ in range(20):  # as fast as it can, the server reads on, and comes no further than its buffers
            customer.workspace.connectparticipant.get_transcript(ConnectionToken=customer.connection_token)
        place = place_of(file)
        assert place is not None
        assert place < READ_AHEAD_MAX, f"the server has read {place} bytes ahead"
        _, _, body = got.partition(b"\r\n\r\n")
        parts = [body]
        while sum(map(len, parts)) < len(LARGE):
            parts.append(client.recv(1_000_000))
            assert parts[-1], "the download was cut off"
    assert b"".join(parts) == LARGE


def test_a_client_that_hangs_up_leaves_no_file_open(customer: Customer, tmp_path: Path) -> None:
    url = urlsplit(url_of(customer, LARGE))
    (file,) = [each for each in (tmp_path / "objects").rglob("*") if each.is_file()]
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=30) as client:
        client.sendall(asked(url))
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        assert place_of(file) is not None
    deadline = time.monotonic() + 30
    while place_of(file) is not None:
        assert time.monotonic() < deadline, "the file is still open"
        threading.Event().wait(0.02)


def test_an_object_that_lost_bytes_is_cut_off_and_never_whole(customer: Customer, tmp_path: Path) -> None:
    url = urlsplit(url_of(customer, TEXT))
    (file,) = [each for each in (tmp_path / "objects").rglob("*") if each.is_file()]
    file.write_bytes(TEXT[:400_000])
    connection = HTTPConnection(url.hostname or "", url.port, timeout=30)
    connection.request("GET", f"{url.path}?{url.query}")
    answer = connection.getresponse()
    assert answer.getheader("content-length") == str(len(TEXT))
    with pytest.raises((IncompleteRead, ConnectionResetError)):
        answer.read()
    connection.close()
    file.unlink()
    assert request(url.geturl()).status == 503


def test_an_upload_whose_client_hangs_up_leaves_nothing(customer: Customer, tmp_path: Path) -> None:
    started = customer.workspace.connectparticipant.start_attachment_upload(
        ConnectionToken=customer.connection_token,
        ContentType="text/plain",
        AttachmentSizeInBytes=len(TEXT),
        AttachmentName="notes.txt",
    )
    url = urlsplit(started["UploadMetadata"]["Url"])
    head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=30) as client:
        client.sendall(f"{head}Content-Length: {len(TEXT)}\r\n\r\n".encode() + TEXT[:-1])
    deadline = time.monotonic() + 30
    while left := [file for file in (tmp_path / "objects").rglob("*") if file.is_file()]:
        assert time.monotonic() < deadline, left
        threading.Event().wait(0.02)
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=30) as client:
        client.sendall(head.replace("PUT", "POST").encode() + b"Content-Length: 0\r\n\r\n")
        assert client.recv(1_000).startswith(b"HTTP/1.1 404")
    assert request(url.geturl(), "PUT", {"Content-Type": "text/plain"}, TEXT).status == 200
