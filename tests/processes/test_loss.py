"""Data that is gone: a start says so and changes nothing, and goes on only when it is told to."""

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import apsw
import pytest

from tests.processes.supervised import PATIENCE_SECONDS, Supervised, gone, supervised
from tests.processes.supervised import refused as refused_start
from threadline.testing import Workspace

LINES = 40
DATABASE, WAL, STATE, WORKSPACE = "threadline.db", "threadline.db-wal", "threadline.state", "workspace.json"


def kill_all(server: Supervised) -> None:
    """The parent first, so that it starts no other worker."""
    worker = server.worker()
    server.signal(signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    server.end()
    assert gone(worker)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a server that was killed after it had acknowledged messages."""
    data = tmp_path_factory.mktemp("killed") / "data"
    with supervised(data) as server:
        casey = server.workspace.customer()
        for number in range(LINES):
            casey.say(f"line {number}")
        wait_for_record(data)
        kill_all(server)
    return data


def wait_for_record(data: Path) -> None:
    """Until the record covers the whole WAL: it is written twenty times a second."""
    frames = ((data / WAL).stat().st_size - 32) // (24 + 4096)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (known := json.loads((data / STATE).read_bytes())["frames"]) < frames:
        assert time.monotonic() < deadline, f"{known} of {frames} frames are recorded"
        os.sched_yield()


@pytest.fixture
def data(killed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(killed, tmp_path / "data")


def refused(data: Path) -> str:
    """The message of a start that is refused. No file has changed."""
    before = contents(data)
    said = refused_start(data)
    assert contents(data) == before
    return said


def contents(data: Path) -> dict[str, bytes]:
    """All that a start leaves alone: not the lock, nor what SQLite makes anew, nor the address of the killed server."""
    passing = {"server.lock", "server.json", "threadline.db-shm"}
    files = {file.name: file.read_bytes() for file in data.iterdir() if file.name not in passing}
    return {name: content for name, content in files.items() if content}


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 0xFF
    file.write_bytes(content)


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


HARMS: dict[str, Callable[[Path], object]] = {
    "the WAL is gone": lambda data: (data / WAL).unlink(),
    "the WAL is empty": lambda data: os.truncate(data / WAL, 0),
    "the WAL is half": lambda data: cut(data / WAL),
    "a byte of the WAL's first frame": lambda data: flip(data / WAL, 32 + 24 + 100),
    "a byte of the WAL's last frame": lambda data: flip(data / WAL, -100),
    "a byte of the WAL's header": lambda data: flip(data / WAL, 18),
    "the database is gone": lambda data: (data / DATABASE).unlink(),
    "the database is empty": lambda data: os.truncate(data / DATABASE, 0),
    "the database is noise": lambda data: (
        (data / DATABASE).write_bytes(random.Random(7).randbytes(8_192)) and None
    ),
    "the record is noise": lambda data: (data / STATE).write_text("noise"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_start_on_less_than_was_acknowledged_is_refused(data: Path, harm: str) -> None:
    HARMS[harm](data)
    said = refused(data)
    assert str(data / DATABASE) in said
    assert f"`threadline restore FROM --replace --data {data}`" in said
    assert f"`threadline serve --accept-loss --data {data}`" in said


@pytest.mark.parametrize(
    ("harm", "how"),
    [
        (lambda wal: wal.unlink(), "is gone or empty"),
        (lambda wal: os.truncate(wal, 0), "is gone or empty"),
        (cut, "is damaged or cut off"),
        *[(partial(flip, at=at), "is damaged or cut off") for at in (5, 18, 156, 50_000, -100)],
    ],
)
def test_a_wal_that_is_not_whole_is_named_before_the_database(
    data: Path, harm: Callable[[Path], object], how: str
) -> None:
    harm(data / WAL)
    said = refused(data)
    assert said.startswith(f"threadline: {data / WAL} {how}"), said
    assert "held what was acknowledged until" in said


@pytest.mark.parametrize("harm", HARMS)
def test_an_accepted_loss_is_told_once_and_what_is_there_goes_on(data: Path, harm: str) -> None:
    HARMS[harm](data)
    with supervised(data, "--port", "0", "--accept-loss") as server:
        assert_serves(server.workspace)
        server.signal(signal.SIGTERM)
        status, errors = server.end()
    assert status == 0
    assert "the loss is accepted, and the server goes on with what is there: " in errors
    with supervised(data) as again:
        server.signal(signal.SIGTERM)
        assert "loss" not in end(again)


def assert_serves(workspace: Workspace) -> None:
    casey = workspace.customer()
    casey.say("hello")
    assert casey.reads() == ["hello"]
    casey.drop()


def end(server: Supervised) -> str:
    server.signal(signal.SIGTERM)
    status, errors = server.end()
    assert status == 0
    return errors


def test_a_wal_that_another_program_has_moved_into_the_database_is_no_loss(data: Path) -> None:
    connection = apsw.Connection(str(data / DATABASE))
    assert connection.execute("SELECT count(*) FROM item").fetchall()
    connection.close()
    assert not (data / WAL).exists()
    with supervised(data) as server:
        assert end(server) == ""


def test_an_older_copy_of_the_database_is_refused(data: Path, tmp_path: Path) -> None:
    with supervised(data) as server:
        end(server)
    older = shutil.copytree(data, tmp_path / "older")
    with supervised(data) as server:
        server.workspace.customer().drop()
        end(server)
    shutil.copy(older / DATABASE, data / DATABASE)
    assert f"{data / DATABASE} lacks what was acknowledged until" in (said := refused(data))
    assert WAL not in said, "a clean stop leaves none"


def test_a_folder_of_an_older_version_is_taken_as_it_is(data: Path) -> None:
    (data / STATE).unlink()
    with supervised(data) as server:
        assert end(server) == ""
    assert (data / STATE).exists()


def test_a_record_that_cannot_be_read_is_a_reason_not_to_start(data: Path) -> None:
    (data / STATE).write_bytes(b"x" * 512)
    assert f"{data / STATE} cannot be read as what it was written as" in (said := refused(data))
    assert "is whole. Nothing was changed." in said


def test_a_workspace_file_of_another_database_is_never_written_over(data: Path, tmp_path: Path) -> None:
    with supervised(tmp_path / "other") as other:
        end(other)
    shutil.copy(tmp_path / "other" / WORKSPACE, data / WORKSPACE)
    theirs = (data / WORKSPACE).read_bytes()
    said = refused(data)
    assert f"{data} names instance {json.loads(theirs)['instance_id']} in workspace.json" in said
    with supervised(data, "--port", "0", "--accept-loss") as server:
        assert_serves(server.workspace)
        errors = end(server)
    assert f"it is {data / WORKSPACE}.kept-1 now" in errors
    assert (data / f"{WORKSPACE}.kept-1").read_bytes() == theirs


@pytest.mark.parametrize("content", [b'{"a":', b"", b"\xff", b"[]", b"{}"])
def test_a_workspace_file_that_cannot_be_read_is_kept_and_said_to_be_so(data: Path, content: bytes) -> None:
    (data / WORKSPACE).write_bytes(content)
    with supervised(data, "--port", "0") as server:
        assert_serves(server.workspace)
        errors = end(server)
    kept = data / f"{WORKSPACE}.kept-1"
    assert f"{data / WORKSPACE} cannot be read as what it was written as: it is {kept} now" in errors
    assert errors.count("\n") == 1, errors
    assert kept.read_bytes() == content


def test_a_worker_that_dies_and_finds_less_is_not_followed_by_another(data: Path) -> None:
    """The WAL may have been there when the worker began."""
    with supervised(data, env={"THREADLINE_FRONTEND_PROCESSES": "0"}) as server:
        server.workspace.customer().say("hello")
        (data / WAL).unlink()
        (data / DATABASE).unlink()
        os.kill(server.worker(), signal.SIGKILL)
        status, errors = server.end()
    assert status == 1
    assert f"{data / DATABASE} is gone" in errors
    assert errors.count("\n") == 2, errors


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Supervised]:
    with supervised(tmp_path / "data") as server:
        yield server


def test_a_database_is_whole_without_its_wal_as_soon_as_it_is_made(fresh: Supervised) -> None:
    assert isinstance(fresh.data, Path)
    alone = fresh.data.parent / "alone.db"
    shutil.copy(fresh.data / DATABASE, alone)
    connection = apsw.Connection(str(alone))
    assert connection.pragma("user_version")
    connection.close()
