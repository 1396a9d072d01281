"""A disk fails under a store: every caller is told, nothing half done stays, and the next one is served."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random

import apsw
import pytest

from tests.recorder import Recorder
from tests.simulation.faults import Disk, failing, on_disk
from tests.units import Function
from threadline.clock import ManualClock
from threadline.operations.continuations import CONTINUATIONS, run_due_now
from threadline.store import Task, Tx, Unavailable
from threadline.store.observer import StoreObserver
from threadline.store.sqlite import checkpoints, durability, trouble
from threadline.store.sqlite.store import SqliteStore

PATIENCE_SECONDS = 60.0


class Recovery(Recorder):
    """Sets `over` once the store can be written again."""

    def __init__(self) -> None:
        super().__init__()
        self.over = asyncio.Event()

    def troubled(self, reason: str | None) -> None:
        super().troubled(reason)
        if reason is None:
            self.over.set()


@asynccontextmanager
async def opened(disk: Disk, observer: StoreObserver | None = None) -> AsyncIterator[SqliteStore]:
    with on_disk(disk):
        store = SqliteStore(disk.root / "threadline.db", ManualClock(), observer=observer)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(f"disk of {tmp_path}", tmp_path)


def keep(key: str, size: int = 1) -> Callable[[Tx], str]:
    """A unit of work that writes a row of this size."""

    def work(tx: Tx) -> str:
        tx.run("insert_reply", key=key, arguments_hash="", salt="", reply="x" * size, now_ms=tx.now_ms)
        return key

    return work


async def kept(store: SqliteStore, *keys: str) -> list[str]:
    return await store.read(lambda tx: [key for key in keys if tx.one("reply_of", key=key)])


async def test_what_follows_a_rollback_of_the_database_itself_is_not_kept(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite answers an error of the disk by rolling back all: nothing may go on after it, as after other failures."""

    def stumble(tx: Tx, task: Task) -> None:
        disk.trouble = failing(1, 1, apsw.IOError)
        tx.one("instance", instance_id="any")

    def work(tx: Tx) -> None:
        keep("before")(tx)
        tx.later("stumble", tx.now_ms)
        run_due_now(tx)
        keep("after")(tx)

    monkeypatch.setitem(CONTINUATIONS, "stumble", stumble)
    async with opened(disk) as store:
        await store.write(Function(keep("old")))
    seen = Recorder()
    async with opened(disk, seen) as store:
        with pytest.raises(Unavailable):
            await store.write(Function(work))
        assert await kept(store, "before", "after") == []
        assert seen.commits == []
        assert await store.write(Function(keep("after"))) == "after"


async def test_a_full_disk_fails_who_asked_and_serves_again_when_there_is_room(disk: Disk) -> None:
    async with opened(disk) as store:
        await store.write(Function(keep("old")))
        disk.trouble = failing(1, 1_000, apsw.FullError)
        answers = await asyncio.gather(
            *(store.write(Function(keep(f"new {i}", 10_000))) for i in range(5)), return_exceptions=True
        )
        assert all(isinstance(answer, Unavailable) for answer in answers)
        disk.trouble = None
        assert await kept(store, "old", "new 0", "new 4") == ["old"]
        assert await store.write(Function(keep("new 0"))) == "new 0"
    async with opened(disk) as store:
        assert await kept(store, "old", "new 0", "new 1") == ["old", "new 0"]


async def test_a_read_that_fails_does_not_keep_the_next_from_reading(disk: Disk) -> None:
    async with opened(disk) as store:
        await store.write(Function(keep("old")))
    async with opened(disk) as store:
        disk.trouble = failing(1, 1, apsw.IOError)
        with pytest.raises(Unavailable):
            await kept(store, "old")
        assert await kept(store, "old") == ["old"]


