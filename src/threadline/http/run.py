"""Runs the handler of a request."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any


def run(handler: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> "asyncio.Task[None]":
    """Run `handler` as a task, so that it may use `asyncio.timeout`, `TaskGroup` and `sleep`.

    From Python 3.12 on the task begins at once. Python 3.11 has no eager tasks, and a task there begins with the next
    turn of the loop, which costs 0.5 us more. The caller need not keep the task: the future that it waits for does.
    """
    if sys.version_info >= (3, 12):
        return asyncio.Task(handler, loop=loop, eager_start=True)
    return loop.create_task(handler)
