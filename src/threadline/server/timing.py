"""The times of requests in the store, for `THREADLINE_LOG_LEVEL=debug` and `THREADLINE_TRACE`.

A `TimedStore` stands between the API and the store only while these times are logged. It wraps each unit of work in a
`Timed`, which notes when the unit begins and ends, in the process where it runs. The time before is queue time. The
time after is sync time: the rest of the batch, the commit, the fsync and, in a frontend, the way back from the writer.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

from threadline.clock import monotonic
from threadline.store import Store, Tx, UnitOfWork, Work

T = TypeVar("T")


class Times(NamedTuple):
    """When a unit of work began and ended (seconds of `monotonic`, which all processes share), and its statements.

    A statement is its name and the seconds it took, without parameters: these may be what a customer wrote.
    """

    begun: float
    ended: float
    statements: list[tuple[str, float]]


class Timed(UnitOfWork[T]):
    """A unit of work that notes its `times` when it runs; None until then. The last run counts when it is repeated.

    `unit` is the unit that `work` runs; None for a read. A frontend sends only `unit`, and the writer times it.
    """

    work: Work[T]
    with_statements: bool
    unit: UnitOfWork[T] | None = None
    times: Times | None = None

    @property
    def session(self) -> int | None:
        """The session of the unit."""
        return self.unit.session if self.unit is not None else None

    def run(self, tx: Tx) -> T:
        """Run the unit. Raises what it raises."""
        statements: list[tuple[str, float]] = []
        begun = monotonic()
        try:
            with traced(tx, statements) if self.with_statements else contextlib.nullcontext():
                return self.work(tx)
        finally:
            self.times = Times(begun, monotonic(), statements)


@contextlib.contextmanager
def traced(tx: Tx, statements: list[tuple[str, float]]) -> Iterator[None]:
    """Add each statement that `tx` runs within this scope, with its seconds, to `statements`."""
    is_nested = False

    def timed(method: Callable[..., Any]) -> Callable[..., Any]:
        def run(name: str, /, *row: Any, **parameters: Any) -> Any:
            nonlocal is_nested
            if is_nested:  # `one` is `all` and its first row
                return method(name, *row, **parameters)
            is_nested, begun = True, monotonic()
            try:
                return method(name, *row, **parameters)
            finally:
                is_nested = False
                statements.append((name, monotonic() - begun))

        return run

    methods = ("all", "one", "run", "put")
    for name in methods:
        setattr(tx, name, timed(getattr(tx, name)))
    try:
        yield
    finally:
        for name in methods:
            delattr(tx, name)


class Spent:
    """The seconds that the units of work of one request spent in each phase, and their statements."""

    def __init__(self) -> None:
        self.queue = self.run = self.sync = 0.0
        self.statements: list[tuple[str, float]] = []

    def add(self, asked: float, times: Times | None, answered: float) -> None:
        """Add a unit of work by its times. A unit that never ran has only queued."""
        if times is None:
            self.queue += answered - asked
            return
        self.queue += times.begun - asked
        self.run += times.ended - times.begun
        self.sync += answered - times.ended
        self.statements += times.statements


SPENT: ContextVar[Spent | None] = ContextVar("SPENT", default=None)
"""The times of the request that the current task answers."""


class TimedStore(Store):
    """Adds the times of each unit of work to the `SPENT` of the task that asks for it."""

    def __init__(self, store: Store, *, with_statements: bool) -> None:
        self._store = store
        self._with_statements = with_statements

    @property
    def trouble(self) -> str | None:  # type: ignore[override]
        """See `Store`."""
        return self._store.trouble

    async def write(self, unit: UnitOfWork[T]) -> T:
        timed = Timed(unit.run, self._with_statements, unit)
        return await _timed(timed, self._store.write(timed))

    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        timed = Timed(work, self._with_statements)
        return await _timed(timed, self._store.read(timed.run, is_single=is_single))

    async def close(self) -> None:
        await self._store.close()


async def _timed(timed: Timed[T], answer: Awaitable[T]) -> T:
    asked = monotonic()
    try:
        return await answer
    finally:
        if (spent := SPENT.get()) is not None:
            spent.add(asked, timed.times, monotonic())