async def test_the_wal_starts_anew_while_writes_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is moved into the database beside the commits, and before it has grown too long, by one of them."""
    monkeypatch.setattr(checkpoints, "PAGES", 20)
    monkeypatch.setattr(checkpoints, "PAGES_MAX", 100)
    keys = [f"row {number}" for number in range(400)]
    store = SqliteStore(tmp_path / "threadline.db", ManualClock())
    for key in keys:
        await store.write(Function(keep(key, 4_000)))
    assert (tmp_path / "threadline.db-wal").stat().st_size < 130 * 4_120 < 400 * 4_000
    assert await kept(store, *keys) == keys
    await store.close()
    store = SqliteStore(tmp_path / "threadline.db", ManualClock())
    assert await kept(store, *keys) == keys
    await store.close()


async def test_the_wal_is_cut_after_a_reader_that_took_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as somebody reads an old state, all that is written since stays in the WAL. Writing goes on meanwhile."""
    monkeypatch.setattr(checkpoints, "PAGES", 20)
    monkeypatch.setattr(checkpoints, "PAGES_MAX", 100)
    file = tmp_path / "threadline.db"
    store = SqliteStore(file, ManualClock())
    reader = apsw.Connection(str(file))
    reader.execute("BEGIN; SELECT count(*) FROM reply").fetchall()
    for number in range(400):
        await store.write(Function(keep(f"row {number}", 4_000)))
    wal = tmp_path / "threadline.db-wal"
    assert wal.stat().st_size > 400 * 4_000
    reader.close()
    number = 400
    async with asyncio.timeout(PATIENCE_SECONDS):
        while wal.stat().st_size > 130 * 4_120:
            await store.write(Function(keep(f"row {number}", 4_000)))
            number += 1
    assert len(await kept(store, *(f"row {each}" for each in range(number)))) == number
    await store.close()


async def test_an_idle_database_is_whole_without_its_wal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "IDLE_SECONDS", 0.05)
    store = SqliteStore(tmp_path / "threadline.db", ManualClock())
    await store.write(Function(keep("row")))
    alone = tmp_path / "alone.db"
    found: list[tuple[object, ...]] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not found:
            await asyncio.sleep(0.01)
            shutil.copy(tmp_path / "threadline.db", alone)
            connection = apsw.Connection(str(alone))
            found = connection.execute("SELECT key FROM reply").fetchall()
            connection.close()
    await store.close()


async def test_a_disk_that_fails_is_told_with_its_file_and_tried_again(
    disk: Disk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once in ten seconds, for any number of refused callers, and without a line of the program."""
    monkeypatch.setattr(trouble, "PROBE_SECONDS", 0.01)
    seen = Recovery()
    async with opened(disk, seen) as store:
        await store.write(Function(keep("old")))
        disk.trouble = failing(1, 1_000, apsw.IOError)
        for number in range(20):
            with pytest.raises(Unavailable, match="the disk fails"):
                await store.write(Function(keep(f"new {number}", 10_000)))
        assert store.trouble == "disk error"
        disk.trouble = None
        async with asyncio.timeout(PATIENCE_SECONDS):
            await seen.over.wait()  # though nobody writes
    assert seen.reasons == ["disk error", None]
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert str(disk.root / "threadline.db") in lines[0]
    assert "Look at the system's log" in lines[0]
    assert "can be written again (" in lines[1]
    assert not any(record.exc_info for record in caplog.records)


async def test_a_power_cut_sees_all_files_at_one_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may come on any thread, while the others write, sync, checkpoint and record."""
    monkeypatch.setattr(durability, "RECORD_SECONDS", 0)
    monkeypatch.setattr(checkpoints, "PAGES", 20)
    monkeypatch.setattr(checkpoints, "PAGES_MAX", 60)
    (tmp_path / "live").mkdir()
    disk = Disk(f"disk of {tmp_path}", tmp_path / "live")
    kept_by: dict[Path, list[str]] = {}
    keys: list[str] = []
    async with opened(disk) as store:
        assert store.group_commit is not None
        store.group_commit.sync = partial(disk.sync_beside, f"{tmp_path}/live/threadline.db-wal")

        async def write() -> None:
            for number in range(300):
                key = await store.write(Function(keep(f"row {number}", 3_000)))
                keys.append(key)

        writing = asyncio.ensure_future(write())
        while not writing.done() and len(kept_by) < 30:
            into = tmp_path / str(len(kept_by))
            kept_by[into] = list(keys)
            await asyncio.to_thread(disk.power_cut, Random(len(kept_by)), into)
        await writing
    assert len(kept_by) > 1
    for into, acknowledged in kept_by.items():
        found = SqliteStore(into / "threadline.db", ManualClock())
        assert await kept(found, *acknowledged) == acknowledged
        await found.close()
