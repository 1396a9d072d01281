"""The order of contact events, whatever the clock did."""

from tests.chat.rows import contact
from threadline.chat.contact_events import DataUpdate, contact_events


def names(*updates: DataUpdate, after: int = 0) -> list[str]:
    first = contact("A", 0, initiated_at_ms=10, connected_at_ms=20, disconnected_at_ms=30)
    second = contact("A", 1, initiated_at_ms=30, connected_at_ms=30, disconnected_at_ms=None)
    return [f"{event.contact.id} {event.name}" for event in contact_events([first, second], updates, after)]


def update(number: int, contact_id: str, at_ms: int) -> DataUpdate:
    return DataUpdate(1, number, contact_id, '["Tags"]', at_ms)


def test_updates_stand_at_their_time_among_the_states() -> None:
    assert names(update(1, "A1", 25), update(2, "A2", 30)) == [
        "A1 INITIATED",
        "A1 CONNECTED_TO_SYSTEM",
        "A1 CONTACT_DATA_UPDATED",
        "A1 DISCONNECTED",
        "A1 COMPLETED",
        "A2 INITIATED",
        "A2 CONTACT_DATA_UPDATED",
        "A2 CONNECTED_TO_SYSTEM",
    ]


def test_states_and_updates_keep_their_own_order_when_the_clock_goes_back() -> None:
    found = names(update(1, "A2", 40), update(2, "A1", 15), after=11)
    assert found == [
        "A2 CONNECTED_TO_SYSTEM",
        "A2 CONTACT_DATA_UPDATED",
        "A1 CONTACT_DATA_UPDATED",
    ]


def test_an_update_says_how_far_its_contact_had_come() -> None:
    first = contact("A", 0, initiated_at_ms=10, connected_at_ms=20, disconnected_at_ms=30)
    places = [
        event.place
        for at_ms in (10, 20, 29, 99, 5)
        for event in contact_events([first], [update(1, "A1", at_ms)], after=9)
    ]
    assert places == [1, 2, 2, 6, 1]
