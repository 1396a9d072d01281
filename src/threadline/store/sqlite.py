"""The store on one SQLite file: units of work in batches on the event loop, syncs on a thread, reads on the loop.

What waits runs in one transaction, one unit after the other, and is answered once that is durable. A commit only
writes; a thread makes all durable that is written by then (`store.syncs`), while the loop runs the next batch. So no
two threads run Python at once, which would cost more than it brings, and there is no timer: a lone caller waits for one
sync and many callers share it. Short indexed reads run on a second connection, and are answered when all is durable
that they may have seen. One process writes a file: two wait on each other for far longer than they work.
"""

import asyncio
import contextlib
import logging
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import apsw

from threadline.chat.limits import Policy
from threadline.clock import Clock
from threadline.store import Committed, Row, Store, Tx, Work, migrations, named_statements
from threadline.store.syncs import Syncs

T = TypeVar("T")
BATCH_MAX = 16
"""Units of one transaction. Of many that wait the first are answered while the last are run: who asks again and again
would otherwise wait for each other, in step."""

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


Done = Callable[[Any, BaseException | None], None]
"""What is told of a unit of work: its result, or why it has failed."""


class _Job:
    __slots__ = ("done", "error", "result", "tx", "work")

    def __init__(self, work: Work[Any], done: Done) -> None:
        self.work = work
        self.done = done
        self.tx: Tx | None = None
        self.result: Any = None
        self.error: BaseException | None = None


class Reader:
    """Short reads of the file at `path` on a connection of their own, each of one consistent state."""

    def __init__(self, path: Path, clock: Clock, policy: Policy, *, durable: bool = True) -> None:
        self._clock = clock
        self._policy = policy
        self._connection = _open(path, durable=durable)
        self._connection.execute("SELECT count(*) FROM task").fetchall()
        self._cursor = self._connection.cursor()

    def read(self, work: Work[T]) -> T:
        """Run `work`, which only reads."""
        self._cursor.execute("BEGIN")
        try:
            return work(SqliteTx(self._connection, self._cursor, self._clock, self._policy))
        except _Undone as undone:
            raise undone.__cause__ or undone from None
        finally:
            if self._connection.in_transaction:
                self._cursor.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


