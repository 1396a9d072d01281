"""How fast a client may go: an allowance that comes back with time, and a debt that has to be waited for."""

SECONDS_AT_ONCE = 5
"""So many seconds' worth may come at once."""


class Pace:
    """`rate` a second in the long run. Times are the event loop's."""

    __slots__ = ("_left", "_rate", "_since")

    def __init__(self, rate: int, now: float) -> None:
        self._rate = rate
        self._left = float(rate * SECONDS_AT_ONCE)
        self._since = now

    def pay(self, cost: int, now: float) -> float:
        """Note what has been done, and return for how many seconds nothing more is to be done."""
        earned = (now - self._since) * self._rate
        self._left = min(self._left + earned, float(self._rate * SECONDS_AT_ONCE)) - cost
        self._since = now
        return max(0.0, -self._left / self._rate)
