"""Greenlets that are used again: CPython 3.11 maps and unmaps memory for the frames of each new one."""

from collections.abc import Callable
from typing import Any

from greenlet import getcurrent, greenlet


class Greenlets:
    """Idle greenlets of one thread. There are as many as were ever busy at the same time."""

    def __init__(self) -> None:
        self._idle: list[greenlet] = []

    def take(self) -> greenlet:
        """A greenlet that waits for `switch(function, argument)`; once it has run that, it may be taken again."""
        return self._idle.pop() if self._idle else greenlet(self._run)

    def _run(self, function: Callable[[Any], None], argument: Any) -> None:
        while True:
            function(argument)
            del function, argument  # an idle greenlet keeps nothing in memory
            self._idle.append(getcurrent())
            function, argument = park()


def park() -> Any:
    """Leave this greenlet until somebody switches to it. Answers the values that they pass."""
    parent = getcurrent().parent
    if parent is None:
        raise RuntimeError("a unit of work runs in a greenlet of its own")
    return parent.switch()
