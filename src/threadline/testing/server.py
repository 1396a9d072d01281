"""A server of a test's own: in this process, in a thread of its own, in memory, on a free port."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

from threadline.clock import Clock, ManualClock
from threadline.testing.workspace import Workspace, environment

if TYPE_CHECKING:
    from threadline.server import Server

FOR_EVER_SECONDS = 10**9
CLOSE_SECONDS = 2.0


class MovableClock(ManualClock):
    """The real time, and further ahead after each `advance`; who advances it finds done what became due."""

    def __init__(self) -> None:
        super().__init__(start_ms=0)

    def now_ms(self) -> int:
        return Clock.now_ms(self) + super().now_ms()

    def random_bytes(self, count: int) -> bytes:
        return Clock.random_bytes(self, count)


class Threadline(Workspace):
    """A running server and its first workspace; a context manager that stops it.

    `settings` are fields of `threadline.config.Settings`, such as `strict_limits=True`. The clients of a test sign
    with the real time, so the server accepts any date, however far its clock has been advanced.
    """

    def __init__(self, **settings: Any) -> None:
        self.clock = MovableClock()
        self._settings = {"port": 0, "data": ":memory:", "clock_skew_seconds": FOR_EVER_SECONDS, **settings}
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        started: Future[Server] = Future()
        self._thread = threading.Thread(target=self._run, args=[started], name="threadline", daemon=True)
        self._thread.start()
        self._server = started.result()
        self._others: list[Workspace] = []
        super().__init__(self._server.url, environment(self._server.url, self._server.workspace))

    def another_account(self) -> Workspace:
        """Return a workspace of another account on the same server: someone who must not see what is yours."""
        from threadline.operations.workspace import make_workspace

        number = f"{len(self._others) + 1:012}"
        making = self._server._store.write(lambda tx: make_workspace(tx, account_id=number, alias=f"other-{number}"))
        made = asyncio.run_coroutine_threadsafe(making, self._loop).result()
        self._others.append(Workspace(self.url, environment(self.url, asdict(made))))
        return self._others[-1]

    def close(self) -> None:
        """Stop the server, everyone connected to it first."""
        for workspace in self._others:
            workspace.close()
        super().close()
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, started: Future[Server]) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(started))

    async def _serve(self, started: Future[Server]) -> None:
        from threadline.config import Settings
        from threadline.server import Server

        try:
            server = Server(Settings(**self._settings), clock=self.clock)
            await server.start()
        except BaseException as error:
            started.set_exception(error)
            return
        started.set_result(server)
        await self._stopping.wait()
        await server.close(CLOSE_SECONDS)
