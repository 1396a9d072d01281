"""DescribeLineage: why a contact is shown or not, also for an association before it is made."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.operations.refusals import INVALID, NOT_FOUND, PARAMETER, refused
from threadline.testing import Customer, PastChat, Threadline

Shown = list[tuple[str, bool, str]]


@pytest.fixture(scope="module")
def past(threadline_server: Threadline) -> PastChat:
    return threadline_server.past_chat()


def explain(server: Threadline, contact_id: str, **members: Any) -> dict[str, Any]:
    """All pages of the reply together."""
    arguments = {"InstanceId": server.instance_id, "ContactId": contact_id, **members}
    whole: dict[str, Any] = server.threadline.describe_lineage(**arguments)
    while "NextToken" in whole:
        more = server.threadline.describe_lineage(**arguments, NextToken=whole.pop("NextToken"))
        assert more.get("ContinuedFromContactId") == whole.get("ContinuedFromContactId")
        whole["Contacts"] += more["Contacts"]
        whole |= {"NextToken": more["NextToken"]} if "NextToken" in more else {}
    del whole["ResponseMetadata"]
    return whole


def shown(answer: dict[str, Any]) -> Shown:
    return [(c["ContactId"], c["Shown"], c["Reason"]) for c in answer["Contacts"]]


def if_from(kind: str, source: str) -> dict[str, str]:
    return {"RehydrationType": kind, "SourceContactId": source}


def had(server: Threadline, **members: Any) -> Customer:
    casey = server.invite(**members)
    server.connect.stop_contact(InstanceId=server.instance_id, ContactId=casey.contact_id)
    return casey


def test_a_chat_that_continues_nothing(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    answer = explain(threadline_server, casey.contact_id)
    [contact] = answer["Contacts"]
    assert answer.keys() == {"Contacts"}
    assert contact.pop("InitiationTimestamp")
    assert contact == {
        "ContactId": casey.contact_id,
        "InitialContactId": casey.contact_id,
        "SessionNumber": 0,
        "Shown": True,
        "Reason": "CURRENT_SESSION",
        "Explanation": contact["Explanation"],
        "InitiationMethod": "API",
        "ItemCount": 1,
    }


def test_the_example_of_the_documentation(threadline_server: Threadline, past: PastChat) -> None:
    casey = threadline_server.customer()
    casey.continue_from("FROM_SEGMENT", past.c2)
    answer = explain(threadline_server, casey.contact_id)
    assert answer["ContinuedFromContactId"] == past.c2
    assert shown(answer) == [
        (casey.contact_id, True, "CURRENT_SESSION"),
        (past.c3, False, "AFTER_SEGMENT"),
        (past.c2, True, "IN_SEGMENT_RANGE"),
        (past.c1, True, "IN_SEGMENT_RANGE"),
    ]
    current, third, second, first = answer["Contacts"]
    assert current["RelatedContactId"] == past.c2
    assert [c["SessionNumber"] for c in answer["Contacts"]] == [0, 1, 1, 1]
    assert {c["InitialContactId"] for c in (first, second, third)} == {past.c1}
    assert [c.get("PreviousContactId") for c in (first, second, third)] == [None, past.c1, past.c2]
    assert [c["InitiationMethod"] for c in (first, second, third)] == ["API", "TRANSFER", "DISCONNECT"]
    assert [c.get("DisconnectReason") for c in (first, second, third)] == [
        None,
        "AGENT_DISCONNECT",
        "CUSTOMER_DISCONNECT",
    ]
    assert [c.get("AgentName") for c in (first, second, third)] == ["Alex", "Robin", None]
    assert [c.get("AgentUserId") for c in (first, second)] == list(threadline_server.agents.values())
    for contact in (first, second):
        items = [i for i in casey.history() if i.get("RelatedContactId") == contact["ContactId"]]
        assert contact["ItemCount"] == len(items)
    assert past.c2 in third["Explanation"]


def test_the_whole_example(threadline_server: Threadline, past: PastChat) -> None:
    casey = threadline_server.customer()
    casey.continue_from("ENTIRE_PAST_SESSION", past.c1)
    assert shown(explain(threadline_server, casey.contact_id))[1:] == [
        (past.c3, True, "IN_PAST_SESSION"),
        (past.c2, True, "IN_PAST_SESSION"),
        (past.c1, True, "IN_PAST_SESSION"),
    ]


def test_any_contact_of_the_chat_will_do(threadline_server: Threadline, past: PastChat) -> None:
    casey = threadline_server.customer()
    second = threadline_server.agent("a1").accept(casey).transfer(threadline_server.queue_id)
    casey.continue_from("FROM_SEGMENT", past.c1)
    by_first, by_second = (explain(threadline_server, c) for c in (casey.contact_id, second))
    assert by_first == by_second
    assert shown(by_first)[:2] == [
        (second, True, "CURRENT_SESSION"),
        (casey.contact_id, True, "CURRENT_SESSION"),
    ]
    ended = explain(threadline_server, past.c2)
    assert [c["ContactId"] for c in ended["Contacts"]] == [past.c3, past.c2, past.c1]


def test_contacts_that_an_older_chat_left_out_stay_out(threadline_server: Threadline, past: PastChat) -> None:
    middle = had(threadline_server, PersistentChat=if_from("FROM_SEGMENT", past.c2))
    casey = threadline_server.customer(PersistentChat=if_from("ENTIRE_PAST_SESSION", middle.contact_id))
    assert shown(explain(threadline_server, casey.contact_id))[1:] == [
        (middle.contact_id, True, "IN_PAST_SESSION"),
        (past.c3, False, "AFTER_ANCHOR_OF_OLDER_HOP"),
        (past.c2, True, "IN_SEGMENT_RANGE"),
        (past.c1, True, "IN_SEGMENT_RANGE"),
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 1_000])
@pytest.mark.parametrize("supposed", [True, False], ids=["before", "after"])
def test_pages_of_every_size(
    threadline_server: Threadline, past: PastChat, size: int, supposed: bool
) -> None:
    middle = had(threadline_server, PersistentChat=if_from("FROM_SEGMENT", past.c2))
    casey = threadline_server.customer()
    if supposed:
        members = if_from("FROM_SEGMENT", middle.contact_id)
    else:
        casey.continue_from("FROM_SEGMENT", middle.contact_id)
        members = {}
    whole = explain(threadline_server, casey.contact_id, **members)
    assert len(whole["Contacts"]) == 5
    assert explain(threadline_server, casey.contact_id, MaxResults=size, **members) == whole


@pytest.mark.parametrize("kind", ["FROM_SEGMENT", "ENTIRE_PAST_SESSION"])
def test_a_what_if_equals_the_lineage_after_the_association(
    threadline_server: Threadline, past: PastChat, kind: str
) -> None:
    casey = threadline_server.customer()
    before = explain(threadline_server, casey.contact_id)
    would = explain(threadline_server, casey.contact_id, **if_from(kind, past.c1))
    assert explain(threadline_server, casey.contact_id) == before, "asking changes nothing"
    assert "chat.rehydrated" not in casey.events()
    assert casey.continue_from(kind, past.c1) == would["ContinuedFromContactId"]
    assert explain(threadline_server, casey.contact_id) == would
    assert explain(threadline_server, casey.contact_id, **if_from(kind, past.c1)) == would, "or is already"


@pytest.mark.parametrize("size", [1, 2, 1_000])
def test_a_what_if_of_an_ended_chat_is_the_past_of_the_next_one(
    threadline_server: Threadline, past: PastChat, size: int
) -> None:
    members = if_from("FROM_SEGMENT", past.c2)
    would = explain(threadline_server, past.c1, MaxResults=size, **members)
    casey = threadline_server.customer(PersistentChat=members)
    after = explain(threadline_server, casey.contact_id)
    assert would == {**after, "Contacts": after["Contacts"][1:]}
    with refused(INVALID, "must be the initial contact"):
        explain(threadline_server, past.c3, **if_from("ENTIRE_PAST_SESSION", past.c2))


REFUSALS: dict[str, Callable[[Threadline, PastChat], tuple[str, dict[str, str]]]] = {
    "the source is not there": lambda s, p: (s.invite().contact_id, if_from("FROM_SEGMENT", "nothing")),
    "the source has not ended": lambda s, p: (
        s.invite().contact_id,
        if_from("FROM_SEGMENT", s.invite().contact_id),
    ),
    "not the first contact": lambda s, p: (s.invite().contact_id, if_from("ENTIRE_PAST_SESSION", p.c2)),
    "another association": lambda s, p: (
        s.invite(PersistentChat=if_from("FROM_SEGMENT", p.c2)).contact_id,
        if_from("FROM_SEGMENT", p.c1),
    ),
    "a plain relation": lambda s, p: (
        s.invite(RelatedContactId=p.c1).contact_id,
        if_from("FROM_SEGMENT", p.c1),
    ),
    "an unknown type": lambda s, p: (s.invite().contact_id, if_from("ALL", p.c1)),
    "the current contact is not there": lambda s, p: ("nothing", if_from("FROM_SEGMENT", p.c1)),
}


@pytest.mark.parametrize("why", REFUSALS)
def test_a_what_if_is_refused_with_the_message_of_the_association(
    threadline_server: Threadline, past: PastChat, why: str
) -> None:
    contact_id, members = REFUSALS[why](threadline_server, past)
    with pytest.raises(ClientError) as caught:
        threadline_server.connect.create_persistent_contact_association(
            InstanceId=threadline_server.instance_id, InitialContactId=contact_id, **members
        )
    error = caught.value.response
    what = (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"])
    with refused(what, error["Error"]["Message"]):
        explain(threadline_server, contact_id, **members)


def test_one_half_of_a_question(threadline_server: Threadline, past: PastChat) -> None:
    contact_id = threadline_server.invite().contact_id
    for name, value in if_from("FROM_SEGMENT", past.c1).items():
        with refused(INVALID, "SourceContactId and RehydrationType go together"):
            explain(threadline_server, contact_id, **{name: value})


def test_a_contact_that_is_not_there(threadline_server: Threadline) -> None:
    with refused(NOT_FOUND, "Contact not found: nothing"):
        explain(threadline_server, "nothing")


def test_a_page_of_too_many(threadline_server: Threadline, past: PastChat) -> None:
    with refused(PARAMETER):
        explain(threadline_server, past.c1, MaxResults=1_001)
