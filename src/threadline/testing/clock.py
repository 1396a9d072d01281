"""The clock of a test server: it goes with the real time, and a test moves it."""

from datetime import UTC, datetime

from threadline.clock import Clock, ManualClock


class MovableClock(ManualClock):
    """The real time plus every `advance`. When `advance` or `set` returns, all tasks that became due have run."""

    def __init__(self) -> None:
        super().__init__(start_ms=0)
        self._stopped_ms: int | None = None

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        real_ms = Clock.now_ms(self) if self._stopped_ms is None else self._stopped_ms
        return real_ms + super().now_ms()

    def now(self) -> datetime:
        """The time of the clock, in UTC."""
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)

    def set(self, time: datetime | str) -> None:
        """Move to `time`, also back: a datetime with its time zone, or a text such as `2026-12-24T18:00:00Z`.

        The clock goes on from there. Raises ValueError for a time without a zone.
        """
        wanted = datetime.fromisoformat(time) if isinstance(time, str) else time
        if wanted.tzinfo is None:
            raise ValueError(
                f"{time!r} has no time zone: write it as 2026-12-24T18:00:00Z, or give a tzinfo."
            )
        self.advance(ms=round(wanted.timestamp() * 1000) - self.now_ms())

    def stop(self) -> None:
        """Stop the real time: from now on only `advance` and `set` move the clock."""
        self._stopped_ms = Clock.now_ms(self)

    def reset(self) -> None:
        """Go with the real time again."""
        self._now_ms, self._stopped_ms = 0, None

    def random_bytes(self, count: int) -> bytes:
        """`count` random bytes, good enough for secrets."""
        return Clock.random_bytes(self, count)
