"""Attachments: the upload by a plain PUT, the item, the download, and what is refused, on both engines."""

import socket
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.operations.refusals import refused
from threadline.testing import Customer, Threadline
from threadline.testing.people import request

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100_000)
TEXT = "text/plain"
INVALID, CONFLICT, DENIED = (
    ("ValidationException", 400),
    ("ConflictException", 409),
    ("AccessDeniedException", 403),
)


@pytest.fixture
def customer(threadline_server: Threadline) -> Customer:
    return Customer(threadline_server, "Ada").connect()


def start(customer: Customer, **members: Any) -> dict[str, Any]:
    given = {"ContentType": TEXT, "AttachmentSizeInBytes": 5, "AttachmentName": "notes.txt"} | members
    reply: dict[str, Any] = customer.workspace.connectparticipant.start_attachment_upload(
        ConnectionToken=customer.connection_token, **given
    )
    return reply


def put(started: dict[str, Any], content: bytes = b"hello", **headers: str) -> Any:
    upload = started["UploadMetadata"]
    return request(upload["Url"], "PUT", upload["HeadersToInclude"] | headers, content)


def complete(customer: Customer, attachment_id: str) -> None:
    customer.workspace.connectparticipant.complete_attachment_upload(
        ConnectionToken=customer.connection_token, AttachmentIds=[attachment_id]
    )


def get(customer: Customer, attachment_id: str, **members: Any) -> dict[str, Any]:
    reply: dict[str, Any] = customer.workspace.connectparticipant.get_attachment(
        ConnectionToken=customer.connection_token, AttachmentId=attachment_id, **members
    )
    return reply


def test_a_file_is_shown_to_both_and_downloaded(threadline_server: Threadline, customer: Customer) -> None:
    agent = threadline_server.agent("a1").accept(customer)
    attachment_id = customer.attach("me & you.png", PNG, "image/png")
    shown = [
        {
            "AttachmentId": attachment_id,
            "AttachmentName": "me & you.png",
            "ContentType": "image/png",
            "Status": "APPROVED",
        }
    ]
    for person in (customer, agent):
        item = person.see(Type="ATTACHMENT")
        assert item["Attachments"] == shown
        assert "Content" not in item
        assert item["ParticipantRole"] == "CUSTOMER"
        in_transcript = [each for each in person.history() if each["Type"] == "ATTACHMENT"]
        assert [each["Attachments"] for each in in_transcript] == [shown]
        assert in_transcript[0]["Id"] == item["Id"]
    answer = agent.attachment(attachment_id)
    assert answer.body == PNG
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"me _ you.png\"; filename*=UTF-8''me%20%26%20you.png"
    )
    assert get(customer, attachment_id)["AttachmentSizeInBytes"] == len(PNG)
    inline = agent.attachment(attachment_id, UrlContentDisposition="INLINE")
    assert inline.headers["content-disposition"].startswith("inline")
    agent.leave()


def test_a_file_that_is_no_picture_is_never_shown_in_place(customer: Customer) -> None:
    attachment_id = customer.attach("page.txt", b"<script>alert(1)</script>", TEXT)
    answer = customer.attachment(attachment_id, UrlContentDisposition="INLINE")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == TEXT


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"AttachmentName": "run.exe"}, "ends with 'exe' is not taken"),
        ({"AttachmentName": "noending"}, "is not taken"),
        ({"AttachmentName": "x.html", "ContentType": "text/html"}, "is not taken"),
        ({"ContentType": "text/html"}, "is not that of a txt file"),
        ({"ContentType": "text/plain\r\nx: y"}, "is not that of a txt file"),
        ({"AttachmentSizeInBytes": 20_971_521}, "at most 20971520"),
    ],
)
def test_a_file_that_is_not_taken_is_refused(customer: Customer, members: dict[str, Any], words: str) -> None:
    with refused(INVALID, words):
        start(customer, **members)


