"""The rule of retention: until when a chat must have ended to be erased now."""

from datetime import UTC, datetime
from enum import StrEnum

DAY_MS = 86_400_000
AWS_MONTHS = 24
"""Source: Administrator Guide, contact records: they are kept for 24 months from the time the contact was initiated.

On purpose: here the time is counted from the end, as for every other choice.
"""


class RetentionPolicy(StrEnum):
    """How long an instance keeps its chats. Source: our model, shape RetentionPolicy."""

    OFF = "OFF"
    DAYS = "DAYS"
    AWS_24_MONTHS = "AWS_24_MONTHS"


def ended_before_ms(policy: str, days: int | None, now_ms: int) -> int | None:
    """The time before which a chat must have ended to be erased at `now_ms`; None when all are kept."""
    if policy == RetentionPolicy.DAYS and days is not None:
        return now_ms - days * DAY_MS
    if policy == RetentionPolicy.AWS_24_MONTHS:
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        day = 28 if (now.month, now.day) == (2, 29) else now.day
        then = now.replace(year=now.year - AWS_MONTHS // 12, day=day, microsecond=0)
        return int(then.timestamp()) * 1000 + now_ms % 1000
    return None