class SqliteStore(Store):
    """A store in the file `path`, or in memory-like temporary files when `path` is None.

    Temporary files are unlinked as soon as they are open: a process that dies leaves nothing behind. Nobody but this
    user may read what is kept. Raises RuntimeError for a file that cannot be used.

    `on_begin` and `on_sync` are told how many batches have been written, before one is to be seen by other connections
    and once it is durable. `on_failure` is told that the disk does not keep what it was given: nothing is answered any
    more but the failure, and only opening the file anew shows what is left.
    """

    def __init__(
        self,
        path: Path | None,
        clock: Clock,
        policy: Policy | None = None,
        on_commit: Callable[[Committed], None] = lambda _: None,
    ) -> None:
        self.on_commit = on_commit
        self.on_begin: Callable[[int], None] = lambda _: None
        self.on_sync: Callable[[int], None] = lambda _: None
        self.on_failure: Callable[[], None] = lambda: None
        self._clock = clock
        self._policy = policy or Policy()
        folder = Path(tempfile.mkdtemp(prefix="threadline-")) if path is None else None
        file = path or (folder or Path()) / "threadline.db"
        try:
            file.touch(mode=0o600)  # and so are the files that SQLite puts beside it
            self._writer = _open(file, durable=path is not None)
            migrate(self._writer)
            self._reader = Reader(file, clock, self._policy, durable=path is not None)
            self._writer.execute("BEGIN IMMEDIATE; COMMIT")
        except (apsw.Error, OSError) as error:
            raise RuntimeError(f"the database {file} cannot be used: {error}") from error
        if folder is not None:
            shutil.rmtree(folder)
        self._writing = self._writer.cursor()
        self._waiting: deque[_Job] = deque()
        self._is_due = False
        self._count = 0
        self._written: deque[tuple[int, list[_Job]]] = deque()
        self._failure: OSError | None = None
        self.syncs = Syncs(path, self._writer, self._end_of_sync) if path is not None else None

    async def write(self, work: Work[T], session: int | None = None) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.submit(work, partial(_settle, future))
        return await future

    def submit(self, work: Work[Any], done: Done) -> None:
        """As `write`, for who would rather be called, on the loop, than wait."""
        self._waiting.append(_Job(work, done))
        self._go_on()

    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        try:
            return self._reader.read(work)
        finally:
            if self._written:  # which may have been seen, and is not durable yet
                await self._settled()
            elif self._failure is not None:
                raise self._failure

    async def close(self) -> None:
        if self._is_due or self._written:
            with contextlib.suppress(OSError):
                await self.write(lambda tx: None)  # comes after all that waits
        if self.syncs is not None:
            await asyncio.to_thread(self.syncs.close)
        self._reader.close()
        self._writer.close()

    async def _settled(self) -> None:
        """Wait until all is durable that is written now."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._written[-1][1].append(_Job(_nothing, partial(_settle, future)))
        await future

    def _go_on(self) -> None:
        if self._is_due or not self._waiting:
            return
        if self.syncs is None or self.syncs.have_room(len(self._written)):
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """Run what waits, write it, and have it made durable by the thread that waits for the disk."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
        before = self._writer.total_changes()
        if self._failure is None:
            self._run(batch)
        if self._writer.total_changes() != before:
            self._count += 1
            self.on_begin(self._count)
        self._commit(batch)
        if self.syncs is not None and (self._written or self._writer.total_changes() != before):
            self._written.append((self._count, batch))
            self.syncs.want()
        else:
            self._answer(batch)
        self._is_due = False  # and not before: a sync that ends meanwhile begins no other batch
        self._go_on()

    def _run(self, batch: list[_Job]) -> None:
        """Run a batch in one transaction.

        Most units that fail have written nothing. After one that has, the others run again without it, each in a
        savepoint: so no unit pays for what hardly ever happens.
        """
        try:
            self._writing.execute("BEGIN IMMEDIATE")
            for job in batch:
                if self.syncs is not None:
                    self.syncs.settle()  # who waits for the batches before does not wait for all of this one too
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
        _fail(batch, (error.__cause__ or error) if isinstance(error, _Undone) else error)

    def _commit(self, batch: list[_Job]) -> None:
        if self._writer.in_transaction:
            try:
                self._writing.execute("COMMIT")
            except BaseException as error:  # noqa: BLE001 - handed to the callers, whatever it is
                self._undo(batch, error)

    def _end_of_sync(self, count: int, failure: OSError | None) -> None:
        """The `count` oldest batches that were written are durable, or, after a failure, nobody knows."""
        if failure is not None and self._failure is None:
            log.error("the disk has failed: %s", failure)
            self._failure = failure
            self.on_failure()
        for _ in range(count):
            number, batch = self._written.popleft()
            self._answer(batch)
            if self._failure is None:
                self.on_sync(number)
        self._go_on()

    def _answer(self, batch: list[_Job]) -> None:
        """After the commit: wake first, so that a push never trails the sender's own answer by much.

        Once a sync has failed, a later one that does not says nothing: what was to be kept before may be gone.
        """
        if self._failure is not None:
            _fail(batch, self._failure)
        for job in batch:
            if job.error is None and job.tx is not None:
                try:
                    self.on_commit(job.tx.committed())
                except Exception:
                    log.exception("a wake after a commit failed; sockets catch up from the store")
            job.done(job.result, job.error)


def _fail(batch: list[_Job], error: BaseException) -> None:
    for job in batch:
        job.error = error


def _nothing(tx: Tx) -> None:
    pass


def _settle(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


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
    # one thread uses it: SQLite's own lock around every call is a twentieth of an association
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX
    connection = apsw.Connection(str(file), flags, statementcachesize=300)
    connection.set_busy_timeout(5_000)
    # without the stability guarantee SQLite plans a join anew for every binding: 57 us instead of 5
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if durable else 'OFF'}")
    connection.execute("PRAGMA cache_size = -8192")
    return connection
