"""The object store: whole objects or none, in a folder and in a bucket, encrypted or not, whatever the names."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from threadline.config import BadSettings, Settings
from threadline.encryption import BadKey, SecretCipher
from threadline.objects import NoObject, Objects, ObjectsFailed, checked, key_of
from threadline.objects.encrypted import EncryptedObjects
from threadline.objects.folder import DRAFTS, FolderObjects
from threadline.objects.s3 import Bucket, S3Objects
from threadline.server import factory

KEY = "connect/demo/ChatTranscripts/2026/11/27/c1_20261127T08:45_UTC.json"
LARGE = os.urandom(300_000) + bytes(65_536 * 3)

TEMPORARY_THEN_WAIT = """
import sys
from threadline.objects.folder import FolderObjects
objects = FolderObjects.temporary()
objects.put("connect/theirs", b"2")
print(objects.folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < until, "moto_server does not listen"
            threading.Event().wait(0.1)
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s",
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )  # fmt: skip
    client.create_bucket(Bucket="files")
    yield url
    process.terminate()
    process.wait(10)


def cipher_of(digit: str = "1") -> SecretCipher:
    return SecretCipher.of_text(digit * 64, "test")


@pytest.fixture(params=["folder", "encrypted folder", "s3", "encrypted s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    inner: Objects = FolderObjects(tmp_path / "objects")
    if request.param.endswith("s3"):
        url = request.getfixturevalue("s3_url")
        inner = S3Objects(Bucket("files", f"p{time.monotonic_ns()}", "us-east-1", url, "k", "s"))
    return EncryptedObjects(inner, cipher_of(), encrypts=request.param.startswith("encrypted"))


@pytest.mark.parametrize("content", [b"", b"hello", LARGE, bytes(65_536)])
def test_an_object_is_read_as_it_was_written(objects: Objects, content: bytes) -> None:
    objects.put(KEY, content)
    assert objects.get(KEY) == content
    objects.put(KEY, content + b"again")
    assert objects.get(KEY) == content + b"again"
    objects.delete(KEY)
    objects.delete(KEY)
    with pytest.raises(NoObject):
        objects.get(KEY)


def test_an_object_is_there_only_once_it_is_committed(objects: Objects) -> None:
    with objects.writer("a/b") as writer:
        writer.write(b"half")
        assert list(objects.list()) == []
    assert list(objects.list()) == []
    with pytest.raises(NoObject):
        objects.get("a/b")


def test_objects_are_listed_and_deleted_by_their_first_parts(objects: Objects) -> None:
    for key in ("a/1", "a/2", "a/2x/3", "ab/1"):
        objects.put(key, b"x")
    assert sorted(entry.key for entry in objects.list("a")) == ["a/1", "a/2", "a/2x/3"]
    assert objects.delete_below("a", but="a/2") == 2
    assert sorted(entry.key for entry in objects.list()) == ["a/2", "ab/1"]


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", ".drafts/x", "a/.", "a\\b", "a\0b", "a b", "x" * 201, "ä"]
)  # fmt: skip
def test_a_key_that_could_leave_the_store_is_refused(objects: Objects, key: str) -> None:
    for act in (objects.writer, objects.get, objects.delete):
        with pytest.raises(ValueError, match="is no key"):
            act(key)


@given(
    st.lists(st.text(max_size=300), min_size=1, max_size=3),
    st.lists(st.text(max_size=300), min_size=1, max_size=3),
)
def test_any_texts_make_a_key_of_their_own(one: list[str], other: list[str]) -> None:
    assert checked(key_of(one))
    assert (key_of(one) == key_of(other)) == (one == other)


def test_bytes_at_rest_are_encrypted_and_belong_to_their_key(tmp_path: Path) -> None:
    folder = FolderObjects(tmp_path)
    objects = EncryptedObjects(folder, cipher_of(), encrypts=True)
    objects.put("a", b"the customer's passport" * 10_000)
    stored = folder.get("a")
    assert b"passport" not in stored
    assert EncryptedObjects(folder, cipher_of(), encrypts=False).get("a").startswith(b"the customer")
    for damaged in (stored[:-1], stored[:100_000], stored[:50] + b"?" + stored[51:], stored + b"x"):
        folder.put("a", damaged)
        with pytest.raises(ObjectsFailed, match="damaged"):
            objects.get("a")
    folder.put("b", stored)
    with pytest.raises(ObjectsFailed, match="moved from another key"):
        objects.get("b")
    with pytest.raises(ObjectsFailed, match="another key than that of test"):
        EncryptedObjects(folder, cipher_of("2"), encrypts=True).get("b")


def test_objects_from_before_encryption_are_read(tmp_path: Path) -> None:
    folder = FolderObjects(tmp_path)
    folder.put("a", b"plain")
    assert EncryptedObjects(folder, cipher_of(), encrypts=True).get("a") == b"plain"


def test_drafts_of_ended_processes_are_swept(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path)
    writer = objects.writer("a")
    writer.write(b"half")
    assert len(list((tmp_path / DRAFTS).iterdir())) == 1
    assert objects.sweep_drafts(time.time() - 60) == 0
    assert objects.sweep_drafts(time.time() + 60) == 1
    writer.abort()


def test_a_folder_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "objects").write_text("a file")
    with pytest.raises(ObjectsFailed):
        FolderObjects(tmp_path / "objects").put("a", b"x")


