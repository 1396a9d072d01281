"""The measures of one process for `/metrics`: plain numbers, counted where the events happen. No content, no name."""

import os
import resource
from bisect import bisect_left
from pathlib import Path
from typing import NamedTuple

LATENCY_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the buckets for latencies, in seconds."""

BATCH_BOUNDS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""The upper bounds of the buckets for batches, in units of work."""


class Buckets(NamedTuple):
    """A histogram: how many values are in each bucket, the last without an upper bound, and the sum of all values."""

    counts: list[int]
    sum: float


class Histogram:
    """Counts values by the first bound that they do not exceed."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def read(self) -> Buckets:
        """The counts until now."""
        return Buckets(list(self._counts), self._sum)


class RequestCounts:
    """Requests by operation and status, with their latency in seconds."""

    def __init__(self) -> None:
        self._by_outcome: dict[tuple[str, int], Histogram] = {}

    def add(self, operation: str, status: int, seconds: float) -> None:
        """Count an answered request. `operation` is `-` where a request names none."""
        key = operation, status
        if (histogram := self._by_outcome.get(key)) is None:
            histogram = self._by_outcome[key] = Histogram(LATENCY_BOUNDS)
        histogram.add(seconds)

    def read(self) -> list[tuple[str, int, Buckets]]:
        """(operation, status, latency) of each pair that has occurred."""
        return [(*key, histogram.read()) for key, histogram in self._by_outcome.items()]


class FrontendMeasures(NamedTuple):
    """The measures of a process that serves clients. `memory_bytes` is its resident memory."""

    memory_bytes: int
    requests: list[tuple[str, int, Buckets]]
    connections: int
    buffered_bytes: int
    sockets: int
    subscriptions: int
    pushes: int
    pulls: int


def memory_bytes() -> int:
    """The resident memory of this process; where the system is not Linux, the most that it was."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
