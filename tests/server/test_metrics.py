"""`/metrics`: all processes of a server on one page, which tells nothing of any chat."""

import json
import os
import re
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import free_port, postgres, running, store_of
from tests.http.raw import ask
from tests.metrics import metrics_at, metrics_of
from tests.processes.supervised import refused, supervised
from tests.server.test_sockets import opened, subscribed, texts, ticket_url
from tests.units import Function
from threadline.chat.limits import Policy
from threadline.clock import ManualClock
from threadline.server.measures import BATCH_BOUNDS, Histogram
from threadline.server.metrics import LATE_MS, count_rows
from threadline.store import Tx
from threadline.store.sqlite.store import SqliteStore
from threadline.testing import Threadline
from threadline.testing.options import Options

__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", "postgres"])
def threadline(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Threadline]:
    """A server on each engine with a page of metrics."""
    options = store_of(request) or Options(data=str(tmp_path / "data"))
    options["metrics_address"] = "0"
    with Threadline(**options) as server:
        yield server


def requests(operation: str, status: int) -> str:
    return f"threadline_request_seconds_count{{operation={operation},status={status}}}"


def test_requests_are_counted_by_operation_and_status(threadline: Threadline) -> None:
    casey = threadline.customer()
    for text in ("one", "two", "three"):
        casey.say(text)
    ask(threadline.url, "GET", "/health")
    ask(threadline.url, "GET", "/ready")
    assert ask(threadline.url, "POST", "/participant/message").status == 403
    assert ask(threadline.url, "GET", "/nothing").status == 404
    metrics = metrics_of(threadline)
    assert metrics[requests("StartChatContact", 200)] == 1
    assert metrics[requests("SendMessage", 200)] == 3
    assert metrics[requests("SendMessage", 403)] == 1
    assert metrics[requests("-", 404)] == 1
    assert metrics["threadline_request_seconds_bucket{le=+Inf,operation=SendMessage,status=200}"] == 3
    assert 0 < metrics["threadline_request_seconds_sum{operation=SendMessage,status=200}"] < 60
    assert {name for name in metrics if "count{operation=-" in name} == {requests("-", 404)}


def test_sockets_and_what_they_get_are_counted(threadline: Threadline) -> None:
    casey = threadline.invite()
    before = metrics_of(threadline)
    with opened(ticket_url(casey)), subscribed(casey) as chat:
        for number in range(5):
            casey.say(f"said {number}")
        assert len(texts(chat, 5)) == 5
        metrics = metrics_of(threadline)
        assert metrics["threadline_sockets"] == 2
        assert metrics["threadline_subscriptions"] == 1
        assert metrics["threadline_connections"] >= 2
        assert metrics["threadline_pushes_total"] - before["threadline_pushes_total"] >= 5
        assert metrics["threadline_pulls_total"] > before["threadline_pulls_total"]
    while metrics_of(threadline)["threadline_sockets"]:
        casey.history()
    assert metrics_of(threadline)["threadline_subscriptions"] == 0


def test_commits_and_chats_are_counted(threadline: Threadline) -> None:
    before = metrics_of(threadline)
    first, _ = threadline.customer(), threadline.customer()
    metrics = metrics_of(threadline)
    assert metrics["threadline_chats_open"] == 2
    commits = metrics["threadline_commits_total"] - before["threadline_commits_total"]
    assert commits >= 4
    assert metrics["threadline_batch_units_count"] == metrics["threadline_commits_total"]
    assert metrics["threadline_batch_units_sum"] >= metrics["threadline_commits_total"]
    assert metrics["threadline_store_trouble"] == 0
    assert metrics["threadline_tasks_due"] == metrics["threadline_tasks_late"] == 0
    assert metrics["threadline_memory_bytes{process=0}"] > 1_000_000
    if not threadline._server.settings.store:
        assert metrics["threadline_fsync_seconds_count"] >= commits / 2
        assert metrics["threadline_wal_bytes"] > 4096
    threadline.connect.stop_contact(InstanceId=threadline.instance_id, ContactId=first.contact_id)
    assert metrics_of(threadline)["threadline_chats_open"] == 1


async def test_a_task_whose_time_has_come_is_due_and_then_late() -> None:
    clock = ManualClock()
    store = SqliteStore(None, clock, Policy())

    def plan(tx: Tx) -> None:
        for seconds in (-20, -1, 60):
            tx.later("expire", tx.now_ms + seconds * 1_000, attempts=1)

    await store.write(Function(plan))
    assert await store.read(count_rows) == (0, 2, 1)
    clock.advance(ms=LATE_MS)
    assert await store.read(count_rows) == (0, 2, 2)
    await store.close()


