"""The erasure of many chats while people send messages: how much longer a message takes, and how fast it goes."""

import asyncio
import shutil
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import apsw

from bench import servers
from bench.associations import workspace_of
from bench.chat import exchange_all, make_pair
from bench.measurements import ROOT, Measurements
from bench.record import CUSTOMER, made
from threadline.testing.workspace import Workspace

ALONE, BESIDE = "message, without an erasure", "message, during an erasure"
PAIRS = 32
POLL_SECONDS = 0.5


async def measure_erasure(seen: Measurements, contacts: int, seconds: float, rounds: int) -> None:
    """Exchange messages without an erasure and beside one, in turn. Each erases its share of that many contacts."""
    kept = await made(contacts, seen.say)
    with TemporaryDirectory(dir=ROOT, prefix=".bench-") as folder:
        data = Path(shutil.copytree(kept, Path(folder) / "data"))
        with closing(apsw.Connection(str(data / "threadline.db"))) as connection:
            connection.execute(
                "UPDATE session SET customer_id = ? || (key % ?) WHERE ended_at_ms IS NOT NULL",
                (CUSTOMER, rounds),
            )
        with servers.threadline(data) as server:
            workspace = workspace_of(data, server)
            pairs = [await make_pair(workspace, server.port, number) for number in range(PAIRS)]
            for turn in range(rounds):
                await seen.time(ALONE, exchange_all(pairs, seconds), server)
                erasure = _start(workspace, f"{CUSTOMER}{turn}")
                await seen.time(BESIDE, exchange_all(pairs, seconds), server)
                found = await asyncio.to_thread(workspace.threadline.describe_erasure, **erasure)
                pace = found["ErasedItemCount"] / seconds
                began = perf_counter()
                while found["Status"] != "COMPLETED":
                    await asyncio.sleep(POLL_SECONDS)
                    found = await asyncio.to_thread(workspace.threadline.describe_erasure, **erasure)
                seen.say(
                    f"erased {pace:,.0f} entries/s beside messages; the others of {found['ItemCount']:,} and all"
                    f" remains in {perf_counter() - began:.1f} s without"
                )


def _start(workspace: Workspace, customer: str) -> dict[str, str]:
    """Start to erase a customer's chats. Returns the members that name the erasure."""
    here = {"InstanceId": workspace.instance_id}
    started = workspace.threadline.start_erasure(**here, CustomerId=customer)
    return {**here, "ErasureId": started["ErasureId"]}
