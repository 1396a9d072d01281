"""One database that several nodes share: the real engine on a simulated disk, and each node's connection to it.

The nodes are its clients, as they are PostgreSQL's: one that dies takes its unfinished work with it and nothing else,
and one that loses its connection while a commit runs cannot tell whether it was done. Every node reads its own
clock. Locks and batches, which PostgreSQL adds, are tested on the real one, in tests/scale.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeVar

from tests.simulation.faults import Disk, on_disk
from tests.units import Function
from threadline.chat.limits import Policy
from threadline.clock import Clock, ManualClock
from threadline.encryption import SecretCipher
from threadline.store import Committed, Store, Tx, Unavailable, UnitOfWork, Work
from threadline.store.observer import StoreObserver
from threadline.store.sqlite.store import SqliteStore

T = TypeVar("T")


class Gone(Exception):
    """A connection to the database has ended. Its last unit of work may have been done or not."""


class _Again(Exception):
    """Another transaction was in the way: the work is undone, and done again."""


class Life:
    """The database from a start to its end."""

    def __init__(self, name: str, folder: Path, observer: StoreObserver) -> None:
        self.disk = Disk(name, folder)
        self.is_over = False
        with on_disk(self.disk):
            self.store = SqliteStore(
                folder / "threadline.db", ManualClock(), Policy(cipher=SecretCipher(bytes(32))), observer
            )
        assert self.store.group_commit is not None
        self.store.group_commit.sync = partial(self.disk.sync_beside, f"{folder}/threadline.db-wal")


class Database(StoreObserver):
    """The database, which may lose its power.

    `again` and `unsure` are the chances that a unit of work is repeated, and that its answer is lost.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._random = Random(seed)
        self._losses = Random(seed + 1)
        self.lives = 0
        self._stands = 0
        self._cutting = threading.Lock()
        self.again = 0.0
        self.unsure = 0.0
        (folder / "0").mkdir()
        self.boot()

    def boot(self) -> None:
        """Start on the newest state of the disk."""
        self.life = Life(f"simulated-{id(self)}-{self.lives}", self._folder / str(self.lives), self)

    def failed(self) -> None:
        self.cut_power()

    def cut_power(self) -> None:
        """Keep this moment's disk for the next start. Later changes of this life are lost, so a later cut is none."""
        with self._cutting:
            if self.life.is_over:
                return
            self.life.is_over = True
        self.lives += 1
        self.life.disk.power_cut(Random(self.lives), self._folder / str(self.lives))

    async def close(self) -> None:
        """Close the disk."""
        self.life.disk.trouble = None
        await self.life.store.close()
        self.life.disk.unregister()

    async def look(self, work: Work[T]) -> T:
        """Return the rows of the database."""
        return await self.life.store.read(work)

    def is_in_the_way(self) -> bool:
        """Whether a unit of work, done but not committed, has to be done again."""
        return self._random.random() < self.again

    def is_cut_off(self) -> bool:
        """Whether an answer is lost after the commit."""
        return self._losses.random() < self.unsure

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Have the disk wait. Units of work that come meanwhile are committed together, afterwards."""
        standing, released = threading.Event(), threading.Event()

        def stand() -> None:
            standing.set()
            released.wait()

        self._stands += 1
        key = f"stand {self._stands}"
        self.life.disk.stand = stand
        stood = asyncio.ensure_future(
            self.life.store.write(
                Function(
                    lambda tx: tx.run(
                        "insert_reply", key=key, arguments_hash="", salt="", reply="", now_ms=tx.now_ms
                    )
                )
            )
        )
        await asyncio.to_thread(standing.wait)
        try:
            yield
        finally:
            released.set()
            with suppress(Unavailable):  # a fault that happens meanwhile may meet this commit first
                await stood


class Client(Store):
    """A node's connection to the database. `is_dead`: the node has died."""

    def __init__(self, database: Database, clock: Clock, observer: StoreObserver) -> None:
        self._observer = observer
        self.is_dead = False
        self._database = database
        self._clock = clock

    async def write(self, unit: UnitOfWork[T]) -> T:
        life = self._database.life
        while True:
            self._check(life)
            try:
                result, committed = await life.store.write(Function(partial(self._run, life, unit.run)))
            except _Again:
                continue
            self._check(life)
            if self._database.is_cut_off():
                raise Gone
            self._observer.committed(committed)
            return result

    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        life = self._database.life
        self._check(life)
        result = await life.store.read(lambda tx: work(self._own(tx)))
        self._check(life)
        return result

    async def close(self) -> None:
        self.is_dead = True

    def _run(self, life: Life, work: Work[T], tx: Tx) -> tuple[T, Committed]:
        self._check(life)
        result = work(self._own(tx))
        if self._database.is_in_the_way():
            raise _Again
        return result, tx.committed()

    def _own(self, tx: Tx) -> Tx:
        tx.clock, tx.now_ms = self._clock, self._clock.now_ms()
        return tx

    def _check(self, life: Life) -> None:
        if self.is_dead or life.is_over:
            raise Gone
