"""The store on one SQLite file: units of work in batches on the event loop, commits on a thread, reads on the loop.

What waits when the last commit is done runs in one transaction, one unit after the other, and is answered once that
is durable: no timer, so a lone caller waits for one fsync and many callers share it. While a thread waits for the
disk, the loop takes the next requests; so no two threads run Python at once, which would cost more than it brings.
Short indexed reads run on a second connection. One process per file: two writers on one file wait on each other for
far longer than they work.
"""

import asyncio
import contextlib
import logging
import queue
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import apsw

from threadline.chat.limits import Policy
from threadline.clock import Clock
from threadline.store import Committed, Row, Store, Tx, Work, migrations, named_statements
from threadline.store.checkpoints import Checkpoints

T = TypeVar("T")
BATCH_MAX = 256
log = logging.getLogger(__name__)


class _Undone(BaseException):
    """SQLite has rolled back everything, as it does when the disk fails. No `except Exception` may go on after it."""


class SqliteTx(Tx):
    """A transaction on an apsw connection, through a cursor that nobody else uses meanwhile."""

    _statements = named_statements()

    def __init__(
        self, connection: apsw.Connection, cursor: apsw.Cursor, clock: Clock, policy: Policy
    ) -> None:
        super().__init__(clock, policy)
        self._connection = connection
        self._execute = cursor.execute

    def all(self, name: str, /, **parameters: Any) -> list[Row]:
        return self._ask(name, parameters)

    def one(self, name: str, /, **parameters: Any) -> Row | None:
        rows = self._ask(name, parameters)
        return rows[0] if rows else None

    def run(self, name: str, /, **parameters: Any) -> None:
        self._ask(name, parameters)

    def put(self, name: str, row: Any, /) -> None:
        self._ask(name, row)

    def _ask(self, name: str, parameters: Any) -> list[Row]:
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
        self._writing, self._reading = self._writer.cursor(), self._reader.cursor()
        self._waiting: deque[_Job] = deque()
        self._is_busy = False
        self._committing: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._checkpoints: Checkpoints | None = None
        if path is not None:
            self._checkpoints = Checkpoints(path, self._writer)
            self._thread = threading.Thread(target=self._commit_all, name="threadline-commits", daemon=True)
            self._thread.start()

    async def write(self, work: Work[T], session: int | None = None) -> T:
        loop = self._loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future())
        self._waiting.append(job)
        if not self._is_busy:
            self._is_busy = True
            loop.call_soon(self._next)
        result: T = await job.future
        return result

    async def read(self, work: Work[T]) -> T:
        self._reading.execute("BEGIN")
        try:
            return work(SqliteTx(self._reader, self._reading, self._clock, self._policy))
        except _Undone as undone:
            raise undone.__cause__ or undone from None
        finally:
            if self._reader.in_transaction:
                self._reading.execute("COMMIT")

    async def close(self) -> None:
        if self._is_busy:
            await self.write(lambda tx: None)  # comes after all that waits
        if self._thread is not None:
            self._committing.put(None)
            await asyncio.to_thread(self._thread.join)
        if self._checkpoints is not None:
            await asyncio.to_thread(self._checkpoints.close)
        self._reader.close()
        self._writer.close()

    def _next(self) -> None:
        """Run what waits, and have it committed: by the thread where that takes the disk's time."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
        before = self._writer.total_changes()
        self._run(batch)
        if self._thread is not None and self._writer.total_changes() != before:
            self._committing.put(batch)
        else:
            self._commit(batch)
            self._answer(batch)

    def _run(self, batch: list[_Job]) -> None:
        """Run a batch in one transaction.

        Most units that fail have written nothing. After one that has, the others run again without it, each in a
        savepoint: so no unit pays for what hardly ever happens.
        """
        try:
            self._writing.execute("BEGIN IMMEDIATE")
            for job in batch:
                if not self._try(job):
                    self._writing.execute("ROLLBACK; BEGIN IMMEDIATE")
                    for other in batch:
                        if other is not job:
                            self._try_alone(other)
                    break
        except BaseException as error:  # noqa: BLE001 - handed to the callers, whatever it is
            self._undo(batch, error)

    def _try(self, job: _Job) -> bool:
        """Run a unit; False when it failed after it had written."""
        before = self._writer.total_changes()
        job.tx = tx = SqliteTx(self._writer, self._writing, self._clock, self._policy)
        try:
            job.result = job.work(tx)
        except _Undone:
            raise
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            job.error = error
            return self._writer.total_changes() == before
        return True

    def _try_alone(self, job: _Job) -> None:
        """Run a unit, perhaps again, so that what it writes is undone when it fails."""
        job.error = None
        self._writing.execute("SAVEPOINT work")
        if not self._try(job):
            self._writing.execute("ROLLBACK TO work")
        self._writing.execute("RELEASE work")

    def _undo(self, batch: list[_Job], error: BaseException) -> None:
        """Nothing of a batch is kept, and everyone is told why."""
        with contextlib.suppress(apsw.Error):
            self._writing.execute("ROLLBACK")
        for job in batch:
            job.error = (error.__cause__ or error) if isinstance(error, _Undone) else error

    def _commit(self, batch: list[_Job]) -> None:
        if self._writer.in_transaction:
            try:
                self._writing.execute("COMMIT")
            except BaseException as error:  # noqa: BLE001 - handed to the callers, whatever it is
                self._undo(batch, error)

    def _commit_all(self) -> None:
        """The thread: it waits for the disk and runs nothing else."""
        while (batch := self._committing.get()) is not None:
            self._commit(batch)
            if self._checkpoints is not None:
                self._checkpoints.committed()
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._answer, batch)

    def _answer(self, batch: list[_Job]) -> None:
        """After the commit: wake first, so that a push never trails the sender's own answer by much."""
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
        if self._waiting:
            self._loop.call_soon(self._next)
        else:
            self._is_busy = False


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
