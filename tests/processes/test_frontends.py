"""Frontends beside the process that writes: nobody notices them, and nobody is told what is not durable."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.http.raw import ask
from tests.processes.supervised import PATIENCE_SECONDS, Supervised, gone, supervised
from tests.recorder import Recorder
from tests.units import Function
from threadline.chat.limits import Policy
from threadline.clock import ManualClock
from threadline.config import BadSettings, Settings
from threadline.operations.registry import AccountCaller
from threadline.operations.units import Call
from threadline.processes.channel import Channel
from threadline.processes.fork import Forked, SharedCounter
from threadline.processes.frontend import RemoteStore
from threadline.processes.frontends import Frontends, wanted
from threadline.processes.messages import Begin, Follow, Ready
from threadline.server import Server
from threadline.store import Committed, Signal, Store, Tx, Unavailable
from threadline.store.observer import Observers
from threadline.store.sqlite.store import BATCH_MAX, SqliteStore


def served(data: Path, frontends: int, **env: str) -> AbstractContextManager[Supervised]:
    return supervised(data, env={"THREADLINE_FRONTEND_PROCESSES": str(frontends), **env})


# As its users see it


@pytest.mark.parametrize("frontends", [0, 1, 3])
def test_a_chat_over_whatever_edges_there_are(tmp_path: Path, frontends: int) -> None:
    with served(tmp_path / "data", frontends) as server:
        assert len(server.frontends()) == frontends
        workspace = server.workspace
        past = workspace.past_chat()
        chats = []
        for number in range(4):
            casey = workspace.customer(
                PersistentChat={"SourceContactId": past.c2, "RehydrationType": "FROM_SEGMENT"}
            )
            agent = workspace.agent("a1")
            agent.accept(casey)
            assert "My parcel has not come." in casey.reads()
            chats.append((number, casey, agent))
        for number, casey, agent in chats:
            casey.say(f"question {number}")
            agent.see(f"question {number}")
            agent.typing()
            casey.see_event("typing")
            agent.say(f"answer {number}")
            casey.see(f"answer {number}")
            assert casey.reads()[-2:] == agent.reads()[-2:] == [f"question {number}", f"answer {number}"]
            casey.leave()
        server.signal(signal.SIGTERM)
        assert server.end() == (0, "")


def test_nobody_notices_that_an_edge_is_killed(tmp_path: Path) -> None:
    with served(tmp_path / "data", 2) as server:
        casey = server.workspace.customer()
        casey.say("before")
        worker, frontends = server.worker(), server.frontends()
        os.kill(frontends[0], signal.SIGKILL)
        assert all(gone(pid) for pid in (worker, *frontends))
        assert ask(server.url, "GET", "/health").status == 200
        assert server.worker() != worker
        casey.connect()
        casey.say("after")
        casey.see("after")
        assert casey.reads() == ["before", "after"]
        casey.drop()
        server.signal(signal.SIGTERM)
        status, errors = server.end()
        assert status == 0
        assert "a frontend process has ended: the server restarts" in errors
        assert "the worker died (status 1)" in errors


def test_edges_do_not_outlive_the_worker(tmp_path: Path) -> None:
    with served(tmp_path / "data", 2) as server:
        frontends = server.frontends()
        os.kill(server.worker(), signal.SIGKILL)
        assert all(gone(frontend) for frontend in frontends)
        assert ask(server.url, "GET", "/health").status == 200


def test_a_frontend_is_not_ended_by_a_signal_to_all_processes(tmp_path: Path) -> None:
    """systemd sends the signal to every process of a service. A frontend waits until the worker tells it to drain."""
    with served(tmp_path / "data", 1) as server:
        (frontend,) = server.frontends()
        os.kill(frontend, signal.SIGTERM)
        assert ask(server.url, "GET", "/health").status == 200
        assert server.frontends() == [frontend]


def test_rates_are_counted_in_one_place(tmp_path: Path) -> None:
    with served(tmp_path / "data", 3, THREADLINE_RATE_LIMITS="true") as server:
        assert len(server.frontends()) == 1


def test_an_edge_keeps_up_with_what_is_said_while_it_begins(tmp_path: Path) -> None:
    """As where timers are overdue when a server starts."""
    command = [sys.executable, "-m", "tests.processes.early", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert (done.returncode, done.stderr) == (0, "")


def test_refusals_come_over_in_full(tmp_path: Path) -> None:
    with served(tmp_path / "data", 1) as server:
        workspace = server.workspace
        with pytest.raises(ClientError) as refused:
            workspace.connect.create_contact_flow(
                InstanceId=workspace.instance_id, Name="bad", Type="CONTACT_FLOW", Content="{}"
            )
        assert refused.value.response["Error"]["Code"] == "InvalidContactFlowException"
        assert refused.value.response["problems"]


# From within


class Two:
    """A store, and a frontend's view of it, over a real channel, in one process. A test can hold the disk."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "threadline.db"
        self.seen = Recorder()
        self.observers = Observers(self.seen)
        self.store = store = SqliteStore(self.path, ManualClock(), observer=self.observers)
        self.remote: RemoteStore
        self.channel: Channel
        self.frontends: Frontends
        self.remote_seen = Recorder()
        self.released = threading.Event()
        self.failure: OSError | None = None
        assert store.group_commit is not None
        store.group_commit.sync = self._sync

    def _sync(self) -> None:
        assert self.released.wait(PATIENCE_SECONDS)
        if self.failure:
            raise self.failure

    def seen_by(self, who: str) -> Store:
        return self.remote if who == "frontend" else self.store


