"""The cost as the work grows: longer pasts and lineages, deeper pages, more sockets and contacts."""

import asyncio
import resource
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import servers
from bench.associations import associations, environment, workspace_of
from bench.fill import Filler
from bench.http import call_all
from bench.measurements import ROOT, Measurements, figures_of
from bench.pages import PAGE, Book, turn
from bench.sizes import Sizes

CALLERS = 32
WARM = 100
"""Sockets that are opened before memory is first measured, so that code is loaded and caches are in use."""
SETTLE_SECONDS = 3
FILES_BESIDE = 500
"""The most files that a process has open besides its sockets."""
OPEN_SHARE = 100
"""One contact in so many is of a running chat."""
STARTS = 3
CALLS_AFTER_START = 2_000


class Idle(NamedTuple):
    """Open sockets that send only heartbeats, and the server's memory for each, in KB of 2^10 bytes."""

    sockets: int
    server_mb: float
    each_kb: float


class Start(NamedTuple):
    """A start with so many contacts in the store, and the server's memory after it and after some calls."""

    contacts: int
    seconds: float
    server_mb: float
    busy_mb: float


class Growth(NamedTuple):
    """The measurements that are not rates."""

    idle: list[Idle]
    starts: list[Start]


def over_past(messages: int) -> str:
    return f"association, past of {messages:,} messages"


def over_lineage(sessions: int) -> str:
    return f"association, lineage of {sessions:,} sessions"


def deep(messages: int) -> str:
    return f"page, {messages:,} messages deep"


def depths(longest: int) -> list[int]:
    """The depths in a past of `longest` messages at which pages are read."""
    return [0, *(10**power for power in range(3, 7) if 10**power < longest), longest - PAGE]


async def grow(seen: Measurements, sizes: Sizes, folder: Path) -> Growth:
    """Measure each growth on a server of its own, one after the other."""
    await over_longer_pasts(seen, sizes, _made(folder / "growth"))
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    possible = tuple(count for count in sizes.sockets if count + FILES_BESIDE <= files)
    if possible != sizes.sockets:
        seen.say(f"skipped: more idle sockets than {possible[-1]:,}, with {files:,} open files allowed")
    idle = await idle_sockets(seen, possible, _made(folder / "idle"))
    counts = 0, sizes.contacts
    return Growth(
        idle, [await start_with(seen, count, _made(folder / f"contacts-{count}")) for count in counts]
    )


async def over_longer_pasts(seen: Measurements, sizes: Sizes, data: Path) -> None:
    """Measure associations over pasts and lineages of every length, and pages of the longest past, interleaved."""
    with servers.threadline(data) as server:
        env = environment(data, server.port)
    seen.say(
        f"filling the store: a past of {sizes.pasts[-1]:,} messages, a lineage of {sizes.lineages[-1]:,} sessions"
    )
    async with Filler(data, env) as filler:
        sources = {over_past(count): await filler.long_past_chat(count) for count in sizes.pasts}
        longest = await filler.continuing(sources[over_past(sizes.pasts[-1])])
        lineage = await filler.past_lineage(sizes.lineages[-1], items=10)
        sources |= {over_lineage(count): lineage[count - 1] for count in sizes.lineages}
        fresh = iter(await filler.fresh(sizes.rounds * len(sources) * sizes.growth_calls))
    with servers.threadline(data) as server:
        workspace = workspace_of(data, server)
        seen.say(f"walking {sizes.pasts[-1]:,} messages")
        book = Book(server.port, longest)
        measured = depths(sizes.pasts[-1])
        pages = [book.request(min(depth // PAGE, len(book.pages) - 1)) for depth in measured]
        for number in range(1, sizes.rounds + 1):
            seen.say(f"growth, round {number} of {sizes.rounds}")
            for name, source in sources.items():
                chats = [next(fresh) for _ in range(sizes.growth_calls)]
                requests = associations(workspace, server.port, chats, [source])
                await seen.time(name, call_all(server.port, requests, CALLERS), server)
            for depth, run in zip(measured, await turn(server.port, pages, sizes.page_turns), strict=True):
                seen.add(deep(depth), server.keeps, figures_of(run))


async def idle_sockets(seen: Measurements, counts: tuple[int, ...], data: Path) -> list[Idle]:
    """Measure the memory for each open socket of a silent customer. A process of its own holds them open."""
    with servers.threadline(data) as server:
        env = environment(data, server.port)
    seen.say(f"filling a store: {counts[-1]:,} chats")
    async with Filler(data, env) as filler:
        chats = await filler.chats(counts[-1])
    (data / "tokens").write_text("\n".join(chat.token for chat in chats))
    found = []
    with servers.threadline(data) as server:
        command = [sys.executable, "-m", "bench.idle", str(server.port), str(data / "tokens")]
        client = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE)
        assert client.stdin is not None
        assert client.stdout is not None
        before = 0.0
        for count in (WARM, *counts):
            client.stdin.write(f"{count}\n".encode())
            if await client.stdout.readline() != f"{count}\n".encode():
                raise ConnectionError("the sockets could not be opened")
            await asyncio.sleep(SETTLE_SECONDS)
            mb = server.resident_mb()
            if count == WARM:
                before = mb
            else:
                found.append(Idle(count, mb, 1024 * (mb - before) / (count - WARM)))
                seen.say(f"{count:,} idle sockets: {mb:.0f} MB, {found[-1].each_kb:.1f} KB each")
        client.stdin.close()
        await client.wait()
    return found


async def start_with(seen: Measurements, contacts: int, data: Path) -> Start:
    """Measure the time and memory of a start with so many contacts in the store, some of them of running chats."""
    with servers.threadline(data) as server:
        env = environment(data, server.port)
    if contacts:
        seen.say(f"filling a store: {contacts:,} contacts")
    async with Filler(data, env) as filler:
        sources = await filler.past_chats(10, items=10)
        fresh = await filler.fresh(max(contacts // OPEN_SHARE, CALLS_AFTER_START))
        if contacts:
            await filler.many_past_chats(contacts - len(fresh), items=2)
    seconds, memory, busy = [], [], 0.0
    for _ in range(STARTS):
        with servers.threadline(data) as server:
            seconds.append(server.seconds)
            memory.append(server.resident_mb())
            if len(seconds) == STARTS:
                requests = associations(
                    workspace_of(data, server), server.port, fresh[:CALLS_AFTER_START], sources
                )
                await call_all(server.port, requests, CALLERS)
                busy = server.resident_mb()
    found = Start(contacts, median(seconds), median(memory), busy)
    seen.say(f"a start with {contacts:,} contacts: {found.seconds:.2f} s, {found.server_mb:.0f} MB")
    return found


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
