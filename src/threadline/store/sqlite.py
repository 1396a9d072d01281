"""The store on one SQLite file: a writer thread that commits in groups, and reads on the event loop.

The writer drains its queue, runs each unit of work in a savepoint of one transaction, commits once, and then
answers them all: no timer, so a lone caller waits for one fsync and many callers share it. Short indexed reads run
on the loop on a second connection. One process per file: two writers on one file wait on each other for far
longer than they work.
"""

import asyncio
import contextlib
import logging
import queue
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import apsw

from threadline.chat.limits import Policy
from threadline.clock import Clock
from threadline.store import Committed, Row, Store, Tx, Work, migrations, named_statements

T = TypeVar("T")
BATCH_MAX = 256
log = logging.getLogger(__name__)


class _Undone(BaseException):
    """SQLite has rolled back everything, as it does when the disk fails. No `except Exception` may go on after it."""


class SqliteTx(Tx):
    """A transaction on an apsw connection."""

    def __init__(self, connection: apsw.Connection, clock: Clock, policy: Policy) -> None:
        super().__init__(clock, policy)
        self._connection = connection
        self._execute = connection.execute
        self._statements = _statements()

    def all(self, name: str, /, **parameters: Any) -> list[Row]:
        try:
            return self._execute(self._statements[name], parameters).fetchall()
        except apsw.Error as error:
            if not self._connection.in_transaction:
                raise _Undone from error
            raise

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        mark = self.mark()
        self._execute("SAVEPOINT inner_work")
        try:
            yield
        except _Undone:
            raise
        except BaseException:
            self._execute("ROLLBACK TO inner_work; RELEASE inner_work")
            self.rewind(mark)
            raise
        self._execute("RELEASE inner_work")


class _Job:
    __slots__ = ("error", "future", "result", "tx", "work")

    def __init__(self, work: Work[Any], future: "asyncio.Future[Any]") -> None:
        self.work = work
        self.future = future
        self.tx: Tx | None = None
        self.result: Any = None
        self.error: BaseException | None = None


class SqliteStore(Store):
    """A store in the file `path`, or in memory-like temporary files when `path` is None.

    Temporary files are unlinked as soon as they are open: a process that dies leaves nothing behind. Nobody but this
    user may read what is kept. Raises RuntimeError for a file that cannot be used.
    """

    def __init__(
        self,
        path: Path | None,
        clock: Clock,
        policy: Policy | None = None,
        on_commit: Callable[[Committed], None] = lambda _: None,
    ) -> None:
        self.on_commit = on_commit
        self._clock = clock
        self._policy = policy or Policy()
        folder = Path(tempfile.mkdtemp(prefix="threadline-")) if path is None else None
        file = path or (folder or Path()) / "threadline.db"
        try:
            file.touch(mode=0o600)  # and so are the files that SQLite puts beside it
            self._writer = _open(file, durable=path is not None)
            migrate(self._writer)
            self._reader = _open(file, durable=path is not None)
            self._reader.execute("SELECT count(*) FROM task").fetchall()
            self._writer.execute("BEGIN IMMEDIATE; COMMIT")
        except (apsw.Error, OSError) as error:
            raise RuntimeError(f"the database {file} cannot be used: {error}") from error
        if folder is not None:
            shutil.rmtree(folder)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._drain, name="threadline-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Work[T], session: int | None = None) -> T:
        loop = self._loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future())
        self._jobs.put(job)
        result: T = await job.future
        return result

    async def read(self, work: Work[T]) -> T:
        self._reader.execute("BEGIN")
        try:
            return work(SqliteTx(self._reader, self._clock, self._policy))
        except _Undone as undone:
            raise undone.__cause__ or undone from None
        finally:
            if self._reader.in_transaction:
                self._reader.execute("COMMIT")

    async def close(self) -> None:
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._reader.close()
        self._writer.close()

    def _drain(self) -> None:
        """The writer thread: one transaction for all that is waiting, again and again."""
        while (job := self._jobs.get()) is not None:
            batch = [job]
            while len(batch) < BATCH_MAX and not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    self._jobs.put(None)
                    break
                batch.append(following)
            self._commit(batch)

    def _commit(self, batch: list[_Job]) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for job in batch:
                self._run(job)
            self._writer.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            with contextlib.suppress(apsw.Error):
                self._writer.execute("ROLLBACK")
            for job in batch:
                job.error = error.__cause__ if isinstance(error, _Undone) else error
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._answer, batch)

    def _run(self, job: _Job) -> None:
        tx = SqliteTx(self._writer, self._clock, self._policy)
        self._writer.execute("SAVEPOINT work")
        try:
            job.result = job.work(tx)
            job.tx = tx
        except _Undone:
            raise
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            job.error = error
            self._writer.execute("ROLLBACK TO work")
        self._writer.execute("RELEASE work")

    def _answer(self, batch: list[_Job]) -> None:
        """On the loop, after the commit: wake first, so that a push never trails the sender's own answer by much."""
        for job in batch:
            if job.error is None and job.tx is not None:
                try:
                    self.on_commit(job.tx.committed())
                except Exception:
                    log.exception("a wake after a commit failed; sockets catch up from the store")
            if job.future.cancelled():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)


def migrate(connection: apsw.Connection) -> None:
    """Bring the schema to the newest version; refuse a database made by a newer Threadline."""
    version = int(str(connection.pragma("user_version")))
    scripts = migrations()
    newest = scripts[-1][0]
    if version > newest:
        raise RuntimeError(
            f"this data was written by a newer Threadline (schema {version}, this one knows {newest}):"
            " upgrade, or use another data folder"
        )
    for number, script in scripts:
        if number > version:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(script)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")


def _open(file: Path, *, durable: bool) -> apsw.Connection:
    connection = apsw.Connection(str(file), statementcachesize=300)
    connection.set_busy_timeout(5_000)
    # without the stability guarantee SQLite plans a join anew for every binding: 57 us instead of 5
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
    connection.execute("PRAGMA cache_size = -65536")
    return connection


@lru_cache(maxsize=1)
def _statements() -> dict[str, str]:
    return named_statements()
