"""Calls of an object store from a coroutine: each runs in a thread, since a disk or a network may be slow.

A cancelled caller waits until its call has ended. So no call goes on behind its caller's back, and no file stays open.
"""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from threadline.objects import Objects, Writer

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Run a call in a thread and return its result. Raises as the call, and CancelledError once the call has ended."""
    calling = asyncio.ensure_future(asyncio.to_thread(call, *arguments, **named))
    try:
        return await asyncio.shield(calling)
    except asyncio.CancelledError:
        await asyncio.wait([calling])
        raise


async def opened(objects: Objects, key: str) -> Writer:
    """Begin to write an object. If the caller is cancelled meanwhile, the object is aborted. Raises as `writer`."""
    opening = asyncio.ensure_future(asyncio.to_thread(objects.writer, key))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait([opening])
        if opening.exception() is None:
            opening.result().abort()
        raise
