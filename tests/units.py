"""A unit of work that runs a function of a test, in the test's process."""

from collections.abc import Callable
from typing import TypeVar

from threadline.store import Tx, UnitOfWork

T = TypeVar("T")


class Function(UnitOfWork[T]):
    """Runs `function`. `key` is the session that it writes, if that is to be known beforehand."""

    function: Callable[[Tx], T]
    key: int | None = None

    @property
    def session(self) -> int | None:
        return self.key

    def run(self, tx: Tx) -> T:
        return self.function(tx)
