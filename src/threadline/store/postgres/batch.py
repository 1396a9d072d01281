"""Units of work that share a transaction on PostgreSQL, statement by statement.

Each unit runs in its own greenlet, so that a plain function can wait for its rows while other units run. The units of
a batch take turns on one connection: their next statements go out in one exchange, and one commit makes all of them
durable. If two units of a batch want the same session, the second waits until the first has finished, as it would in
a transaction of its own. Against other batches and other nodes, the session's row is locked.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from psycopg import errors

from threadline.chat.limits import Policy
from threadline.clock import Clock
from threadline.store import Row, Tx, Unavailable, named_statements
from threadline.store.postgres.gathering import GATHERED, Gathering
from threadline.store.postgres.greenlets import Greenlets, park
from threadline.store.postgres.pipeline import (
    Pipeline,
    Statement,
    Then,
    for_postgres,
    statement,
    without_locks,
)
from threadline.store.postgres.unit import Unit, Unsure

ATTEMPTS_MAX = 8
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
"""Another transaction holds a lock. The unit is tried again behind other units, for as long as its caller waits."""

RETRIED = (errors.SerializationFailure, errors.UniqueViolation, *LOCKED_OUT)
"""Another transaction committed first. The same unit, run again, sees the rows that it wrote."""


class _TooManyAttempts(Exception):
    """A unit of work did not finish within ATTEMPTS_MAX attempts."""


class _BatchEnded(BaseException):
    """Ends a unit whose transaction is rolled back. It derives from BaseException so that no unit catches it."""


class BatchContext(NamedTuple):
    """The parts that all batches of a pool use. A batch that does not write needs no locks."""

    clock: Clock
    policy: Policy
    writes: bool
    greenlets: Greenlets
    loop: asyncio.AbstractEventLoop


class BatchOutcome(NamedTuple):
    """The end of a batch: units that finished, units to run again, and whether the connection can be used again."""

    finished: list[Unit]
    retried: list[Unit]
    retries_last: bool = False
    """The retried units go behind the units that wait, not before them."""
    is_lost: bool = False


class PostgresTx(Tx):
    """The view that one unit of work has of its batch's transaction."""

    def __init__(self, batch: "Batch", unit: Unit, clock: Clock, policy: Policy) -> None:
        super().__init__(clock, policy)
        self._batch = batch
        self._unit = unit

    @property
    def has_written(self) -> bool:
        return self._unit.wrote

    def all(self, name: str, /, **parameters: Any) -> list[Row]:
        return self._batch.query(self._unit, name, parameters)

    def run(self, name: str, /, **parameters: Any) -> None:
        self._batch.execute(self._unit, name, parameters)

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
    """Units of work in one transaction on one connection, from BEGIN to COMMIT. All of it runs on the event loop.

    `on_end` is called once, with the outcome.
    """

    def __init__(
        self,
        context: BatchContext,
        connection: Pipeline,
        units: list[Unit],
        on_end: Callable[[BatchOutcome], None],
    ) -> None:
        self._context = context
        self._connection = connection
        self._units = units
        self._on_end = on_end
        self._statements = _statements(writes=context.writes)
        self._needs_transaction = context.writes or not all(unit.is_single for unit in units)
        self._unfinished = len(units)
        self._finished: list[Unit] = []
        self._owners: dict[int, Unit] = {}
        self._waiting: list[Unit] = []
        self._in_savepoint: Unit | None = None
        self._depth = 0
        self._held: list[tuple[Unit, list[Row]]] = []
        self._gathering = Gathering(connection)
        self._is_over = False
        self._is_abandoned = False
        self._is_committing = False
        connection.on_error = self._abandon
        connection.on_lost = self._lose
        connection.on_idle = self._check_deadlock
        connection.before_flush = self._gathering.send

    def start(self) -> None:
        """Begin the transaction, and run every unit up to its first wait."""
        writes = self._context.writes
        if self._needs_transaction:
            self._connection.send(BEGIN if writes else BEGIN_READ, {})
        if writes and (keys := sorted({u.session for u in self._units if u.session is not None})):
            self._connection.send(LOCK_SESSIONS, {"keys": f"{{{','.join(map(str, keys))}}}"})
        for unit in self._units:
            unit.reset()
            unit.tx = PostgresTx(self, unit, self._context.clock, self._context.policy)
            self._resume(unit)
        self._connection.flush()

    def query(self, unit: Unit, name: str, parameters: dict[str, Any]) -> list[Row]:
        """The rows of a statement.

        A statement that locks or writes a session waits until no other unit of the batch owns that session.
        """
        named = self._statements[name]
        if unit.is_single and (unit.has_queried or named.writes):
            raise _not_single(name)
        unit.has_queried = True
        if named.writes:
            unit.wrote = True
        key = parameters.get("session")
        if key is not None and (named.locks or named.writes):
            self._own(unit, key)
        is_locked = key is not None and key == unit.session  # by LOCK_SESSIONS
        if is_locked and name in GATHERED:
            return self._gather(unit, name, parameters)
        rows = self._rows(unit, named.unlocked if is_locked else named.statement, parameters)
        if key is None and named.locks and rows and not self._own(unit, rows[0][0]):
            return self._rows(
                unit, named.statement, parameters
            )  # the previous owner may have changed the rows
        return rows

    def execute(self, unit: Unit, name: str, parameters: dict[str, Any]) -> None:
        """Run a statement without waiting for its outcome. If it fails, the whole batch is rolled back."""
        if unit.is_single:
            raise _not_single(name)
        unit.wrote = True
        if (key := parameters.get("session")) is not None:
            self._own(unit, key)
        if key is not None and name in GATHERED:
            self._gathering.add(name, parameters)
        else:
            self._send(self._statements[name].statement, parameters)

    def _send(self, statement: Statement, parameters: Mapping[str, Any], then: Then | None = None) -> None:
        """Send a statement, behind those that were gathered."""
        self._gathering.send()
        self._connection.send(statement, parameters, then)

    def _own(self, unit: Unit, key: int) -> bool:
        """Reserve a session for `unit` until the unit has finished. False when it had to wait for another unit."""
        is_first = True
        while self._owners.setdefault(key, unit) is not unit:
            is_first = False
            self._waiting.append(unit)
            park()
        return is_first

    def _rows(self, unit: Unit, statement: Statement, parameters: dict[str, Any]) -> list[Row]:
        self._send(statement, parameters, lambda rows: self._resume(unit, rows))
        rows: list[Row] = park()
        return rows

    def _gather(self, unit: Unit, name: str, parameters: Mapping[str, Any]) -> list[Row]:
        self._gathering.add(name, parameters, lambda rows: self._resume(unit, rows))
        rows: list[Row] = park()
        return rows

    @contextlib.contextmanager
    def savepoint(self, unit: Unit) -> Iterator[None]:
        """A savepoint. No other unit runs meanwhile, since a rollback would undo its writes too."""
        self._in_savepoint = unit
        self._depth += 1
        self._send(SAVEPOINT, {})
        try:
            yield
        except BaseException as error:
            if not isinstance(error, _BatchEnded):
                self._send(ROLLBACK_TO, {})
            raise
        finally:
            if not self._is_over:
                self._send(RELEASE, {})
                self._depth -= 1
                if self._depth == 0:
                    self._in_savepoint = None
                    self._context.loop.call_soon(self._resume_held)

    def _resume_held(self) -> None:
        held, self._held = self._held, []
        for unit, rows in held:
            self._resume(unit, rows)
        self._connection.flush()
        self._check_deadlock()

    def _resume(self, unit: Unit, value: Any = None) -> None:
        """Run a unit up to its next wait, or hold it back while another unit's savepoint is open."""
        if self._is_over or unit.is_finished:
            return
        if self._in_savepoint is not None and self._in_savepoint is not unit:
            self._held.append((unit, value))
        elif unit.greenlet is None:
            unit.greenlet = self._context.greenlets.take()
            unit.greenlet.switch(self._run, unit)
        else:
            unit.greenlet.switch(value)

    def _run(self, unit: Unit) -> None:
        """Run a unit in its greenlet, from start to end."""
        try:
            unit.result = unit.work(unit.tx)  # type: ignore[arg-type]
        except _BatchEnded:
            return
        except BaseException as error:  # noqa: BLE001 - the caller gets every error
            unit.error = error
        finally:
            unit.is_finished = True
        self._unfinished -= 1
        self._finished.append(unit)
        if unit.error is not None and unit.wrote:
            if len(self._units) > 1:
                self._abandon()
            else:
                self._gathering.drop()
                self._connection.send(ROLLBACK, {}, self._end)
            return
        self._owners = {key: owner for key, owner in self._owners.items() if owner is not unit}
        waiting, self._waiting = self._waiting, []
        for other in waiting:
            self._context.loop.call_soon(self._wake, other)
        if not self._unfinished and self._needs_transaction:
            self._is_committing = True
            self._send(COMMIT, {}, self._end)
        elif not self._unfinished:
            self._end([])

    def _wake(self, unit: Unit) -> None:
        self._resume(unit)
        self._connection.flush()
        self._check_deadlock()

    def _check_deadlock(self) -> None:
        """Run each unit in a transaction of its own when all units that are left wait for each other."""
        is_stuck = (
            self._waiting and self._connection.is_idle and not (self._held and self._in_savepoint is None)
        )
        if is_stuck and not self._is_over:
            self._abandon()

    def _end(self, _: list[Row]) -> None:
        self._is_over = True
        self._on_end(BatchOutcome(self._finished, []))

    def _abandon(self, error: Exception | None = None) -> None:
        """Roll everything back, and have every unit run again in a transaction of its own.

        `error` is the error of a statement, if one failed; it may come after COMMIT was sent. A second call has no
        effect until the ROLLBACK has been sent.
        """
        self._is_over = True
        self._gathering.drop()
        if not self._is_abandoned:
            self._is_abandoned = True
            self._context.loop.call_soon(self._roll_back, error)

    def _roll_back(self, error: Exception | None) -> None:
        self._is_abandoned = False  # an error that is still to come skips this ROLLBACK: then send another
        if self._connection.is_open:
            self._end_units()
            self._connection.send(ROLLBACK, {}, lambda _: self._retry(error))
            self._connection.flush()

    def _retry(self, error: Exception | None) -> None:
        now = self._context.loop.time()
        is_hopeless = error is not None and len(self._units) == 1 and not isinstance(error, RETRIED)
        is_locked_out = isinstance(error, LOCKED_OUT)
        for unit in self._units:
            unit.attempts += not is_locked_out
            unit.is_alone = True
            if is_hopeless or unit.attempts > ATTEMPTS_MAX:
                unit.fail(error or _TooManyAttempts())
            elif now > unit.expires_at:
                unit.fail(
                    Unavailable("others have held the rows of this for too long")
                    if is_locked_out
                    else error or _TooManyAttempts()
                )
        self._on_end(BatchOutcome([], self._units, retries_last=is_locked_out))

    def _lose(self, error: Exception) -> None:
        """Fail units whose commit was under way, and have all others run again on another connection."""
        self._is_over = True
        self._gathering.drop()
        self._end_units()
        is_unsure = self._is_committing and self._context.writes
        if is_unsure:
            for unit in self._units:
                unit.fail(Unsure(str(error)))
        self._on_end(BatchOutcome([], [] if is_unsure else self._units, is_lost=True))

    def _end_units(self) -> None:
        """End the greenlets of the units that are under way."""
        for unit in self._units:
            if unit.greenlet is not None and not unit.is_finished:
                unit.greenlet.throw(_BatchEnded)


class Named(NamedTuple):
    """A named statement with its lock and without it, and whether it writes."""

    statement: Statement
    unlocked: Statement
    locks: bool
    writes: bool


@cache
def _statements(*, writes: bool) -> dict[str, Named]:
    """The named statements: with their locks for transactions that write, and without for those that only read."""
    return {
        name: Named(
            statement(name, for_postgres(text if writes else without_locks(text))),
            statement(f"{name}_unlocked", for_postgres(without_locks(text))),
            locks=writes and "/*pg FOR UPDATE" in text,
            writes=not text.startswith("SELECT"),
        )
        for name, text in named_statements().items()
    }


def _not_single(name: str) -> RuntimeError:
    return RuntimeError(
        f"{name} needs a transaction, but the caller asked for one statement without: read without is_single"
    )
