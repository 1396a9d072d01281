"""Rate limits as Amazon Connect documents them, for users who want to meet them before production does.

One bucket of tokens per operation and account, refilled at a rate, never above its burst. The participant API has one
per operation and instance instead. Source: service quotas of Amazon Connect, API throttling.
Each server counts for itself: on a PostgreSQL with several servers, these are the rates of one.
"""

from collections import OrderedDict
from typing import NamedTuple

from threadline.aws.model import OperationModel
from threadline.clock import Clock
from threadline.errors import Fault


class Rate(NamedTuple):
    """Calls per second in the long run, and how many may come at once."""

    per_second: float
    burst: int


DEFAULT = Rate(2, 5)
RATES = {
    "StartChatContact": Rate(5, 8),
    "CreatePersistentContactAssociation": Rate(5, 8),
    "CreateParticipant": Rate(5, 8),
    "GetContactAttributes": Rate(10, 15),
    "UpdateContactAttributes": Rate(10, 15),
    "DescribeContact": Rate(10, 15),
    "StopContact": Rate(10, 15),
    "CreateParticipantConnection": Rate(6, 9),
    "DisconnectParticipant": Rate(3, 5),
    "GetTranscript": Rate(8, 12),
    "SendMessage": Rate(10, 15),
    "SendEvent": Rate(10, 15),
}
FULL_AGAIN_MS = int(max(rate.burst / rate.per_second for rate in (DEFAULT, *RATES.values())) * 1000) + 1
"""Every bucket is full after so long without a call, and a full one need not be kept."""


class Rates:
    """The buckets: as many as were used in the last seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, model: OperationModel, payer: str) -> None:
        """Let one call pass. `payer` is the account, or the instance for a call of a participant.

        Faults: ThrottlingException, or TooManyRequestsException where a model has only that; it says after how long
        there is a token again.
        """
        rate = RATES.get(model.name, DEFAULT)
        now_ms = self._clock.now_ms()
        tokens, at_ms = self._buckets.pop((payer, model.name), (float(rate.burst), now_ms))
        # A clock that was set back refills nothing, and stops nobody for longer than an empty bucket does.
        tokens = min(rate.burst, tokens + max(0, now_ms - at_ms) / 1000 * rate.per_second)
        is_passed = tokens >= 1
        self._buckets[payer, model.name] = (tokens - is_passed, now_ms)
        self._forget(now_ms)
        if not is_passed:
            code = (
                "ThrottlingException" if "ThrottlingException" in model.errors else "TooManyRequestsException"
            )
            raise Fault(
                code,
                f"Rate exceeded: {model.name} is limited to {rate.per_second:g} calls a second.",
                retry_after_ms=int((1 - tokens) / rate.per_second * 1000) + 1,
            )

    def _forget(self, now_ms: int) -> None:
        """Drop buckets that are full again, the longest unused first; two a call, so that they cannot gather."""
        for _ in range(2):
            key, (_tokens, at_ms) = next(iter(self._buckets.items()))
            if 0 <= now_ms - at_ms < FULL_AGAIN_MS:
                return
            del self._buckets[key]
