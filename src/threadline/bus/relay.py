"""Between the hubs of several nodes: what has grown here wakes the sockets there, and the other way round.

A relay carries wakes and typing, never items, and only ever after a commit. One that is down delays and loses
nothing: sockets look into the store at every heartbeat, and all of them once the relay is back.
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

BACKOFF_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0)
GATHER_SECONDS = 0.002
"""How long a wake waits for others to go out with: telling costs more than what is told."""
UNTOLD_MAX = 10_000
"""Sessions whose growth waits to be told while the relay is down or slow; of more, heartbeats take care."""
SIGNALS_MAX = 1_000
"""Signals that wait for a relay that is slow; more are lost, as those are that nobody is there to see."""

log = logging.getLogger("threadline.bus")


class Told(msgspec.Struct, array_like=True, gc=False):
    """What one node tells the others: its name, [session, last number] of logs that grew, and signals."""

    node: str
    grown: list[tuple[int, int]]
    signals: list[tuple[int, str, dict[str, Any]]]


class Relay(ABC):
    """A bus of several nodes. See `bus.Bus`; `run` carries what it is told for as long as the node lives."""

    def __init__(self, hub: Hub, clock: Clock) -> None:
        self._hub = hub
        self._node = clock.token()[:16]
        self._grown: dict[int, int] = {}
        self._signals: list[Signal] = []
        self._woken = asyncio.Event()
        self._read = msgspec.json.Decoder(Told).decode

    def committed(self, committed: Committed) -> None:
        """Send the new items to this node's sockets, and tell the other nodes."""
        self._hub.committed(committed)
        for grown in committed.grown:
            if grown.session in self._grown or len(self._grown) < UNTOLD_MAX:
                self._grown[grown.session] = grown.items[-1].seq
        if self.is_up and len(self._signals) < SIGNALS_MAX:
            self._signals += committed.signals
        self._woken.set()

    async def run(self) -> None:
        """Connect and tell; connect again whenever the connection is lost, for ever."""
        failures = 0
        is_missed = False
        task = asyncio.current_task()
        while True:
            reason = "its connection has ended"
            try:
                await self._connect()
                if task is not None and task.cancelling():  # psycopg 3.3.5 loses one while it connects
                    raise asyncio.CancelledError
                if is_missed:
                    log.warning("the bus is back")
                is_missed = False
                failures = 0
                self._hub.look_everywhere()
                while self.is_up:
                    await self._flush()
                    await self._woken.wait()
                    await asyncio.sleep(GATHER_SECONDS)
                    self._woken.clear()
            except Exception as error:  # noqa: BLE001 - whatever it was, it must not end the relay
                reason = type(error).__name__
            if not is_missed:
                log.warning("the bus is down: %s; trying until it is back", reason)
            is_missed = True
            with contextlib.suppress(Exception):  # what is broken may not close in good order
                await self.close()
            await asyncio.sleep(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
            failures += 1

    @property
    @abstractmethod
    def is_up(self) -> bool:
        """Whether something told now reaches the others."""

    @abstractmethod
    async def _connect(self) -> None:
        """Connect, and listen to the other nodes. Whoever notices the connection's end wakes `run`."""

    @abstractmethod
    async def _tell(self, grown: dict[int, int], signals: list[Signal]) -> None:
        """Tell the other nodes; returns when there is room for more."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the connection."""

    async def _flush(self) -> None:
        grown, self._grown = self._grown, {}
        signals, self._signals = self._signals, []
        try:
            await self._tell(grown, signals)
        except BaseException:
            self._grown = grown | self._grown
            raise

    def _heard(self, payload: bytes) -> None:
        try:
            told = self._read(payload)
        except msgspec.DecodeError:
            log.warning("the bus carried something that no node of ours has told")
            return
        if told.node == self._node:
            return
        for session, last_seq in told.grown:
            self._hub.wake(session, last_seq)
        if told.signals:
            self._hub.committed(Committed((), tuple(Signal(*signal) for signal in told.signals), None))
