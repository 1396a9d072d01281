"""`/metrics`: the measures of all processes of a server on one page, in Prometheus's text format.

The process that owns the store serves the page on a listener of its own. Each request for it collects the measures:
those of the store here, those of the processes that serve clients from `Clients.measure`. Labels are operations,
statuses and numbers of processes, never an id, a name or content.
"""

import asyncio
import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from threadline import datadir
from threadline.config import PREFIX, BadSettings, Settings
from threadline.errors import where
from threadline.http.listener import Listener
from threadline.http.request import Request
from threadline.server.frontend import Clients
from threadline.server.measures import (
    BATCH_BOUNDS,
    LATENCY_BOUNDS,
    Buckets,
    FrontendMeasures,
    Histogram,
    memory_bytes,
)
from threadline.store import Store, Tx, Unavailable
from threadline.store.observer import StoreObserver
from threadline.store.sqlite.store import SqliteStore

COUNT_SECONDS = 2.0
"""The time that the store has to count chats and tasks. Without it the page has no such counts."""

LATE_MS = 10_000
"""A task is late when it has been due for this long: nodes look for due tasks every five seconds at least."""

CONNECTIONS_MAX, BUFFERED_BYTES_MAX = 16, 16 * 1_048_576
"""The limits of the page's own listener, which no client of the server shares."""

CLOSE_SECONDS = 0.5

log = logging.getLogger("threadline.server")


class StoreMeter(StoreObserver):
    """Counts the batches and the fsyncs of a store."""

    def __init__(self) -> None:
        self.batches = Histogram(BATCH_BOUNDS)
        self.fsyncs = Histogram(LATENCY_BOUNDS)

    def written(self, batches: int, units: int) -> None:
        self.batches.add(units)

    def synced(self, batches: int, seconds: float) -> None:
        self.fsyncs.add(seconds)


class StoreCounts(NamedTuple):
    """Rows of the store: chats that have not ended, and tasks that are due or late."""

    chats_open: int
    tasks_due: int
    tasks_late: int


class MetricsPage:
    """The page at the setting `metrics_address`: the address is taken at once, and answers between `start` and `close`.

    `meter` has to observe the store. Raises BadSettings for an address that cannot be had.
    """

    def __init__(self, settings: Settings, request_ids: Iterator[str]) -> None:
        self._bound = _bind(settings.metrics_address)
        self.url = f"{datadir.url_of(self._bound)}/metrics"
        self.meter = StoreMeter()
        own = replace(settings, connections_max=CONNECTIONS_MAX, buffered_bytes_max=BUFFERED_BYTES_MAX)
        self._listener = Listener(self._answer, self._answer, own, request_ids)
        self._is_started = False

    async def start(self, store: Store, clients: Clients) -> None:
        """Answer with the measures of `store` and of the processes that serve its clients."""
        self._store = store
        self._clients = clients
        self._is_started = True
        await self._listener.start(self._bound, datadir.BACKLOG)
        log.info("metrics are at %s", self.url)

    async def close(self) -> None:
        """Let go of the address."""
        if not self._is_started:
            self._bound.close()
            return
        self._listener.stop()
        await self._listener.answered(CLOSE_SECONDS)
        await self._listener.left(CLOSE_SECONDS)

    async def _answer(self, request: Request) -> None:
        if request.raw_path != b"/metrics" or request.method not in ("GET", "HEAD"):
            _respond(request, 404, "text/plain", b"Metrics are at GET /metrics.\n")
            return
        try:
            registry = await self._registry()
            page = await asyncio.to_thread(
                generate_latest, registry
            )  # many lines, so the loop goes on meanwhile
        except Exception as error:  # noqa: BLE001 - every request is answered
            log.error("metrics failed\n%s", where(error))
            _respond(request, 500, "text/plain", b"The metrics cannot be collected: see the log.\n")
        else:
            _respond(request, 200, CONTENT_TYPE_LATEST, page)

    async def _registry(self) -> CollectorRegistry:
        clients = await self._clients.measure()
        counts = await _counts(self._store)
        memory = {0: memory_bytes()} | {number: each.memory_bytes for number, each in clients.items()}
        families = [*_of_clients(list(clients.values())), *self._of_store(counts), _of_memory(memory)]
        registry = CollectorRegistry()
        registry.register(_Families(families))
        return registry

    def _of_store(self, counts: StoreCounts | None) -> Iterator[Metric]:
        batches = self.meter.batches.read()
        yield CounterMetricFamily("threadline_commits", "Commits of the store", sum(batches.counts))
        yield _histogram(
            "threadline_batch_units", "Units of work that shared one commit", BATCH_BOUNDS, batches
        )
        yield GaugeMetricFamily(
            "threadline_store_trouble", "1 while the store cannot write", int(self._store.trouble is not None)
        )
        if isinstance(self._store, SqliteStore):
            yield _histogram(
                "threadline_fsync_seconds",
                "Latency of the fsyncs of the WAL",
                LATENCY_BOUNDS,
                self.meter.fsyncs.read(),
            )
            yield GaugeMetricFamily("threadline_wal_bytes", "Length of the WAL", self._store.wal_bytes)
        if counts is not None:
            yield GaugeMetricFamily("threadline_chats_open", "Chats that have not ended", counts.chats_open)
            yield GaugeMetricFamily("threadline_tasks_due", "Tasks whose time has come", counts.tasks_due)
            yield GaugeMetricFamily(
                "threadline_tasks_late",
                f"Tasks whose time came {LATE_MS // 1000} seconds ago or earlier",
                counts.tasks_late,
            )


