"""Sockets that come and go by the thousand, slow readers, a customer who comes back a hundred times: nothing is left.

`THREADLINE_SOCKETS=10000` opens that many at a time; by default it is five hundred.
"""

import asyncio
import gc
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.churn.line import Line
from tests.engines import free_port
from tests.metrics import metrics_at, metrics_of
from tests.processes.supervised import supervised
from threadline.bus.hub import Socket, Topic
from threadline.http.lingering import Lingering
from threadline.http.websocket import WebSocket
from threadline.testing import Customer, Threadline

SOCKETS = int(os.environ.get("THREADLINE_SOCKETS", "500"))
PER_CUSTOMER = 50
WAVES = 3
AT_A_TIME = 100
COMEBACKS = 100
SLOW_MESSAGES = 100
GROWTH_MAX = 0.3
"""Of what a wave takes in memory: what may be left of it beyond what the wave before has left."""
KEPT_MAX = 20
"""Connections that boto3's clients keep open."""
PATIENCE_SECONDS = 60
TYPES = ["WEBSOCKET", "CONNECTION_CREDENTIALS"]


class Processes:
    """The resources that the server's processes hold."""

    def __init__(self, *pids: int) -> None:
        self.folders = [Path(f"/proc/{pid}") for pid in pids]

    @property
    def files(self) -> int:
        return sum(len(list((folder / "fd").iterdir())) for folder in self.folders)

    @property
    def bytes(self) -> int:
        pages = sum(int((folder / "statm").read_text().split()[1]) for folder in self.folders)
        return pages * resource.getpagesize()


@pytest.fixture(autouse=True)
def _many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def url_of(casey: Customer) -> str:
    """A URL that opens sockets of a customer, for a while."""
    reply = casey.workspace.connectparticipant.create_participant_connection(
        ParticipantToken=casey.participant_token, Type=TYPES
    )
    casey.connection_token = reply["ConnectionCredentials"]["ConnectionToken"]
    return str(reply["Websocket"]["Url"])


async def open_all(lines: list[Line]) -> None:
    """Open sockets, some at a time."""
    room = asyncio.Semaphore(AT_A_TIME)

    async def open_one(line: Line) -> None:
        async with room:
            await line.open()

    await asyncio.gather(*(open_one(line) for line in lines))


async def wave(customers: list[Customer], held: Processes, page: str) -> int:
    """Every customer opens sockets and says something, all of them see it, and each goes its own way.

    Returns the memory that the server has when all are open.
    """
    urls = [await asyncio.to_thread(url_of, casey) for casey in customers]
    lines = [[Line(url) for _ in range(PER_CUSTOMER)] for url in urls]
    await open_all([line for theirs in lines for line in theirs])
    for casey, theirs in zip(customers, lines, strict=True):
        for text in ("one", "two"):
            await asyncio.to_thread(casey.say, text)
        await asyncio.gather(*(line.sees(2) for line in theirs))
        assert len({tuple(line.ids) for line in theirs}) == 1
    assert metrics_at(page)["threadline_subscriptions"] == sum(map(len, lines))
    peak = held.bytes
    for theirs in lines:
        for number, line in enumerate(theirs):
            (line.close, line.hang_up, line.abort)[number % 3]()
    await asyncio.gather(*(line.gone for theirs in lines for line in theirs))
    return peak


async def test_sockets_that_come_and_go_leave_nothing(tmp_path: Path) -> None:
    port = free_port()
    page = f"http://127.0.0.1:{port}/metrics"
    settings = {
        "METRICS_ADDRESS": port,
        "CONNECTIONS_MAX": SOCKETS + 1_000,
        "SOCKETS_PER_PARTICIPANT_MAX": PER_CUSTOMER,
    }
    env = {f"THREADLINE_{name}": str(number) for name, number in settings.items()}
    with supervised(tmp_path, env=env) as server:
        workspace, held = server.workspace, Processes(server.worker(), *server.frontends())
        customers = [await asyncio.to_thread(workspace.invite) for _ in range(SOCKETS // PER_CUSTOMER)]
        files, start, after = held.files, held.bytes, []
        peak = start
        for _ in range(WAVES):
            peak = max(peak, await wave(customers, held, page))
            async with asyncio.timeout(PATIENCE_SECONDS):
                while metrics_at(page)["threadline_sockets"] or held.files > files + KEPT_MAX:
                    await asyncio.to_thread(customers[0].typing)
            after.append(held.bytes)
        assert after[-1] - after[-2] < GROWTH_MAX * (peak - start), (start, peak, after)
        workspace.close()


@pytest.fixture
def server() -> Iterator[Threadline]:
    """A server of the test's own, in this process, that cuts off slow readers soon."""
    with Threadline(socket_stalled_seconds=1, metrics_address="0") as running:
        yield running


def left(kind: type) -> int:
    """How many objects of a kind there are."""
    gc.collect()
    return sum(type(each) is kind for each in gc.get_objects())


async def emptied(server: Threadline) -> None:
    """Wait until the server has no socket any more, and see that it holds on to nothing of them."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while metrics_of(server)["threadline_sockets"]:
            await asyncio.to_thread(server.connect.list_users, InstanceId=server.instance_id)
        while any(left(kind) for kind in (Socket, Topic, WebSocket, Lingering)):
            await asyncio.to_thread(server.connect.list_users, InstanceId=server.instance_id)
    assert metrics_of(server)["threadline_subscriptions"] == 0


async def test_a_customer_who_comes_back_a_hundred_times(server: Threadline) -> None:
    casey = await asyncio.to_thread(server.invite)
    lines: list[Line] = []
    for number in range(COMEBACKS):
        line = await Line(await asyncio.to_thread(url_of, casey)).open()
        lines.append(line)
        await asyncio.to_thread(casey.say, f"said {number}")
        await line.sees(1)
        if number % 4:
            (line.close, line.hang_up, line.abort)[number % 3]()
    ids = [line.ids[0] for line in lines]
    read = [item["Id"] for item in await asyncio.to_thread(casey.history) if item["Type"] == "MESSAGE"]
    assert read[-COMEBACKS:] == ids
    for number, line in enumerate(lines):
        assert line.ids == ids[number : number + len(line.ids)]
    assert 0 < metrics_of(server)["threadline_sockets"] <= server._server.settings.sockets_per_participant_max
    for line in lines:
        line.hang_up()
    await asyncio.gather(*(line.gone for line in lines))
    await emptied(server)


async def test_slow_readers_are_cut_off_and_hold_up_nobody(server: Threadline) -> None:
    casey = await asyncio.to_thread(server.invite)
    url = await asyncio.to_thread(url_of, casey)
    quick = await Line(url).open()
    slow = [await Line(url).open(takes_little=True) for _ in range(4)]
    for line in slow:
        line.transport.pause_reading()
    for number in range(SLOW_MESSAGES):
        await asyncio.to_thread(casey.say, str(number).ljust(16_000))
    await quick.sees(SLOW_MESSAGES)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while metrics_of(server)["threadline_sockets"] > 1:
            await asyncio.to_thread(casey.typing)
    for line in slow:
        line.transport.resume_reading()
    await asyncio.gather(*(line.gone for line in slow))
    read = [item["Id"] for item in await asyncio.to_thread(casey.history) if item["Type"] == "MESSAGE"]
    assert read[-SLOW_MESSAGES:] == quick.ids
    for line in slow:
        assert quick.ids[: len(line.ids)] == line.ids
    quick.close()
    await quick.gone
    await emptied(server)
