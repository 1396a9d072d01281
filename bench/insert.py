"""The yardstick: a bare one-row insert by many asyncio callers through the same writer queue, durable, no HTTP.

Run as a process of its own: `python -m bench.insert FOLDER CALLERS COUNT` prints JSON, the fields of
`bench.measurements.Figures`.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import uvloop

from bench.http import Run
from bench.measurements import Figures
from tests.units import Function
from threadline.clock import Clock
from threadline.store import Tx
from threadline.store.sqlite.store import SqliteStore


async def race(insert: Callable[[int], Awaitable[object]], callers: int, total: int) -> Figures:
    """`total` inserts by callers who are told their numbers, each starting the next once its own is committed."""
    numbers, latencies = count(), list[float]()

    async def caller(number: int) -> None:
        while next(numbers) < total:
            sent_at = perf_counter()
            await insert(number)
            latencies.append(perf_counter() - sent_at)

    start, cpu = perf_counter(), process_time()
    await asyncio.gather(*map(caller, range(callers)))
    run = Run(perf_counter() - start, latencies)
    return Figures(run.rate, 1000 * median(latencies), run.p99_ms, 1e6 * (process_time() - cpu) / total)


async def measure(folder: Path, callers: int, total: int) -> Figures:
    """Insert into a database of its own in `folder`."""
    store = SqliteStore(folder / "insert.db", Clock())

    def insert(tx: Tx) -> None:
        row = {"id": tx.clock.contact_id(), "secret": "", "account_id": "", "description": ""}
        tx.run("insert_access_key", now_ms=tx.now_ms, **row)

    figures = await race(lambda _: store.write(Function(insert)), callers, total)
    await store.close()
    return figures


if __name__ == "__main__":
    folder, callers, total = sys.argv[1:]
    print(json.dumps(uvloop.run(measure(Path(folder), int(callers), int(total)))._asdict()))
