"""A cache of recent look-ups: a dictionary of bounded size, with an expiry for each entry."""

from collections.abc import Callable
from typing import Generic, TypeVar

ENTRIES_MAX = 10_000
V = TypeVar("V")


class Cache(Generic[V]):
    """Values by text, each valid until its own time, in milliseconds of the clock `now_ms`."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._entries: dict[str, tuple[V, int]] = {}

    def get(self, key: str) -> V | None:
        """The value kept for `key`, if it is still valid."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[1] <= self._now_ms():
            del self._entries[key]
            return None
        return entry[0]

    def keep(self, key: str, value: V, until_ms: int) -> None:
        """Remember `value`; the entry that came first makes room when there is none."""
        if len(self._entries) >= ENTRIES_MAX:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (value, until_ms)

    def forget(self, key: str) -> None:
        """Drop what is kept for `key`."""
        self._entries.pop(key, None)
