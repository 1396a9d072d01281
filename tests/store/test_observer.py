"""A store tells its observer of every batch: first that it is written, then that it is durable, then its commits."""

import asyncio
from pathlib import Path

from tests.recorder import Recorder
from tests.units import Function
from threadline.clock import ManualClock
from threadline.store import Committed, Tx
from threadline.store.observer import Observers
from threadline.store.sqlite.store import SqliteStore


class Ordered(Recorder):
    """Also keeps the order of the events."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    def written(self, batches: int, units: int) -> None:
        super().written(batches, units)
        self.order.append("written")

    def synced(self, batches: int, seconds: float) -> None:
        super().synced(batches, seconds)
        self.order.append("synced")

    def durable(self, batches: int) -> None:
        super().durable(batches)
        self.order.append("durable")

    def committed(self, committed: Committed) -> None:
        super().committed(committed)
        self.order.append("committed")


def announce(tx: Tx) -> None:
    tx.run("insert_reply", key=tx.clock.token(), arguments_hash="", salt="", reply="", now_ms=tx.now_ms)
    tx.signal(1, "participant", {"a": 1})


async def test_every_batch_is_reported_from_the_write_to_the_answer(tmp_path: Path) -> None:
    seen = Ordered()
    store = SqliteStore(tmp_path / "threadline.db", ManualClock(), observer=seen)
    await asyncio.gather(*(store.write(Function(announce)) for _ in range(5)))
    assert seen.batches == [(1, 5)], "five units that wait together are one batch"
    assert seen.durables == [1]
    assert [batches for batches, _ in seen.syncs] == [1]
    assert all(0 < seconds < 60 for _, seconds in seen.syncs)
    assert [len(committed.signals) for committed in seen.commits] == [1] * 5
    assert seen.order == ["written", "synced", *["committed"] * 5, "durable"]
    assert store.wal_bytes > 0
    await store.close()


async def test_a_store_without_a_file_reports_commits() -> None:
    seen = Recorder()
    store = SqliteStore(None, ManualClock(), observer=seen)
    await store.write(Function(announce))
    assert seen.batches == [(1, 1)]
    assert len(seen.commits) == 1
    assert seen.syncs == []
    assert store.wal_bytes == 0
    await store.close()


async def test_an_observer_that_is_added_later_gets_the_events_from_then_on(tmp_path: Path) -> None:
    first, second = Recorder(), Recorder()
    observers = Observers(first)
    store = SqliteStore(tmp_path / "threadline.db", ManualClock(), observer=observers)
    await store.write(Function(announce))
    observers.add(second)
    await store.write(Function(announce))
    await store.close()
    assert first.durables[:2] == [1, 2]
    assert second.durables[:1] == [2]
    assert len(first.commits) - len(second.commits) == 1
    assert [batch for batch, _ in second.batches] == [batch for batch, _ in first.batches][1:]
