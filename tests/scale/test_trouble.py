"""A database fails in many ways: a node says so, goes on with the work that is possible, and leaks nothing."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import psycopg
import pytest

from tests.engines import Postgres, free_port, running
from tests.scale.node import Node
from tests.units import Function
from threadline.clock import Clock
from threadline.errors import Fault
from threadline.operations.continuations import CONTINUATIONS, due_tasks
from threadline.store import Task, Tx
from threadline.store.postgres import pipeline, pool, unit
from threadline.store.postgres import store as store_postgres
from threadline.store.postgres.store import PostgresStore
from threadline.store.postgres.unit import Unsure
from threadline.tasks import timers
from threadline.tasks.timers import Timers

SECRET = "sEcret"
PATIENCE_SECONDS = 60


@pytest.fixture
async def node(postgres: Postgres) -> AsyncIterator[Node]:
    address = postgres.database()
    node = await Node.open(address)
    node.address = address
    await node.begin()
    yield node
    await node.store.close()


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_postgres, "START_SECONDS", 0)
    monkeypatch.setattr(unit, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(pool, "SWEEP_SECONDS", 0.05)
    monkeypatch.setattr(pipeline, "SILENCE_SECONDS", 0.5)


def backends(server: Postgres) -> list[int]:
    """The processes that serve our connections, but those of the bus."""
    rows = server.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'threadline' AND query NOT LIKE '%notify%'"
    )
    return [pid for (pid,) in rows]


# Starting


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("postgresql://u:{secret}@127.0.0.1:{nobody}/x", "database x at 127.0.0.1, port .*refused"),
        ("postgresql://postgres:{secret}@127.0.0.1:{port}/nowhere", 'database "nowhere" does not exist'),
        ("postgresql://nobody:{secret}@127.0.0.1:{port}/postgres", 'role "nobody" does not exist'),
        ("postgresql://strict:{secret}@127.0.0.1:{port}/postgres", "permission denied for schema public"),
        ("postgresql://postgres:{secret}%zz@127.0.0.1:{port}/postgres", "percent"),
        ("postgresql://postgres:{secret}/{secret}@127.0.0.1:{port}/postgres", "percent"),
        ("postgresql://postgres:x@{secret}@127.0.0.1:{port}/postgres", "percent"),
        ("postgresql://postgres:{secret}@127.0.0.1:{port}/postgres?colour={secret}", "percent"),
    ],
)
async def test_a_database_that_cannot_be_used_is_named_and_no_secret(
    postgres: Postgres, caplog: pytest.LogCaptureFixture, address: str, words: str
) -> None:
    postgres.execute("DROP ROLE IF EXISTS strict")
    postgres.execute("CREATE ROLE strict LOGIN")
    address = address.format(secret=SECRET, port=postgres.port, nobody=free_port())
    with pytest.raises(RuntimeError, match=words) as caught:
        await PostgresStore.open(address, Clock())
    assert SECRET not in str(caught.value) + caplog.text
    assert caught.value.__cause__ is None
    assert "\n" not in str(caught.value)


async def test_a_node_waits_for_a_database_that_is_starting(caplog: pytest.LogCaptureFixture) -> None:
    with running() as server:
        address = server.database()
        server.stop()
        opening = asyncio.ensure_future(PostgresStore.open(address, Clock()))
        await asyncio.wait([opening], timeout=0.2)
        assert not opening.done()
        await asyncio.to_thread(server.start)
        await (await opening).close()
        assert caplog.text.count("cannot be used yet") == 1


# Batches


async def test_a_batch_with_two_failures_runs_again_once(node: Node, postgres: Postgres) -> None:
    _, casey = await node.start()
    runs: list[str] = []

    def refused(tx: Tx) -> None:
        runs.append("refused")
        tx.run("set_event_hooks", session=casey.session, event_hooks="undone")
        tx.one("session", session=casey.session)
        raise Fault("InvalidRequestException", "It was not meant.")

    def stumbling(tx: Tx) -> None:
        runs.append("stumbling")
        tx.one("attributes", session=1 << 70 if runs.count("stumbling") == 1 else 1)

    async def busy() -> None:
        """Keep the loop from looking until both failures are there to be seen."""
        await asyncio.sleep(0)
        postgres.execute("SELECT 1")

    outcomes = await asyncio.gather(
        node.store.write(Function(refused)),
        node.store.write(Function(stumbling)),
        busy(),
        return_exceptions=True,
    )
    assert sorted(runs) == ["refused"] * 2 + ["stumbling"] * 2
    assert [type(outcome) for outcome in outcomes] == [Fault, type(None), type(None)]
    await asyncio.gather(*(node.say(casey, f"said {i}") for i in range(40)))
    log = await node.log(casey)
    assert [row[1] for row in log] == list(range(1, len(log) + 1))
    hooks = await node.store.read(lambda tx: tx.one("session", session=casey.session))
    assert hooks is not None
    assert "undone" not in hooks


async def test_a_task_that_fails_is_put_off_and_holds_up_no_other(
    node: Node, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[int] = []

    def poisonous(tx: Tx, task: Task) -> None:
        tx.one("attributes", session=1 << 70)

    monkeypatch.setitem(CONTINUATIONS, "poisonous", poisonous)
    monkeypatch.setitem(CONTINUATIONS, "harmless", lambda _, task: done.append(task.id))
    monkeypatch.setattr(timers, "BATCH", 2)
    now_ms = Clock().now_ms()
    for kind in ("poisonous", "poisonous", "poisonous", "harmless"):
        await node.store.write(Function(lambda tx, kind=kind: tx.later(kind, now_ms, attempts=1)))  # type: ignore[misc]
    await Timers(node.store, Clock()).tick()
    assert len(done) == 1
    assert caplog.text.count("task poisonous") == 3
    assert await node.store.read(lambda tx: due_tasks(tx)[0]) == []


async def test_urgent_tasks_run_before_a_long_queue_of_the_background(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    all_done = asyncio.Event()

    def note(tx: Tx, task: Task) -> None:
        done.append(task.kind)
        if len(done) == 7:
            all_done.set()

    for kind in ("index", "urgent"):
        monkeypatch.setitem(CONTINUATIONS, kind, note)
    now_ms = Clock().now_ms()
    for age_ms, kind in enumerate(["urgent", *["index"] * 6]):
        due_ms = now_ms - age_ms
        await node.store.write(Function(lambda tx, kind=kind, due=due_ms: tx.later(kind, due, attempts=1)))  # type: ignore[misc]
    loop_timers = Timers(node.store, Clock())
    loops = [asyncio.create_task(loop) for loop in (loop_timers.run(), loop_timers.run_background())]
    async with asyncio.timeout(PATIENCE_SECONDS):
        await all_done.wait()
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    assert done == ["urgent", *["index"] * 6]


# Running


async def outcomes(*works: Awaitable[Any]) -> list[str]:
    """Return the kind of each outcome."""
    found = await asyncio.gather(*works, return_exceptions=True)
    return [type(each).__name__ for each in found]


@pytest.mark.parametrize("how", ["pg_terminate_backend", "pg_cancel_backend"])
async def test_what_is_cut_off_in_the_middle_loses_nothing(node: Node, postgres: Postgres, how: str) -> None:
    callers = [(await node.start())[1] for _ in range(8)]
    acknowledged: list[list[str]] = [[] for _ in callers]
    is_over = asyncio.Event()

    async def say(number: int, text: str) -> str:
        while True:
            try:
                return str((await node.say(callers[number], text, client_token=text))["Id"])
            except (Unsure, psycopg.errors.QueryCanceled):
                continue

    async def talk(number: int) -> None:
        while not is_over.is_set():
            acknowledged[number].append(await say(number, f"said {len(acknowledged[number])}"))

    talking = [asyncio.ensure_future(talk(number)) for number in range(len(callers))]
    for _ in range(40):
        await asyncio.to_thread(
            postgres.execute,
            f"SELECT {how}(pid) FROM pg_stat_activity"
            " WHERE application_name = 'threadline' ORDER BY random() LIMIT 1",
        )
    is_over.set()
    await asyncio.gather(*talking)
    for caller, ids in zip(callers, acknowledged, strict=True):
        log = await node.log(caller)
        assert [row[1] for row in log] == list(range(1, len(log) + 1))
        said = [row for row in log if row[5] == "MESSAGE" and row[8]]
        assert [row[3] for row in said] == ids
        assert [row[7] for row in said] == [f"said {i}" for i in range(len(said))]
    assert len(backends(postgres)) <= 4


@pytest.mark.usefixtures("_impatient")
async def test_a_database_that_is_away_keeps_nobody_waiting_and_fills_no_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running() as server:
        node = await Node.open(server.database())
        await node.begin()
        _, casey = await node.start()
        await asyncio.to_thread(server.stop)
        for _ in range(3):
            found = await outcomes(*(node.say(casey, f"said {i}") for i in range(50)), node.log(casey))
            assert set(found) <= {"Unavailable", "Unsure"}
        assert waiting(node) == 0
        await asyncio.to_thread(server.start)
        while await outcomes(node.say(casey, "again")) != ["dict"]:
            pass
        assert caplog.text.count("cannot be reached:") == 2  # by those that write, and by those that read
        await node.store.close()


@pytest.mark.usefixtures("_impatient")
async def test_connections_that_stand_still_keep_nobody_waiting(postgres: Postgres, node: Node) -> None:
    _, casey = await node.start()
    pids = backends(postgres)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        found = await outcomes(*(node.say(casey, f"said {i}") for i in range(50)), node.log(casey))
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    assert set(found) <= {"Unavailable", "list", "dict"}  # those on other connections meanwhile, and in time
    assert waiting(node) == 0
    while await outcomes(node.say(casey, "again")) != ["dict"]:
        pass
    said = [row[7] for row in await node.log(casey) if row[5] == "MESSAGE" and row[8]]
    assert len(said) == found.count("dict") + 1


def waiting(node: Node) -> int:
    """Units of work that the node's store holds on to."""
    return sum(pool.waiting for pool in (node.store._writing, node.store._reading))


