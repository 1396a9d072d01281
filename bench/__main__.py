"""Measure Threadline, beside moto and a bare insert: `make bench`, under ten minutes.

Load comes from this process; the servers are processes of their own. The rounds of everything are interleaved and
medians taken, so that a machine that slows down slows all alike. The last line is JSON, name to ratio.
"""

import gc
import json
import shlex
import subprocess
import sys
from asyncio import create_subprocess_exec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import gmtime, perf_counter, strftime

import uvloop

from bench import servers
from bench.chat import exchange_all, make_pair
from bench.command_line import both_seconds
from bench.fill import Chat, Filler
from bench.http import Run, call_all, request
from bench.pages import PLACES, Book, turn
from threadline.cli.signing import Credentials, sign
from threadline.testing.workspace import Workspace

ROUNDS = 3
ASSOCIATIONS = {1: 2_000, 32: 10_000, 128: 10_000}
TAGS = {1: 400, 32: 1_600}
INSERTS = 30_000
PAIRS = 32
MESSAGES_PER_PAIR = 600
PAST_CHATS = 100
ITEMS = 100_000
SESSIONS = 1_000
PAGE_TURNS = 100
COMMAND_LINES = 9

ROOT = Path(__file__).parents[1]


class Measurements:
    """What was measured, by name: the rate of each round and the runs that gave latencies."""

    def __init__(self) -> None:
        self.rates: dict[str, list[float]] = {}
        self.latencies_ms: dict[str, list[tuple[float, float]]] = {}
        self.pages_ms: list[list[list[float]]] = []
        self.memory_mb: list[float] = []
        self.command_lines: list[tuple[float, float]] = []
        self.started = perf_counter()

    def say(self, text: str) -> None:
        """A line of progress."""
        print(f"{perf_counter() - self.started:5.0f} s  {text}", flush=True)

    def add(self, name: str, run: Run) -> None:
        """Keep one round of `name`."""
        self.rates.setdefault(name, []).append(run.rate)
        self.latencies_ms.setdefault(name, []).append((1000 * median(run.latencies), run.p99_ms))
        self.say(f"{name:<42} {run.rate:8,.0f}/s")

    def ratio(self, name: str, beside: str) -> float:
        """How many times the rate of `beside` that of `name` is: the median over the rounds."""
        return median(
            ours / theirs for ours, theirs in zip(self.rates[name], self.rates[beside], strict=True)
        )

    def table(self) -> None:
        """The medians, for people."""
        print(
            f"\n{'median of ' + str(ROUNDS) + ' rounds':<42} {'per second':>10} {'p50 ms':>8} {'p99 ms':>8}"
        )
        for name, rates in self.rates.items():
            times = self.latencies_ms.get(name)
            shown = [f"{median(column):8.2f}" for column in zip(*times, strict=True)] if times else []
            print(f"{name:<42} {median(rates):10,.0f} {' '.join(shown)}")


