"""The clock of a test server: a test moves it, and what is due has happened."""

from datetime import UTC, datetime, timedelta, timezone
from time import time

import pytest

from threadline.clock import ManualClock
from threadline.testing import Threadline

EVENING = datetime(2031, 12, 24, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    "wanted",
    [
        EVENING,
        EVENING.astimezone(timezone(timedelta(hours=5, minutes=30))),
        "2031-12-24T18:00:00Z",
        "2031-12-24T19:00:00+01:00",
    ],
    ids=str,
)
def test_the_clock_is_set_to_a_time_in_any_zone(threadline: Threadline, wanted: datetime | str) -> None:
    threadline.clock.set(wanted)
    contact_id = threadline.customer().contact_id
    described = threadline.connect.describe_contact(InstanceId=threadline.instance_id, ContactId=contact_id)
    assert EVENING <= described["Contact"]["InitiationTimestamp"] < EVENING + timedelta(minutes=10)


def test_the_clock_stands_still_where_it_was_set_and_stopped(threadline: Threadline) -> None:
    threadline.clock.stop()
    threadline.clock.set(EVENING)
    threadline.clock.advance(days=1, hours=2, minutes=3, seconds=4, ms=5)
    expected = EVENING + timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=5)
    assert threadline.clock.now() == expected


def test_a_time_without_a_zone_is_refused(threadline: Threadline) -> None:
    for wanted in ("2031-12-24T18:00:00", EVENING.replace(tzinfo=None)):
        with pytest.raises(ValueError, match="has no time zone"):
            threadline.clock.set(wanted)
    with pytest.raises(ValueError, match="'tomorrow' is no time: write it as"):
        threadline.clock.set("tomorrow")


def test_what_is_due_by_the_time_that_was_set_has_happened(threadline: Threadline) -> None:
    casey = threadline.customer(ChatDurationInMinutes=60)
    threadline.clock.set(threadline.clock.now() + timedelta(hours=26))
    casey.see_event("chat.ended")


def test_the_clock_goes_back_and_chats_go_on(threadline: Threadline) -> None:
    casey = threadline.customer()
    casey.say("now")
    threadline.clock.set(threadline.clock.now() - timedelta(days=365))
    casey.say("a year ago")
    assert casey.reads() == ["now", "a year ago"]
    times = [item["AbsoluteTime"] for item in casey.history()]
    assert times == sorted(times)


def test_the_next_test_has_the_real_time(threadline: Threadline) -> None:
    threadline.clock.set(EVENING)
    threadline.reset()
    assert abs(threadline.clock.now().timestamp() - time()) < 600


def test_users_of_the_same_millisecond_are_listed_as_they_were_made() -> None:
    for seed in range(8):
        with Threadline(seed=seed) as server:
            users = server.connect.list_users(InstanceId=server.instance_id)["UserSummaryList"]
        assert [user["Username"] for user in users] == ["a1", "a2"], f"with the seed {seed}"


def test_no_token_looks_like_an_option() -> None:
    clock = ManualClock()
    tokens = [clock.token() for _ in range(1_000)]
    assert not [token for token in tokens if token.startswith("-")]
    assert {len(token) for token in tokens} == {43}
    assert len(set(tokens)) == 1_000
