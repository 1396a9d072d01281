"""The task that deletes expired rows."""

import pytest

from threadline.tasks import prune
from threadline.testing import Threadline

DAY_MINUTES = 24 * 60


def test_a_client_token_is_known_for_eight_days_and_forgotten_part_by_part(
    threadline: Threadline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "PRUNED_MAX", 2)

    def start(number: int) -> str:
        return threadline.invite(ClientToken=str(number)).contact_id

    first = [start(number) for number in range(5)]
    threadline.clock.advance(minutes=7.9 * DAY_MINUTES)
    assert [start(number) for number in range(5)] == first
    threadline.clock.advance(minutes=0.2 * DAY_MINUTES)
    for _ in range(3):
        threadline.clock.advance(seconds=1)
    assert not {start(number) for number in range(5)} & set(first)
