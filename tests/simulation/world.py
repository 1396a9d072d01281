"""A fleet of one to three nodes on one database, in which everything drawn comes from a seed.

One node is what SQLite serves, and dies with its database. Of several any may die, or the database under them all.
"""

import asyncio
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from tests.simulation.database import Database
from tests.simulation.network import Air
from tests.simulation.node import Connection, Lost, Node
from tests.units import Function
from threadline.aws.names import ServiceName
from threadline.clock import ManualClock
from threadline.operations.workspace import make_workspace
from threadline.store import Work

T = TypeVar("T")
TURNS = 40
"""Turns of the loop after which everything that does not wait for a disk or a client has happened."""


class World:
    """Nodes that can be called, connected to, and killed, with their database and network."""

    def __init__(self, folder: Path, random: Random, count: int) -> None:
        self.random = random
        self.count = count
        self.folder = folder
        self.air = Air(random.getrandbits(32))

    async def make(self) -> None:
        """Start for the first time."""
        self.database = Database(self.folder, self.random.getrandbits(32))
        self.nodes = [self._node(ManualClock(seed=self.random.getrandbits(32))) for _ in range(self.count)]
        self.workspace = await self.nodes[0].store.write(Function(make_workspace))
        await self.settle()

    def _node(self, clock: ManualClock) -> Node:
        return Node(self.database, self.air, clock, is_alone=self.count == 1)

    @property
    def lives(self) -> int:
        """How often the database has started."""
        return self.database.lives

    @property
    def connections(self) -> list[Connection]:
        """The sockets that were opened on the nodes there are."""
        return [connection for node in self.nodes for connection in node.connections]

    def now_ms(self) -> int:
        """Return the time of the clock that is furthest ahead."""
        return max(node.clock.now_ms() for node in self.nodes)

    def advance(self, ms: int) -> None:
        """Let time pass for all nodes."""
        for node in self.nodes:
            node.clock.advance(ms=ms)

    def set_clocks(self, at_ms: int) -> None:
        """Let all clocks show the same."""
        for node in self.nodes:
            node.clock.advance(ms=at_ms - node.clock.now_ms())

    def draw(self) -> Node:
        """Draw a node."""
        return self.random.choice(self.nodes)

    def strike(self, victim: Node | None) -> None:
        """Let a node die, or the database lose its power; with one node, that is the same."""
        if victim is not None:
            victim.die()
        if victim is None or self.count == 1:
            self.database.cut_power()
            if self.count == 1:
                self.nodes[0].die()

    @property
    def is_hurt(self) -> bool:
        """Whether something has died."""
        return self.database.life.is_over or any(node.is_dead for node in self.nodes)

    async def mend(self) -> None:
        """Start what has died again: nodes come back without a memory, on a clock that went on."""
        for node in self.nodes:
            if node.is_dead or (self.count == 1 and self.database.life.is_over):
                await node.bury()
        if self.database.life.is_over:
            await self.database.close()
            self.database.boot()
        for number, node in enumerate(self.nodes):
            if node.is_dead:
                self.nodes[number] = self._node(node.clock)
        await self.settle()

    async def close(self) -> None:
        """Close everything."""
        for node in self.nodes:
            await node.bury()
        await self.database.close()

    async def settle(self) -> None:
        """Run everything that waits neither for the disk nor for a client."""
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def look(self, work: Work[T]) -> T:
        """Return the rows of the store."""
        return await self.database.look(work)

    def connect(self, url: str) -> Connection:
        """Open a socket on some node."""
        return self.draw().connect(url)

    async def tick(self) -> None:
        """Run the due tasks of some node. Raises Lost when that fails."""
        await self.draw().tick()

    async def ask(self, service: ServiceName, name: str, bearer: str = "", **members: Any) -> dict[str, Any]:
        """Call an operation of some node. Raises Refused or Lost."""
        life = self.database.life
        reply = await self.draw().ask(self.workspace, service, name, bearer, **members)
        if life.is_over:
            raise Lost(f"{name}: the database is gone")
        return reply
