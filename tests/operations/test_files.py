"""Transcript files, scans, attached files, and what is deleted again, on both engines."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines import store_of
from tests.operations.file_calls import HELLO, put_file, start_file, uploaded_file
from tests.operations.refusals import refused
from threadline.objects.folder import DRAFTS
from threadline.testing import Customer, Threadline
from threadline.testing.options import Options
from threadline.testing.people import request as http

INVALID, NOT_FOUND = ("InvalidRequestException", 400), ("ResourceNotFoundException", 404)
SCANNER = "arn:aws:lambda:us-east-1:123456789012:function:scanner"


def until(holds: Callable[[], Any], what: str) -> Any:
    """Wait until something holds, and return it."""
    deadline = time.monotonic() + 20
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within 20 seconds: {what}"
        threading.Event().wait(0.01)
    return found


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Threadline]:
    options: Options = {**store_of(request), "objects": f"{tmp_path}/objects", "attachments_max": 3}
    with Threadline(**options) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgres"])
def scanned(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Threadline]:
    options: Options = {**store_of(request), "objects": f"{tmp_path}/objects", "attachment_scanner": SCANNER}
    with Threadline(**options) as made:
        yield made


def files_of(folder: Path) -> list[Path]:
    return sorted(
        Path(place, name)
        for place, _, names in os.walk(folder / "objects")
        for name in names
        if DRAFTS not in place
    )


def transcript_of(folder: Path, contact_id: str) -> Path:
    def find() -> Path | None:
        return next((file for file in files_of(folder) if file.name.startswith(contact_id)), None)

    found: Path = until(find, f"a transcript file of {contact_id} in {files_of(folder)}")
    return found


def test_each_contact_leaves_one_file_where_the_instance_says(server: Threadline, tmp_path: Path) -> None:
    customer = Customer(server, "Ada").connect()
    agent = server.agent("a1").accept(customer)
    customer.say("Grüße 🙂")
    agent.delivered(customer.see("Grüße 🙂"))
    customer.attach("notes.txt", HELLO, "text/plain")
    second = agent.transfer(server.agent("a2"))
    other = server.agent("a2").accept(second)
    other.say("Hello from a2")
    customer.leave()
    first, last = transcript_of(tmp_path, customer.contact_id), transcript_of(tmp_path, second)
    described = server.connect.describe_instance(InstanceId=server.instance_id)["Instance"]
    listed = server.connect.list_instance_storage_configs(
        InstanceId=server.instance_id, ResourceType="CHAT_TRANSCRIPTS"
    )["StorageConfigs"]
    prefix = listed[0]["S3Config"]["BucketPrefix"]
    assert prefix == f"connect/{described['InstanceAlias']}/ChatTranscripts"
    assert first.relative_to(tmp_path / "objects").as_posix().startswith(f"{prefix}/2")
    assert first.name.endswith("_UTC.json")
    assert first.name[len(customer.contact_id)] == "_"
    content = json.loads(first.read_text("utf-8"))
    assert {name: content[name] for name in content if name not in ("Participants", "Transcript")} == {
        "Version": "2019-08-26",
        "AWSAccountId": described["Arn"].split(":")[4],
        "InstanceId": server.instance_id,
        "InitialContactId": customer.contact_id,
        "ContactId": customer.contact_id,
    }
    assert {"ParticipantId": customer.participant_id} in content["Participants"]
    items = content["Transcript"]
    assert [item["Content"] for item in items if item["Type"] == "MESSAGE"] == ["Grüße 🙂"]
    assert [item["Attachments"][0]["Status"] for item in items if item["Type"] == "ATTACHMENT"] == [
        "APPROVED"
    ]
    message = next(item for item in items if item["Type"] == "MESSAGE")
    assert message["AbsoluteTime"].endswith("Z")
    assert not {"ContactId", "InitialContactId", "RelatedContactId"} & set(message)
    assert "DeliveredTimestamp" in message["MessageMetadata"]["Receipts"][0]
    texts = [item.get("Content") for item in json.loads(last.read_text("utf-8"))["Transcript"]]
    assert "Hello from a2" in texts
    assert "Grüße 🙂" not in texts
    assert json.loads(last.read_text("utf-8"))["Transcript"][-1]["ContentType"].endswith("chat.ended")


def test_a_long_chat_is_written_whole(server: Threadline, tmp_path: Path) -> None:
    customer = Customer(server, "Ada").connect()
    for number in range(620):
        customer.say(f"message {number}")
    customer.leave()
    items = json.loads(transcript_of(tmp_path, customer.contact_id).read_text("utf-8"))["Transcript"]
    said = [
        item["Content"]
        for item in items
        if item["Type"] == "MESSAGE" and item["ParticipantRole"] == "CUSTOMER"
    ]
    assert said == [f"message {number}" for number in range(620)]


def test_an_object_store_that_fails_delays_files_and_loses_none(server: Threadline, tmp_path: Path) -> None:
    objects = tmp_path / "objects"
    objects.rename(tmp_path / "away") if objects.exists() else None
    objects.write_text("no folder")
    customer = Customer(server, "Ada").connect()
    with pytest.raises(AssertionError, match="answered 503"):
        customer.attach("notes.txt", HELLO, "text/plain")
    customer.leave()
    threading.Event().wait(0.2)
    objects.unlink()

    def found() -> bool:
        server.clock.advance(seconds=20)
        return any(file.name.startswith(customer.contact_id) for file in files_of(tmp_path))

    until(found, "the file that could not be written at first")


@pytest.mark.parametrize(
    ("answer", "status"),
    [({"Status": "APPROVED"}, "APPROVED"), ({"status": "rejected"}, "REJECTED"), ({}, "REJECTED")],
)
def test_a_scanner_decides_before_anybody_gets_a_file(
    scanned: Threadline, answer: dict[str, str], status: str
) -> None:
    asked: list[dict[str, Any]] = []
    goes_on = threading.Event()

    def scan(event: dict[str, Any], _: object) -> dict[str, str]:
        asked.append(event)
        goes_on.wait(20)
        return answer

    scanned.lambda_(SCANNER, scan)
    customer = Customer(scanned, "Ada").connect()
    agent = scanned.agent("a1").accept(customer)
    attachment_id = customer.attach("notes.txt", HELLO, "text/plain")
    first = agent.see(Type="ATTACHMENT")
    assert first["Attachments"][0]["Status"] == "IN_PROGRESS"
    with refused(("ValidationException", 400), "is being scanned"):
        agent.attachment(attachment_id)
    goes_on.set()
    second = agent.see(Type="ATTACHMENT")
    assert (second["Id"], second["AbsoluteTime"]) == (first["Id"], first["AbsoluteTime"])
    assert second["Attachments"][0] == {**first["Attachments"][0], "Status": status}
    shown = [item for item in agent.history() if item["Type"] == "ATTACHMENT"]
    assert [(item["Id"], item["Attachments"][0]["Status"]) for item in shown] == [(first["Id"], status)]
    assert asked[0]["File"]["FileName"] == "notes.txt"
    assert asked[0]["File"]["FileSizeInBytes"] == 5
    assert asked[0]["File"]["FileLocation"]["Key"].startswith("connect/")
    if status == "APPROVED":
        assert agent.attachment(attachment_id).body == HELLO
    else:
        with refused(("ValidationException", 400), "was rejected"):
            agent.attachment(attachment_id)


def test_a_chat_takes_so_many_files_and_no_more(server: Threadline) -> None:
    customer = Customer(server, "Ada").connect()
    for _ in range(3):
        customer.attach("notes.txt", HELLO, "text/plain")
    with refused(("ServiceQuotaExceededException", 402), "at most 3 attachments"):
        customer.attach("notes.txt", HELLO, "text/plain")


def test_uploads_that_are_not_completed_are_swept(server: Threadline, tmp_path: Path) -> None:
    customer = Customer(server, "Ada", ChatDurationInMinutes=10_000).connect()
    start = server.connectparticipant.start_attachment_upload
    members = {"ContentType": "text/plain", "AttachmentSizeInBytes": 5, "AttachmentName": "notes.txt"}
    started = start(ConnectionToken=customer.connection_token, **members)
    for _ in range(2):
        upload = started["UploadMetadata"]
        assert http(upload["Url"], "PUT", upload["HeadersToInclude"], HELLO).status == 200
    kept = customer.attach("notes.txt", HELLO, "text/plain")
    assert len(files_of(tmp_path)) == 3
    server.clock.advance(hours=2)
    until(lambda: len(files_of(tmp_path)) == 1, "one file is left")
    assert customer.attachment(kept).body == HELLO
    with refused(("ValidationException", 400), "No attachment of yours"):
        server.connectparticipant.complete_attachment_upload(
            ConnectionToken=customer.connection_token, AttachmentIds=[started["AttachmentId"]]
        )


def test_an_account_attaches_lists_and_deletes_files(server: Threadline, tmp_path: Path) -> None:
    contact_id, file_id = uploaded_file(server)
    of = {"InstanceId": server.instance_id, "AssociatedResourceArn": contact_id}
    file = server.connect.get_attached_file(**of, FileId=file_id)
    assert file["FileStatus"] == "DRAFTING"
    assert "DownloadUrlMetadata" not in file
    server.connect.complete_attached_file_upload(**of, FileId=file_id)
    with refused(INVALID, "completed already"):
        server.connect.complete_attached_file_upload(**of, FileId=file_id)
    file = server.connect.get_attached_file(**of, FileId=file_id)
    assert (file["FileStatus"], file["FileName"], file["FileSizeInBytes"]) == ("APPROVED", "notes.txt", 5)
    url = file["DownloadUrlMetadata"]["Url"]
    assert http(url).body == HELLO
    found = server.connect.batch_get_attached_file_metadata(**of, FileIds=[file_id, "none"])
    assert [each["FileId"] for each in found["Files"]] == [file_id]
    assert [each["FileId"] for each in found["Errors"]] == ["none"]
    server.connect.delete_attached_file(**of, FileId=file_id)
    assert http(url).status == 403
    until(lambda: not files_of(tmp_path), "no file is left")
    with refused(NOT_FOUND, "File not found"):
        server.connect.get_attached_file(**of, FileId=file_id)
    with refused(INVALID, "FileUseCaseType"):
        start_file(server, contact_id, FileUseCaseType="VOICE_RECORDING")
    assert put_file(start_file(server, contact_id, UrlExpiryInSeconds=5)) == 200


def test_an_erasure_leaves_no_file(server: Threadline, tmp_path: Path) -> None:
    customer = Customer(server, "Ada").connect()
    attachment_id = customer.attach("notes.txt", b"a secret", "text/plain")
    url = server.connectparticipant.get_attachment(
        ConnectionToken=customer.connection_token, AttachmentId=attachment_id
    )["Url"]
    customer.leave()
    transcript_of(tmp_path, customer.contact_id)
    assert len(files_of(tmp_path)) == 2
    server.threadline.start_erasure(InstanceId=server.instance_id, ContactId=customer.contact_id)
    until(lambda: not files_of(tmp_path), "no file is left")
    assert http(url).status == 403


def test_the_servers_own_storage_is_told_first_and_cannot_be_changed(server: Threadline) -> None:
    of = {"InstanceId": server.instance_id, "ResourceType": "ATTACHMENTS"}
    config = {"StorageType": "S3", "S3Config": {"BucketName": "mine", "BucketPrefix": "x"}}
    server.connect.associate_instance_storage_config(**of, StorageConfig=config)
    pages = server.connect.get_paginator("list_instance_storage_configs")
    for size in (1, 2, 10):
        found = [
            each["S3Config"]["BucketName"]
            for page in pages.paginate(**of, PaginationConfig={"PageSize": size})
            for each in page["StorageConfigs"]
        ]
        assert found == ["threadline", "mine"], size
    own = server.connect.list_instance_storage_configs(**of)["StorageConfigs"][0]
    described = server.connect.describe_instance_storage_config(**of, AssociationId=own["AssociationId"])
    assert described["StorageConfig"] == own
    with refused(INVALID, "THREADLINE_OBJECTS"):
        server.connect.disassociate_instance_storage_config(**of, AssociationId=own["AssociationId"])
