"""The relay between the hubs of several nodes: a commit on one node wakes the sockets on the others.

A relay carries wakes and typing, never items, and only after a commit. A relay that is down delays items and loses
none: each socket pulls from the store at every heartbeat, and all of them pull once the relay is back.
"""

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from typing import Any

import msgspec

from threadline.bus.hub import Hub
from threadline.clock import Clock
from threadline.store import Committed, Signal
from threadline.store.observer import StoreObserver

BACKOFF_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0)
GATHER_SECONDS = 0.002
"""How long a wake waits for others, to go out with them: an announcement costs more than its content."""
PENDING_MAX = 10_000
"""Sessions that wait to be announced while the relay is down or slow. The sockets of further sessions pull at their
heartbeats."""
SIGNALS_MAX = 1_000
"""Signals that wait for a slow relay. Further signals are dropped, since typing is of no use later."""

log = logging.getLogger("threadline.bus")


class Announcement(msgspec.Struct, array_like=True, gc=False):
    """One node's message to the others: its name, [session, last number] of written logs, and signals."""

    node: str
    appended: list[tuple[int, int]]
    signals: list[tuple[int, str, dict[str, Any]]]


class Relay(StoreObserver, ABC):
    """The bus of several nodes. It observes its node's store and passes the commits on to the node's own hub.

    `run` sends the announcements, for as long as the node runs.
    """

    def __init__(self, hub: Hub, clock: Clock) -> None:
        self._hub = hub
        self._node = clock.token()[:16]
        self._pending: dict[int, int] = {}
        self._signals: list[Signal] = []
        self._woken = asyncio.Event()
        self._decode = msgspec.json.Decoder(Announcement).decode

    def committed(self, committed: Committed) -> None:
        """Push the new items to this node's sockets, and queue the announcement to the other nodes."""
        self._hub.committed(committed)
        for appended in committed.appended:
            if appended.session in self._pending or len(self._pending) < PENDING_MAX:
                self._pending[appended.session] = appended.items[-1].seq
        if self.is_up and len(self._signals) < SIGNALS_MAX:
            self._signals += committed.signals
        self._woken.set()

    async def run(self) -> None:
        """Connect and announce. Connect again whenever the connection is lost, for ever."""
        failures = 0
        is_down = False
        task = asyncio.current_task()
        while True:
            reason = "its connection has ended"
            try:
                await self._connect()
                # psycopg 3.3.5 swallows a cancellation while it connects
                if task is not None and task.cancelling():
                    raise asyncio.CancelledError
                if is_down:
                    log.warning("the bus is back")
                is_down = False
                failures = 0
                self._hub.wake_all()
                while self.is_up:
                    await self._flush()
                    await self._woken.wait()
                    await asyncio.sleep(GATHER_SECONDS)
                    self._woken.clear()
            except Exception as error:  # noqa: BLE001 - no error may end the relay
                reason = type(error).__name__
            if not is_down:
                log.warning("the bus is down: %s; trying until it is back", reason)
            is_down = True
            with contextlib.suppress(Exception):  # a broken connection may fail to close
                await self.close()
            await asyncio.sleep(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
            failures += 1

    @property
    @abstractmethod
    def is_up(self) -> bool:
        """Whether an announcement made now reaches the other nodes."""

    @abstractmethod
    async def _connect(self) -> None:
        """Connect and subscribe to the other nodes' announcements. Wake `run` when the connection ends."""

    @abstractmethod
    async def _announce(self, appended: dict[int, int], signals: list[Signal]) -> None:
        """Announce to the other nodes. Returns when there is room for more."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connection."""

    async def _flush(self) -> None:
        appended, self._pending = self._pending, {}
        signals, self._signals = self._signals, []
        try:
            await self._announce(appended, signals)
        except BaseException:
            self._pending = appended | self._pending
            raise

    def _receive(self, payload: bytes) -> None:
        try:
            announcement = self._decode(payload)
        except msgspec.DecodeError:
            log.warning("the bus dropped a message that is not an announcement of a node")
            return
        if announcement.node == self._node:
            return
        for session, last_seq in announcement.appended:
            self._hub.wake(session, last_seq)
        if announcement.signals:
            self._hub.committed(
                Committed((), tuple(Signal(*signal) for signal in announcement.signals), None)
            )
