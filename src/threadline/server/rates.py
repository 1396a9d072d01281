"""Rate limits as Amazon Connect documents them, for who wants to meet them before production does.

One bucket of tokens per account and operation, refilled at a rate, never above its burst. Participants share a
bucket per operation: Amazon counts them per instance. Source: service quotas of Amazon Connect, API throttling.
"""

from typing import NamedTuple

from threadline.clock import Clock
from threadline.errors import Fault
from threadline.operations import AccountCaller, Caller
from threadline.wire.model import OperationModel


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


class Rates:
    """The buckets: as many as there are accounts times operations, so as few as the store has accounts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str], tuple[float, int]] = {}

    def take(self, model: OperationModel, caller: Caller) -> None:
        """Let one call pass. Faults: ThrottlingException, or TooManyRequestsException where a model has only that."""
        rate = RATES.get(model.name, DEFAULT)
        account = caller.account_id if isinstance(caller, AccountCaller) else ""
        now_ms = self._clock.now_ms()
        tokens, at_ms = self._buckets.get((account, model.name), (float(rate.burst), now_ms))
        tokens = min(rate.burst, tokens + (now_ms - at_ms) / 1000 * rate.per_second)
        if tokens < 1:
            code = (
                "ThrottlingException" if "ThrottlingException" in model.errors else "TooManyRequestsException"
            )
            raise Fault(
                code, f"Rate exceeded: {model.name} is limited to {rate.per_second:g} calls a second."
            )
        self._buckets[account, model.name] = (tokens - 1, now_ms)
