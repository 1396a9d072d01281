"""A chat's WebSocket for callers that block."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from threadline.client.failures import Failure

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

OPEN_SECONDS = 60
"""The limit of the handshake, as that of a connection for calls. websockets' own is 10 seconds."""

T = TypeVar("T")


class ChatSocket:
    """An open WebSocket at `url`. A thread of its own reads and writes it, and answers pings.

    The caller's thread only hands over work. Two threads that use one TLS connection at once break it on CPython before
    3.13, which has no lock around OpenSSL's state. Raises Failure when the socket cannot be opened.
    """

    def __init__(self, url: str) -> None:
        from websockets.exceptions import WebSocketException

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="threadline-chat-socket", daemon=True
        )
        self._thread.start()
        try:
            self._connection = self._run(_open(url))
        except (OSError, WebSocketException) as error:
            self._end()
            raise Failure(f"The chat's socket cannot be opened: {error}") from error

    def send(self, text: str) -> None:
        """Send a frame of text; nothing when the connection has ended."""
        self._run(_send(self._connection, text))

    def receive(self, seconds: float) -> str | None:
        """Return the next frame of text; None when none comes in time or the connection has ended."""
        return self._run(_receive(self._connection, seconds))

    def close(self) -> None:
        """Close the connection and end its thread."""
        self._run(self._connection.close())
        self._end()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _open(url: str) -> "ClientConnection":
    from websockets.asyncio.client import connect

    return await connect(url, compression=None, proxy=None, max_queue=None, open_timeout=OPEN_SECONDS)


async def _send(connection: "ClientConnection", text: str) -> None:
    from websockets.exceptions import ConnectionClosed

    with suppress(ConnectionClosed):
        await connection.send(text)


async def _receive(connection: "ClientConnection", seconds: float) -> str | None:
    from websockets.exceptions import ConnectionClosed

    try:
        async with asyncio.timeout(seconds):
            return await connection.recv(decode=True)
    except (TimeoutError, ConnectionClosed):
        return None