@asynccontextmanager
async def two_processes(folder: Path) -> AsyncIterator[Two]:
    ours, theirs = socket.socketpair()
    written = SharedCounter()
    two = Two(folder)
    hung_up = asyncio.get_running_loop().create_future()
    frontends = two.frontends = Frontends(
        Forked([ours], written), two.store, two.observers, lambda: hung_up.set_result(None)
    )

    def receive(message: Any) -> None:
        if isinstance(message, Begin):
            two.remote = RemoteStore(
                two.path, written, message.synced, channel, ManualClock(), Policy(), two.remote_seen
            )
            channel.send(Ready())
        else:
            two.remote.receive(message)

    channel = two.channel = Channel(receive, lambda: None)
    await channel.open(theirs)
    await frontends.start()
    try:
        yield two
    finally:
        two.released.set()
        channel.close()
        await hung_up
        await two.remote.close()
        await two.store.close()


CALLER = AccountCaller("1", "2")
LIST = Call("connect", "ListInstances", CALLER, {})


def keep(tx: Tx) -> str:
    tx.run("insert_reply", key="key", arguments_hash="", salt="", reply="kept", now_ms=tx.now_ms)
    return "kept"


def cause_of(error: BaseException | None) -> BaseException | None:
    return error and error.__cause__


def kept(tx: Tx) -> bool:
    return tx.one("reply_of", key="key") is not None


