"""The store on PostgreSQL, for any number of nodes: one pool of connections writes, and another reads."""

import asyncio
import logging
from typing import Self, TypeVar

import psycopg

from threadline.chat.limits import Policy
from threadline.clock import Clock
from threadline.store import Store, UnitOfWork, Work, migrations
from threadline.store.observer import StoreObserver
from threadline.store.postgres.pipeline import conninfo, describe, error_line, for_postgres
from threadline.store.postgres.pool import Pool

T = TypeVar("T")
WRITERS, READERS = 2, 1
START_SECONDS = 30.0
"""How long a node that starts waits for PostgreSQL."""
RETRY_SECONDS = 0.5
CLOSE_SECONDS = 10.0
AWAY = "database away"
MIGRATION_LOCK = 0x7472_6561_646C
"""The advisory lock under which one node at a time migrates the schema."""

log = logging.getLogger(__name__)


class PostgresStore(Store):
    """A store in the database at `address` (postgresql://..); `open` makes one."""

    def __init__(
        self,
        address: str,
        clock: Clock,
        policy: Policy | None = None,
        observer: StoreObserver | None = None,
    ) -> None:
        policy = policy or Policy()
        self._writing = Pool(address, WRITERS, clock, policy, observer or StoreObserver())
        self._reading = Pool(address, READERS, clock, policy)

    @classmethod
    async def open(
        cls,
        address: str,
        clock: Clock,
        policy: Policy | None = None,
        observer: StoreObserver | None = None,
    ) -> Self:
        """Connect, wait for a PostgreSQL that is still starting, and migrate the schema.

        Raises RuntimeError, without the password, for a bad address, for a database that cannot be used within
        START_SECONDS, and for a database of a newer Threadline.
        """
        where = describe(address)
        store = cls(address, clock, policy, observer)
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        is_logged = False
        while True:
            try:
                await migrate(address)
                await store._writing.open()
                await store._reading.open()
            except psycopg.OperationalError as error:
                await store.close()
                if asyncio.get_running_loop().time() > deadline:
                    raise RuntimeError(f"{where} cannot be used: {error_line(error)}") from None
                if not is_logged:
                    log.warning(
                        "%s cannot be used yet: %s; trying for %d seconds",
                        where,
                        error_line(error),
                        START_SECONDS,
                    )
                is_logged = True
                await asyncio.sleep(RETRY_SECONDS)
            except psycopg.Error as error:
                await store.close()
                raise RuntimeError(f"{where} cannot be used: {error_line(error)}") from None
            else:
                return store

    @property
    def trouble(self) -> str | None:  # type: ignore[override]
        """Set while no connection can be opened; see `Store`."""
        return AWAY if self._writing.is_away or self._reading.is_away else None

    async def write(self, unit: UnitOfWork[T]) -> T:
        return await self._writing.run(unit.run, unit.session)

    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        return await self._reading.run(work, is_single=is_single)

    async def close(self) -> None:
        await asyncio.gather(self._writing.close(CLOSE_SECONDS), self._reading.close(CLOSE_SECONDS))


async def migrate(address: str) -> None:
    """Migrate the schema to the newest version, one node at a time. Raises RuntimeError for a newer schema.

    The user of a database that is up to date needs no right to change the schema.
    """
    scripts = migrations()
    newest = scripts[-1][0]
    async with await psycopg.AsyncConnection.connect(conninfo(address)) as connection:
        await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        version = await _version(connection)
        if version > newest:
            raise RuntimeError(
                f"this database was written by a newer Threadline (schema {version}, this one knows {newest}):"
                " upgrade, or use another database"
            )
        if version == newest:
            return
        for number, script in scripts:
            if number > version:
                await connection.execute(for_postgres(script).encode())
        await connection.execute("CREATE TABLE IF NOT EXISTS threadline_schema (version INTEGER NOT NULL)")
        await connection.execute("DELETE FROM threadline_schema")
        await connection.execute("INSERT INTO threadline_schema VALUES (%s)", [newest])


async def _version(connection: psycopg.AsyncConnection[tuple[int]]) -> int:
    found = await connection.execute("SELECT 1 FROM pg_class WHERE oid = to_regclass('threadline_schema')")
    if await found.fetchone() is None:
        return 0
    row = await (await connection.execute("SELECT version FROM threadline_schema")).fetchone()
    return row[0] if row else 0
