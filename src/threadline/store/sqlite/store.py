"""The store on one SQLite file: batches of units of work on the event loop, fsync on a thread, reads on the loop.

The units that wait form a batch: they run one after the other in one transaction, and are answered once it is durable.
A commit only writes. A thread calls fsync for all batches written so far (`store.sqlite.durability`), while the loop
runs the next batch. Only the loop runs much Python: two threads would fight for the interpreter's lock.
There is no timer: a lone caller waits for one fsync, and many callers share one. Short indexed reads run on a second
connection. A read is answered once every commit that it may have seen is durable. One process writes the file: two
would wait for each other longer than they work.
"""

import asyncio
import contextlib
import logging
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import apsw

from threadline.chat.limits import Policy
from threadline.clock import Clock
from threadline.store import Row, Store, Tx, Unavailable, UnitOfWork, Work, migrations, named_statements
from threadline.store.observer import StoreObserver
from threadline.store.sqlite.checkpoints import FRAME_BYTES
from threadline.store.sqlite.connections import connect, set_up
from threadline.store.sqlite.durability import GroupCommit
from threadline.store.sqlite.progress import TOUCH, Progress, open_checked
from threadline.store.sqlite.remains import Remains
from threadline.store.sqlite.trouble import WriteHealth, trouble_of

T = TypeVar("T")
BATCH_MAX = 16
"""The most units in one transaction. With larger batches every caller waits for the slowest, and callers in a loop run
in lockstep."""

LOCK_SECONDS_MAX = 5.0
"""Time that a unit of work waits while another program holds the lock of the database."""

LOCKED_SECONDS = 0.5
"""Time after which such a lock is reported. It is shorter than the time after which `/ready` reports no answer."""

LOCK_RETRY_SECONDS = 0.02

log = logging.getLogger(__name__)


class _RolledBack(BaseException):
    """SQLite has rolled back the transaction, as it does when the disk fails. No `except Exception` catches it."""


class SqliteTx(Tx):
    """A transaction on an apsw connection, through a cursor that nothing else uses meanwhile."""

    _statements = named_statements()
    remains: Remains | None = None

    def __init__(
        self, connection: apsw.Connection, cursor: apsw.Cursor, clock: Clock, policy: Policy
    ) -> None:
        super().__init__(clock, policy)
        self._connection = connection
        self._cursor = cursor
        self._execute = cursor.execute

    def all(self, name: str, /, **parameters: Any) -> list[Row]:
        return self._query(name, parameters)

    def one(self, name: str, /, **parameters: Any) -> Row | None:
        rows = self._query(name, parameters)
        return rows[0] if rows else None

    def run(self, name: str, /, **parameters: Any) -> None:
        self._query(name, parameters)

    def put(self, name: str, row: Any, /) -> None:
        self._query(name, row)

    def _query(self, name: str, parameters: Any) -> list[Row]:
        try:
            return self._execute(self._statements[name], parameters).fetchall()
        except apsw.Error as error:
            if not self._connection.in_transaction:
                raise _RolledBack from error
            raise

    def remove_remains(self, reached: str | None) -> str | None:
        return self.remains.remove(self._cursor, reached) if self.remains else None

    def touch(self) -> None:
        """Write a row without changing it."""
        self._execute(TOUCH)

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        mark = self.mark()
        self._execute("SAVEPOINT inner_work")
        try:
            yield
        except _RolledBack:
            raise
        except BaseException:
            self._execute("ROLLBACK TO inner_work; RELEASE inner_work")
            self.rewind(mark)
            raise
        self._execute("RELEASE inner_work")


Done = Callable[[Any, BaseException | None], None]
"""(the result of a unit of work, or the error with which it failed)."""


class _Job:
    __slots__ = ("done", "error", "result", "tx", "waits_since", "work")

    def __init__(self, work: Work[Any], done: Done) -> None:
        self.work = work
        self.done = done
        self.tx: Tx | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.waits_since = 0.0
        """When it first waited for another program's lock."""


class Reader:
    """Short reads of the file at `path` on a connection of their own, each of one consistent state."""

    def __init__(self, path: Path, clock: Clock, policy: Policy, *, durable: bool = True) -> None:
        self._clock = clock
        self._policy = policy
        self.connection = set_up(connect(path), durable=durable)
        self.connection.execute("SELECT count(*) FROM task").fetchall()
        self._cursor = self.connection.cursor()

    def read(self, work: Work[T]) -> T:
        """Run `work`, which only reads."""
        self._cursor.execute("BEGIN")
        try:
            return work(SqliteTx(self.connection, self._cursor, self._clock, self._policy))
        except _RolledBack as rolled_back:
            raise rolled_back.__cause__ or rolled_back from None
        finally:
            if self.connection.in_transaction:
                self._cursor.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()