def test_an_upload_needs_its_size_type_and_url(customer: Customer) -> None:
    started = start(customer)
    for answer in (
        put(started, b"hell"),
        put(started, b"hello!"),
        put(started, b"hello", **{"Content-Type": "text/html"}),
    ):
        assert answer.status == 400, answer
    url = started["UploadMetadata"]["Url"]
    headers = started["UploadMetadata"]["HeadersToInclude"]
    for bad in (
        url.replace("Expires=", "Expires=9"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.split("?")[0],
    ):
        assert request(bad, "PUT", headers, b"hello").status == 403, bad
    assert request(url).status == 403  # an upload's URL is for no download
    with refused(INVALID, "has no bytes yet"):
        complete(customer, started["AttachmentId"])
    assert put(started).status == 200
    complete(customer, started["AttachmentId"])
    assert put(started, b"other").status == 403  # what others see cannot be replaced
    with refused(CONFLICT, "completed already"):
        complete(customer, started["AttachmentId"])
    assert customer.attachment(started["AttachmentId"]).body == b"hello"


def test_a_large_file_is_taken_in_pieces(customer: Customer) -> None:
    content = bytes(range(256)) * 80_000
    attachment_id = customer.attach("film.mp4", content, "video/mp4")
    assert customer.attachment(attachment_id).body == content


def test_a_repeated_start_has_the_same_id_and_a_valid_url(customer: Customer) -> None:
    first, second = (start(customer, ClientToken="once") for _ in range(2))
    assert first["AttachmentId"] == second["AttachmentId"]
    assert put(second).status == 200
    with refused(INVALID, "ClientToken"):
        start(customer, ClientToken="once", AttachmentSizeInBytes=6)


def test_a_page_of_another_origin_uploads_and_reads(customer: Customer) -> None:
    url = start(customer)["UploadMetadata"]["Url"]
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    preflight = request(url, "OPTIONS", asked)
    assert preflight.status == 204
    assert "PUT" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-origin"] == "*"
    answer = request(url, "PUT", {"Origin": "https://shop.example", "Content-Type": TEXT}, b"hello")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")


def test_a_file_of_another_chat_is_not_found(threadline_server: Threadline, customer: Customer) -> None:
    attachment_id = customer.attach("notes.txt", b"hello", TEXT)
    other = Customer(threadline_server, "Eve").connect()
    with refused(INVALID, "No attachment that you can see"):
        get(other, attachment_id)
    started = start(customer)
    put(started)
    with refused(INVALID, "No attachment of yours"):
        complete(other, started["AttachmentId"])
    with refused(INVALID, "No attachment that you can see"):
        get(customer, started["AttachmentId"])  # not shown in any item yet


def test_an_expired_url_is_refused(threadline: Threadline) -> None:
    customer = Customer(threadline, "Ada").connect()
    attachment_id = customer.attach("notes.txt", b"hello", TEXT)
    url = get(customer, attachment_id, UrlExpiryInSeconds=5)["Url"]
    assert request(url).body == b"hello"
    threadline.clock.advance(seconds=6)
    assert request(url).status == 403


@pytest.mark.parametrize("ending", ["txt", "TXT"])
def test_a_read_token_gets_the_files_of_an_ended_chat(customer: Customer, ending: str) -> None:
    attachment_id = customer.attach(f"notes.{ending}", b"hello", TEXT)
    customer.leave()
    with refused(DENIED, "ended"):
        get(customer, attachment_id)
    reply = customer.workspace.threadline.create_read_token(
        InstanceId=customer.workspace.instance_id, ContactId=customer.contact_id
    )
    customer.connection_token = reply["ReadToken"]
    assert customer.attachment(attachment_id).body == b"hello"


@pytest.mark.parametrize(
    "name",
    [
        'a"; x="b.txt',
        "a\r\nSet-Cookie: x=y.txt",
        "../../etc/passwd.txt",
        "名前🙂.txt",
        "a\\b.txt",
        "x" * 252 + ".txt",
    ],
)
def test_no_name_of_a_file_reaches_a_header_or_a_folder(customer: Customer, name: str) -> None:
    attachment_id = customer.attach(name, b"hello", TEXT)
    answer = customer.attachment(attachment_id)
    assert answer.body == b"hello"
    assert "set-cookie" not in answer.headers
    plain = answer.headers["content-disposition"].split('"')[1]
    assert not set(plain) & set('";\r\n/\\'), plain
    shown = next(item for item in customer.history() if item["Type"] == "ATTACHMENT")
    assert shown["Attachments"][0]["AttachmentName"] == name


@pytest.mark.parametrize("name", ["a\0.txt", "\ud800.txt"])
def test_a_name_that_is_no_text_is_refused(customer: Customer, name: str) -> None:
    with refused(INVALID):
        start(customer, AttachmentName=name)


def test_an_upload_that_stalls_ends_and_leaves_nothing(tmp_path: Path) -> None:
    with Threadline(request_seconds_max=1, objects=f"{tmp_path}/objects") as server:
        customer = Customer(server, "Ada").connect()
        url = urlsplit(start(customer, AttachmentSizeInBytes=100_000)["UploadMetadata"]["Url"])
        with socket.create_connection((url.hostname or "", url.port or 0), timeout=20) as client:
            head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\nContent-Type: {TEXT}\r\n"
            client.sendall(f"{head}Content-Length: 100000\r\n\r\n".encode() + bytes(90_000))
            assert client.recv(1_000).startswith(b"HTTP/1.1 408")
        deadline = time.monotonic() + 20
        while left := [file for file in (tmp_path / "objects").rglob("*") if file.is_file()]:
            assert time.monotonic() < deadline, left
            threading.Event().wait(0.01)