@pytest.mark.parametrize("frontends", [0, 2])
def test_one_page_has_all_processes_and_nothing_of_a_chat(tmp_path: Path, frontends: int) -> None:
    port = free_port()
    env = {"THREADLINE_METRICS_ADDRESS": str(port), "THREADLINE_FRONTEND_PROCESSES": str(frontends)}
    with supervised(tmp_path / "data", env=env) as server:
        workspace = server.workspace
        people = [workspace.customer("Casey Secretname") for _ in range(8)]
        for casey in people:
            casey.say("my card is 4929")
        metrics = metrics_at(f"http://127.0.0.1:{port}/metrics")
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
        workspace.close()
    assert metrics[requests("SendMessage", 200)] == 8
    assert metrics["threadline_sockets"] == 8
    assert {name for name in metrics if "memory" in name} == {
        f"threadline_memory_bytes{{process={number}}}" for number in range(frontends + 1)
    }
    assert set(re.findall(r"(\w+)=", page)) <= {"operation", "status", "le", "process"}
    ids = json.loads((tmp_path / "data" / "workspace.json").read_text())
    for hidden in ("4929", "Secretname", people[0].contact_id, ids["instance_id"], ids["access_key_id"]):
        assert hidden not in page


def test_a_process_that_does_not_answer_keeps_its_last_measures(tmp_path: Path) -> None:
    port = free_port()
    env = {"THREADLINE_METRICS_ADDRESS": str(port), "THREADLINE_FRONTEND_PROCESSES": "2"}
    with supervised(tmp_path / "data", env=env) as server:
        workspace = server.workspace
        people = [workspace.customer() for _ in range(6)]
        before = metrics_at(f"http://127.0.0.1:{port}/metrics")
        stopped, *_ = server.frontends()
        os.kill(stopped, signal.SIGSTOP)
        try:
            metrics = metrics_at(f"http://127.0.0.1:{port}/metrics")
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert metrics["threadline_sockets"] == before["threadline_sockets"] == len(people)
        assert metrics["threadline_memory_bytes{process=1}"] == before["threadline_memory_bytes{process=1}"]
        people[0].say("Hello")
        server.signal(signal.SIGHUP)  # the next worker has the same address
        for _ in range(3):
            workspace.customer()
        after = metrics_at(f"http://127.0.0.1:{port}/metrics")
        workspace.close()
    assert after[requests("StartChatContact", 200)] > 0


def test_the_page_answers_while_the_database_is_away() -> None:
    with running() as database, Threadline(store=database.database(), metrics_address="0") as server:
        assert metrics_of(server)["threadline_chats_open"] == 0
        database.stop(signal.SIGQUIT)
        while not (metrics := metrics_of(server))["threadline_store_trouble"]:
            pass
        assert "threadline_chats_open" not in metrics
        assert metrics["threadline_sockets"] == 0


def test_the_page_is_at_its_own_address_only(threadline: Threadline) -> None:
    assert threadline._server.metrics is not None
    url = threadline._server.metrics.url
    assert url.startswith("http://127.0.0.1:")
    assert ask(threadline.url, "GET", "/metrics").status == 404
    assert ask(url, "GET", "/health").status == 404
    assert ask(url, "POST", "/metrics").status == 404
    assert ask(url, "HEAD", "/metrics").body == b""


def test_an_address_that_is_in_use_ends_the_start_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(tmp_path / "data", THREADLINE_METRICS_ADDRESS=str(port))
    assert f"THREADLINE_METRICS_ADDRESS is '{port}', where nothing can listen: Address already in use" in line
    assert not (tmp_path / "data" / "threadline.db").exists()


def test_a_missing_package_ends_the_start_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "prometheus_client.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'prometheus_client'\", name='prometheus_client')"
    )
    line = refused(tmp_path / "data", THREADLINE_METRICS_ADDRESS="0", PYTHONPATH=str(tmp_path))
    said = "threadline: prometheus_client is not installed. Install it into the environment of threadline: pip install"
    assert line == f"{said} 'prometheus-client>=0.20'\n"


def test_a_histogram_counts_a_value_in_the_first_bucket_that_holds_it() -> None:
    histogram = Histogram(BATCH_BOUNDS)
    for value in (1, 2, 3, 16, 17):
        histogram.add(value)
    assert histogram.read() == ([1, 1, 1, 0, 1, 1], 39.0)