async def measure(folder: Path) -> None:
    """Prepare, measure, print."""
    seen = Measurements()
    data = folder / "data"
    data.mkdir()
    with servers.threadline(data) as server:
        env = environment(data, server.port)
    seen.say("filling the store: chats to associate, a long one, a long lineage")
    filler = Filler(data, env)
    sources = await filler.past_chats(PAST_CHATS, items=10)
    fresh = iter(await filler.chats(ROUNDS * sum(ASSOCIATIONS.values())))
    single, lineage = await filler.long_chat(ITEMS), await filler.lineage(SESSIONS, ITEMS // SESSIONS)
    await filler.store.close()
    gc.freeze()
    with servers.threadline(data) as server, servers.moto() as moto:
        seen.memory_mb.append(server.resident_mb())
        workspace = Workspace(f"http://127.0.0.1:{server.port}", environment(data, server.port))
        tags = servers.moto_tag_requests(moto, max(TAGS.values()))
        seen.say(f"walking {ITEMS:,} items in one contact, and over {SESSIONS:,} chats")
        books = [Book(server.port, single), Book(server.port, lineage)]
        assert all(book.items >= ITEMS for book in books), [book.items for book in books]
        seen.say(f"opening {PAIRS} pairs of customer and agent")
        pairs = [await make_pair(workspace, server.port, number) for number in range(PAIRS)]
        for number in range(1, ROUNDS + 1):
            seen.say(f"round {number} of {ROUNDS}")
            for callers, calls in ASSOCIATIONS.items():
                requests = associations(workspace, server.port, [next(fresh) for _ in range(calls)], sources)
                seen.add(f"association, {callers} callers", await call_all(server.port, requests, callers))
                if callers in TAGS:
                    run = await call_all(moto.port, tags[: TAGS[callers]], callers)
                    seen.add(f"moto TagResource, {callers} callers", run)
            seen.rates.setdefault("bare insert, 32 callers", []).append(await insert_rate(folder, 32))
            seen.add(f"message until delivered, {PAIRS} pairs", await exchange_all(pairs, MESSAGES_PER_PAIR))
            seen.pages_ms.append(await turn(books, PAGE_TURNS))
            seen.memory_mb.append(server.resident_mb())
        seen.say("calling through the command line, and through the AWS CLI")
        seen.command_lines = [both_seconds(workspace.env) for _ in range(COMMAND_LINES)]
    report(seen)


def environment(data: Path, port: int) -> dict[str, str]:
    """What `threadline env` prints."""
    command = [sys.executable, "-m", "threadline", "env", "--data", str(data), "--port", str(port)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    words = [
        word for line in printed.splitlines() if line.startswith("export ") for word in shlex.split(line)[1:]
    ]
    return dict(word.split("=", 1) for word in words)


def associations(workspace: Workspace, port: int, chats: list[Chat], sources: list[str]) -> list[bytes]:
    """One signed CreatePersistentContactAssociation for each of `chats`, with the sources in turn."""
    credentials = Credentials(workspace.env["AWS_ACCESS_KEY_ID"], workspace.env["AWS_SECRET_ACCESS_KEY"])
    stamp = strftime("%Y%m%dT%H%M%SZ", gmtime())
    host = {"Host": f"127.0.0.1:{port}"}
    made = []
    for number, chat in enumerate(chats):
        path = f"/contact/persistent-contact-association/{workspace.instance_id}/{chat.contact_id}"
        wanted = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": sources[number % len(sources)]}
        body = json.dumps(wanted).encode()
        headers = sign("POST", path, "", host, body, credentials, "us-east-1", "connect", stamp)
        made.append(request("POST", path, port, body, {n: v for n, v in headers.items() if n != "Host"}))
    return made


async def insert_rate(folder: Path, callers: int) -> float:
    """Bare inserts per second, in a process of their own on the same disk."""
    place = folder / "insert"
    place.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "bench.insert", str(place), str(callers), str(INSERTS)]
    process = await create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    printed, _ = await process.communicate()
    return float(printed)


def report(seen: Measurements) -> None:
    """The tables, then the ratios."""
    seen.table()
    single, lineage = (
        [median(times) for times in zip(*book, strict=True)] for book in zip(*seen.pages_ms, strict=True)
    )
    print(f"\n{'a page of 100 items, ms':<42} " + " ".join(f"{place:>8}" for place in PLACES))
    for name, times in ((f"of {ITEMS:,} in one contact", single), (f"across {SESSIONS:,} chats", lineage)):
        print(f"{name:<42} " + " ".join(f"{time:8.2f}" for time in times))
    print(
        f"\nserver's memory, MB: {', '.join(f'{mb:.0f}' for mb in seen.memory_mb)} (start, and after each round)\n"
    )
    for program, seconds in zip(("threadline", "aws"), zip(*seen.command_lines, strict=True), strict=True):
        print(f"{f'one call by {program}, ms':<42} {1000 * median(seconds):10,.0f}")
    messages = f"message until delivered, {PAIRS} pairs"
    ratios = {
        "association_vs_moto": seen.ratio("association, 32 callers", "moto TagResource, 32 callers"),
        "association_vs_moto_one_caller": seen.ratio("association, 1 callers", "moto TagResource, 1 callers"),
        "association_vs_queue_insert": seen.ratio("association, 32 callers", "bare insert, 32 callers"),
        "message_vs_queue_insert": seen.ratio(messages, "bare insert, 32 callers"),
        "messages_per_second": median(seen.rates[messages]),
        "message_p99_ms": median(p99 for _, p99 in seen.latencies_ms[messages]),
        "oldest_page_vs_newest": max(times[-1] / times[0] for times in (single, lineage)),
        "lineage_page_vs_single": max(theirs / ours for theirs, ours in zip(lineage, single, strict=True)),
        "cli_vs_aws": median(ours / theirs for ours, theirs in seen.command_lines),
        "memory_last_round_vs_first": seen.memory_mb[-1] / seen.memory_mb[1],
    }
    print(json.dumps({name: round(ratio, 3) for name, ratio in ratios.items()}))


if __name__ == "__main__":
    with TemporaryDirectory(dir=ROOT, prefix=".bench-") as name:
        uvloop.run(measure(Path(name)))