@pytest.mark.parametrize("who", ["owner", "frontend"])
async def test_nobody_is_told_what_is_not_durable(tmp_path: Path, who: str) -> None:
    async with two_processes(tmp_path) as two:
        assert not await two.seen_by(who).read(kept)  # nothing is under way: at once
        writing = asyncio.ensure_future(two.store.write(Function(keep)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        reading = asyncio.ensure_future(two.seen_by(who).read(kept))
        done, _ = await asyncio.wait([writing, reading], timeout=0.05)
        assert not done
        assert not two.seen.commits
        assert not two.seen.durables
        two.released.set()
        assert await writing == "kept"
        assert await reading
        assert await two.seen_by(who).read(kept)


@pytest.mark.parametrize("who", ["owner", "frontend"])
async def test_after_a_sync_that_failed_nothing_is_answered_any_more(tmp_path: Path, who: str) -> None:
    async with two_processes(tmp_path) as two:
        two.failure = OSError(5, "the disk")
        first, second = (asyncio.ensure_future(two.store.write(Function(keep))) for _ in range(2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        reading = asyncio.ensure_future(two.seen_by(who).read(kept))
        two.released.set()
        for asked in (first, second, *([reading] if who == "owner" else [])):
            with pytest.raises(Unavailable, match="the disk"):
                await asked
        two.failure = None
        with pytest.raises(Unavailable, match="the disk"):
            await two.store.write(Function(keep))
        with pytest.raises(Unavailable, match="the disk"):
            await two.remote.write(Call("connect", "StopContact", CALLER, {}))
        assert two.seen.failures == 1
        if who == "frontend":
            assert not reading.done()  # it ends with its process
            reading.cancel()
    async with two_processes(tmp_path) as again:
        again.released.set()
        assert await again.store.read(kept) in (True, False)


async def test_a_sync_that_succeeds_after_one_that_failed_means_nothing(tmp_path: Path) -> None:
    async with two_processes(tmp_path) as two:
        outcomes = ["fails", "succeeds"]
        begun = threading.Event()

        def sync() -> None:
            begun.set()
            assert two.released.wait(PATIENCE_SECONDS)
            if outcomes.pop(0) == "fails":
                raise OSError(5, "the disk")

        two.store.group_commit.sync = sync  # type: ignore[union-attr]
        waiting = []
        for _ in range(2):  # a batch each
            waiting.append(asyncio.ensure_future(two.store.write(Function(keep))))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert begun.wait(PATIENCE_SECONDS)
        two.released.set()
        for asked in waiting:
            with pytest.raises(Unavailable, match="the disk"):
                await asked
        with pytest.raises(Unavailable, match="the disk"):
            await two.store.read(kept)
        assert not outcomes
        assert two.seen.failures == 1


@pytest.mark.parametrize("failure", [None, OSError(5, "the disk")])
async def test_who_is_durable_is_answered_while_the_next_batch_is_run(
    tmp_path: Path, failure: OSError | None
) -> None:
    async with two_processes(tmp_path) as two:
        told: list[BaseException | None] = []
        seen: list[int] = []
        group_commit = two.store.group_commit
        assert group_commit is not None

        def release(tx: Tx) -> None:
            two.released.set()
            patience = time.monotonic() + PATIENCE_SECONDS
            while not group_commit.results and time.monotonic() < patience:
                os.sched_yield()

        two.failure = failure
        two.store.submit(Function(keep), lambda _, error: told.append(error))
        await asyncio.sleep(0)
        finished = asyncio.get_running_loop().create_future()
        two.store.submit(Function(release), lambda _, error: told.append(error))
        two.store.submit(
            Function(lambda tx: seen.append(len(told))), lambda _, error: finished.set_result(error)
        )
        assert cause_of(await finished) is failure
        assert [cause_of(error) for error in told] == [failure, failure]
        assert seen == [1]


async def test_a_sync_that_ends_within_a_batch_begins_no_other(tmp_path: Path) -> None:
    """Whether the WAL has room is asked when a batch is over, and not while it has still to be written."""
    async with two_processes(tmp_path) as two:
        group_commit = two.store.group_commit
        assert group_commit is not None
        asked: list[int] = []
        seen: list[int] = []

        def has_room(unsynced: int) -> bool:
            asked.append(unsynced)
            return True

        def release(tx: Tx) -> None:
            two.released.set()
            patience = time.monotonic() + PATIENCE_SECONDS
            while not group_commit.results and time.monotonic() < patience:
                os.sched_yield()
            seen.append(len(asked))

        await two.store.read(kept)
        group_commit.has_room = has_room  # type: ignore[method-assign]
        two.store.submit(Function(keep), lambda *_: None)
        await asyncio.sleep(0)
        two.store.submit(Function(release), lambda *_: None)
        for _ in range(BATCH_MAX - 1):
            two.store.submit(Function(lambda tx: seen.append(len(asked))), lambda *_: None)
        await two.store.write(Function(kept))  # waits behind a full batch
        assert len(seen) == BATCH_MAX
        assert len(set(seen)) == 1


async def test_an_edge_hears_of_the_sessions_that_it_follows(tmp_path: Path) -> None:
    async with two_processes(tmp_path) as two:
        two.released.set()
        for session in (1, 2):
            two.channel.send(Follow(session, True))
        two.channel.send(Follow(2, False))
        await two.remote.write(LIST)  # comes after what was said before
        signals = [Signal(session, "participant", {"session": session}) for session in (1, 2, 3)]
        two.frontends.committed(Committed((), tuple(signals), None))
        two.frontends.committed(Committed((), tuple(signals[1:]), None))
        await two.remote.write(LIST)
        assert two.remote_seen.commits == [Committed((), (signals[0],), None)]


async def test_a_commit_before_the_edges_are_there_is_nobody_s(tmp_path: Path) -> None:
    """As where timers are overdue when a server starts."""
    store = SqliteStore(tmp_path / "threadline.db", ManualClock())
    ends = socket.socketpair()
    frontends = Frontends(Forked(list(ends), SharedCounter()), store, Observers(), lambda: None)
    frontends.committed(Committed((), (Signal(1, "participant", {}),), None))
    for end in ends:
        end.close()
    await store.close()


async def test_a_server_whose_disk_fails_says_so(tmp_path: Path) -> None:
    async with Server(Settings(port=0, data=str(tmp_path))) as server:
        assert isinstance(server.store, SqliteStore)
        assert server.store.group_commit is not None

        def broken() -> None:
            raise OSError(28, "No space left on device")

        server.store.group_commit.sync = broken
        with pytest.raises(Unavailable, match="the disk is full"):
            await server.store.write(Function(keep))
        assert server.failed.done()


async def test_what_cannot_be_said_fails_alone(tmp_path: Path) -> None:
    async with two_processes(tmp_path) as two:
        two.released.set()
        good = asyncio.ensure_future(two.remote.write(LIST))
        await asyncio.sleep(0)
        with pytest.raises(OverflowError):
            await two.remote.write(Call("connect", "ListInstances", CALLER, {"max_results": 10**30}))
        with pytest.raises(UnicodeEncodeError):
            await two.remote.write(Call("connect", "ListInstances", CALLER, {"next_token": "\ud800"}))
        assert await good == b'{"InstanceSummaryList":[]}'


async def test_an_edge_that_is_gone_before_it_begins_fails_the_start(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "threadline.db", ManualClock())
    ours, theirs = socket.socketpair()
    theirs.close()
    frontends = Frontends(Forked([ours], SharedCounter()), store, Observers(), lambda: None)
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(RuntimeError, match="has ended"):
            await frontends.start()
    await store.close()


async def test_an_edge_that_is_gone_while_it_drains_has_not_answered_all(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "threadline.db", ManualClock())
    ours, theirs = socket.socketpair()
    frontends = Frontends(Forked([ours], SharedCounter()), store, Observers(), lambda: None)

    def receive(message: Any) -> None:
        if isinstance(message, Begin):
            channel.send(Ready())
        else:
            channel.close()

    channel = Channel(receive, lambda: None)
    await channel.open(theirs)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await frontends.start()
        assert not await frontends.close(1.0)
    await store.close()


@pytest.mark.parametrize(("cores", "count"), [(1, 0), (2, 1), (3, 1), (4, 2), (7, 2), (8, 3), (64, 3)])
def test_the_number_of_frontends_goes_by_the_cores(cores: int, count: int) -> None:
    assert wanted(Settings(), cores) == count
    assert wanted(Settings(rate_limits=True), cores) == min(count, 1)
    assert wanted(Settings(frontend_processes="5"), cores) == 5
    assert wanted(Settings(data=":memory:"), cores) == 0


@pytest.mark.parametrize("text", ["", "-1", "17", "many", "\u0662"])
def test_a_number_of_frontends_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadSettings, match="write auto, or a number from 0 to 16"):
        Settings(frontend_processes=text)