class SqliteStore(Store):
    """A store in the file `path`, or in memory-like temporary files when `path` is None.

    Temporary files are unlinked as soon as they are open: a process that dies leaves nothing behind. Only this user may
    read the files. Raises DataLost when the file holds less than its folder records, or not the instance `instance_id`,
    unless `accept_loss`. A store in memory may begin with a copy of the database
    `begins_with`. Raises RuntimeError for a file that cannot be used.
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
        begins_with: Path | None = None,
    ) -> None:
        self._observer = observer = observer or StoreObserver()
        self._clock = clock
        self._policy = policy or Policy()
        folder = Path(tempfile.mkdtemp(prefix="threadline-")) if path is None else None
        self._file = file = path or (folder or Path()) / "threadline.db"
        if folder is not None:
            file.write_bytes(begins_with.read_bytes() if begins_with else _new_database())
        try:
            self._writer, start = open_checked(
                file, lambda: connect(file), instance_id, accept_loss=accept_loss
            )
            set_up(self._writer, durable=path is not None)
            self._writer.execute("PRAGMA secure_delete = ON").fetchall()  # deleted bytes are overwritten
            schema = migrate(self._writer)
            self._progress = Progress(self._writer, clock, start._replace(schema=schema))
            if schema != start.schema:
                self._writer.wal_checkpoint()
            self._reader = Reader(file, clock, self._policy, durable=path is not None)
            self._writer.execute("BEGIN IMMEDIATE; COMMIT")
            self._writer.set_busy_timeout(0)  # the loop does not stand still for another program
            self.group_commit: GroupCommit | None = None
            if path is not None:
                self.group_commit = GroupCommit(
                    path, self._writer, self._progress.mark, self._synced, observer.synced
                )
        except (apsw.Error, OSError) as error:
            trouble = trouble_of(error, file)
            raise RuntimeError(
                trouble.line if trouble else f"the database {file} cannot be used: {error}"
            ) from error
        if folder is not None:
            shutil.rmtree(folder)
        self._writing = self._writer.cursor()
        self._remains = Remains(
            file, self._writer, self.group_commit.checkpoints if self.group_commit else None
        )
        self._waiting: deque[_Job] = deque()
        self._is_due = False
        self._is_closing = False
        self._count = 0
        self._written: deque[tuple[int, list[_Job]]] = deque()
        self._failure: BaseException | None = None
        self._health = WriteHealth(file, observer.troubled, self._probe)

    @property
    def reading(self) -> apsw.Connection:
        """The connection that reads: all that is committed, also where the file has no name any more."""
        return self._reader.connection

    @property
    def wal_bytes(self) -> int:
        """The length of the WAL: all pages written since it last restarted."""
        return self.group_commit.checkpoints.pages * FRAME_BYTES if self.group_commit is not None else 0

    @property
    def trouble(self) -> str | None:  # type: ignore[override]
        """See `Store`."""
        return self._health.reason

    async def write(self, unit: UnitOfWork[T]) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._enqueue(unit.run, partial(_resolve, future))
        return await future

    def submit(self, unit: UnitOfWork[Any], done: Done) -> None:
        """As `write`, but call `done` on the loop instead of returning the result."""
        self._enqueue(unit.run, done)

    def _enqueue(self, work: Work[Any], done: Done) -> None:
        self._waiting.append(_Job(work, done))
        self._schedule()

    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        try:
            return self._reader.read(work)
        except apsw.Error as error:
            raise self._explain(error) from error
        finally:
            if self._written:  # a batch that the read may have seen is not durable yet
                await self._all_durable()
            elif self._failure is not None:
                raise self._failure

    async def close(self) -> None:
        if self._is_due or self._written or self._progress.is_behind:
            self._is_closing = True
            touched: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._enqueue(_touch, partial(_resolve, touched))  # comes after all that waits
            with contextlib.suppress(Unavailable):
                await touched
        self._health.close()
        if self.group_commit is not None:
            await self.group_commit.close()
        self._reader.close()
        # after a failure the names may belong to other files, and files in memory are gone already
        if self._failure is not None or self.group_commit is None:
            self._writer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._writer.close()
        self._remains.close()

    async def _all_durable(self) -> None:
        """Wait until every batch written so far is durable."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._written[-1][1].append(_Job(_nothing, partial(_resolve, future)))
        await future

    def _schedule(self) -> None:
        if self._is_due or not self._waiting:
            return
        if self.group_commit is None or self.group_commit.has_room(len(self._written)):
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._run_batch)

    def _run_batch(self) -> None:
        """Run the units that wait as one batch, write it, and have the fsync thread make it durable."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
        before = self._writer.total_changes()
        if self._failure is None:
            if not self._begin(batch):
                return
            self._run_units(batch)
        has_written = self._writer.total_changes() != before
        if has_written:
            self._count += 1
            self._observer.written(self._count, len(batch))
        self._commit(batch, has_written=has_written)
        if self.group_commit is not None and (self._written or has_written):
            self._written.append((self._count, batch))
            self.group_commit.request(self._progress.mark)
        else:
            self._answer(batch)
            self._health.durable(self._count)
        self._is_due = False  # only now: an fsync that ends meanwhile must not begin another batch
        self._schedule()

    def _begin(self, batch: list[_Job]) -> bool:
        """Begin the transaction of a batch; False when another program holds the lock, and the batch waits for it.

        The loop goes on meanwhile. A unit that has waited for LOCK_SECONDS_MAX is refused.
        """
        try:
            self._writing.execute("BEGIN IMMEDIATE")
        except apsw.BusyError as error:
            loop = asyncio.get_running_loop()
            self._waiting.extendleft(reversed(batch))
            self._refuse_late(error, loop.time())
            loop.call_later(LOCK_RETRY_SECONDS, self._run_batch)
            return False
        except apsw.Error as error:
            self._roll_back(batch, error)
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
            _fail(late, self._explain(error, len(late)))
            self._answer(late)
        elif waiting and now - waiting[0].waits_since > LOCKED_SECONDS and self.trouble is None:
            self._explain(error, 0)

    def _run_units(self, batch: list[_Job]) -> None:
        """Run a batch in one transaction.

        Most units that fail have written nothing. After one that has, the transaction is rolled back and the others run
        again without it, each in a savepoint. So the usual unit needs no savepoint.
        """
        if not self._writer.in_transaction:  # it could not begin
            return
        try:
            for job in batch:
                if self.group_commit is not None:
                    self.group_commit.deliver()  # callers of earlier batches do not wait for this one
                if not self._try(job):
                    self._writing.execute("ROLLBACK; BEGIN IMMEDIATE")
                    for other in batch:
                        if other is not job:
                            self._try_alone(other)
                    break
        except BaseException as error:  # noqa: BLE001 - the callers get every error
            self._roll_back(batch, error)

    def _try(self, job: _Job) -> bool:
        """Run a unit; False when it failed after it had written."""
        before = self._writer.total_changes()
        job.tx = tx = SqliteTx(self._writer, self._writing, self._clock, self._policy)
        tx.remains = self._remains
        try:
            job.result = job.work(tx)
        except _RolledBack:
            raise
        except BaseException as error:  # noqa: BLE001 - the caller gets every error
            job.error = self._explain(error)
            return self._writer.total_changes() == before
        return True

    def _try_alone(self, job: _Job) -> None:
        """Run a unit, perhaps again, so that what it writes is rolled_back when it fails."""
        job.error = None
        self._writing.execute("SAVEPOINT work")
        if not self._try(job):
            self._writing.execute("ROLLBACK TO work")
        self._writing.execute("RELEASE work")

    def _roll_back(self, batch: list[_Job], error: BaseException) -> None:
        """Undo a whole batch, and answer all its callers with the error."""
        with contextlib.suppress(apsw.Error):
            self._writing.execute("ROLLBACK")
        cause = (error.__cause__ or error) if isinstance(error, _RolledBack) else error
        _fail(batch, self._explain(cause, len(batch)))

    def _commit(self, batch: list[_Job], *, has_written: bool) -> None:
        """Commit a batch."""
        if not self._writer.in_transaction:
            return
        checkpoints = self.group_commit.checkpoints.completed if self.group_commit is not None else 0
        try:
            if has_written:
                self._progress.count(self._writing, self._count, checkpoints, is_last=self._is_closing)
            self._writing.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - the callers get every error
            self._roll_back(batch, error)
        else:
            if has_written:
                self._progress.committed()
                self._health.committed(self._count)

    def _synced(self, count: int, failure: OSError | None) -> None:
        """Answer the `count` oldest written batches, which are durable; after a failure that is unknown."""
        if failure is not None and self._failure is None:
            self._failure = self._explain(failure)
            self._observer.failed()
        for _ in range(count):
            number, batch = self._written.popleft()
            self._answer(batch)
            if self._failure is None:
                self._observer.durable(number)
                self._health.durable(number)
        self._schedule()

    def _answer(self, batch: list[_Job]) -> None:
        """Report the commits, then answer: a push is sent no later than the sender's own answer.

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

    def _explain(self, error: BaseException, count: int = 1) -> BaseException:
        """The error for `count` callers. Logs it for the operator if the disk is to blame."""
        return self._health.explain(error, self._writer.system_errno, count)

    def _probe(self) -> None:
        """Write a row, to notice the end of a trouble though no caller writes."""
        if self._failure is None and not self._is_closing:
            self._enqueue(_touch, lambda result, error: None)


def _fail(batch: list[_Job], error: BaseException) -> None:
    for job in batch:
        job.error = error


def _touch(tx: Tx) -> None:
    """Write a row without changing it."""
    assert isinstance(tx, SqliteTx)
    tx.touch()


def _nothing(tx: Tx) -> None:
    pass


def _resolve(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


@cache
def _new_database() -> bytes:
    """A database with the newest schema and no rows. Stores in memory begin with it: tests make many of them."""
    made = apsw.Connection(":memory:")
    migrate(made)
    return made.serialize("main")


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
