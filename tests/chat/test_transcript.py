"""The rules of the transcript: the visibility of an entry, and its form in replies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.rows import item
from threadline.chat import transcript
from threadline.chat.transcript import Item, Receipt, Viewer

CASEY = Viewer(ord("A"), "casey", None)


@pytest.mark.parametrize(
    ("viewer", "entry", "seen"),
    [
        (CASEY, item(), True),
        (CASEY, item(audience="casey"), True),
        (CASEY, item(audience="agent"), False),
        (CASEY, item(session="B"), True),
        (CASEY, item(session="B", audience="agent"), False),
        (CASEY._replace(left_seq=5), item(5), True),
        (CASEY._replace(left_seq=5), item(6), False),
        (CASEY._replace(left_seq=5), item(6, audience="casey"), False),
        (CASEY._replace(left_seq=5), item(6, session="B"), True),
        (CASEY._replace(left_seq=0), item(1), False),
    ],
)
def test_the_visibility_of_an_entry(viewer: Viewer, entry: Item, seen: bool) -> None:
    assert transcript.may_see(viewer, entry) is seen


MESSAGE = {
    "AbsoluteTime": 1_001,
    "Content": "Hello",
    "ContentType": "text/plain",
    "Id": "item-1",
    "Type": "MESSAGE",
    "ParticipantId": "casey",
    "DisplayName": "Casey",
    "ParticipantRole": "CUSTOMER",
}


def test_a_current_item_has_its_contact_id() -> None:
    assert transcript.as_item(item(), past=False) == {**MESSAGE, "ContactId": "A1"}


def test_a_past_item_has_related_contact_id_and_no_contact_id() -> None:
    assert transcript.as_item(item(), past=True) == {**MESSAGE, "RelatedContactId": "A1"}


def test_members_without_a_value_are_left_out() -> None:
    ended = item(
        type="EVENT",
        content_type=transcript.CHAT_ENDED,
        content=None,
        participant_id=None,
        display_name=None,
        participant_role=None,
    )
    assert transcript.as_item(ended, past=False) == {
        "AbsoluteTime": 1_001,
        "ContentType": transcript.CHAT_ENDED,
        "Id": "item-1",
        "Type": "EVENT",
        "ContactId": "A1",
    }


@pytest.mark.parametrize(
    ("delivered", "read", "members"),
    [
        (7, None, {"DeliveredTimestamp": 7}),
        (None, 8, {"ReadTimestamp": 8}),
        (7, 8, {"DeliveredTimestamp": 7, "ReadTimestamp": 8}),
        (None, None, {}),
    ],
)
def test_receipts_stand_on_their_message(
    delivered: int | None, read: int | None, members: dict[str, int]
) -> None:
    receipt = Receipt(ord("A"), 1, "agent", delivered, read)
    shown = transcript.as_item(item(), past=True, receipts=[receipt])
    assert shown["MessageMetadata"] == {
        "MessageId": "item-1",
        "Receipts": [{"RecipientParticipantId": "agent", **members}],
    }


def test_a_receipt_entry_carries_its_own_metadata() -> None:
    entry = item(type="MESSAGEMETADATA", push_only=1, metadata='{"MessageId": "m"}')
    assert transcript.as_item(entry, past=False)["MessageMetadata"] == {"MessageId": "m"}


def test_on_a_socket_an_item_also_has_the_first_contact() -> None:
    assert transcript.as_event(item(), "A0") == {**MESSAGE, "ContactId": "A1", "InitialContactId": "A0"}


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from("abc")), unique=True))
def test_receipts_are_grouped_by_message_in_their_order(keys: list[tuple[int, str]]) -> None:
    receipts = [Receipt(1, seq, who, None, None) for seq, who in keys]
    grouped = transcript.receipts_by_seq(receipts)
    for seq in range(1, 5):
        assert list(grouped.get(seq, ())) == [receipt for receipt in receipts if receipt.seq == seq]
