"""Units of work that share a transaction on PostgreSQL, statement by statement.

Every unit runs in a greenlet of its own, so that a plain function can wait for its rows while others go on. Those of
a batch take turns on one connection: what all of them ask next goes out in one exchange, and one commit makes all of
them durable. Where two units of a batch want the same session, the second waits for the first to finish, as it would
in a transaction of its own; against other batches and other nodes, the session's row is locked.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from greenlet import greenlet
from psycopg import errors

from threadline.chat.limits import Policy
from threadline.clock import Clock
from threadline.store import Row, Tx, Work, named_statements
from threadline.store.postgres.greenlets import park
from threadline.store.postgres.pipeline import Pipeline, Statement, for_postgres, statement

if TYPE_CHECKING:
    from threadline.store.postgres.pool import Lane

ATTEMPTS_MAX = 8
PATIENCE_SECONDS = 15.0
"""How long a unit of work waits for its turn: while PostgreSQL is away, slow, or others hold the locks it needs."""

BEGIN = statement("begin", "BEGIN ISOLATION LEVEL READ COMMITTED")
BEGIN_READ = statement("begin_read", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
COMMIT = statement("commit", "COMMIT")
ROLLBACK = statement("rollback", "ROLLBACK")
SAVEPOINT = statement("savepoint", "SAVEPOINT inner_work")
ROLLBACK_TO = statement("rollback_to", "ROLLBACK TO inner_work")
RELEASE = statement("release", "RELEASE inner_work")
LOCK_SESSIONS = statement(
    "lock_sessions", "SELECT key FROM session WHERE key = ANY(:keys ::bigint[]) ORDER BY key FOR UPDATE"
)
LOCKED_OUT = (errors.DeadlockDetected, errors.LockNotAvailable)
"""Another transaction holds a lock. The work is tried again behind other work, for as long as its caller waits."""

AGAIN = (errors.SerializationFailure, errors.UniqueViolation, *LOCKED_OUT)
"""Another transaction came first. The same work, done again, sees the rows that it wrote."""


class Unsure(Exception):
    """The connection was lost during a commit: nobody can say whether it took place."""


class _Stuck(Exception):
    """A unit of work could not be finished, however often it was tried."""


class _Undone(BaseException):
    """Leaves a unit of work whose transaction is rolled back. No `except Exception` may keep it."""


class Unit:
    """A unit of work on its way to being committed. `session` is the key of the only session it writes, if known;
    `is_single` says that it is one statement that reads.
    """

    __slots__ = (
        "attempts",
        "error",
        "expires_at",
        "future",
        "green",
        "has_asked",
        "is_alone",
        "is_finished",
        "is_single",
        "result",
        "session",
        "tx",
        "work",
        "wrote",
    )

    def __init__(self, work: Work[Any], session: int | None, *, is_single: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self.work = work
        self.session = session
        self.future: asyncio.Future[Any] = loop.create_future()
        self.expires_at = loop.time() + PATIENCE_SECONDS
        self.attempts = 0
        self.is_alone = False
        self.is_finished = False
        self.is_single = is_single
        self.green: greenlet | None = None
        self.tx: PostgresTx | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.wrote = False
        self.has_asked = False

    def fail(self, error: BaseException) -> None:
        """Answer with `error`, unless nobody waits any more."""
        if not self.future.done():
            self.future.set_exception(error)


class PostgresTx(Tx):
    """What one unit of work sees of its batch's transaction."""

    def __init__(self, batch: "Batch", unit: Unit, clock: Clock, policy: Policy) -> None:
        super().__init__(clock, policy)
        self._batch = batch
        self._unit = unit

    def all(self, name: str, /, **parameters: Any) -> list[Row]:
        return self._batch.ask(self._unit, name, parameters)

    def run(self, name: str, /, **parameters: Any) -> None:
        self._batch.tell(self._unit, name, parameters)

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        mark = self.mark()
        try:
            with self._batch.savepoint(self._unit):
                yield
        except BaseException:
            self.rewind(mark)
            raise


