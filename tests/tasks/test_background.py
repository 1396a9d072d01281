"""The pauses of the background: they depend on whether anybody else writes."""

import asyncio

from threadline.clock import ManualClock
from threadline.store.sqlite.store import SqliteStore
from threadline.tasks.timers import ALONE_MS, Timers


def test_the_background_rests_longer_while_others_write() -> None:
    async def pauses() -> list[float]:
        clock = ManualClock()
        store = SqliteStore(None, clock)
        timers = Timers(store, clock)
        found = []
        for commits, passed_ms in ((2, 0), (1, 0), (1, ALONE_MS + 1), (1, 0), (3, 0)):
            clock.advance(ms=passed_ms)
            for _ in range(commits):
                timers.due(None)
            found.append(timers.pause_after(0.01))
        await store.close()
        return found

    assert asyncio.run(pauses()) == [0.1, 0.1, 0.01, 0.01, 0.1]
