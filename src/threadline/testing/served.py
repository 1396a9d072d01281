"""A server on a loop and thread of its own in this process, which can begin anew on the same port."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from threadline.controls import Beginning
    from threadline.server import Server

T = TypeVar("T")
CLOSE_SECONDS = 2.0


class Served:
    """Runs the server that `make` makes. `bound` is its listening socket, if it is to be kept over a restart."""

    def __init__(self, make: Callable[[], "Server"], bound: socket.socket | None) -> None:
        import uvloop

        self._bound = bound
        self.server = make()
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="threadline", daemon=True)
        self._thread.start()
        try:
            self.run(self._start())
        except BaseException:
            self._stop()
            raise

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the server's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def restart(self, beginning: "Beginning") -> None:
        """Close the server and its connections, and begin anew on the same socket. Raises ControlRefused.

        A client that connects meanwhile waits until the server accepts it.
        """
        self.run(self.server.reset(beginning))

    def close(self) -> None:
        """Close the server and end its thread."""
        self.run(self.server.close(CLOSE_SECONDS))
        self._stop()

    async def _start(self) -> None:
        bound = self._bound.dup() if self._bound is not None else None
        try:
            await self.server.start(bound)
        except BaseException:
            if bound is not None:
                bound.close()
            raise

    def _stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        if self._bound is not None:
            self._bound.close()