class Batch:
    """Units of work in one transaction on one connection, from BEGIN to the answers. All of it runs on the loop."""

    def __init__(self, lane: "Lane", line: Pipeline, units: list[Unit]) -> None:
        self._lane = lane
        self._line = line
        self._units = units
        self._statements = _statements(writes=lane.writes)
        self._needs_transaction = lane.writes or not all(unit.is_single for unit in units)
        self._left = len(units)
        self._finished: list[Unit] = []
        self._owners: dict[int, Unit] = {}
        self._waiting: list[Unit] = []
        self._inner: Unit | None = None
        self._depth = 0
        self._held: list[tuple[Unit, list[Row]]] = []
        self._is_over = False
        self._is_abandoned = False
        self._is_committing = False
        line.failed = self._failed
        line.lost = self._lost
        line.rested = self._check

    def start(self) -> None:
        """Begin, and run every unit up to its first wait."""
        if self._needs_transaction:
            self._line.send(BEGIN if self._lane.writes else BEGIN_READ, {})
        if self._lane.writes and (keys := sorted({u.session for u in self._units if u.session is not None})):
            self._line.send(LOCK_SESSIONS, {"keys": f"{{{','.join(map(str, keys))}}}"})
        for unit in self._units:
            unit.result, unit.error, unit.wrote, unit.has_asked = None, None, False, False
            unit.green, unit.is_finished = None, False
            unit.tx = PostgresTx(self, unit, self._lane.clock, self._lane.policy)
            self._go_on(unit)
        self._line.flush()

    def ask(self, unit: Unit, name: str, parameters: dict[str, Any]) -> list[Row]:
        """The rows of a statement. What locks or writes a session waits until no other unit of the batch has it."""
        wanted = self._statements[name]
        if unit.is_single and (unit.has_asked or wanted.writes):
            raise _not_single(name)
        unit.has_asked = True
        if wanted.writes:
            unit.wrote = True
        key = parameters.get("session")
        if key is not None and (wanted.locks or wanted.writes):
            self._own(unit, key)
        is_locked = key is not None and key == unit.session  # since the batch began
        rows = self._rows(unit, wanted.unlocked if is_locked else wanted.statement, parameters)
        if key is None and wanted.locks and rows and not self._own(unit, rows[0][0]):
            return self._rows(unit, wanted.statement, parameters)  # as the other one has left it
        return rows

    def tell(self, unit: Unit, name: str, parameters: dict[str, Any]) -> None:
        """Run a statement whose outcome nobody waits for: should it fail, the whole batch is undone."""
        if unit.is_single:
            raise _not_single(name)
        unit.wrote = True
        if (key := parameters.get("session")) is not None:
            self._own(unit, key)
        self._line.send(self._statements[name].statement, parameters)

    def _own(self, unit: Unit, key: int) -> bool:
        """Keep a session to `unit` until it has finished; False if that meant to wait for another unit."""
        is_first = True
        while self._owners.setdefault(key, unit) is not unit:
            is_first = False
            self._waiting.append(unit)
            park()
        return is_first

    def _rows(self, unit: Unit, statement: Statement, parameters: dict[str, Any]) -> list[Row]:
        self._line.send(statement, parameters, lambda rows: self._go_on(unit, rows))
        rows: list[Row] = park()
        return rows

    @contextlib.contextmanager
    def savepoint(self, unit: Unit) -> Iterator[None]:
        """A savepoint; meanwhile no other unit goes on, since its writes would be undone too."""
        self._inner = unit
        self._depth += 1
        self._line.send(SAVEPOINT, {})
        try:
            yield
        except BaseException as error:
            if not isinstance(error, _Undone):
                self._line.send(ROLLBACK_TO, {})
            raise
        finally:
            if not self._is_over:
                self._line.send(RELEASE, {})
                self._depth -= 1
                if self._depth == 0:
                    self._inner = None
                    self._lane.loop.call_soon(self._let_go)

    def _let_go(self) -> None:
        held, self._held = self._held, []
        for unit, rows in held:
            self._go_on(unit, rows)
        self._line.flush()
        self._check()

    def _go_on(self, unit: Unit, value: Any = None) -> None:
        """Run a unit up to its next wait, unless another one's savepoint is open."""
        if self._is_over or unit.is_finished:
            return
        if self._inner is not None and self._inner is not unit:
            self._held.append((unit, value))
        elif unit.green is None:
            unit.green = self._lane.greenlets.take()
            unit.green.switch(self._live, unit)
        else:
            unit.green.switch(value)

    def _live(self, unit: Unit) -> None:
        """Run a unit in its greenlet, from its start to its end."""
        try:
            unit.result = unit.work(unit.tx)  # type: ignore[arg-type]
        except _Undone:
            return
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            unit.error = error
        finally:
            unit.is_finished = True
        self._left -= 1
        self._finished.append(unit)
        if unit.error is not None and unit.wrote:
            if len(self._units) > 1:
                self._abandon()
            else:
                self._line.send(ROLLBACK, {}, self._answer)
            return
        self._owners = {key: owner for key, owner in self._owners.items() if owner is not unit}
        waiting, self._waiting = self._waiting, []
        for other in waiting:
            self._lane.loop.call_soon(self._wake, other)
        if not self._left and self._needs_transaction:
            self._is_committing = True
            self._line.send(COMMIT, {}, self._answer)
        elif not self._left:
            self._answer([])

    def _wake(self, unit: Unit) -> None:
        self._go_on(unit)
        self._line.flush()
        self._check()

    def _check(self) -> None:
        """Where all who are left wait for each other, let each go alone."""
        is_stuck = self._waiting and self._line.is_quiet and not (self._held and self._inner is None)
        if is_stuck and not self._is_over:
            self._abandon()

    def _answer(self, _: list[Row]) -> None:
        """After the commit: wake first, so that a push never trails the sender's own answer by much."""
        self._is_over = True
        for unit in self._finished:
            if unit.error is not None:
                unit.fail(unit.error)
                continue
            if unit.tx is not None:
                self._lane.tell(unit.tx.committed())
            if not unit.future.done():
                unit.future.set_result(unit.result)
        self._lane.release(self._line, self._units)

    def _abandon(self, error: Exception | None = None) -> None:
        """Undo everything and let every unit run again, in a transaction of its own. Once, whatever else fails."""
        self._is_over = True
        if not self._is_abandoned:
            self._is_abandoned = True
            self._lane.loop.call_soon(self._roll_back, error)

    def _roll_back(self, error: Exception | None) -> None:
        self._is_abandoned = False  # an error that is still to come keeps this ROLLBACK from being heard of
        if self._line.is_open:
            self._unwind()
            self._line.send(ROLLBACK, {}, lambda _: self._again(error))
            self._line.flush()

    def _again(self, error: Exception | None) -> None:
        now = self._lane.loop.time()
        is_hopeless = error is not None and len(self._units) == 1 and not isinstance(error, AGAIN)
        is_locked_out = isinstance(error, LOCKED_OUT)
        for unit in self._units:
            unit.attempts += 1
            unit.is_alone = True
            is_spent = unit.attempts > ATTEMPTS_MAX and not is_locked_out
            if is_hopeless or is_spent or now > unit.expires_at:
                unit.fail(error or _Stuck())
        self._lane.again(self._units, gives_way=is_locked_out)
        self._lane.release(self._line, self._units)

    def _failed(self, error: psycopg.Error) -> None:
        """A statement failed, and with it the transaction, also where a commit had been sent."""
        self._abandon(error)

    def _lost(self, error: Exception) -> None:
        """The connection is gone: what was not being committed runs again on another one."""
        self._is_over = True
        self._unwind()
        if self._is_committing and self._lane.writes:
            for unit in self._units:
                unit.fail(Unsure(str(error)))
        else:
            self._lane.again(self._units)
        self._lane.lost(self._line, self._units)

    def _unwind(self) -> None:
        """Leave the units that are under way."""
        for unit in self._units:
            if unit.green is not None and not unit.is_finished:
                unit.green.throw(_Undone)


class Named(NamedTuple):
    """A named statement, also without its lock where it has one, and whether it writes."""

    statement: Statement
    unlocked: Statement
    locks: bool
    writes: bool


@cache
def _statements(*, writes: bool) -> dict[str, Named]:
    """The statements of transactions that write, with their locks, or of those that only read, without."""
    return {
        name: Named(
            statement(name, for_postgres(text) if writes else text),
            statement(f"{name}_unlocked", text),
            locks=writes and "/*pg FOR UPDATE" in text,
            writes=not text.startswith("SELECT"),
        )
        for name, text in named_statements().items()
    }


def _not_single(name: str) -> RuntimeError:
    return RuntimeError(f"{name} is not the one statement that was to be read without a transaction")