class _Families:
    """Metric families as prometheus-client's registry wants them."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        """The families."""
        return self._families


async def _counts(store: Store) -> StoreCounts | None:
    """The counts of the store; None while it cannot be read."""
    try:
        async with asyncio.timeout(COUNT_SECONDS):
            return await store.read(count_rows, is_single=True)
    except (Unavailable, TimeoutError):
        return None


def count_rows(tx: Tx) -> StoreCounts:
    """Count open chats, due tasks and late tasks, each over one index. Reads: session, task."""
    row = tx.one("count_for_metrics", now_ms=tx.now_ms, late_ms=tx.now_ms - LATE_MS)
    assert row is not None
    return StoreCounts(*row)


def _of_clients(processes: list[FrontendMeasures]) -> Iterator[Metric]:
    requests = HistogramMetricFamily(
        "threadline_request_seconds",
        "Latency of the requests, by operation and HTTP status",
        labels=["operation", "status"],
    )
    summed: dict[tuple[str, int], Buckets] = {}
    for process in processes:
        for operation, status, latency in process.requests:
            other = summed.get((operation, status))
            summed[operation, status] = _sum(latency, other) if other else latency
    for (operation, status), latency in sorted(summed.items()):
        requests.add_metric(
            [operation, str(status)], _cumulative(LATENCY_BOUNDS, latency.counts), latency.sum
        )
    yield requests

    def total(name: str) -> int:
        return sum(getattr(process, name) for process in processes)

    for name, sentence in (
        ("connections", "Open connections, WebSockets included"),
        ("buffered_bytes", "Bytes held for clients: incomplete requests, and answers that are not read"),
        ("sockets", "Open WebSockets"),
        ("subscriptions", "WebSockets that have subscribed"),
    ):
        yield GaugeMetricFamily(f"threadline_{name}", sentence, total(name))
    yield CounterMetricFamily("threadline_pushes", "Frames of chats sent to WebSockets", total("pushes"))
    yield CounterMetricFamily("threadline_pulls", "Reads of the store for a WebSocket", total("pulls"))


def _of_memory(memory: dict[int, int]) -> Metric:
    family = GaugeMetricFamily(
        "threadline_memory_bytes",
        "Resident memory of each process: 0 writes, others serve clients",
        labels=["process"],
    )
    for number, resident in sorted(memory.items()):
        family.add_metric([str(number)], resident)
    return family


def _sum(one: Buckets, other: Buckets) -> Buckets:
    return Buckets([a + b for a, b in zip(one.counts, other.counts, strict=True)], one.sum + other.sum)


def _histogram(name: str, sentence: str, bounds: tuple[float, ...], buckets: Buckets) -> Metric:
    family = HistogramMetricFamily(name, sentence)
    family.add_metric([], _cumulative(bounds, buckets.counts), buckets.sum)
    return family


def _cumulative(bounds: tuple[float, ...], counts: list[int]) -> list[tuple[str, float]]:
    """Pairs of an upper bound and the count of all values up to it."""
    total = 0
    pairs = []
    for bound, count in zip((*map(str, bounds), "+Inf"), counts, strict=True):
        total += count
        pairs.append((bound, float(total)))
    return pairs


def _respond(request: Request, status: int, content_type: str, body: bytes) -> None:
    head = f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n"
    request.respond(status, head.encode(), body)


def _bind(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    try:
        return datadir.listening(host.strip("[]") or "127.0.0.1", int(port))
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # the rest repeats the address
        raise BadSettings(
            f"{PREFIX}METRICS_ADDRESS is {address!r}, where nothing can listen: {reason}. Stop the program"
            " that listens there, or choose another address."
        ) from None
