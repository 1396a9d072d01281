"""The state of a contact."""

import pytest

from tests.chat.rows import contact, session
from threadline.chat.contact import State, state
from threadline.chat.participant import Participant

CREATED: dict[str, object] = {"connected_at_ms": None, "disconnected_at_ms": None}
IN_FLOW = {**CREATED, "connected_at_ms": 1}
QUEUED = {**IN_FLOW, "queue_id": "q"}
OFFERED = {**IN_FLOW, "offered_user_id": "a2"}
WITH_AGENT = {**QUEUED, "user_id": "a1"}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (CREATED, State.CREATED),
        (IN_FLOW, State.IN_FLOW),
        ({**IN_FLOW, "target_queue_id": "q"}, State.IN_FLOW),
        (QUEUED, State.QUEUED),
        (OFFERED, State.OFFERED),
        (WITH_AGENT, State.WITH_AGENT),
        ({**OFFERED, "user_id": "a2"}, State.WITH_AGENT),
    ],
)
def test_where_a_contact_stands(members: dict[str, object], expected: State) -> None:
    row = contact("A", 0, **members)
    assert state(row) is expected
    assert state(row._replace(disconnected_at_ms=9)) is State.ENDED


def test_a_plainly_related_chat_is_not_associated() -> None:
    assert not session("A", related_contact_id="B1").is_associated
    assert session("A", related_contact_id="B1", rehydration_type="FROM_SEGMENT").is_associated


@pytest.mark.parametrize(
    ("connected", "left", "active"), [(None, None, False), (1, None, True), (1, 2, False), (None, 2, False)]
)
def test_the_participants_in_the_chat(connected: int | None, left: int | None, active: bool) -> None:
    row = Participant(1, "p", "CUSTOMER", "Casey", None, "A1", 0, connected, None, left, None)
    assert row.is_active is active
