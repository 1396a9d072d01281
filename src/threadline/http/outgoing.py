"""The sending side of a connection: it counts the bytes that its client has not read, and limits the wait for it."""

import asyncio

from threadline.config import Settings
from threadline.http.lingering import Connections, HasTransport, drop


class Outgoing(HasTransport):
    """A connection whose answers may be larger than the system's buffers.

    `credential` is the one of the last answer: the budget bounds the bytes held for each credential.
    """

    def __init__(self, bounds: Settings, connections: Connections) -> None:
        self.bounds = bounds
        self.connections = connections
        self.loop = asyncio.get_running_loop()
        self.credential = ""
        self.is_write_paused = False
        self.patience: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        self.is_write_paused = True
        unread = self.transport.get_write_buffer_size()
        if self.connections.budget.leave_unread(self.transport, unread, self.credential):
            self.wait_for_reader(unread)
        else:
            drop(self.transport)

    def resume_writing(self) -> None:
        self.is_write_paused = False
        self.connections.budget.leave_unread(self.transport, 0, self.credential)
        if self.patience is not None:
            self.patience.cancel()

    def wait_for_reader(self, unread: int) -> None:
        """Drop the client if it reads none of the `unread` bytes in time. Wait on as long as it reads some."""

        def check() -> None:
            now_unread = self.transport.get_write_buffer_size()
            if now_unread < unread:
                self.wait_for_reader(now_unread)
            else:
                drop(self.transport)

        self.patience = self.loop.call_later(self.bounds.socket_stalled_seconds, check)
