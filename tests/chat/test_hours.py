"""Hours of operation: ranges, midnight, time zones and their changes, overrides and recurrences."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadline.chat.hours import ALWAYS, DAY_MINUTES, DAYS, Override, is_open, open_ranges

NEW_YORK = "America/New_York"
BERLIN = "Europe/Berlin"


def entry(day: str | None, start: str, end: str) -> dict[str, Any]:
    times = {
        name: dict(zip(("Hours", "Minutes"), map(int, text.split(":")), strict=True))
        for name, text in (("StartTime", start), ("EndTime", end))
    }
    return {"Day": day, **times} if day else dict(times)


def weekly(start: str, end: str, days: tuple[str, ...] = DAYS) -> list[dict[str, Any]]:
    return [entry(day, start, end) for day in days]


def override(
    kind: str, first: str, last: str, *config: dict[str, Any], name: str = "o", **pattern: Any
) -> Override:
    recurrence = {"RecurrencePattern": {"Interval": 1, **pattern}} if pattern else None
    dates = (date.fromisoformat(first), date.fromisoformat(last))
    return Override(name, name, None, kind, *dates, list(config), recurrence)


def open_at(config: Any, time_zone: str, *times: str, overrides: tuple[Override, ...] = ()) -> list[bool]:
    """Whether the hours are open at times in UTC."""
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in times]
    return [is_open(config, overrides, time_zone, moment) for moment in moments]


def times_on(config: Any, day: str, *overrides: Override) -> list[str]:
    """The open ranges of a date as texts."""
    found = open_ranges(config, overrides, date.fromisoformat(day))
    return [f"{s // 60:02}:{s % 60:02}-{e // 60:02}:{e % 60:02}" for s, e in found]


def test_the_start_is_open_and_the_end_is_not() -> None:
    config = weekly("09:00", "17:00", ("FRIDAY",))
    times = ("2026-11-27 08:59:59", "2026-11-27 09:00", "2026-11-27 16:59:59", "2026-11-27 17:00")
    assert open_at(config, "UTC", *times) == [False, True, True, False]
    assert open_at(config, "UTC", "2026-11-26 12:00", "2026-11-28 12:00") == [False, False]


def test_a_day_has_several_ranges() -> None:
    config = weekly("09:00", "12:00") + weekly("13:00", "17:00")
    assert times_on(config, "2026-11-27") == ["09:00-12:00", "13:00-17:00"]


def test_ranges_that_overlap_or_meet_are_one() -> None:
    config = weekly("09:00", "12:00") + weekly("11:00", "13:00") + weekly("13:00", "14:00")
    assert times_on(config, "2026-11-27") == ["09:00-14:00"]


def test_a_range_over_midnight_goes_on_the_next_day_alone() -> None:
    config = weekly("22:00", "06:00", ("FRIDAY",))
    assert times_on(config, "2026-11-27") == ["22:00-24:00"]
    assert times_on(config, "2026-11-28") == ["00:00-06:00"]
    assert times_on(config, "2026-11-29") == []


@pytest.mark.parametrize(("start", "end"), [("00:00", "00:00"), ("09:00", "09:00")])
def test_equal_start_and_end_are_a_whole_day(start: str, end: str) -> None:
    assert times_on(weekly(start, end), "2026-11-27") == ["00:00-24:00"]


def test_midnight_ends_a_day() -> None:
    assert times_on(weekly("10:00", "00:00", ("FRIDAY",)), "2026-11-27") == ["10:00-24:00"]
    assert times_on(weekly("10:00", "00:00", ("FRIDAY",)), "2026-11-28") == []


def test_the_day_is_that_of_the_time_zone() -> None:
    config = weekly("00:00", "00:00", ("SATURDAY",))
    at = "2026-11-27 23:30"
    assert open_at(config, "UTC", at) == [False]
    assert open_at(config, BERLIN, at) == [True]
    assert open_at(config, "Pacific/Kiritimati", "2026-11-27 10:00") == [True]


def test_hours_stay_on_the_wall_clock_when_clocks_go_forward() -> None:
    """New York, 2026-03-08: 02:00 becomes 03:00, which is 07:00 in UTC."""
    config = weekly("02:00", "04:00")
    times = ("2026-03-08 06:59", "2026-03-08 07:00", "2026-03-08 07:59", "2026-03-08 08:00")
    assert open_at(config, NEW_YORK, *times) == [False, True, True, False]
    skipped = weekly("02:00", "03:00")
    whole = [f"2026-03-08 {hour:02}:{minute:02}" for hour in range(5, 10) for minute in (0, 30)]
    assert not any(open_at(skipped, NEW_YORK, *whole)), "an hour that the clocks skip is open"
    assert open_at(weekly("09:00", "17:00"), NEW_YORK, "2026-03-07 13:30", "2026-03-08 13:30") == [
        False,
        True,
    ]


def test_an_hour_that_comes_twice_is_open_twice() -> None:
    """Berlin, 2026-10-25: 03:00 becomes 02:00, so 02:30 is 00:30 and 01:30 in UTC."""
    times = ("2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:00")
    assert open_at(weekly("02:00", "03:00"), BERLIN, *times) == [True, True, False]


def test_a_leap_day_has_hours() -> None:
    leap = override("STANDARD", "2028-02-29", "2028-02-29", entry("TUESDAY", "10:00", "11:00"))
    assert times_on(ALWAYS, "2028-02-29", leap) == ["10:00-11:00"]
    assert times_on(ALWAYS, "2028-02-28", leap) == ["00:00-24:00"]


def test_a_standard_override_replaces_the_hours_of_its_dates() -> None:
    holiday = override("STANDARD", "2026-12-24", "2026-12-25", entry("THURSDAY", "08:00", "12:00"))
    assert times_on(weekly("09:00", "17:00"), "2026-12-23", holiday) == ["09:00-17:00"]
    assert times_on(weekly("09:00", "17:00"), "2026-12-24", holiday) == ["08:00-12:00"]
    assert times_on(weekly("09:00", "17:00"), "2026-12-25", holiday) == []
    assert times_on(weekly("09:00", "17:00"), "2026-12-26", holiday) == ["09:00-17:00"]


def test_a_standard_override_ends_the_night_before_and_keeps_its_own() -> None:
    nights = weekly("22:00", "06:00")
    closed = override("STANDARD", "2026-12-25", "2026-12-25")
    assert times_on(nights, "2026-12-25", closed) == []
    assert times_on(nights, "2026-12-26", closed) == ["22:00-24:00"]
    late = override("STANDARD", "2026-12-24", "2026-12-25", entry("THURSDAY", "20:00", "02:00"))
    assert times_on(weekly("09:00", "17:00"), "2026-12-25", late) == ["00:00-02:00"]


def test_open_adds_and_closed_takes_away() -> None:
    config = weekly("09:00", "17:00")
    more = override("OPEN", "2026-12-01", "2026-12-31", entry(None, "17:00", "20:00"), name="more")
    lunch = override("CLOSED", "2026-12-01", "2026-12-31", entry(None, "12:00", "13:00"), name="lunch")
    assert times_on(config, "2026-12-02", more) == ["09:00-20:00"]
    assert times_on(config, "2026-12-02", more, lunch) == ["09:00-12:00", "13:00-20:00"]
    instead = override("STANDARD", "2026-12-02", "2026-12-02", entry(None, "12:00", "12:30"))
    assert times_on(config, "2026-12-02", more, lunch, instead) == ["12:00-12:30"]


def test_a_closed_day_takes_the_night_before_away_too() -> None:
    closed = override("CLOSED", "2026-12-25", "2026-12-25", {})
    assert times_on(weekly("22:00", "06:00"), "2026-12-25", closed) == []


@pytest.mark.parametrize(
    ("first", "pattern", "days"),
    [
        ("2026-01-05", {"Frequency": "WEEKLY", "Interval": 2}, ["2026-01-05", "2026-01-19", "2026-02-02"]),
        ("2026-01-15", {"Frequency": "MONTHLY"}, ["2026-01-15", "2026-02-15", "2026-03-15"]),
        ("2026-01-01", {"Frequency": "MONTHLY", "ByMonthDay": [31]}, ["2026-01-31", "2026-03-31"]),
        ("2026-01-01", {"Frequency": "MONTHLY", "ByMonthDay": [-1]}, ["2026-01-31", "2026-02-28"]),
        (
            "2026-01-01",
            {"Frequency": "MONTHLY", "Interval": 3, "ByMonthDay": [15]},
            ["2026-01-15", "2026-04-15", "2026-07-15"],
        ),
        (
            "2026-01-01",
            {"Frequency": "YEARLY", "ByMonth": [12], "ByMonthDay": [25]},
            ["2026-12-25", "2027-12-25"],
        ),
        ("2024-02-29", {"Frequency": "YEARLY"}, ["2024-02-29", "2028-02-29"]),
    ],
)
def test_an_event_recurs(first: str, pattern: dict[str, Any], days: list[str]) -> None:
    event = override("CLOSED", first, "2040-12-31", entry("MONDAY", "00:00", "00:00"), **pattern)
    if pattern["Frequency"] != "WEEKLY":
        event.config[0].pop("Day")
    begin = date.fromisoformat(first) - timedelta(days=40)
    all_days = [begin + timedelta(days=n) for n in range(2_000)]
    closed = [str(day) for day in all_days if not open_ranges(ALWAYS, [event], day)]
    assert closed[: len(days)] == days


def test_an_event_recurs_on_a_weekday_of_the_month() -> None:
    second = override(
        "CLOSED",
        "2026-01-01",
        "2027-12-31",
        entry("THURSDAY", "00:00", "00:00"),
        Frequency="YEARLY",
        ByMonth=[4],
        ByWeekdayOccurrence=[2],
    )
    last = override(
        "CLOSED",
        "2026-01-01",
        "2026-03-31",
        entry("FRIDAY", "15:00", "00:00"),
        Frequency="MONTHLY",
        ByWeekdayOccurrence=[-1],
    )
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(730)]
    assert [str(d) for d in days if not open_ranges(ALWAYS, [second], d)] == ["2026-04-09", "2027-04-08"]
    early = [str(d) for d in days if times_on(ALWAYS, str(d), last) == ["00:00-15:00"]]
    assert early == ["2026-01-30", "2026-02-27", "2026-03-27"]


CLOCK = st.builds(lambda h, m: {"Hours": h, "Minutes": m}, st.integers(0, 23), st.integers(0, 59))
ENTRY = st.builds(
    lambda day, start, end: {"Day": day, "StartTime": start, "EndTime": end},
    st.sampled_from(DAYS),
    CLOCK,
    CLOCK,
)
MOMENTS = st.integers(946_684_800, 4_102_444_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
DATES = st.dates(date(2024, 1, 1), date(2030, 12, 31))
OVERRIDES = st.builds(
    lambda kind, first, days, config: Override(
        "o", "o", None, kind, first, first + timedelta(days=days), config
    ),
    st.sampled_from(("STANDARD", "OPEN", "CLOSED")),
    DATES,
    st.integers(0, 400),
    st.lists(ENTRY, max_size=5),
)


@given(st.lists(ENTRY, max_size=12), st.lists(OVERRIDES, max_size=4), DATES)
def test_open_ranges_are_in_order_apart_and_within_the_day(
    config: list[dict[str, Any]], overrides: list[Override], day: date
) -> None:
    flat = [minute for one in open_ranges(config, overrides, day) for minute in one]
    assert flat == sorted(set(flat))
    assert all(0 <= minute <= DAY_MINUTES for minute in flat)


@given(
    st.lists(ENTRY, max_size=6),
    MOMENTS,
    st.sampled_from((NEW_YORK, BERLIN, "UTC", "Australia/Lord_Howe", "Asia/Kathmandu")),
)
def test_hours_are_open_as_their_entries_say(
    config: list[dict[str, Any]], now: datetime, time_zone: str
) -> None:
    """The same by another way: minutes since Sunday's midnight, on the wall clock."""
    from zoneinfo import ZoneInfo

    local = now.astimezone(ZoneInfo(time_zone))
    week = 7 * DAY_MINUTES
    minute = local.isoweekday() % 7 * DAY_MINUTES + local.hour * 60 + local.minute

    def covers(entry: dict[str, Any]) -> bool:
        base = DAYS.index(entry["Day"]) * DAY_MINUTES
        start = base + entry["StartTime"]["Hours"] * 60 + entry["StartTime"]["Minutes"]
        end = base + entry["EndTime"]["Hours"] * 60 + entry["EndTime"]["Minutes"]
        length = (end - start) % DAY_MINUTES or DAY_MINUTES
        return bool((minute - start) % week < length)

    assert is_open(config, (), time_zone, now) == any(covers(each) for each in config)


@given(MOMENTS)
def test_hours_around_the_clock_are_always_open(now: datetime) -> None:
    assert is_open(ALWAYS, (), NEW_YORK, now)
