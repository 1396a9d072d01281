"""The yardstick: a bare one-row insert by many asyncio callers through the same writer queue, durable, no HTTP.

Run as a process of its own: `python -m bench.insert FOLDER CALLERS COUNT` prints inserts per second.
"""

import asyncio
import sys
from itertools import count
from pathlib import Path
from time import perf_counter

import uvloop

from threadline.clock import Clock
from threadline.store import Tx
from threadline.store.sqlite import SqliteStore


async def measure(folder: Path, callers: int, total: int) -> float:
    """Inserts per second, each caller starting the next once its own has been committed."""
    store = SqliteStore(folder / "insert.db", Clock())
    numbers = count()

    def insert(tx: Tx) -> None:
        row = {"id": tx.clock.contact_id(), "secret": "", "account_id": ""}
        tx.run("insert_access_key", session_token_hash=None, expires_at_ms=None, **row)

    async def caller() -> None:
        while next(numbers) < total:
            await store.write(insert)

    start = perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    rate = total / (perf_counter() - start)
    await store.close()
    return rate


if __name__ == "__main__":
    folder, callers, total = sys.argv[1:]
    print(uvloop.run(measure(Path(folder), int(callers), int(total))))