def test_the_shells_variables_for_aws_are_not_used(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "http://127.0.0.1:1"
    for name, value in {
        "AWS_ENDPOINT_URL": nowhere,
        "AWS_ENDPOINT_URL_S3": nowhere,
        "AWS_ENDPOINT": nowhere,
        "AWS_ACCESS_KEY_ID": "wrong",
        "AWS_SECRET_ACCESS_KEY": "wrong",
        "AWS_SESSION_TOKEN": "wrong",
        "AWS_REGION": "eu-west-9",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
        "AWS_BUCKET": "other",
        "AWS_S3_EXPRESS": "true",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": nowhere,
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere",
        "AWS_REQUEST_PAYER": "true",
        "AWS_SERVER_SIDE_ENCRYPTION": "aws:kms",
        "AWS_SSE_KMS_KEY_ID": "wrong",
        "AWS_CHECKSUM_ALGORITHM": "sha256",
        "AWS_UNSIGNED_PAYLOAD": "true",
    }.items():
        monkeypatch.setenv(name, value)
    objects = S3Objects(Bucket("files", "mine", "us-east-1", s3_url, "k", "s"))
    objects.put("a", b"x")
    assert objects.get("a") == b"x"
    client = boto3.client(
        "s3", endpoint_url=s3_url, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s",
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )  # fmt: skip
    head = client.head_object(Bucket="files", Key="mine/a")
    assert head.get("ServerSideEncryption") in (None, "AES256"), head


def test_a_bucket_that_cannot_be_reached_is_an_error_in_words() -> None:
    objects = S3Objects(Bucket("files", "", "us-east-1", "http://127.0.0.1:1", "k", "s"))
    with pytest.raises(ObjectsFailed, match="of bucket files"):
        objects.get("a")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"objects": "s3://files"}, "OBJECTS_ACCESS_KEY_ID"),
        ({"objects": "s3://F/"}, "s3://BUCKET/PREFIX"),
        ({"objects": "objects"}, "with a / in it"),
        ({"objects_url": "localhost:9000"}, "http://"),
    ],
)
def test_settings_of_objects_that_are_wrong_are_told(settings: dict[str, str], words: str) -> None:
    with pytest.raises(BadSettings, match=words):
        Settings.read({}, **settings)


def test_the_settings_choose_the_store(tmp_path: Path) -> None:
    in_memory = factory.objects(Settings(data=":memory:"), SecretCipher())
    in_memory.put("a", b"x")
    assert in_memory.get("a") == b"x"
    in_memory.close()
    assert list(in_memory.list()) == []
    encrypted = factory.objects(Settings(data=str(tmp_path), objects_encrypted=True), cipher_of())
    encrypted.put("a/b", b"secret")
    assert b"secret" not in (tmp_path / "objects" / "a" / "b").read_bytes()
    with pytest.raises(BadKey):
        SecretCipher.of_text("short", "test")


def test_the_temporary_folder_of_a_killed_process_is_deleted_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mine = FolderObjects.temporary()
    mine.put("connect/mine", b"1")
    killed = subprocess.Popen(
        [sys.executable, "-c", TEMPORARY_THEN_WAIT],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert killed.stdin is not None
    assert killed.stdout is not None
    left = Path(killed.stdout.readline().strip())
    assert mine.get("connect/mine") == b"1"
    FolderObjects.temporary().close()
    assert (left / "connect" / "theirs").exists(), "the folder of a process that runs was deleted"
    killed.kill()
    killed.wait()
    killed.stdin.close()
    killed.stdout.close()
    FolderObjects.temporary().close()
    assert not left.exists()
    assert mine.get("connect/mine") == b"1"
    mine.close()
    assert list(tmp_path.iterdir()) == []
