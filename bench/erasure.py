"""The erasure of many chats while people send messages: how much longer a message takes, and how fast it goes."""

import asyncio
import shutil
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw

from bench import servers
from bench.associations import workspace_of
from bench.chat import exchange_all, make_pair
from bench.measurements import ROOT, Measurements
from bench.record import CUSTOMER, made

ALONE, BESIDE = "message, before an erasure", "message, during an erasure"
PAIRS = 32


async def measure_erasure(seen: Measurements, contacts: int, seconds: float, rounds: int) -> None:
    """Exchange messages before an erasure of the chats of that many contacts, and while it runs."""
    kept = await made(contacts, seen.say)
    with TemporaryDirectory(dir=ROOT, prefix=".bench-") as folder:
        data = Path(shutil.copytree(kept, Path(folder) / "data"))
        with closing(apsw.Connection(str(data / "threadline.db"))) as connection:
            connection.execute(f"UPDATE session SET customer_id = '{CUSTOMER}' WHERE ended_at_ms IS NOT NULL")
        with servers.threadline(data) as server:
            workspace = workspace_of(data, server)
            pairs = [await make_pair(workspace, server.port, number) for number in range(PAIRS)]
            for _ in range(rounds):
                await seen.time(ALONE, exchange_all(pairs, seconds), server)
            here = {"InstanceId": workspace.instance_id}
            started = workspace.threadline.start_erasure(**here, CustomerId=CUSTOMER)
            erasure = {**here, "ErasureId": started["ErasureId"]}
            for _ in range(rounds):
                await seen.time(BESIDE, exchange_all(pairs, seconds), server)
            found = await asyncio.to_thread(workspace.threadline.describe_erasure, **erasure)
            pace = found["ErasedItemCount"] / (rounds * seconds)
            seen.say(f"erased {found['ErasedItemCount']:,} of {found['ItemCount']:,} entries, {pace:,.0f}/s")
