"""Accepts connections on a listening socket, and answers 503 when the system has no file descriptor left.

The acceptors of the event loops do not answer. At EMFILE uvloop (libuv) closes every waiting connection, and asyncio
tries again a thousand times a second, which takes a whole core.
"""

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable

ACCEPTED_AT_ONCE = 64
"""The connections accepted in one turn of the loop. With more, open connections would wait for many new ones."""

SYSTEM_BYTES_MAX = 65_536
"""The size of the system's buffers for a client, each way. Linux would let both grow to megabytes."""

AGAIN_SECONDS = 1.0
WARNED_EVERY_SECONDS = 10.0
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
REQUEST_BYTES = 65_536
"""The bytes read of a request that is refused unparsed. A close with unread bytes could lose the client its answer."""

log = logging.getLogger("threadline.http")


class Acceptor:
    """Makes a protocol by `connection` for each connection to `bound`. Without a free descriptor it sends `refusal`.

    A spare descriptor is kept open for that. It is closed, so that the connection can be accepted in its place; the
    connection is answered and closed, and the spare is opened again.
    """

    def __init__(
        self,
        bound: socket.socket,
        connection: Callable[[], asyncio.Protocol],
        refusal: Callable[[], bytes],
    ) -> None:
        self._bound = bound
        self._connection = connection
        self._refusal = refusal
        self._loop = asyncio.get_running_loop()
        self._spare: int | None = None
        self._opening: set[asyncio.Task[object]] = set()
        self._again: asyncio.TimerHandle | None = None
        self._refused = 0
        self._warned_at = -WARNED_EVERY_SECONDS

    def start(self, backlog: int) -> None:
        """Accept connections. Up to `backlog` of them may wait."""
        self._bound.setblocking(False)
        self._bound.listen(backlog)
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):  # accepted connections inherit both
            self._bound.setsockopt(socket.SOL_SOCKET, buffer, SYSTEM_BYTES_MAX)
        self._spare = _spare()
        self._loop.add_reader(self._bound, self._accept)

    def close(self) -> None:
        """Accept no more, and close the socket."""
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._bound)
        self._bound.close()
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, _address = self._bound.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                is_refused = error.errno in EXHAUSTED and self._refuse()
                self._warn(error)
                if is_refused:
                    continue
                self._pause()
                return
            connection.setblocking(False)
            opening = self._loop.create_task(self._open(connection))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._connection, connection)
        except OSError:  # the client has closed it already
            connection.close()

    def _refuse(self) -> bool:
        """Refuse the next connection, by the spare descriptor. False when that is not possible either."""
        if self._spare is None:
            return False
        os.close(self._spare)
        self._spare = None
        try:
            connection, _ = self._bound.accept()
        except (BlockingIOError, ConnectionAbortedError):
            pass  # another process took it
        except OSError:
            return False
        else:
            self._refused += 1
            with connection, contextlib.suppress(OSError):
                connection.setblocking(False)
                connection.send(self._refusal())
                connection.shutdown(socket.SHUT_WR)
                connection.recv(REQUEST_BYTES)
        finally:
            self._spare = _spare()
        return True

    def _pause(self) -> None:
        """Accept nothing for a second, since every attempt until then would fail."""
        self._loop.remove_reader(self._bound)
        self._again = self._loop.call_later(AGAIN_SECONDS, self._go_on)

    def _go_on(self) -> None:
        self._again = None
        if self._spare is None:
            self._spare = _spare()
        self._loop.add_reader(self._bound, self._accept)

    def _warn(self, error: OSError) -> None:
        """Log the failure, at most once in ten seconds."""
        now = self._loop.time()
        if now - self._warned_at >= WARNED_EVERY_SECONDS:
            self._warned_at = now
            log.error(
                "No connection can be taken: %s. %d were answered 503 since the last such line. Raise the limit of "
                "open files (ulimit -n, LimitNOFILE= of systemd), or lower THREADLINE_CONNECTIONS_MAX.",
                error.strerror,
                self._refused,
            )
            self._refused = 0


def _spare() -> int | None:
    """Open a descriptor to keep in reserve; None when the system has none."""
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
