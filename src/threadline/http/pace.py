"""The rate at which a client may send: an allowance that grows with time, and a wait when it is used up."""

SECONDS_AT_ONCE = 5
"""The allowance of so many seconds may be used at once."""


class Pace:
    """Allows `rate` a second in the long run. Times are the event loop's."""

    __slots__ = ("_left", "_rate", "_since")

    def __init__(self, rate: int, now: float) -> None:
        self._rate = rate
        self._left = float(rate * SECONDS_AT_ONCE)
        self._since = now

    def pay(self, cost: int, now: float) -> float:
        """Use up `cost` of the allowance. Return the seconds to wait before more is taken."""
        earned = (now - self._since) * self._rate
        self._left = min(self._left + earned, float(self._rate * SECONDS_AT_ONCE)) - cost
        self._since = now
        return max(0.0, -self._left / self._rate)
