"""A server of a test's own: in this process, on a loop and thread of its own, in memory, on a free port."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from threadline.clock import Clock, ManualClock
from threadline.testing.workspace import Workspace, environment

T = TypeVar("T")
FOREVER_SECONDS = 10**9
CLOSE_SECONDS = 2.0


class MovableClock(ManualClock):
    """The real time plus every `advance`. When `advance` returns, all tasks that became due have run."""

    def __init__(self) -> None:
        super().__init__(start_ms=0)
        self._stopped_ms: int | None = None

    def now_ms(self) -> int:
        """Milliseconds since the epoch, plus those of every `advance`."""
        real_ms = Clock.now_ms(self) if self._stopped_ms is None else self._stopped_ms
        return real_ms + super().now_ms()

    def stop(self) -> None:
        """Stop the real time: from now on only `advance` moves the clock."""
        self._stopped_ms = Clock.now_ms(self)

    def random_bytes(self, count: int) -> bytes:
        """`count` random bytes, good enough for secrets."""
        return Clock.random_bytes(self, count)


class Threadline(Workspace):
    """A running server and its first workspace; a context manager that stops it.

    `settings` are fields of `threadline.config.Settings`, such as `strict_limits=True`. The clients of a test sign
    with the real time, so the server accepts any date, however far its clock has been advanced.
    """

    def __init__(self, **settings: Any) -> None:
        import uvloop

        from threadline.config import Settings
        from threadline.server import Server

        self.clock = MovableClock()
        own: dict[str, Any] = {"port": 0, "data": ":memory:", "clock_skew_seconds": FOREVER_SECONDS}
        self._server = Server(Settings(**own | settings), clock=self.clock)
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="threadline", daemon=True)
        self._thread.start()
        try:
            self._on_loop(self._server.start())
        except BaseException:
            self._stop_loop()
            raise
        self._others: list[Workspace] = []
        super().__init__(self._server.url, environment(self._server.url, self._server.workspace))

    def another_account(self) -> Workspace:
        """Return a workspace of another account on the same server, which must not see this workspace's data."""
        from threadline.operations.units import MakeWorkspace

        number = f"{len(self._others) + 1:012}"
        made = self._on_loop(
            self._server.store.write(MakeWorkspace(account_id=number, alias=f"other-{number}"))
        )
        self._others.append(Workspace(self.url, environment(self.url, made)))
        return self._others[-1]

    def close(self) -> None:
        """Close the clients' connections, then the server."""
        for workspace in self._others:
            workspace.close()
        super().close()
        self._on_loop(self._server.close(CLOSE_SECONDS))
        self._stop_loop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
