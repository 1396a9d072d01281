"""The composition root: a `Server` is a store, a hub, timers and an HTTP side, put together once and closed in order.

    async with Server(Settings(port=0, data=":memory:")) as server:
        print(server.url)

`processes.writer` runs the same class in a process of its own, under a supervisor that holds the socket.
"""

import asyncio
import contextlib
import logging
import os
import pkgutil
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from threadline import datadir, operations, resources, tasks
from threadline.bus.relay import Relay
from threadline.clock import Clock, ManualClock, MovableClock
from threadline.config import PREFIX, Settings
from threadline.controls import AS_EVER, Beginning, Controls
from threadline.http.descriptors import connections_allowed
from threadline.neighbours.directory import Handler
from threadline.objects import Objects
from threadline.operations.units import FirstWorkspace
from threadline.operations.workspace import OF_TESTS
from threadline.server import factory
from threadline.server.api import request_ids_of
from threadline.server.audited import Audit, Work, audit_of
from threadline.server.controlled import Neighbour, controlled_neighbours
from threadline.server.files import FileWork
from threadline.server.frontend import Clients, Frontend
from threadline.store import Committed, Store
from threadline.store.observer import Observers, StoreObserver
from threadline.store.sqlite.progress import DataLost, set_aside
from threadline.store.sqlite.store import SqliteStore
from threadline.tasks.timers import Timers

for part in (operations, resources, tasks):
    for module in pkgutil.iter_modules(part.__path__):
        import_module(f"{part.__name__}.{module.name}")

log = logging.getLogger(__name__)

CANCEL_SECONDS = 0.5
"""Between two cancellations of a task that goes on."""

MakeFrontends = Callable[[SqliteStore, Observers, Callable[[], None]], Clients]
"""Makes the processes that serve clients of a store and observe it; they call the function when one of them ends."""

NOTICE_SECONDS = 0.01
"""Time between the close of idle connections and the answer to a reset, so that a client sees the closes first. Else it
might send its next request on a connection that is closing."""

ADVANCE_SECONDS_MAX = 60.0
"""Time that moving a clock waits for what has become due."""


