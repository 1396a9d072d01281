"""Faults that keep a server from writing: the operator sees one line, clients are refused, and the server goes on."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.attack.disk import MountedDisk, small_disk
from tests.http.raw import ask
from tests.processes.supervised import PATIENCE_SECONDS, Supervised, children_of, refused, supervised
from threadline.testing import Customer

HOLDER = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(database: Path) -> Iterator[int]:
    """Another program holds the lock for writing; its process."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield holder.pid
        holder.communicate(timeout=PATIENCE_SECONDS)


def until(server: Supervised, reason: str | None) -> None:
    """Wait until `/ready` says so."""
    expected = f'"reason": "{reason}"' if reason else '"status": "ready"'
    deadline = time.monotonic() + PATIENCE_SECONDS
    while expected not in (said := ask(server.url, "GET", "/ready").body.decode()):
        assert time.monotonic() < deadline, said


def send(server: Supervised, customer: Customer, text: str) -> int:
    """Ask once for a message to be kept; the status of the answer."""
    body = json.dumps({"ContentType": "text/plain", "Content": text}).encode()
    return ask(
        server.url,
        "POST",
        "/participant/message",
        body,
        x_amz_bearer=customer.connection_token,
        content_type="application/json",
    ).status


def end(server: Supervised) -> list[str]:
    """Stop; the lines of the log."""
    server.signal(signal.SIGTERM)
    status, errors = server.end()
    assert status == 0
    assert "Traceback" not in errors
    return errors.splitlines()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Supervised]:
    with supervised(tmp_path / "data") as running:
        yield running


def database(server: Supervised) -> Path:
    return Path(server.data) / "threadline.db"


# Another program's lock


def test_a_lock_of_another_program_is_waited_for_and_reads_go_on(server: Supervised) -> None:
    casey = server.workspace.customer()
    with ThreadPoolExecutor(1) as pool:
        with locked(database(server)) as holder:
            sending = pool.submit(send, server, casey, "hello")
            until(server, "locked")
            assert casey.reads() == []
            assert not sending.done()
        assert sending.result(PATIENCE_SECONDS) == 200
    assert casey.reads() == ["hello"]
    until(server, None)
    casey.drop()
    lines = end(server)
    assert len(lines) == 2, lines
    assert f"{database(server)} is locked by another program, " in lines[0]
    assert f"(process {holder}): let it finish, or end it." in lines[0]
    assert f"{database(server)} can be written again" in lines[1]


def test_a_lock_that_is_not_let_go_of_ends_in_a_refusal(server: Supervised) -> None:
    casey = server.workspace.customer()
    with locked(database(server)):
        assert send(server, casey, "lost") == 500
    assert send(server, casey, "hello") == 200
    assert casey.reads() == ["hello"]
    casey.drop()


def test_a_start_while_another_program_holds_the_lock(tmp_path: Path) -> None:
    with supervised(tmp_path) as server:
        end(server)
    with locked(tmp_path / "threadline.db") as holder:
        said = refused(tmp_path)
    assert f"{tmp_path / 'threadline.db'} is locked by another program" in said
    assert f"(process {holder})" in said


# The disk


def test_a_full_disk_is_told_once_in_ten_seconds_and_with_room_the_server_goes_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, supervised(disk.folder) as server:
        casey = server.workspace.customer()
        casey.say("before")
        disk.fill(0, server.worker())
        refusals = 0
        while refusals < 50:
            status = send(server, casey, "x" * 1_000)
            assert status in (200, 500)
            refusals += status == 500
        until(server, "disk full")
        assert casey.reads()[0] == "before"
        disk.free()
        until(server, None)
        casey.say("after")
        assert casey.reads()[-1] == "after"
        casey.drop()
        lines = [line for line in end(server) if "the WAL grows until" not in line]
    told = [
        line for line in lines if "threadline.db cannot be written, the disk is full: make room in" in line
    ]
    assert told
    assert len(told) + 1 == len(lines) <= 4, lines
    assert re.search(r"can be written again( \([0-9,]+ more requests were refused\))?$", lines[-1]), lines


def test_a_start_on_a_full_disk_says_so(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        disk.folder.mkdir()
        if isinstance(disk, MountedDisk):
            disk.fill(0, os.getpid())
            assert f"{disk.folder} cannot be used: No space left on device: make room" in refused(disk.folder)


# A server that was killed


ORPHAN = """
import fcntl, sys
lock = open(sys.argv[1], "r+")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_start_waits_for_the_orphans_of_a_server_that_was_killed(tmp_path: Path) -> None:
    """They hold the lock of their parent, and the lock names the parent's process."""
    with supervised(tmp_path) as server:
        server.signal(signal.SIGKILL)
        server.end()
    orphan = [sys.executable, "-c", ORPHAN, str(tmp_path / "server.lock")]
    with subprocess.Popen(orphan, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as held:
        assert held.stdout is not None
        assert held.stdout.readline() == b"held\n"
        with ThreadPoolExecutor(1) as pool:
            starting = pool.submit(Supervised, tmp_path)
            done, _ = wait([starting], timeout=1.0)
            assert not done
            held.communicate(timeout=PATIENCE_SECONDS)
            successor = starting.result(PATIENCE_SECONDS)
    assert end(successor) == []


# Files that lose their names


@pytest.mark.parametrize(
    "names", [["threadline.db-wal", "threadline.db-shm"], ["threadline.db-wal"], ["threadline.db-shm"]]
)
def test_what_was_acknowledged_is_kept_when_files_beside_the_database_are_removed(
    server: Supervised, names: list[str]
) -> None:
    casey = server.workspace.customer()
    casey.say("before")
    worker = server.worker()
    for name in names:
        (Path(server.data) / name).unlink()
    said = ["before"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while children_of(server.parent.pid) == [worker]:
        casey.say(f"line {len(said)}")  # asked again by the client when nobody answers
        said.append(f"line {len(said)}")
        assert time.monotonic() < deadline, "nobody has noticed"
    casey.say("after")
    assert casey.reads() == [*said, "after"]
    casey.drop()
    lines = end(server)
    assert f"{database(server)}-" in lines[0]
    assert f"All that was acknowledged is in {database(server)} now." in lines[0]


def test_nothing_is_acknowledged_on_a_database_that_was_removed(server: Supervised) -> None:
    casey = server.workspace.customer()
    casey.say("before")
    database(server).unlink()
    deadline = time.monotonic() + PATIENCE_SECONDS
    with suppress(OSError):  # nobody listens any more
        while send(server, casey, "lost") == 200:
            assert time.monotonic() < deadline, "nobody has noticed"
    status, errors = server.end()
    assert status == 1
    assert f"{database(server)} was removed or replaced while the server was writing." in errors
    assert f"{database(server)} is gone. Nothing was changed." in errors
    assert not database(server).exists()
