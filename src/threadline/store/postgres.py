"""The store on PostgreSQL, for as many nodes as one likes: a lane of connections that write, and one that reads."""

from typing import Self, TypeVar

import psycopg

from threadline.chat.limits import Policy
from threadline.clock import Clock
from threadline.store import Store, Work, migrations
from threadline.store.lanes import Lane
from threadline.store.pipeline import conninfo, for_postgres

T = TypeVar("T")
WRITERS, READERS = 2, 1
CLOSE_SECONDS = 10.0
MIGRATION_LOCK = 0x7472_6561_646C
"""The advisory lock under which one node at a time brings the schema up to date."""


class PostgresStore(Store):
    """A store in the database at `address` (postgresql://..); `open` makes one."""

    def __init__(self, address: str, clock: Clock, policy: Policy | None = None) -> None:
        self.on_commit = lambda _: None
        policy = policy or Policy()
        self._writing = Lane(address, WRITERS, clock, policy, lambda committed: self.on_commit(committed))
        self._reading = Lane(address, READERS, clock, policy)

    @classmethod
    async def open(cls, address: str, clock: Clock, policy: Policy | None = None) -> Self:
        """Connect and bring the schema up to date. Raises RuntimeError for a database of a newer Threadline."""
        await migrate(address)
        store = cls(address, clock, policy)
        await store._writing.open()
        await store._reading.open()
        return store

    async def write(self, work: Work[T], session: int | None = None) -> T:
        return await self._writing.run(work, session)

    async def read(self, work: Work[T]) -> T:
        return await self._reading.run(work)

    async def close(self) -> None:
        await self._writing.close(CLOSE_SECONDS)
        await self._reading.close(CLOSE_SECONDS)


async def migrate(address: str) -> None:
    """Bring the schema to the newest version, one node at a time; refuse a database made by a newer Threadline."""
    scripts = migrations()
    newest = scripts[-1][0]
    async with await psycopg.AsyncConnection.connect(conninfo(address)) as connection:
        await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        await connection.execute("CREATE TABLE IF NOT EXISTS threadline_schema (version INTEGER NOT NULL)")
        row = await (await connection.execute("SELECT version FROM threadline_schema")).fetchone()
        version: int = row[0] if row else 0
        if version > newest:
            raise RuntimeError(
                f"this database was written by a newer Threadline (schema {version}, this one knows {newest}):"
                " upgrade, or use another database"
            )
        for number, script in scripts:
            if number > version:
                await connection.execute(for_postgres(script).encode())
        await connection.execute("DELETE FROM threadline_schema")
        await connection.execute("INSERT INTO threadline_schema VALUES (%s)", [newest])