async def test_a_lock_that_others_hold_holds_up_its_own_chat_and_no_other(
    postgres: Postgres, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit, "PATIENCE_SECONDS", 3)
    _, casey = await node.start()
    others = [(await node.start())[1] for _ in range(20)]
    address = node.address
    with psycopg.connect(address) as holder:
        holder.execute("SELECT key FROM session WHERE key = %s FOR UPDATE", [casey.session])
        held = asyncio.ensure_future(outcomes(*(node.say(casey, f"held {i}") for i in range(3))))
        assert await outcomes(*(node.say(other, "beside") for other in others)) == ["dict"] * 20
        assert set(await held) == {"Unavailable"}
    assert await outcomes(*(node.say(casey, f"free {i}") for i in range(3))) == ["dict"] * 3


async def test_connections_that_run_out_are_waited_for(node: Node, postgres: Postgres) -> None:
    _, casey = await node.start()
    with contextlib.ExitStack() as taken:
        before = backends(postgres)
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                taken.enter_context(psycopg.connect(postgres.address()))
        for pid in before:
            os.kill(pid, signal.SIGTERM)
        saying = asyncio.ensure_future(outcomes(*(node.say(casey, f"said {i}") for i in range(5))))
        await asyncio.wait([saying], timeout=0.2)
    assert await saying == ["dict"] * 5