class Server:
    """One server in this process, from `start` to `close`; or as an async context manager.

    `url`, `store` and `workspace` (what `workspace.json` holds) are there once it has started. `failed` is done when
    it can only be started anew: its disk does not keep what it is given, or one of its processes has ended. Everything
    runs on the loop that started it, but for the thread that waits for the disk.

    Under test controls a new workspace has the ids and the key `OF_TESTS`, and any other key is accepted too: no
    signature is verified then, unless `verify` says so. A server without test controls always verifies.
    Such a server may be given Python functions that answer the calls of flows, by ARN (`functions`), and the state in
    which it begins (`beginning`).
    """

    url: str
    store: Store
    objects: Objects
    workspace: dict[str, Any]
    frontend: Clients
    failed: asyncio.Future[None]

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        verify: bool = False,
        functions: dict[str, Handler] | None = None,
        beginning: Beginning = AS_EVER,
    ) -> None:
        self.settings = settings
        self._beginning = beginning
        self._preset = (OF_TESTS if settings.test_controls else {}) | settings.first_workspace
        self._verify = verify or not settings.test_controls
        self.clock = clock or (MovableClock() if settings.test_controls else Clock())
        self._running: list[asyncio.Task[None]] = []
        self._resetting: asyncio.Task[None] | None = None
        self._lock: int | None = None
        self._relay: Relay | None = None
        self._audit: Audit | None = None
        self.neighbours = factory.neighbours(settings, functions)

    async def start(
        self,
        bound: socket.socket | None = None,
        frontends: MakeFrontends | None = None,
        *,
        accept_loss: bool = False,
    ) -> None:
        """Serve on `bound`, a socket that listens already, or on one made from the settings.

        `frontends` makes the processes that serve on it beside this one; without it, this process serves. The caller
        that gives a socket has also locked the data folder. Raises `datadir.Taken` when another server uses the folder;
        DataLost when the store holds less than the folder knows, or other data, unless `accept_loss`; RuntimeError when
        the data cannot be used; OSError when the port is taken.
        """
        self._observers = Observers()
        if "failed" not in vars(self):
            self.failed = asyncio.get_running_loop().create_future()
        begins_with = factory.begin(self.settings, self.clock, self._beginning)
        folder = None if self.settings.keeps_nothing else Path(self.settings.data)
        async with contextlib.AsyncExitStack() as undo:
            self.metrics = factory.metrics_page(self.settings, request_ids_of(self.clock))
            if self.metrics is not None:
                undo.push_async_callback(self.metrics.close)
                self._observers.add(self.metrics.meter)
            if bound is None:
                if folder:
                    self._lock = datadir.own(folder)
                    undo.callback(os.close, self._lock)
                bound = datadir.listening(self.settings.host, self.settings.port)
                undo.callback(bound.close)
            self.url = datadir.url_of(bound)
            self._bound = bound
            controls = Controls(self) if self.settings.test_controls else None
            policy = factory.policy(self.settings, self.url, factory.cipher(self.settings), controls)
            self.objects = factory.objects(self.settings, policy.cipher)
            undo.callback(self.objects.close)
            factory.place_files(self._beginning, self.objects)
            file = folder and folder / datadir.WORKSPACE
            known = datadir.read(file) if file else None
            named = str((known or {}).get("instance_id", ""))
            self.store = await factory.open_store(
                self.settings,
                self.clock,
                policy,
                self._observers,
                named,
                accept_loss=accept_loss,
                begins_with=begins_with,
            )
            undo.push_async_callback(self.store.close)
            self.workspace = await self._first_workspace(file, known, accept_loss=accept_loss)
            if file and known != self.workspace:
                datadir.write_private(file, self.workspace)
            self._audit = audit_of(self.settings, self.store, self.clock)
            if self._audit is not None:
                undo.push_async_callback(self._audit.close)
            self.frontend = self._frontend(bound, frontends, policy.controls)
            undo.pop_all()
        call: Neighbour = self.neighbours.call
        if controls is not None:
            call = controlled_neighbours(call, self.clock, controls)
        work: Work = FileWork(self.store, self.objects, call)
        if self._audit is not None:
            work = self._audit.with_service_events(work)
        self._timers = Timers(self.store, self.clock, work)
        self._observers.add(_Observer(self._timers, self._fail, self._keys_changed))
        self._run_always()
        await self.frontend.start()
        if self.metrics is not None:
            await self.metrics.start(self.store, self.frontend)

    def _run_always(self) -> None:
        """Run the timers and the relay, and follow a clock that is moved by hand."""
        always = [
            self._timers.run(),
            self._timers.run_background(),
            *([self._relay.run()] if self._relay else []),
        ]
        self._running = [asyncio.create_task(work) for work in always]
        if isinstance(self.clock, ManualClock):
            self._follow(self.clock)

    def _frontend(
        self, bound: socket.socket, frontends: MakeFrontends | None, controls: Controls | None
    ) -> Clients:
        """Make the part that serves clients, here or in other processes, and have it observe the store."""
        if frontends and isinstance(self.store, SqliteStore):
            return frontends(self.store, self._observers, self._fail)
        settings = replace(self.settings, connections_max=connections_allowed(self.settings.connections_max))
        account = None if self._verify else self.workspace["account_id"]
        frontend = Frontend(
            settings, self.clock, self.store, bound, self.objects, account, controls, self._audit
        )
        self._relay = factory.relay(self.settings, self.clock, frontend.hub, self.workspace["instance_id"])
        self._observers.add(frontend.keys)
        self._observers.add(self._relay or frontend.hub)
        return frontend

    async def reset(self, beginning: Beginning = AS_EVER, bound: socket.socket | None = None) -> None:
        """Begin anew without the chats, faults and calls of before, on `bound` or the present socket.

        Raises ControlRefused.
        """
        self.check(beginning)
        bound = bound or self._bound.dup()
        await self.close(0)
        self._beginning = beginning
        if isinstance(self.clock, MovableClock):
            self.clock.reset()
        await self.start(bound)

    def save(self, to: Path) -> None:
        """See `ControlledServer`."""
        factory.save(self.store, self.objects, self.workspace, to, self.clock.now_ms())

    def check(self, beginning: Beginning) -> None:
        """See `ControlledServer`."""
        factory.check(self.settings, beginning)

    async def begin_anew(self, beginning: Beginning, answer: Callable[[], None]) -> None:
        """See `ControlledServer`."""
        bound = self._bound.dup()
        if isinstance(self.frontend, Frontend):
            self.frontend.stop()
        await asyncio.sleep(NOTICE_SECONDS)
        answer()
        self._resetting = asyncio.create_task(self._begin_anew(beginning, bound))

    async def _begin_anew(self, beginning: Beginning, bound: socket.socket) -> None:
        try:
            await self.reset(beginning, bound)
        except Exception as error:
            log.error("the server could not begin anew: %s", error)
            self._fail()
            raise

    def _keys_changed(self) -> None:
        if not self.settings.keeps_nothing:
            self._running.append(asyncio.create_task(self._name_a_valid_key()))

    async def _name_a_valid_key(self) -> None:
        """Write another key into workspace.json when the one that it names was deleted or deactivated."""
        _, workspace = await self.store.write(FirstWorkspace("", {}, {}, False))
        if workspace is not None and workspace["access_key_id"] != self.workspace["access_key_id"]:
            self.workspace = workspace
            datadir.write_private(Path(self.settings.data) / datadir.WORKSPACE, workspace)

    def _fail(self) -> None:
        if not self.failed.done():
            self.failed.set_result(None)

    async def close(self, seconds: float | None = None) -> bool:
        """Answer what is running, close the sockets, let go of the store. True when nobody had to be cut off.

        `seconds` is the time running requests get; by default the setting `drain_seconds`.
        """
        if self._resetting is not None and self._resetting is not asyncio.current_task():
            await asyncio.wait([self._resetting])
        if isinstance(self.clock, ManualClock):
            self.clock.on_advance = lambda: None
        if self.metrics is not None:
            await self.metrics.close()
        clean = await self.frontend.close(self.settings.drain_seconds if seconds is None else seconds)
        await _end(self._running)
        await self._timers.close()
        if self._audit is not None:
            await self._audit.close()
        self.neighbours.close()
        await self.store.close()
        self.objects.close()
        if self._relay is not None:
            await self._relay.close()
        if self._lock is not None:
            os.close(self._lock)
        return clean

    async def tick(self) -> None:
        """Run all that is due by the clock, and return once it has been committed."""
        await self._timers.tick()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _follow(self, clock: ManualClock) -> None:
        """Run what becomes due when somebody moves the clock; moved from another thread, it waits for that."""
        loop = asyncio.get_running_loop()
        thread = threading.current_thread()

        def advanced() -> None:
            if threading.current_thread() is thread:
                self._timers.wake()
            else:
                asyncio.run_coroutine_threadsafe(self.tick(), loop).result(ADVANCE_SECONDS_MAX)

        clock.on_advance = advanced

    async def _first_workspace(
        self, file: Path | None, known: dict[str, Any] | None, *, accept_loss: bool
    ) -> dict[str, Any]:
        """The store's first workspace, made now in an empty store.

        It is the one that `file` names; `known` is the content of the file. Raises DataLost for another one, since
        perhaps only the file has its keys; with `accept_loss` the file is kept under another name.
        """
        named = known.get("instance_id", "unknown") if known else None
        secrets = {}
        if known and not self.settings.store:  # on PostgreSQL, the other servers need the key that they have
            secrets[str(known.get("access_key_id"))] = str(known.get("secret_access_key"))
        expected = "" if accept_loss else named or ""
        first = FirstWorkspace(expected, self._preset, secrets, accept_loss)
        found, workspace = await self.store.write(first)
        if workspace is None:
            raise DataLost(
                f"{file} names instance {named}, and the store holds {found or 'none'}. Nothing was changed. Give"
                f" --data or {PREFIX}STORE that belongs to it; or go on with what the store holds:"
                f" `threadline serve --accept-loss`, which keeps {file} under another name."
            )
        if self.settings.first_instance_id not in ("", workspace["instance_id"]):
            log.warning(
                "%sFIRST_INSTANCE_ID is %s, and the store has a workspace already, %s: it is kept as it is",
                PREFIX, self.settings.first_instance_id, workspace["instance_id"],
            )  # fmt: skip
        if file is not None and known is not None and named != workspace["instance_id"]:
            wrong = (
                f"names instance {named}, not the store's"
                if known
                else "cannot be read as what it was written as"
            )
            log.warning("%s %s: it is %s now", file, wrong, set_aside(file))
        return workspace


class _Observer(StoreObserver):
    """Wakes the timers for a task that is due sooner, and reports changed access keys and a store that failed."""

    def __init__(self, timers: Timers, fail: Callable[[], None], keys_changed: Callable[[], None]) -> None:
        self._timers = timers
        self._fail = fail
        self._keys_changed = keys_changed

    def committed(self, committed: Committed) -> None:
        self._timers.due(committed.tasks_due_ms)
        if committed.access_keys:
            self._keys_changed()

    def failed(self) -> None:
        self._fail()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: a library that waits for a connection may swallow one cancellation."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=CANCEL_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
