"""Why a contact of a lineage is shown or not."""

import pytest

from tests.chat.rows import ENTIRE, FROM_SEGMENT, contact, session
from threadline.chat.lineage import Association, Hop, LineageReason, in_range, judge

CONTACTS = tuple(contact("A", position) for position in range(3))


def hop(number: int, kind: str | None = None, anchor: int = 1) -> Hop:
    """Session A of three contacts, as number so and so of a lineage, reached by an association to contact `anchor`."""
    association = Association(kind, CONTACTS[anchor - 1]) if kind else None
    return Hop(number, session("A", 3), CONTACTS, association)


@pytest.mark.parametrize(
    ("where", "chosen", "reason", "said"),
    [
        (hop(0), 1, LineageReason.CURRENT_SESSION, "current chat"),
        (hop(0), 3, LineageReason.CURRENT_SESSION, "current chat"),
        (hop(1, ENTIRE, 3), 1, LineageReason.IN_PAST_SESSION, "whole chat, up to A3"),
        (hop(1, ENTIRE, 3), 3, LineageReason.IN_PAST_SESSION, "whole chat, up to A3"),
        (hop(1, FROM_SEGMENT, 2), 1, LineageReason.IN_SEGMENT_RANGE, "before A2"),
        (hop(1, FROM_SEGMENT, 2), 2, LineageReason.IN_SEGMENT_RANGE, "continues from"),
        (hop(1, FROM_SEGMENT, 2), 3, LineageReason.AFTER_SEGMENT, "after A2"),
        (hop(2, FROM_SEGMENT, 2), 2, LineageReason.IN_SEGMENT_RANGE, "continues from"),
        (hop(2, FROM_SEGMENT, 2), 3, LineageReason.AFTER_ANCHOR_OF_OLDER_HOP, "stays out"),
        (hop(7, ENTIRE, 3), 2, LineageReason.IN_PAST_SESSION, "whole chat"),
        (hop(1, ENTIRE, 2), 3, LineageReason.AFTER_SEGMENT, "after A2"),
    ],
)
def test_the_verdict(where: Hop, chosen: int, reason: LineageReason, said: str) -> None:
    subject = CONTACTS[chosen - 1]
    verdict = judge(where, subject)
    assert verdict.reason is reason
    assert said in verdict.explanation
    assert verdict.explanation.endswith(".")
    assert verdict.shown is in_range(where, subject)
    assert verdict.shown is (reason not in ("AFTER_SEGMENT", "AFTER_ANCHOR_OF_OLDER_HOP"))
