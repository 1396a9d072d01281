"""Hours of operation: whether they are open at a time, with their overrides and their time zone.

A range of hours belongs to a day of the week and is read on the wall clock of the time zone. An hour that a change to
daylight-saving time skips is never open; an hour that comes twice counts both times.

Source: Admin Guide, set the hours of operation and overrides. Midnight is 00:00, also as an end.
Assumed: an end that is not after its start is on the next day, so equal times are 24 hours.
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

DAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
STANDARD, OPEN, CLOSED = "STANDARD", "OPEN", "CLOSED"
MIDNIGHT = {"Hours": 0, "Minutes": 0}
ALWAYS: tuple[Mapping[str, Any], ...] = tuple(
    {"Day": day, "StartTime": MIDNIGHT, "EndTime": MIDNIGHT} for day in DAYS
)
"""The Config of hours that are open at all times."""
DAY_MINUTES = 24 * 60

Config = Sequence[Mapping[str, Any]]
"""HoursOfOperationConfig entries, as the model has them: Day, StartTime, EndTime."""


class Range(NamedTuple):
    """Minutes after the midnight that a day begins with; `end` is not part of it and may be on the next day."""

    start: int
    end: int


@dataclass(frozen=True)
class Override:
    """Other hours between two dates, both included, on the days of its Config, or as often as it recurs.

    STANDARD replaces the hours of each of its dates. OPEN adds its ranges to them, CLOSED takes its ranges away.
    """

    id: str
    name: str
    description: str | None
    type: str
    effective_from: date
    effective_till: date
    config: list[dict[str, Any]]
    recurrence: dict[str, Any] | None = None


def is_open(config: Config, overrides: Sequence[Override], time_zone: str, now: datetime) -> bool:
    """Tell whether the hours are open at `now`, which has a time zone of its own."""
    local = now.astimezone(ZoneInfo(time_zone))
    minute = local.hour * 60 + local.minute
    return any(start <= minute < end for start, end in open_ranges(config, overrides, local.date()))


def open_ranges(config: Config, overrides: Sequence[Override], day: date) -> list[Range]:
    """The ranges within `day` in which the hours are open, in order and joined where they meet.

    Source: Admin Guide, overrides: temporary hours supersede all other settings for their dates.
    Assumed: they end at midnight what the day before still has, unless that is an override too.
    Assumed: a day that the Config of a STANDARD override does not name is closed. CLOSED wins over OPEN.
    """
    before = day - timedelta(days=1)
    standard, standard_before = (_of_type(overrides, STANDARD, each) for each in (day, before))
    opened = _ranges_of(config, overrides, standard, day)
    if standard_before or not standard:
        opened += _rest(_ranges_of(config, overrides, standard_before, before))
    closed: list[Range] = []
    if not standard:
        closed = _of_overrides(overrides, CLOSED, day)
        if not standard_before:
            closed += _rest(_of_overrides(overrides, CLOSED, before))
    return _without(_joined(opened), closed)


def overriding(overrides: Sequence[Override], day: date) -> list[tuple[Override, list[Range]]]:
    """The overrides that count on `day`, each with its ranges; no ranges for one that closes the day."""
    found = _of_type(overrides, STANDARD, day) or [each for each in overrides if _is_effective(each, day)]
    return [(each, _ranges_on(each.config, day)) for each in found]


def _of_type(overrides: Iterable[Override], kind: str, day: date) -> list[Override]:
    return [each for each in overrides if each.type == kind and _is_effective(each, day)]


def _ranges_of(
    config: Config, overrides: Sequence[Override], standard: Sequence[Override], day: date
) -> list[Range]:
    """The ranges that begin on `day` and are open."""
    if standard:
        return [one for each in standard for one in _ranges_on(each.config, day)]
    return _ranges_on(config, day) + _of_overrides(overrides, OPEN, day)


def _of_overrides(overrides: Sequence[Override], kind: str, day: date) -> list[Range]:
    return [one for each in _of_type(overrides, kind, day) for one in _ranges_on(each.config, day)]


def _ranges_on(config: Config, day: date) -> list[Range]:
    """The ranges of a Config that begin on `day`. Without a Day they begin on every day."""
    return [_range(entry) for entry in config if entry.get("Day") in (None, DAYS[day.isoweekday() % 7])]


def _range(entry: Mapping[str, Any]) -> Range:
    start, end = (
        time["Hours"] * 60 + time["Minutes"]
        for time in (entry.get("StartTime") or MIDNIGHT, entry.get("EndTime") or MIDNIGHT)
    )
    return Range(start, end if end > start else end + DAY_MINUTES)


def _rest(ranges: Iterable[Range]) -> list[Range]:
    """The part of each range that is on the day after the one that it began on."""
    return [Range(0, end - DAY_MINUTES) for _, end in ranges if end > DAY_MINUTES]


def _joined(ranges: Iterable[Range]) -> list[Range]:
    """The ranges within the day, in order, those that overlap or meet as one."""
    joined: list[Range] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1].end:
            joined[-1] = Range(joined[-1].start, max(joined[-1].end, min(end, DAY_MINUTES)))
        else:
            joined.append(Range(start, min(end, DAY_MINUTES)))
    return joined


def _without(ranges: list[Range], closed: Iterable[Range]) -> list[Range]:
    for start, end in closed:
        parts = [
            (Range(one.start, min(one.end, start)), Range(max(one.start, end), one.end)) for one in ranges
        ]
        ranges = [part for both in parts for part in both if part.start < part.end]
    return ranges


def _is_effective(override: Override, day: date) -> bool:
    """Tell whether an override counts on `day`."""
    if not override.effective_from <= day <= override.effective_till:
        return False
    pattern = (override.recurrence or {}).get("RecurrencePattern")
    return pattern is None or _recurs(pattern, override.effective_from, day)


def _recurs(pattern: Mapping[str, Any], first: date, day: date) -> bool:
    """Tell whether an event that begins on `first` recurs on `day`.

    Source: model shape RecurrencePattern.
    Assumed: the Interval counts from EffectiveFrom, in weeks that begin on Sunday. A MONTHLY or YEARLY pattern without
    ByMonthDay and ByWeekdayOccurrence recurs on the day of EffectiveFrom, one without ByMonth in its month.
    """
    match pattern["Frequency"]:
        case "WEEKLY":
            # The ordinal 0 is a Sunday.
            return not (day.toordinal() // 7 - first.toordinal() // 7) % int(pattern["Interval"])
        case "YEARLY":
            months = pattern.get("ByMonth") or [first.month]
            if day.month not in months or (day.year - first.year) % pattern["Interval"]:
                return False
        case _:
            if (day.year * 12 + day.month - first.year * 12 - first.month) % pattern["Interval"]:
                return False
    last = monthrange(day.year, day.month)[1]
    if occurrences := pattern.get("ByWeekdayOccurrence"):
        return (day.day - 1) // 7 + 1 in occurrences or (-1 in occurrences and day.day + 7 > last)
    days = pattern.get("ByMonthDay") or [first.day]
    return day.day in days or (-1 in days and day.day == last)
