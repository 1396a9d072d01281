"""An edge in a process of its own: it serves clients, reads the store's file, and asks another process to write."""

import asyncio
import ctypes
import gc
import os
import signal
import socket
import sys
from collections import deque
from pathlib import Path
from typing import Any

import uvloop

from threadline.chat.limits import Policy
from threadline.clock import Clock
from threadline.config import Settings
from threadline.errors import Fault
from threadline.server.channel import (
    Answered,
    Asked,
    Begin,
    Channel,
    Drain,
    Drained,
    News,
    Ready,
    Refused,
    Synced,
)
from threadline.server.edge import Edge
from threadline.server.edges import Written
from threadline.store import Committed, Store, Work
from threadline.store.sqlite import Reader

GARBAGE_THRESHOLDS = (10_000, 10, 10)
"""Objects after which the youngest are looked through, and how often before the older ones are."""


class WriterFailed(Exception):
    """A unit of work failed in the process that writes, whose log says how."""


class RemoteStore(Store):
    """The store, for an edge: it reads the file at `path` by itself; who owns it writes, and is asked over `channel`.

    A read is answered once all is durable that it may have seen. Units of work that write are those of `server.units`.
    """

    def __init__(self, path: Path, written: Written, channel: Channel, clock: Clock, policy: Policy) -> None:
        self.on_commit = lambda _: None
        self._reader = Reader(path, clock, policy)
        self._channel = channel
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._count = 0
        self._written = written
        self._synced = written.get()
        self._reading: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def write(self, work: Work[Any], session: int | None = None) -> Any:
        self._count += 1
        self._channel.send(Asked(self._count, work))  # type: ignore[arg-type]
        future = self._asked[self._count] = asyncio.get_running_loop().create_future()
        return await future

    async def read(self, work: Work[Any]) -> Any:
        try:
            return self._reader.read(work)
        finally:
            if (written := self._written.get()) > self._synced:
                durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._reading.append((written, durable))
                await durable

    async def close(self) -> None:
        self._reader.close()

    def heard(self, message: Answered | Refused | News | Synced) -> None:
        """What the process that writes has said."""
        match message:
            case Answered(number, result):
                self._asked.pop(number).set_result(result)
            case Refused(number, code, text, members):
                error = Fault(code, text, **members) if code else WriterFailed()
                self._asked.pop(number).set_exception(error)
            case News(grown, signals):
                self.on_commit(Committed(grown, signals, None))
            case Synced(batches):
                self._synced = batches
                while self._reading and self._reading[0][0] <= batches:
                    self._reading.popleft()[1].set_result(None)


def calm_garbage_collection() -> None:
    """What is loaded stays: looking through it again and again took a twentieth of the time of every message."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def serve(
    settings: Settings,
    policy: Policy,
    file: Path,
    bound: socket.socket,
    end: socket.socket,
    written: Written,
) -> None:
    """Be an edge on `bound`, until the process at the other end of `end` says that it is over, or is gone."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the other is told, and tells
    _end_with_parent()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, policy, file, bound, end, written))


def _end_with_parent() -> None:
    """Have the system end this process in the moment in which its parent is gone, before it takes another connection.

    Where the system is not Linux, the end of the channel has to do. Source: prctl(2), PR_SET_PDEATHSIG.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


async def _serve(
    settings: Settings,
    policy: Policy,
    file: Path,
    bound: socket.socket,
    end: socket.socket,
    written: Written,
) -> None:
    loop = asyncio.get_running_loop()
    begun: asyncio.Future[None] = loop.create_future()
    drained: asyncio.Future[float] = loop.create_future()
    store: RemoteStore

    def heard(message: Any) -> None:
        match message:
            case Begin():
                begun.set_result(None)
            case Drain(seconds):
                drained.set_result(seconds)
            case _ if begun.done():
                store.heard(message)

    channel = await Channel.open(end, heard, lambda: os._exit(1))
    await begun
    clock = Clock()
    store = RemoteStore(file, written, channel, clock, policy)
    edge = Edge(settings, clock, store, bound)
    store.on_commit = edge.committed
    await edge.start()
    calm_garbage_collection()
    channel.send(Ready())
    clean = await edge.close(await drained)
    await store.close()
    channel.send(Drained(clean))
    channel.close()
