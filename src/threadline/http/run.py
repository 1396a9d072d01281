"""Runs the coroutine that answers a request."""

from collections.abc import Coroutine
from typing import Any


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` here and now, and go on when what it waits for is done.

    A task would take a turn of the loop for its first step and for its end, which no request needs.
    """
    try:
        awaited = work.send(None)
    except StopIteration:
        return
    awaited._asyncio_future_blocking = False  # as a task tells the future that it has seen it
    awaited.add_done_callback(lambda _: run(work))
