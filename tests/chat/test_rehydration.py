"""The rules of associations: the chats that may be continued, and the anchor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.rows import ENTIRE, FROM_SEGMENT, contact, session, source
from threadline.chat import rehydration
from threadline.chat.contact import Session
from threadline.errors import Fault

RUNNING = session("Z", ended_at_ms=None)


def refusal(*arguments: object, **options: object) -> str:
    with pytest.raises(Fault) as caught:
        rehydration.resolve(*arguments, **options)  # type: ignore[arg-type]
    assert caught.value.code == "InvalidRequestException"
    return caught.value.message


@pytest.mark.parametrize(
    ("kind", "contacts", "chosen", "anchor", "last_seq"),
    [
        (FROM_SEGMENT, 1, 1, "A1", 10),
        (FROM_SEGMENT, 3, 1, "A1", 10),
        (FROM_SEGMENT, 3, 2, "A2", 20),
        (FROM_SEGMENT, 3, 3, "A3", 30),
        (ENTIRE, 1, 1, "A1", 10),
        (ENTIRE, 3, 1, "A3", 30),
    ],
)
@pytest.mark.parametrize("current", [RUNNING, None], ids=["running", "starting"])
def test_the_anchor(
    current: Session | None, kind: str, contacts: int, chosen: int, anchor: str, last_seq: int
) -> None:
    resolved = rehydration.resolve(
        current, kind, source("A", contacts, chosen), customer_id=None, same_customer="differ"
    )
    assert (resolved.contact.id, resolved.last_seq, resolved.session.key) == (anchor, last_seq, ord("A"))


@pytest.mark.parametrize("chosen", [2, 3])
def test_entire_past_session_requires_the_first_contact(chosen: int) -> None:
    message = refusal(RUNNING, ENTIRE, source("A", 3, chosen), customer_id=None, same_customer="off")
    assert message.startswith("SourceContactId must be the initial contact of the past chat session")
    assert "send A1" in message
    assert f"FROM_SEGMENT to continue from A{chosen}" in message


@pytest.mark.parametrize("kind", [FROM_SEGMENT, ENTIRE])
@pytest.mark.parametrize("chosen", [1, 2])
def test_a_segment_that_ended_in_a_chat_that_did_not_is_no_past(kind: str, chosen: int) -> None:
    message = refusal(
        RUNNING, kind, source("A", 2, chosen, ended_at_ms=None), customer_id=None, same_customer="off"
    )
    assert message.startswith("Source chat session has not ended.".removesuffix("."))
    assert "still active in contact A2" in message


@pytest.mark.parametrize("kind", [FROM_SEGMENT, ENTIRE])
def test_a_chat_does_not_continue_from_itself(kind: str) -> None:
    own = session("A", 2, ended_at_ms=None)
    message = refusal(own, kind, source("A", 2, 1, ended_at_ms=None), customer_id=None, same_customer="off")
    assert message.startswith("Source chat session has not ended: A1 belongs to the current chat itself")


def test_the_state_of_the_source_is_checked_before_the_type_and_the_type_before_the_customer() -> None:
    live = source("A", 3, 2, ended_at_ms=None, customer_id="b")
    current = RUNNING._replace(customer_id="a")
    strict = {"customer_id": "a", "same_customer": "differ"}
    assert "has not ended" in refusal(current, ENTIRE, live, **strict)
    assert "must be the initial" in refusal(current, ENTIRE, source("A", 3, 2, customer_id="b"), **strict)
    assert "another CustomerId" in refusal(current, ENTIRE, source("A", 3, 1, customer_id="b"), **strict)


OTHER, UNKNOWN = "another CustomerId", "has no CustomerId"


@pytest.mark.parametrize(
    ("current", "past", "differ", "known"),
    [
        ("a", "a", None, None),
        ("a", "b", OTHER, OTHER),
        (None, "b", None, f"current chat {UNKNOWN}"),
        ("a", None, None, f"source chat {UNKNOWN}"),
        (None, None, None, f"current chat {UNKNOWN}"),
    ],
)
def test_the_rules_for_customer_ids(
    current: str | None, past: str | None, differ: str | None, known: str | None
) -> None:
    for rule, refused in (("off", None), ("differ", differ), ("known", known)):
        for running in (RUNNING._replace(customer_id=current), None):
            arguments = running, FROM_SEGMENT, source("A", 1, 1, customer_id=past)
            if refused is None:
                assert rehydration.resolve(*arguments, customer_id=current, same_customer=rule).contact
            else:
                message = refusal(*arguments, customer_id=current, same_customer=rule)
                assert refused in message
                assert "'a'" not in message


def test_only_a_running_chat_gets_a_past() -> None:
    rehydration.check_current(RUNNING)
    with pytest.raises(Fault, match="Contact is not active: chat A1 has ended"):
        rehydration.check_current(session("A"))


def associated(kind: str | None, source_contact_id: str | None) -> Session:
    return RUNNING._replace(
        rehydration_type=kind, source_contact_id=source_contact_id, related_contact_id="A3"
    )


@pytest.mark.parametrize(
    ("current", "kind", "source_contact_id", "expected"),
    [
        (RUNNING, FROM_SEGMENT, "A1", False),
        (associated(FROM_SEGMENT, "A1"), FROM_SEGMENT, "A1", True),
        (associated(ENTIRE, "A1"), ENTIRE, "A1", True),
        (associated(ENTIRE, "A1"), FROM_SEGMENT, "A1", "ENTIRE_PAST_SESSION from A1"),
        (associated(FROM_SEGMENT, "A3"), ENTIRE, "A1", "FROM_SEGMENT from A3"),
        (associated(FROM_SEGMENT, "A1"), FROM_SEGMENT, "A2", "FROM_SEGMENT from A1"),
        (associated(None, None), FROM_SEGMENT, "A3", "started with RelatedContactId A3"),
        (associated(None, None), ENTIRE, "A1", "started with RelatedContactId A3"),
    ],
)
def test_a_chat_continues_from_one_past_only(
    current: Session, kind: str, source_contact_id: str, expected: bool | str
) -> None:
    if isinstance(expected, bool):
        assert rehydration.is_repeat(current, kind, source_contact_id) is expected
    else:
        with pytest.raises(Fault, match=f"A persistent association already exists.*{expected}") as caught:
            rehydration.is_repeat(current, kind, source_contact_id)
        assert caught.value.code == "InvalidRequestException"


def test_the_last_in_the_chain_ended_last_even_by_a_clock_that_went_backwards() -> None:
    past = source("A", 3, 1)
    ended = tuple(c._replace(disconnected_at_ms=at) for c, at in zip(past.contacts, (9, 9, 5), strict=True))
    anchor = rehydration.resolve(
        RUNNING, ENTIRE, past._replace(contacts=ended), customer_id=None, same_customer="off"
    )
    assert anchor.contact.id == "A3"


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.data())
def test_the_entries_of_a_chat_belong_to_one_contact_each(lengths: list[int], data: st.DataObject) -> None:
    starts = [1 + sum(lengths[:position]) for position in range(len(lengths))]
    rows = tuple(contact("A", position, first_seq=start) for position, start in enumerate(starts))
    past = session("A", len(rows), last_seq=sum(lengths))
    owners = [
        row.id for row in rows for _ in range(row.first_seq, rehydration.last_seq_of(row, rows, past) + 1)
    ]
    assert owners == [row.id for row, length in zip(rows, lengths, strict=True) for _ in range(length)]
    chosen = data.draw(st.sampled_from(rows))
    anchor = rehydration.resolve(
        None, FROM_SEGMENT, rehydration.SourceChat(chosen, past, rows), customer_id=None, same_customer="off"
    )
    assert anchor.last_seq == sum(lengths[: chosen.position + 1])
