"""Greenlets that are used again, because CPython 3.11 maps and unmaps memory for the frames of each new one."""

from collections.abc import Callable
from typing import Any

from greenlet import getcurrent, greenlet


class Greenlets:
    """The idle greenlets of one thread: as many as were ever busy at the same time."""

    def __init__(self) -> None:
        self._idle: list[greenlet] = []

    def take(self) -> greenlet:
        """A greenlet that waits for `switch(function, argument)`. Once the function has returned, it is idle again."""
        return self._idle.pop() if self._idle else greenlet(self._run)

    def _run(self, function: Callable[[Any], None], argument: Any) -> None:
        while True:
            function(argument)
            del function, argument  # an idle greenlet keeps no references
            self._idle.append(getcurrent())
            function, argument = park()


def park() -> Any:
    """Leave this greenlet until another switches to it. Return the values passed to `switch`."""
    parent = getcurrent().parent
    if parent is None:
        raise RuntimeError("park() was called outside the greenlet of a unit of work")
    return parent.switch()
