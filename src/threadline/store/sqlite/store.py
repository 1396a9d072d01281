"""The store on one SQLite file: units of work in batches on the event loop, syncs on a thread, reads on the loop.

Waiting units run in one transaction, one after the other, and are answered once it is durable. A commit only writes; a
thread makes durable all that is written by then (`store.sqlite.durability`), while the loop runs the next batch. So two
threads never run Python at once, which would cost more than it brings. There is no timer: a lone caller waits for one
sync, and many callers share it. Short indexed reads run on a second connection. They are answered when every commit is
durable that they may have seen. One process writes a file: two would wait on each other for longer than they work.
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
from threadline.store import Row, Store, Tx, Unavailable, UnitOfWork, Work, migrations, named_statements
from threadline.store.observer import StoreObserver
from threadline.store.sqlite.checkpoints import FRAME_BYTES
from threadline.store.sqlite.durability import Syncs
from threadline.store.sqlite.progress import TOUCH, Progress, open_checked
from threadline.store.sqlite.trouble import Troubles, trouble_of

T = TypeVar("T")
BATCH_MAX = 16
"""Units of one transaction. With larger batches every caller waits for the slowest, and callers in a loop run in
lockstep."""

LOCK_SECONDS_MAX = 5.0
"""Time that a unit of work waits while another program holds the lock of the database."""

LOCKED_SECONDS = 0.5
"""Time after which that is told, sooner than `/ready` says that nobody has answered."""

LOCK_RETRY_SECONDS = 0.02

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

    def touch(self) -> None:
        """Write something that changes nothing."""
        self._execute(TOUCH)

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
    __slots__ = ("done", "error", "result", "tx", "waits_since", "work")

    def __init__(self, work: Work[Any], done: Done) -> None:
        self.work = work
        self.done = done
        self.tx: Tx | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.waits_since = 0.0
        """When it was first seen to wait for another program."""


class Reader:
    """Short reads of the file at `path` on a connection of their own, each of one consistent state."""

    def __init__(self, path: Path, clock: Clock, policy: Policy, *, durable: bool = True) -> None:
        self._clock = clock
        self._policy = policy
        self._connection = _set_up(_connect(path), durable=durable)
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
    user may read what is kept. Raises DataLost when the file holds less than its folder knows, among that the instance
    `instance_id`, unless `accept_loss`; RuntimeError for a file that cannot be used.
    """

    def __init__(
        self,
        path: Path | None,
        clock: Clock,
        policy: Policy | None = None,
        observer: StoreObserver | None = None,
        *,
        instance_id: str = "",
        accept_loss: bool = False,
    ) -> None:
        self._observer = observer = observer or StoreObserver()
        self._clock = clock
        self._policy = policy or Policy()
        folder = Path(tempfile.mkdtemp(prefix="threadline-")) if path is None else None
        self._file = file = path or (folder or Path()) / "threadline.db"
        try:
            self._writer, start = open_checked(
                file, lambda: _connect(file), instance_id, accept_loss=accept_loss
            )
            _set_up(self._writer, durable=path is not None)
            schema = migrate(self._writer)
            self._progress = Progress(self._writer, clock, start._replace(schema=schema))
            if schema != start.schema:
                self._writer.wal_checkpoint()
            self._reader = Reader(file, clock, self._policy, durable=path is not None)
            self._writer.execute("BEGIN IMMEDIATE; COMMIT")
            self._writer.set_busy_timeout(0)  # the loop does not stand still for another program
            self.syncs: Syncs | None = None
            if path is not None:
                self.syncs = Syncs(
                    path, self._writer, self._progress.mark, self._end_of_sync, observer.synced
                )
        except (apsw.Error, OSError) as error:
            trouble = trouble_of(error, file)
            raise RuntimeError(
                trouble.line if trouble else f"the database {file} cannot be used: {error}"
            ) from error
        if folder is not None:
            shutil.rmtree(folder)
        self._writing = self._writer.cursor()
        self._waiting: deque[_Job] = deque()
        self._is_due = False
        self._is_closing = False
        self._count = 0
        self._written: deque[tuple[int, list[_Job]]] = deque()
        self._failure: BaseException | None = None
        self._troubles = Troubles(file, observer.troubled, self._probe)

    @property
    def wal_bytes(self) -> int:
        """The length of the WAL: what was written since it last began anew."""
        return self.syncs.checkpoints.pages * FRAME_BYTES if self.syncs is not None else 0

    @property
    def trouble(self) -> str | None:  # type: ignore[override]
        """See `Store`."""
        return self._troubles.reason

    async def write(self, unit: UnitOfWork[T]) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._enqueue(unit.run, partial(_settle, future))
        return await future

    def submit(self, unit: UnitOfWork[Any], done: Done) -> None:
        """As `write`, but call `done` on the loop instead of returning the result."""
        self._enqueue(unit.run, done)

    def _enqueue(self, work: Work[Any], done: Done) -> None:
        self._waiting.append(_Job(work, done))
        self._go_on()

    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        try:
            return self._reader.read(work)
        except apsw.Error as error:
            raise self._told(error) from error
        finally:
            if self._written:  # which may have been seen, and is not durable yet
                await self._settled()
            elif self._failure is not None:
                raise self._failure

    async def close(self) -> None:
        if self._is_due or self._written or self._progress.is_behind:
            self._is_closing = True
            touched: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._enqueue(_touch, partial(_settle, touched))  # comes after all that waits
            with contextlib.suppress(Unavailable):
                await touched
        self._troubles.close()
        if self.syncs is not None:
            await self.syncs.close()
        self._reader.close()
        if self._failure is not None:  # the names may belong to other files now
            self._writer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
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
            if not self._begin(batch):
                return
            self._run(batch)
        has_written = self._writer.total_changes() != before
        if has_written:
            self._count += 1
            self._observer.written(self._count, len(batch))
        self._commit(batch, has_written=has_written)
        if self.syncs is not None and (self._written or has_written):
            self._written.append((self._count, batch))
            self.syncs.want(self._progress.mark)
        else:
            self._answer(batch)
            self._troubles.settled(self._count)
        self._is_due = False  # and not before: a sync that ends meanwhile begins no other batch
        self._go_on()

    def _begin(self, batch: list[_Job]) -> bool:
        """Begin the transaction of a batch; False when another program holds the lock, and the batch waits for it.

        The loop goes on meanwhile. Each unit waits for so long, and is then refused.
        """
        try:
            self._writing.execute("BEGIN IMMEDIATE")
        except apsw.BusyError as error:
            loop = asyncio.get_running_loop()
            self._waiting.extendleft(reversed(batch))
            self._refuse_late(error, loop.time())
            loop.call_later(LOCK_RETRY_SECONDS, self._next)
            return False
        except apsw.Error as error:
            self._undo(batch, error)
        return True

    def _refuse_late(self, error: apsw.BusyError, now: float) -> None:
        """Refuse the units that have waited for another program for too long."""
        late: list[_Job] = []
        waiting: deque[_Job] = deque()
        for job in self._waiting:
            job.waits_since = job.waits_since or now
            (late if now - job.waits_since > LOCK_SECONDS_MAX else waiting).append(job)
        self._waiting = waiting
        if late:
            _fail(late, self._told(error, len(late)))
            self._answer(late)
        elif waiting and now - waiting[0].waits_since > LOCKED_SECONDS and self.trouble is None:
            self._told(error, 0)

    def _run(self, batch: list[_Job]) -> None:
        """Run a batch in one transaction.

        Most units that fail have written nothing. After one that has, the others run again without it, each in a
        savepoint. So no unit pays for a rare case.
        """
        if not self._writer.in_transaction:  # it could not be begun
            return
        try:
            for job in batch:
                if self.syncs is not None:
                    self.syncs.settle()  # callers of earlier batches do not wait for this one
                if not self._try(job):
                    self._writing.execute("ROLLBACK; BEGIN IMMEDIATE")
                    for other in batch:
                        if other is not job:
                            self._try_alone(other)
                    break
        except BaseException as error:  # noqa: BLE001 - the callers get every error
            self._undo(batch, error)

    def _try(self, job: _Job) -> bool:
        """Run a unit; False when it failed after it had written."""
        before = self._writer.total_changes()
        job.tx = tx = SqliteTx(self._writer, self._writing, self._clock, self._policy)
        try:
            job.result = job.work(tx)
        except _Undone:
            raise
        except BaseException as error:  # noqa: BLE001 - the caller gets every error
            job.error = self._told(error)
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
        cause = (error.__cause__ or error) if isinstance(error, _Undone) else error
        _fail(batch, self._told(cause, len(batch)))

    def _commit(self, batch: list[_Job], *, has_written: bool) -> None:
        """Commit what a batch has written."""
        if not self._writer.in_transaction:
            return
        checkpoints = self.syncs.checkpoints.completed if self.syncs is not None else 0
        try:
            if has_written:
                self._progress.count(self._writing, self._count, checkpoints, is_last=self._is_closing)
            self._writing.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - the callers get every error
            self._undo(batch, error)
        else:
            if has_written:
                self._progress.committed()
                self._troubles.wrote(self._count)

    def _end_of_sync(self, count: int, failure: OSError | None) -> None:
        """The `count` oldest batches that were written are durable, or, after a failure, nobody knows."""
        if failure is not None and self._failure is None:
            self._failure = self._told(failure)
            self._observer.failed()
        for _ in range(count):
            number, batch = self._written.popleft()
            self._answer(batch)
            if self._failure is None:
                self._observer.durable(number)
                self._troubles.settled(number)
        self._go_on()

    def _answer(self, batch: list[_Job]) -> None:
        """After the commit: wake first, so that a push never trails the sender's own answer by much.

        After one failed fsync trust none: the kernel may have dropped the dirty pages.
        """
        if self._failure is not None:
            _fail(batch, self._failure)
        for job in batch:
            if job.error is None and job.tx is not None:
                try:
                    self._observer.committed(job.tx.committed())
                except Exception:
                    log.exception("a wake after a commit failed; sockets catch up from the store")
            job.done(job.result, job.error)

    def _told(self, error: BaseException, count: int = 1) -> BaseException:
        """What to tell `count` callers of an error, of which the operator is told too."""
        return self._troubles.met(error, self._writer.system_errno, count)

    def _probe(self) -> None:
        """Write something, so that the end of a trouble is seen though nobody asks for anything."""
        if self._failure is None and not self._is_closing:
            self._enqueue(_touch, lambda result, error: None)


def _fail(batch: list[_Job], error: BaseException) -> None:
    for job in batch:
        job.error = error


def _touch(tx: Tx) -> None:
    """Write something that changes nothing."""
    assert isinstance(tx, SqliteTx)
    tx.touch()


def _nothing(tx: Tx) -> None:
    pass


def _settle(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def migrate(connection: apsw.Connection) -> int:
    """Bring the schema to the newest version, and return that; refuse a database made by a newer Threadline."""
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
    return newest


def _connect(file: Path) -> apsw.Connection:
    # one thread uses it: SQLite's own lock around every call is a twentieth of an association
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX
    connection = apsw.Connection(str(file), flags, statementcachesize=300)
    connection.set_busy_timeout(5_000)
    return connection


def _set_up(connection: apsw.Connection, *, durable: bool) -> apsw.Connection:
    # without the stability guarantee SQLite plans a join anew for every binding: 57 us instead of 5
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    if not durable:
        connection.execute("PRAGMA synchronous = OFF")  # before the next, which would sync
    connection.execute("PRAGMA journal_mode = WAL")
    if durable:
        connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -8192")
    return connection
