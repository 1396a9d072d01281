"""An object store that is full or away, and a server that is killed in the middle of an upload: nothing is half."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.attack.killed import killed
from tests.engines import Postgres, postgres, store_of
from tests.objects.fake_s3 import FakeS3, fake_s3
from tests.processes.supervised import Supervised
from tests.streams.aws import until
from threadline.objects.folder import DRAFTS
from threadline.operations.continuations import LEASE_SECONDS
from threadline.server.factory import KEY_OF_TESTS
from threadline.testing import Threadline
from threadline.testing.options import Options
from threadline.testing.people import request

__all__ = ["postgres"]
CONTENT = bytes(range(256)) * 4_000


def in_bucket(bucket: FakeS3) -> Options:
    return {
        "objects": "s3://files/of",
        "objects_url": bucket.url,
        "objects_access_key_id": "k",
        "objects_secret_access_key": "s",
    }


@pytest.fixture
def bucket() -> Iterator[FakeS3]:
    with fake_s3() as bucket:
        yield bucket


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, bucket: FakeS3) -> Iterator[Threadline]:
    options: Options = {**store_of(request), **in_bucket(bucket)}
    with Threadline(**options) as server:
        yield server


@pytest.mark.parametrize("how", [503, 507, 403, "half"])
def test_a_bucket_in_trouble_takes_no_upload_holds_up_no_chat_and_loses_no_file(
    server: Threadline, bucket: FakeS3, how: int | str
) -> None:
    casey = server.customer()
    agent = server.agent("a1").accept(casey)
    bucket.how = how
    with pytest.raises(AssertionError, match="answered 503"):
        casey.attach("notes.txt", CONTENT, "text/plain")
    casey.say("my file does not go through")
    agent.see("my file does not go through")
    assert not any(item["Type"] == "ATTACHMENT" for item in casey.history())
    casey.leave()
    until(lambda: [each for each in bucket.asked if casey.contact_id in each], bool)
    assert bucket.objects == {}

    bucket.how = 200

    def transcripts() -> list[bytes]:
        server.clock.advance(seconds=20)
        return [body for key, body in bucket.objects.items() if casey.contact_id in key]

    (document,) = [json.loads(body) for body in until(transcripts, bool)]
    assert "my file does not go through" in [item.get("Content") for item in document["Transcript"]]
    again = server.customer()
    attachment_id = again.attach("notes.txt", CONTENT, "text/plain")
    assert again.attachment(attachment_id).body == CONTENT
    bucket.how = how
    url = server.connectparticipant.get_attachment(
        ConnectionToken=again.connection_token, AttachmentId=attachment_id
    )["Url"]
    assert request(url).status == 503
    bucket.how = 200


def test_an_upload_in_whose_middle_the_server_is_killed_is_begun_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with killed(data) as server:
        casey = server.workspace.customer()
        started = server.workspace.connectparticipant.start_attachment_upload(
            ConnectionToken=casey.connection_token,
            ContentType="text/plain",
            AttachmentSizeInBytes=len(CONTENT),
            AttachmentName="notes.txt",
        )
        upload = started["UploadMetadata"]
        url = urlsplit(upload["Url"])
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
        with socket.create_connection((url.hostname or "", url.port or 0), timeout=30) as client:
            client.sendall(f"{head}Content-Length: {len(CONTENT)}\r\n\r\n".encode() + CONTENT[:-1])
            drafts = data / "objects" / DRAFTS
            until(lambda: [file.stat().st_size for file in drafts.glob("*")], any)
            server.all()
        whole = [file for file in (data / "objects").rglob("*") if file.is_file() and file.parent != drafts]
        assert whole == []
        answer = until(
            lambda: request(upload["Url"], "PUT", upload["HeadersToInclude"], CONTENT),
            lambda a: a.status == 200,
        )
        assert answer.status == 200
        server.workspace.connectparticipant.complete_attachment_upload(
            ConnectionToken=casey.connection_token, AttachmentIds=[started["AttachmentId"]]
        )
        assert casey.attachment(started["AttachmentId"]).body == CONTENT


def test_a_transcript_file_in_whose_middle_a_node_is_killed_is_written_by_another(
    postgres: Postgres, bucket: FakeS3, tmp_path: Path
) -> None:
    options: Options = {"store": postgres.database(), **in_bucket(bucket)}
    env = {f"THREADLINE_{name.upper()}": str(value) for name, value in options.items()}
    env["THREADLINE_ENCRYPTION_KEY"] = KEY_OF_TESTS
    bucket.how = "hang"
    node = Supervised(tmp_path / "data", env=env)
    try:
        casey = node.workspace.customer()
        casey.say("hello")
        casey.leave()
        until(lambda: [each for each in bucket.asked if casey.contact_id in each], bool)
    finally:
        node.kill()
        node.end()
    assert bucket.objects == {}
    bucket.how = 200
    with Threadline(**options) as other:
        other.clock.advance(seconds=LEASE_SECONDS + 5)
        (body,) = until(lambda: list(bucket.objects.values()), bool)
    assert "hello" in [item.get("Content") for item in json.loads(body)["Transcript"]]


def imported(contact_id: str) -> Any:
    at = "2024-04-07T08:00:00.000Z"
    item = {"AbsoluteTime": at, "Type": "MESSAGE", "ContentType": "text/plain", "Content": f"on {contact_id}"}
    return {"ContactId": contact_id, "InitiationTimestamp": at, "DisconnectTimestamp": at, "Items": [item]}


def test_an_export_in_whose_middle_the_server_is_killed_has_whole_files_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "export"

    def whole() -> list[str]:
        return [json.loads(file.read_bytes())["ContactId"] for file in folder.rglob("*.json")]

    with killed(tmp_path / "data") as server:
        contacts = [f"c-{number:04}" for number in range(1_000)]
        for first in range(0, len(contacts), 50):
            server.workspace.threadline.import_contacts(
                InstanceId=server.workspace.instance_id,
                Contacts=[imported(each) for each in contacts[first : first + 50]],
            )
        command = [sys.executable, "-m", "threadline", "export", "--to", str(folder)]
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "THREADLINE_"))
        }
        env |= server.workspace.env
        exporting = subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        until(lambda: list(folder.rglob("*.json")), bool)
        server.kill_all()
        _, said = exporting.communicate(timeout=60)
        assert exporting.returncode, "it says that it has exported everything"
        assert "Traceback" not in said, said
        assert said.strip(), "it does not say why it ended"
        assert set(whole()) < set(contacts), "a server that was killed has exported everything"
        server.start()
        subprocess.run(command, env=env, check=True, capture_output=True, timeout=120)
        assert sorted(whole()) == sorted(contacts)


FILL = """
import resource
import sys
from pathlib import Path
from threadline.objects import ObjectsFailed
from threadline.objects.folder import FolderObjects
objects = FolderObjects(Path(sys.argv[1]))
objects.put("connect/small", b"1")
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
try:
    objects.put("connect/large", bytes(1_000_000))
except ObjectsFailed as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_leaves_no_draft_and_what_was_there(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", FILL, tmp_path / "objects"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "File too large at object large" in said
    files = [file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()]
    assert files == ["objects/connect/small"]
