"""The processes of one server: how frontends are forked from the one that writes, and what all of them share."""

import asyncio
import ctypes
import gc
import mmap
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, NoReturn

import uvloop

GARBAGE_THRESHOLDS = (10_000, 10, 10)
"""Objects after which the youngest are looked through, and how often before the older ones are."""


class Written:
    """How many batches have been written, in memory that forked processes share: what is to be seen, durable or not."""

    def __init__(self) -> None:
        self._count = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("Q")

    def get(self) -> int:
        """The count; read after a look at the store, it covers all that was to be seen there."""
        return self._count[0]

    def set(self, count: int) -> None:
        """Raise the count, before what it counts can be seen."""
        self._count[0] = count


Serve = Callable[[socket.socket, Written], Coroutine[Any, Any, None]]
"""What a forked process does, from its end of a pair of sockets and what is shared on."""


class Forked(NamedTuple):
    """What the process that writes has of its frontends: an end of a pair of sockets with each, and what they share."""

    ends: list[socket.socket]
    written: Written


def fork(count: int, serve: Serve, kept: socket.socket) -> Forked:
    """Fork `count` processes that `serve`, each on its end of a pair of sockets, and that end when this one does.

    `kept` is a socket that tells others how long this process lives: the new ones let go of it.
    """
    ends: list[socket.socket] = []
    written = Written()
    for _ in range(count):
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            for end in (*ends, ours, kept):
                end.close()
            _live(serve(theirs, written))
        theirs.close()
        ends.append(ours)
    return Forked(ends, written)


def _live(life: Coroutine[Any, Any, None]) -> NoReturn:
    """Be a forked process. What is signalled to all of a server is for the one that writes, who tells the others."""
    status = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _end_with_parent()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(life)
        status = 0
    finally:
        os._exit(status)


def _end_with_parent() -> None:
    """Have the system end this process in the moment in which its parent is gone, before it takes another connection.

    Where the system is not Linux, the end of the channel has to do. Source: prctl(2), PR_SET_PDEATHSIG.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def calm_garbage_collection() -> None:
    """What is loaded stays: looking through it again and again took a twentieth of the time of every message."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
