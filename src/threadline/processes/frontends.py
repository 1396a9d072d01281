"""Frontends in processes of their own, beside the one that writes.

A frontend is forked when the program is loaded and before it does anything. It reads the store's file by itself and
sends units of work that write to the writer. One process still writes. The larger part of the work runs on other cores:
it reads requests, checks signatures and feeds sockets. The processes live and die together: when one ends, the others
end too, and the supervisor starts them anew.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from threadline.config import Settings
from threadline.errors import Fault, where
from threadline.processes import messages
from threadline.processes.channel import Channel
from threadline.processes.fork import Forked
from threadline.processes.messages import ToFrontend, ToWriter
from threadline.store import Committed, Unavailable
from threadline.store.sqlite.store import SqliteStore

log = logging.getLogger("threadline.server")


def wanted(settings: Settings) -> int:
    """How many frontends a server with these settings forks. Rates are counted by one alone."""
    if settings.store or settings.keeps_nothing:
        return 0
    return min(settings.frontend_processes, 1) if settings.rate_limits else settings.frontend_processes


class Frontends:
    """The frontends, for the process that owns the store: each is told what commits in the sessions that it follows.
    `lost` is called when one ends.
    """

    def __init__(self, forked: Forked, store: SqliteStore, lost: Callable[[], None]) -> None:
        self._ends = forked.ends
        self._lost = lost
        self._store = store
        store.on_begin = forked.written.set
        store.on_sync = self._synced
        store.on_trouble = self._blocked
        self._channels: list[Channel] = []
        self._followed: list[set[int]] = [set() for _ in forked.ends]
        self._said: list[asyncio.Future[Any]] = []
        self._batches = 0
        self._is_whole = True
        self._is_closing = False

    async def start(self) -> None:
        """Let them serve; returns when they do. Raises RuntimeError when one does not."""
        self._expect()
        for frontend, end in enumerate(self._ends):
            channel = Channel(partial(self._heard, frontend), partial(self._gone, frontend))
            await channel.open(end)
            self._channels.append(channel)
        self._tell(messages.Begin(self._batches))
        self._blocked(self._store.trouble)
        await asyncio.gather(*self._said)

    async def close(self, seconds: float) -> bool:
        """See `Frontend.close`. False at once when one is lost already."""
        self._is_closing = True
        if not self._is_whole:
            return False
        self._expect()
        self._tell(messages.Drain(seconds))
        said = await asyncio.gather(*self._said, return_exceptions=True)
        return all(isinstance(message, messages.Drained) and message.is_clean for message in said)

    def committed(self, committed: Committed) -> None:
        """See `Bus.committed`."""
        if committed.grown or committed.signals:
            for channel, followed in zip(
                self._channels, self._followed, strict=False
            ):  # not all are open at first
                news = committed.of(followed)
                if news.grown or news.signals:
                    channel.send(messages.News(news))

    def _synced(self, batches: int) -> None:
        self._batches = batches
        self._tell(messages.Synced(batches))
        for channel in self._channels:
            channel.flush()  # the loop may be busy for longer than the frontend needs

    def _blocked(self, reason: str | None) -> None:
        self._tell(messages.Blocked(reason))

    def _tell(self, message: ToFrontend) -> None:
        for channel in self._channels:
            channel.send(message)

    def _expect(self) -> None:
        """Have a place for what each frontend says next, be it that it is gone."""
        self._said = [asyncio.get_running_loop().create_future() for _ in self._ends]

    def _heard(self, frontend: int, message: ToWriter) -> None:
        if isinstance(message, messages.Asked):
            self._store.submit(message.unit, partial(self._answer, frontend, message.number))
        elif isinstance(message, messages.Follow):
            if message.is_followed:
                self._followed[frontend].add(message.session)
            else:
                self._followed[frontend].discard(message.session)
        else:
            self._said[frontend].set_result(message)

    def _answer(self, frontend: int, number: int, result: Any, error: BaseException | None) -> None:
        channel = self._channels[frontend]
        try:
            if error is None:
                channel.send(messages.Answered(number, result))
                return
            if isinstance(error, Fault):
                channel.send(messages.Refused(number, error.code, error.message, error.members))
                return
            if isinstance(error, Unavailable):
                channel.send(messages.Refused(number, "", str(error), {}))
                return
        except (OverflowError, TypeError, UnicodeError) as unsendable:
            error = unsendable
        log.error("a unit of work failed\n%s", where(error))
        channel.send(messages.Refused(number, "", "", {}))

    def _gone(self, frontend: int) -> None:
        if not self._said[frontend].done():
            self._said[frontend].set_exception(RuntimeError("a process that serves clients has ended"))
        elif not self._is_closing:
            log.error("a process that serves clients has ended: the server starts anew")
        self._is_whole = False
        self._lost()
