"""The workloads that take turns in the rounds: Threadline on one machine, the peers, many nodes on PostgreSQL."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from bench import peers, servers, xmpp
from bench.associations import associations, environment, workspace_of
from bench.chat import Pair, exchange_all, make_pair
from bench.command_line import both
from bench.fill import Filler
from bench.fixture import ready_and_reset
from bench.http import call_all
from bench.measurements import Measurements, figures_of
from bench.pages import PAGE, POSITIONS, Book, turn
from bench.servers import Server, backups_of
from bench.sizes import Sizes
from tests.engines import LASTING, Nats, running
from threadline.testing.workspace import Workspace

INSERT, PG_INSERT = "bare insert, 32 callers", "asyncpg INSERT, 32 callers"
MESSAGE, AT_PROSODY, AT_EJABBERD = "message, SQLite", "message, Prosody", "message, ejabberd"
MESSAGE_IN_BACKUPS = "message, SQLite, while backups run"
SINGLE, LINEAGE, ARCHIVE = "one contact", "lineage", "ejabberd"
CLI, AWS_CLI = "one call by threadline", "one call by aws"
READY, RESET = "a test server is ready", "a test server is reset"
NOTIFY, NATS = "NOTIFY", "NATS"


def association(callers: int) -> str:
    return f"association, {callers} caller{'s' * (callers > 1)}"


def tagging(callers: int) -> str:
    return f"moto TagResource, {callers} caller{'s' * (callers > 1)}"


def page(of: str, position: str) -> str:
    return f"page, {of}, {position}"


def on_nodes(count: int, bus: str) -> str:
    return f"message, PostgreSQL, {count} node{'s' * (count > 1)}, {bus}"


class OneMachine:
    """Threadline on SQLite, beside moto and a bare insert through the same queue."""

    def __init__(self, seen: Measurements, sizes: Sizes, folder: Path, server: Server, moto: Server) -> None:
        self.seen, self.sizes, self.folder = seen, sizes, folder
        self.server, self.moto = server, moto
        self.memory_mb = [server.resident_mb()]
        self.tags = servers.moto_tag_requests(moto, max(calls for _, calls in sizes.tags))

    async def prepare(self, fresh: Iterator[str], sources: Sequence[str], books: list[Book]) -> None:
        self.fresh, self.sources, self.books = fresh, sources, books
        self.workspace = workspace_of(self.folder / "data", self.server)
        self.seen.say(f"opening {self.sizes.pairs} pairs of customer and agent")
        self.pairs = [await make_pair(self.workspace, self.server.port, n) for n in range(self.sizes.pairs)]

    async def round(self) -> None:
        seen, server = self.seen, self.server
        for callers, calls in self.sizes.associations:
            chats = [next(self.fresh) for _ in range(calls)]
            requests = associations(self.workspace, server.port, chats, self.sources)
            await seen.time(association(callers), call_all(server.port, requests, callers), server)
        for callers, calls in self.sizes.tags:
            await seen.time(tagging(callers), call_all(self.moto.port, self.tags[:calls], callers), self.moto)
        data = self.folder / "insert"
        data.mkdir(exist_ok=True)
        await seen.call(INSERT, server.keeps, ["bench.insert", str(data), "32"], self.sizes.inserts)
        await seen.time(MESSAGE, exchange_all(self.pairs, self.sizes.seconds), server)
        async with backups_of(self.folder / "data"):
            await seen.time(MESSAGE_IN_BACKUPS, exchange_all(self.pairs, self.sizes.seconds), server)
        requests = [request for book in self.books for request in book.positions()]
        names = [page(of, position) for of in (SINGLE, LINEAGE) for position in POSITIONS]
        for name, run in zip(names, await turn(server.port, requests, self.sizes.page_turns), strict=True):
            seen.add(name, server.keeps, figures_of(run))
        self.memory_mb.append(server.resident_mb())

    def call_command_lines(self) -> None:
        """One call by our command line and one by the AWS CLI, in turn."""
        self.seen.say("calling through the command line, and through the AWS CLI")
        for _ in range(self.sizes.command_lines):
            for name, run in zip((CLI, AWS_CLI), both(self.workspace.env), strict=True):
                self.seen.add(name, "", figures_of(run))

    def start_test_servers(self) -> None:
        """Start the server of a test in a new process, and reset it after each chat."""
        self.seen.say("starting and resetting servers of tests")
        for _ in range(self.sizes.command_lines):
            for name, run in zip((READY, RESET), ready_and_reset(), strict=True):
                self.seen.add(name, "", figures_of(run))


@asynccontextmanager
async def one_machine(seen: Measurements, sizes: Sizes, folder: Path) -> AsyncIterator[OneMachine]:
    """Fill a store, serve it, and start moto beside it."""
    data = folder / "data"
    data.mkdir()
    with servers.threadline(data) as server:
        env = environment(data, server.port)
    seen.say("filling the store: chats to associate, a long one, a long lineage")
    async with Filler(data, env) as filler:
        sources = await filler.past_chats(sizes.past_chats, items=10)
        fresh = await filler.fresh(sizes.rounds * sum(calls for _, calls in sizes.associations))
        single = await filler.long_chat(sizes.items)
        lineage = await filler.lineage(sizes.sessions, sizes.items // sizes.sessions)
    with servers.threadline(data) as server, servers.moto() as moto:
        workload = OneMachine(seen, sizes, folder, server, moto)
        seen.say(f"walking {sizes.items:,} items in one contact, and over {sizes.sessions:,} chats")
        books = [Book(server.port, single), Book(server.port, lineage)]
        assert all(book.items >= sizes.items for book in books), [book.items for book in books]
        await workload.prepare(iter(fresh), sources, books)
        yield workload


class Peers:
    """Prosody and ejabberd, if they are installed. `skipped` holds the reason for each that is left out."""

    def __init__(self, seen: Measurements, sizes: Sizes) -> None:
        self.seen, self.sizes = seen, sizes
        self.skipped: dict[str, str] = {}
        self.pairs: dict[str, tuple[Server, list[xmpp.XmppPair]]] = {}
        self.reader: xmpp.Stream | None = None

    async def join(self, name: str, server: Server) -> None:
        self.pairs[name] = server, await xmpp.open_pairs(server.port, self.sizes.pairs)

    async def read_at(self, port: int) -> None:
        self.reader = xmpp.Stream(peers.READER)
        await self.reader.open(port)

    async def round(self) -> None:
        for name, (server, pairs) in self.pairs.items():
            await self.seen.time(name, exchange_all(pairs, self.sizes.seconds), server)
        if self.reader is not None:
            before = "", peers.archive_id(self.sizes.items // 2), peers.archive_id(PAGE)
            runs = await xmpp.turn(self.reader, PAGE, before, self.sizes.page_turns // 5)
            for position, run in zip(POSITIONS, runs, strict=True):
                self.seen.add(page(ARCHIVE, position), self.pairs[AT_EJABBERD][0].keeps, figures_of(run))


@asynccontextmanager
async def present_peers(seen: Measurements, sizes: Sizes, folder: Path) -> AsyncIterator[Peers]:
    """Start the peers that are installed."""
    workload = Peers(seen, sizes)
    async with AsyncExitStack() as stack:
        for name in ("prosody", "ejabberd"):
            if why := peers.missing(name):
                workload.skipped[name] = why
                seen.say(f"skipped: {why}")
                continue
            seen.say(f"starting {name}")
            data = folder / name
            data.mkdir()
            try:
                if name == "prosody":
                    await workload.join(AT_PROSODY, stack.enter_context(peers.prosody(data, sizes.pairs)))
                else:
                    server = stack.enter_context(peers.ejabberd(data, sizes.pairs, sizes.items))
                    await workload.join(AT_EJABBERD, server)
                    await workload.read_at(server.port)
            except TimeoutError:
                workload.skipped[name] = f"{name} is installed and does not start"
                seen.say(f"skipped: {workload.skipped[name]}")
        yield workload


class Nodes(NamedTuple):
    """Several nodes on one database, and pairs of people who chat through them."""

    name: str
    servers: list[Server]
    pairs: list[Pair]


class Cluster:
    """Threadline on PostgreSQL, beside asyncpg. `database` is where asyncpg inserts, `pid` the database server's."""

    def __init__(
        self, seen: Measurements, sizes: Sizes, database: str, pid: int, facts: dict[str, str]
    ) -> None:
        self.seen, self.sizes = seen, sizes
        self.database, self.pid, self.facts = database, pid, facts
        self.configurations: list[Nodes] = []

    async def open(self, bus: str, workspaces: list[Workspace], nodes: list[Server]) -> None:
        """Open pairs as a load balancer would spread them. With two nodes, half of the pairs chat across both."""
        name, count = on_nodes(len(nodes), bus), len(nodes)
        self.seen.say(f"opening {self.sizes.pairs} pairs: {name}")
        pairs = [
            await make_pair(workspaces[n % count], nodes[n % count].port, n, nodes[n // count % count].port)
            for n in range(self.sizes.pairs)
        ]
        self.configurations.append(Nodes(name, nodes, pairs))

    async def round(self) -> None:
        command = ["bench.insert_postgres", self.database, "32"]
        await self.seen.call(PG_INSERT, servers.POSTGRES, command, self.sizes.inserts, store=[self.pid])
        for name, nodes, pairs in self.configurations:
            run = exchange_all(pairs, self.sizes.seconds)
            await self.seen.time(name, run, *nodes, store=[self.pid])


@asynccontextmanager
async def cluster(seen: Measurements, sizes: Sizes, folder: Path) -> AsyncIterator[Cluster]:
    """Start PostgreSQL with fsync, NATS, and every number of nodes with either bus, each on a database of its own."""
    async with AsyncExitStack() as stack:
        seen.say("starting PostgreSQL and NATS")
        engine = stack.enter_context(running(settings=LASTING))
        nats = Nats()
        stack.callback(nats.stop)
        names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method")
        facts = {name: engine.execute(f"SHOW {name}")[0][0] for name in names}
        pid = int(engine.execute("SELECT pg_read_file('postmaster.pid')")[0][0].split()[0])
        workload = Cluster(seen, sizes, engine.database(), pid, facts)
        for bus, address in ((NOTIFY, ""), (NATS, nats.address)):
            for count in sizes.nodes:
                store = engine.database()
                folders = [folder / f"node-{bus}-{count}-{number}" for number in range(count)]
                nodes = [stack.enter_context(servers.threadline(data, store, address)) for data in folders]
                await workload.open(
                    bus, [workspace_of(*one) for one in zip(folders, nodes, strict=True)], nodes
                )
        yield workload
