"""A frontend in its own process: it serves clients, reads the store's file and sends writes to the writer."""

import asyncio
import os
import socket
from collections import deque
from pathlib import Path
from typing import Any

from threadline.chat.limits import Policy
from threadline.clock import Clock
from threadline.config import Settings
from threadline.errors import Fault
from threadline.processes import messages
from threadline.processes.channel import Channel
from threadline.processes.fork import SharedCounter, freeze_gc
from threadline.processes.messages import ToFrontend
from threadline.server import factory
from threadline.server.audited import audit_of
from threadline.server.frontend import Frontend
from threadline.server.timing import Timed, Times
from threadline.store import Store, Unavailable, UnitOfWork, Work
from threadline.store.observer import Observers, StoreObserver
from threadline.store.sqlite.store import Reader


class WriterFailed(Exception):
    """A unit of work failed in the writer. The writer's log says why."""


class RemoteStore(Store):
    """The store of a frontend. It reads the file at `path` itself and sends writes to the writer over `channel`.

    A read is answered once every batch that it can have seen is durable: `written` counts the written batches, `synced`
    the durable ones.
    """

    def __init__(
        self,
        path: Path,
        written: SharedCounter,
        synced: int,
        channel: Channel,
        clock: Clock,
        policy: Policy,
        observer: StoreObserver,
    ) -> None:
        self._observer = observer
        self._reader = Reader(path, clock, policy)
        self._channel = channel
        self._requests: dict[int, asyncio.Future[Any]] = {}
        self._timed: dict[int, Timed[Any]] = {}
        self._count = 0
        self._written = written
        self._synced = synced
        self._reading: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def write(self, unit: UnitOfWork[Any]) -> Any:
        self._count += 1
        if isinstance(unit, Timed):
            request = messages.WriteRequest(self._count, unit.unit, True, unit.with_statements)  # type: ignore[arg-type]
            self._channel.send(request)
            self._timed[self._count] = unit
        else:
            self._channel.send(messages.WriteRequest(self._count, unit))  # type: ignore[arg-type]
        future = self._requests[self._count] = asyncio.get_running_loop().create_future()
        return await future

    async def read(self, work: Work[Any], *, is_single: bool = False) -> Any:
        try:
            return self._reader.read(work)
        finally:
            if (written := self._written.get()) > self._synced:
                durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._reading.append((written, durable))
                await durable

    async def close(self) -> None:
        self._reader.close()

    def receive(self, message: ToFrontend) -> None:
        """Handle a message of the writer."""
        match message:
            case messages.WriteResponse(number, result, times):
                if self._timed:
                    self._note(number, times)
                self._requests.pop(number).set_result(result)
            case messages.WriteError(number, code, text, members, times):
                self._note(number, times)
                self._requests.pop(number).set_exception(_exception(code, text, members))
            case messages.CommitNotice(committed):
                self._observer.committed(committed)
            case messages.Blocked(reason):
                self.trouble = reason
                self._observer.troubled(reason)
            case messages.Durable(batches):
                self._synced = batches
                self._observer.durable(batches)
                while self._reading and self._reading[0][0] <= batches:
                    self._reading.popleft()[1].set_result(None)

    def _note(self, number: int, times: Times | None) -> None:
        if (timed := self._timed.pop(number, None)) is not None:
            timed.times = times


def _exception(code: str, text: str, members: dict[str, Any]) -> Exception:
    if code:
        return Fault(code, text, **members)
    return Unavailable(text) if text else WriterFailed()


async def serve(
    settings: Settings,
    policy: Policy,
    file: Path,
    bound: socket.socket,
    end: socket.socket,
    written: SharedCounter,
) -> None:
    """Serve clients on `bound` until the writer, at the other end of `end`, asks for a drain. Exit when it is gone."""
    loop = asyncio.get_running_loop()
    begun: asyncio.Future[RemoteStore] = loop.create_future()
    drained: asyncio.Future[float] = loop.create_future()
    closed: asyncio.Future[None] = loop.create_future()
    clock = Clock()
    observers = Observers()

    def receive(message: ToFrontend) -> None:
        match message:
            case messages.WriteResponse() | messages.CommitNotice() | messages.Durable() if begun.done():
                begun.result().receive(message)  # first, since nearly all messages are these
            case messages.Begin(synced):
                decrypting = policy._replace(cipher=factory.cipher(settings))  # its file is there by now
                begun.set_result(RemoteStore(file, written, synced, channel, clock, decrypting, observers))
            case messages.Measure():
                channel.send(messages.Measured(frontend.measures()))
            case messages.Drain(seconds):
                drained.set_result(seconds)
            case _ if begun.done():
                begun.result().receive(message)

    def lost() -> None:
        if not drained.done():
            os._exit(1)
        closed.set_result(None)

    channel = Channel(receive, lost)
    await channel.open(end)
    store = await begun
    objects = factory.objects(settings, factory.cipher(settings))
    audit = audit_of(settings, store, clock)
    frontend = Frontend(settings, clock, store, bound, objects, audit=audit)
    observers.add(frontend.keys)
    observers.add(frontend.hub)
    frontend.hub.on_follow = lambda session, is_followed: channel.send(messages.Follow(session, is_followed))
    await frontend.start()
    freeze_gc()
    channel.send(messages.Ready())
    clean = await frontend.close(await drained)
    if audit is not None:
        await audit.close()
    await store.close()
    channel.send(messages.Drained(clean))
    # The writer closes the channel. If this end did, a message on its way here would break it, and Drained be lost.
    await closed
