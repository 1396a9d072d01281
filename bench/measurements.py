"""The measurements of a run, by name and round."""

import json
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

from bench.http import Run
from bench.processes import Machine, use_of
from bench.servers import Server

ROOT = Path(__file__).parents[1]
CROWDED = 0.1
"""The share of the machine that other processes may take without a notice."""


class Figures(NamedTuple):
    """One round: operations per second, latencies, and CPU. `cpu_us` is the server's, `store_cpu_us` that of a
    database server of its own, in microseconds an operation; `load_share` is the load generator's, of one core.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float | None = None
    store_cpu_us: float | None = None
    load_share: float | None = None


def figures_of(run: Run) -> Figures:
    """The figures of a run whose CPU was not counted."""
    return Figures(run.rate, 1000 * median(run.latencies), run.p99_ms)


class Series(NamedTuple):
    """All rounds of one measurement. `keeps` says how durable it was."""

    name: str
    keeps: str
    rounds: list[Figures]

    def median(self, figure: str) -> float | None:
        """The median of one of the figures over the rounds; None where it was not measured."""
        values = [value for each in self.rounds if (value := getattr(each, figure)) is not None]
        return median(values) if values else None


class Measurements:
    """Collects `Series`, and prints the progress on standard output."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self.started = perf_counter()
        self.whole_run, self.one_run = Machine(), Machine()
        """The share of the machine that other processes take, over all runs and in each."""

    def say(self, text: str) -> None:
        """Print a line of progress."""
        print(f"{perf_counter() - self.started:5.0f} s  {text}", flush=True)

    def add(self, name: str, keeps: str, figures: Figures) -> None:
        """Keep one round of `name`."""
        self.series.setdefault(name, Series(name, keeps, [])).rounds.append(figures)
        self.say(f"{name:<46} {figures.rate:9,.0f}/s")

    async def time(self, name: str, run: Awaitable[Run], *servers: Server, store: Sequence[int] = ()) -> None:
        """Keep one round: `run`, with the CPU of `servers` and, apart, of the database server's processes `store`."""
        pids = [server.process.pid for server in servers]
        self.one_run.others_share()
        before, store_before, own_before = use_of(*pids), use_of(*store), process_time()
        done = await run
        own = process_time() - own_before
        spent = use_of(*pids).cpu_seconds - before.cpu_seconds
        store_spent = use_of(*store).cpu_seconds - store_before.cpu_seconds
        count = len(done.latencies)
        figures = figures_of(done)._replace(
            cpu_us=1e6 * spent / count,
            store_cpu_us=1e6 * store_spent / count if store else None,
            load_share=own / done.seconds,
        )
        self.add(name, servers[0].keeps, figures)
        if (others := self.one_run.others_share()) > CROWDED:
            self.say(f"  other processes took {others:.0%} of the machine meanwhile")

    async def call(
        self, name: str, keeps: str, command: Sequence[str], count: int, store: Sequence[int] = ()
    ) -> None:
        """Keep one round: a program that does `count` operations and prints `Figures` as JSON. The CPU of the
        processes `store` is added here.
        """
        before = use_of(*store)
        process = await create_subprocess_exec(
            sys.executable, "-m", *command, str(count), cwd=ROOT, stdout=PIPE
        )
        printed, _ = await process.communicate()
        figures = Figures(**json.loads(printed))
        spent = use_of(*store).cpu_seconds - before.cpu_seconds
        self.add(name, keeps, figures._replace(store_cpu_us=1e6 * spent / count if store else None))

    def ratio(self, name: str, beside: str, figure: str = "rate") -> float:
        """Return the `figure` of `name` divided by that of `beside`, the median over the rounds."""
        pairs = zip(self.series[name].rounds, self.series[beside].rounds, strict=True)
        return median([float(getattr(ours, figure) / getattr(theirs, figure)) for ours, theirs in pairs])

    def median(self, name: str, figure: str) -> float:
        """The median of a figure of `name`, which was measured."""
        return median([float(getattr(each, figure)) for each in self.series[name].rounds])


def series_of(result: Mapping[str, Any]) -> dict[str, Series]:
    """The series of a result that was kept as JSON, by name."""
    return {
        each["name"]: Series(each["name"], each["keeps"], [Figures(*row) for row in each["rounds"]])
        for each in result["series"]
    }


def table(series: Iterable[Series]) -> str:
    """The medians, for people."""
    heads = ("per second", "p50 ms", "p99 ms", "CPU us", "store us", "load")
    figures = ("rate", "p50_ms", "p99_ms", "cpu_us", "store_cpu_us", "load_share")
    formats = (",.0f", ".2f", ".2f", ",.0f", ",.0f", ".0%")
    lines = [f"{'':<46} " + " ".join(f"{head:>10}" for head in heads) + "  kept"]
    for each in series:
        values = map(each.median, figures)
        cells = [
            "" if value is None else format(value, how) for value, how in zip(values, formats, strict=True)
        ]
        lines.append(f"{each.name:<46} " + " ".join(f"{cell:>10}" for cell in cells) + f"  {each.keeps}")
    lines.append(
        "medians; CPU us, store us: the server's and PostgreSQL's for one; load: the generator's share of a core"
    )
    return "\n".join(lines)
