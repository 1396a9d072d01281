"""Measure Threadline: `make bench`, beside moto and a bare insert, under ten minutes; `make bench-full`, beside other
chat servers too, on PostgreSQL with many nodes, and as the work grows, under an hour.

Load comes from this process; the servers are processes of their own, and flows run in one without HTTP. The rounds of
everything are interleaved and medians taken, so that a machine that slows down slows all alike. The last line is JSON,
name to ratio.
"""

import argparse
import asyncio
import gc
import json
import resource
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from bench.erasure import measure_erasure
from bench.flows import measure_flows
from bench.front_page import KB_MAX, USABLE_MS_MAX, measure_page
from bench.growth import grow
from bench.imports import measure_import
from bench.measurements import ROOT, Measurements, table
from bench.ratios import full_ratios, ratios
from bench.record import measure_record
from bench.results import DOCS, keep, keep_in_history
from bench.sizes import BENCH, FULL, QUICK, Sizes
from bench.workloads import cluster, one_machine, present_peers


async def measure(folder: Path) -> None:
    """One machine alone."""
    seen = Measurements()
    async with one_machine(seen, BENCH, folder) as machine:
        gc.freeze()
        for number in range(1, BENCH.rounds + 1):
            seen.say(f"round {number} of {BENCH.rounds}")
            await machine.round()
        machine.call_command_lines()
        machine.start_test_servers()
        page = await asyncio.to_thread(measure_page, machine.workspace)
    for contacts in BENCH.recorded:
        await measure_record(seen, contacts, BENCH.rounds)
    await measure_erasure(seen, BENCH.recorded[0], BENCH.seconds, BENCH.rounds)
    seen.say("importing transcripts")
    await measure_import(seen, BENCH.rounds)
    seen.say("running flows")
    flows = await asyncio.to_thread(measure_flows, BENCH.waiting_flows)
    print("\n" + table(seen.series.values()))
    print(
        f"\nserver's memory, MB: {', '.join(f'{mb:.0f}' for mb in machine.memory_mb)} (start, and after each round)\n"
    )
    if page is None:
        print("the page: not measured, since there is no Chromium or Chrome\n")
    else:
        print(f"the page, at most {KB_MAX} KB and {USABLE_MS_MAX} ms: {page}\n")
    found = ratios(seen) | {
        "memory_last_round_vs_first": round(machine.memory_mb[-1] / machine.memory_mb[1], 3)
    }
    keep_in_history(seen, found)
    print(json.dumps(found | (page or {}) | flows))


async def measure_all(folder: Path, sizes: Sizes, kept_in: Path) -> None:
    """Everything, written down in `kept_in`."""
    seen = Measurements()
    async with AsyncExitStack() as stack:
        machine = await stack.enter_async_context(one_machine(seen, sizes, folder))
        peers = await stack.enter_async_context(present_peers(seen, sizes, folder))
        nodes = await stack.enter_async_context(cluster(seen, sizes, folder))
        gc.freeze()
        for number in range(1, sizes.rounds + 1):
            seen.say(f"round {number} of {sizes.rounds}")
            for workload in (machine, peers, nodes):
                await workload.round()
    growth = await grow(seen, sizes, folder)
    for contacts in sizes.recorded:
        await measure_record(seen, contacts, sizes.rounds)
    seen.say("running flows")
    flows = await asyncio.to_thread(measure_flows, sizes.waiting_flows)
    found = full_ratios(seen, sizes)
    print("\n" + table(seen.series.values()))
    keep(kept_in, seen, sizes, growth, found, peers.skipped, nodes.facts)
    print(json.dumps(found | flows))


def main() -> None:
    """Read the command line, measure, print."""
    words = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    words.add_argument("--full", action="store_true", help="measure everything and write docs/performance.md")
    words.add_argument(
        "--quick", action="store_true", help="everything in small, to see that it works; into .bench-quick/"
    )
    chosen = words.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with TemporaryDirectory(dir=ROOT, prefix=".bench-") as name:
        if chosen.quick:
            uvloop.run(measure_all(Path(name), QUICK, ROOT / ".bench-quick"))
        elif chosen.full:
            uvloop.run(measure_all(Path(name), FULL, DOCS))
        else:
            uvloop.run(measure(Path(name)))


if __name__ == "__main__":
    main()
