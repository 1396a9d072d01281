"""Forking: the writer forks its frontends and shares a socket pair and a counter with each."""

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
"""The arguments of `gc.set_threshold`: collections are rare, because most garbage has no cycles."""


class SharedCounter:
    """A number in memory that forked processes share: the batches that are written, durable or not."""

    def __init__(self) -> None:
        self._count = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("Q")

    def get(self) -> int:
        """The count. Read after a read of the store, it covers every batch that the read can have seen."""
        return self._count[0]

    def set(self, count: int) -> None:
        """Raise the count. The writer does so before other connections can see the batch."""
        self._count[0] = count


Main = Callable[[socket.socket, SharedCounter], Coroutine[Any, Any, None]]
"""The main coroutine of a forked process. It gets its end of the socket pair and the shared counter."""


class Forked(NamedTuple):
    """The writer's side of its frontends: one end of a socket pair for each, and the shared counter."""

    ends: list[socket.socket]
    written: SharedCounter


def fork(count: int, serve: Main, kept: socket.socket) -> Forked:
    """Fork `count` processes that run `serve`, each with its end of a socket pair. They end when this process ends.

    `kept` is a socket whose other end watches this process: the children close it.
    """
    ends: list[socket.socket] = []
    written = SharedCounter()
    for _ in range(count):
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            for end in (*ends, ours, kept):
                end.close()
            _run_child(serve(theirs, written))
        theirs.close()
        ends.append(ours)
    return Forked(ends, written)


def _run_child(main: Coroutine[Any, Any, None]) -> NoReturn:
    """Run in the forked child, then exit. Signals are ignored: only the writer handles them, and it tells its frontends
    over the channel.
    """
    status = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _end_with_parent()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main)
        status = 0
    finally:
        os._exit(status)


def _end_with_parent() -> None:
    """Have the kernel kill this process as soon as its parent is gone, before it accepts another connection.

    On other systems than Linux the process ends when the channel closes. Source: prctl(2), PR_SET_PDEATHSIG.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def freeze_gc() -> None:
    """Exclude all loaded objects from garbage collection. Scanning them took a twentieth of each message's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
