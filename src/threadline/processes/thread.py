"""A server on a thread of its own, for a command that does something else meanwhile. It ends with that command."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvloop

from threadline.config import Settings
from threadline.server import Server
from threadline.server.logs import write_to_stderr

CLOSE_SECONDS = 1.0
"""The time for requests that still run when the block ends."""


@contextmanager
def serving(
    settings: Settings, functions: Mapping[str, Callable[..., Any]] | None = None
) -> Iterator[Server]:
    """Run a server for as long as the block runs; it logs to standard error. Raises what `Server.start` raises.

    `functions` answer the calls of flows, by ARN.
    """
    write_to_stderr(settings)
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="threadline", daemon=True)
    thread.start()
    server = Server(settings, functions=dict(functions or {}))
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result()
        try:
            yield server
        finally:
            asyncio.run_coroutine_threadsafe(server.close(CLOSE_SECONDS), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
