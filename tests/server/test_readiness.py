"""`/ready` says whether clients should be sent here, and why not; `/health` says only that somebody is alive."""

import asyncio
import os
import signal
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import TypeVar

import apsw
import pytest
from botocore.exceptions import ClientError

from tests.attack.disk import small_disk
from tests.engines import running
from tests.http.raw import ask
from tests.processes.supervised import supervised
from threadline.clock import Clock
from threadline.config import Settings
from threadline.server.readiness import ROOM_BYTES_MIN, Files, Readiness
from threadline.store import UnitOfWork
from threadline.store.sqlite.store import SqliteStore
from threadline.testing import Threadline, Workspace

PATIENCE_SECONDS = 60
T = TypeVar("T")


def becomes(url: str, status: int, *reasons: str | None) -> None:
    """Ask until that is the answer; meanwhile the process is alive."""
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        answer = ask(url, "GET", "/ready")
        if (answer.status, answer.json.get("reason")) in [(status, reason) for reason in reasons or (None,)]:
            break
        assert monotonic() < deadline, f"not {status} {reasons} but {answer.status} {answer.json}"
    assert ask(url, "HEAD", "/ready").status == status


def chats_without_end(workspace: Workspace) -> None:
    while True:
        workspace.invite()


@pytest.fixture(params=[0, 1], ids=["one process", "a frontend"])
def frontends(request: pytest.FixtureRequest) -> dict[str, str]:
    return {"THREADLINE_FRONTEND_PROCESSES": str(request.param)}


def test_a_server_is_ready_and_says_nothing_else(threadline: Threadline) -> None:
    answer = ask(threadline.url, "GET", "/ready")
    assert (answer.status, answer.json["status"]) == (200, "ready")
    assert set(answer.json) == {"status", "version"}
    assert answer.headers["content-type"] == "application/json"
    assert ask(threadline.url, "HEAD", "/ready").status == 200
    assert ask(threadline.url, "POST", "/ready").status == 404


def test_a_database_that_another_program_locks(tmp_path: Path, frontends: dict[str, str]) -> None:
    with supervised(tmp_path / "data", env=frontends) as server:
        becomes(server.url, 200)
        with closing(apsw.Connection(str(tmp_path / "data" / "threadline.db"))) as other:
            other.execute("BEGIN IMMEDIATE")
            becomes(server.url, 503, "locked")
            assert ask(server.url, "GET", "/health").status == 200
        becomes(server.url, 200)


def test_files_that_are_unlinked(tmp_path: Path, frontends: dict[str, str]) -> None:
    with supervised(tmp_path / "data", env=frontends) as server:
        becomes(server.url, 200)
        (tmp_path / "data" / "threadline.db-wal").unlink()
        becomes(server.url, 503, "files unlinked")


def test_a_writer_that_does_not_answer(tmp_path: Path) -> None:
    with supervised(tmp_path / "data", env={"THREADLINE_FRONTEND_PROCESSES": "1"}) as server:
        becomes(server.url, 200)
        writer = server.worker()
        os.kill(writer, signal.SIGSTOP)
        try:
            becomes(server.url, 503, "writer silent")
            assert ask(server.url, "GET", "/health").status == 200
        finally:
            os.kill(writer, signal.SIGCONT)
        becomes(server.url, 200)


def test_a_full_disk_and_one_with_room_again(tmp_path: Path, frontends: dict[str, str]) -> None:
    """Nobody writes when there is room again: a load balancer sends nobody to a server that is not ready."""
    with small_disk(tmp_path / "disk") as disk, supervised(disk.folder, env=frontends) as server:
        becomes(server.url, 200)
        disk.fill(0, server.worker())
        with pytest.raises(ClientError):
            chats_without_end(server.workspace)
        becomes(server.url, 503, "disk full")
        assert ask(server.url, "GET", "/health").status == 200
        disk.free()
        becomes(server.url, 200)


def test_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    (tmp_path / "threadline.db").touch()
    files = Files(tmp_path / "threadline.db")
    assert files.look() is None
    with small_disk(tmp_path / "disk") as disk:
        disk.folder.mkdir(exist_ok=True)
        files = Files(disk.folder / "threadline.db")
        assert files.look() is None
        if os.path.ismount(tmp_path / "disk"):
            disk.fill(ROOM_BYTES_MIN - 4096, os.getpid())
            assert files.look() == "disk full"


def test_a_postgresql_that_is_away() -> None:
    with running() as postgres, Threadline(store=postgres.database()) as server:
        becomes(server.url, 200)
        postgres.stop()
        becomes(server.url, 503, "database away")
        assert ask(server.url, "GET", "/health").status == 200
        postgres.start()
        becomes(server.url, 200)


async def test_the_first_answer_under_a_lock_names_the_lock(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path))
    store = SqliteStore(tmp_path / "threadline.db", Clock())
    readiness = Readiness(store, settings)
    with closing(apsw.Connection(str(tmp_path / "threadline.db"))) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await asyncio.gather(*[readiness.reason() for _ in range(3)]) == ["locked"] * 3
        other.execute("ROLLBACK")
    await store.close()


class Counting(SqliteStore):
    """Knows how often it was asked to write."""

    asked = 0

    async def write(self, unit: UnitOfWork[T]) -> T:
        self.asked += 1
        return await super().write(unit)


async def test_however_many_ask_one_looks() -> None:
    store = Counting(None, Clock())
    readiness = Readiness(store, Settings(data=":memory:"))
    assert await asyncio.gather(*[readiness.reason() for _ in range(100)]) == [None] * 100
    assert store.asked == 1
    await store.close()


async def test_a_server_that_drains() -> None:
    store = SqliteStore(None, Clock())
    readiness = Readiness(store, Settings(data=":memory:"))
    assert await readiness.reason() is None
    readiness.is_draining = True
    status, body = await readiness.answer()
    assert status == 503
    assert b'"reason": "draining"' in body
    await store.close()
