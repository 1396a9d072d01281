"""The network between the nodes. It loses, repeats, delays and distorts their wakes."""

import asyncio
from collections.abc import Callable
from random import Random

import msgspec

from threadline.bus.hub import Hub
from threadline.bus.relay import Announcement, Relay
from threadline.clock import Clock
from threadline.store import Committed, Signal

DISTORTED = 1_000
"""Entries more than there are that a distorted wake tells of."""


class Air:
    """Carries wakes between nodes. `lost`, `doubled`, `late` and `distorted` are the chances of each."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.lost = self.doubled = self.late = self.distorted = 0.0
        self.radios: list[Radio] = []
        self.waiting: list[tuple[Radio, bytes]] = []
        self.clear = asyncio.Event()
        self.clear.set()

    def carry(self, sender: "Radio", payload: bytes) -> None:
        """Deliver a node's wake to the others, or lose it."""
        for radio in self.radios:
            chance = self.random.random()
            if radio is sender or chance < self.lost:
                continue
            heard = _distorted(payload) if self.random.random() < self.distorted else payload
            for _ in range(1 + (chance >= 1 - self.doubled)):
                if self.random.random() < self.late:
                    self.waiting.append((radio, heard))
                else:
                    radio.hear(heard)

    def bring(self) -> None:
        """Deliver the late wakes, in any order."""
        waiting, self.waiting = self.waiting, []
        self.random.shuffle(waiting)
        for radio, payload in waiting:
            radio.hear(payload)

    def fall_silent(self) -> None:
        """Break the network, and have every node notice."""
        self.clear.clear()
        for radio in list(self.radios):
            radio.fall_silent()

    def carry_on(self, committed: Committed, deliver: Callable[[Committed], None]) -> None:
        """Deliver a node's own commit to it: not at all, once, or twice."""
        chance = self.random.random()
        if chance >= self.lost:
            deliver(committed)
        if chance >= 1 - self.doubled:
            deliver(committed)


class Radio(Relay):
    """A node's relay over the air."""

    def __init__(self, hub: Hub, clock: Clock, air: Air) -> None:
        super().__init__(hub, clock)
        self._air = air
        self._has_failed = False

    @property
    def is_up(self) -> bool:
        return self in self._air.radios

    async def _connect(self) -> None:
        if not self._air.clear.is_set() and not self._has_failed:
            self._has_failed = True
            raise ConnectionError
        await self._air.clear.wait()
        self._has_failed = False
        self._air.radios.append(self)

    async def _announce(self, appended: dict[int, int], signals: list[Signal]) -> None:
        if not self.is_up:
            raise ConnectionError
        self._air.carry(
            self, msgspec.json.encode(Announcement(self._node, list(appended.items()), [*signals]))
        )

    async def close(self) -> None:
        if self.is_up:
            self._air.radios.remove(self)

    def hear(self, payload: bytes) -> None:
        """Receive an announcement of another node."""
        if self.is_up:
            self._receive(payload)

    def fall_silent(self) -> None:
        """The connection is lost."""
        self._air.radios.remove(self)
        self._woken.set()


def _distorted(payload: bytes) -> bytes:
    announcement = msgspec.json.decode(payload, type=Announcement)
    announcement.appended = [(session, last_seq + DISTORTED) for session, last_seq in announcement.appended]
    return msgspec.json.encode(announcement)
