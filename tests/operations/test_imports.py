"""ImportContacts and CheckImports: contacts of another system become ended chats."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.operations.refusals import INVALID, refused
from threadline.testing import Threadline

EVENT = "application/vnd.amazonaws.connect.event."
numbers = iter(range(1, 10_000))


def message(second: int, text: str, role: str = "CUSTOMER", **members: Any) -> dict[str, Any]:
    return {
        "AbsoluteTime": f"2024-04-07T08:{second // 60:02}:{second % 60:02}.965Z",
        "Content": text,
        "ContentType": "text/plain",
        "Id": f"item-{next(numbers)}",
        "Type": "MESSAGE",
        "ParticipantId": f"of-{role.lower()}",
        "DisplayName": role.title(),
        "ParticipantRole": role,
        **members,
    }


def contact(contact_id: str, *items: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    begun = items[0]["AbsoluteTime"] if items else "2024-04-07T08:00:00Z"
    return {"ContactId": contact_id, "InitiationTimestamp": begun, "Items": [*items], **members}


def brought(server: Threadline, *contacts: Mapping[str, Any]) -> list[dict[str, Any]]:
    reply = server.threadline.import_contacts(InstanceId=server.instance_id, Contacts=[*contacts])
    results: list[dict[str, Any]] = reply["Results"]
    return results


def states(results: list[dict[str, Any]]) -> list[str]:
    return [result["Status"] for result in results]


def texts(server: Threadline, contact_id: str, **members: Any) -> list[str]:
    reply = server.threadline.get_contact_transcript(
        InstanceId=server.instance_id, ContactId=contact_id, MaxResults=100, SortOrder="ASCENDING", **members
    )
    return [item["Content"] for item in reply["Transcript"] if "Content" in item]


def described(server: Threadline, contact_id: str) -> dict[str, Any]:
    reply = server.connect.describe_contact(InstanceId=server.instance_id, ContactId=contact_id)
    found: dict[str, Any] = reply["Contact"]
    return found


def fresh(name: str) -> str:
    return f"{name}/{next(numbers)} ü"


def test_a_contact_keeps_its_ids_and_times(threadline_server: Threadline) -> None:
    c1 = fresh("0Mw")
    given = message(1, "Hello"), message(3, "How can I help?", "AGENT")
    assert states(brought(threadline_server, contact(c1, *given))) == ["WHOLE"]
    reply = threadline_server.threadline.get_contact_transcript(
        InstanceId=threadline_server.instance_id, ContactId=c1, SortOrder="ASCENDING"
    )
    shown = [
        {name: value for name, value in item.items() if name != "ContactId"} for item in reply["Transcript"]
    ]
    assert shown == [*given]
    found = described(threadline_server, c1)
    assert found["InitiationTimestamp"].isoformat() == "2024-04-07T08:00:01.965000+00:00"
    assert found["DisconnectTimestamp"].isoformat() == "2024-04-07T08:00:03.965000+00:00"
    by_id = threadline_server.threadline.get_contact_transcript(
        InstanceId=threadline_server.instance_id, ContactId=c1, StartPosition={"Id": given[1]["Id"]}
    )
    assert [item["Id"] for item in by_id["Transcript"]] == [given[1]["Id"]]


def test_a_repeated_import_changes_nothing(threadline_server: Threadline) -> None:
    c1 = fresh("c")
    first = brought(threadline_server, contact(c1, message(1, "once")))
    again = brought(threadline_server, contact(c1, message(1, "twice"), message(2, "more")))
    assert (first[0]["Imported"], again[0].get("Imported")) == (True, None)
    assert states(again) == ["WHOLE"]
    assert texts(threadline_server, c1) == ["once"]
    mine = threadline_server.customer().contact_id
    assert states(brought(threadline_server, contact(mine, message(1, "not mine")))) == ["WHOLE"]
    assert "not mine" not in texts(threadline_server, mine)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_contacts_come_in_any_order(threadline_server: Threadline, order: tuple[int, ...]) -> None:
    c1, c2, c3 = fresh("c1"), fresh("c2"), fresh("c3")
    of = {"InitialContactId": c1}
    parts = [
        contact(c1, message(1, "one"), message(2, "two")),
        contact(c2, message(61, "three"), **of),
        contact(c3, message(121, "four"), message(122, "five"), **of),
    ]
    for number in order:
        assert states(brought(threadline_server, parts[number])) == ["WHOLE"]
    assert texts(threadline_server, c2) == ["one", "two", "three", "four", "five"]
    assert texts(threadline_server, c2, OnlyContact=True) == ["three"]
    assert described(threadline_server, c3)["PreviousContactId"] == c2
    casey = threadline_server.customer()
    casey.continue_from("FROM_SEGMENT", c2)
    past = casey.history()
    assert [item["Content"] for item in past if "RelatedContactId" in item] == ["one", "two", "three"]


def test_a_long_contact_comes_in_parts(threadline_server: Threadline) -> None:
    c1 = fresh("long")
    part = contact(c1, message(1, "a"), message(2, "b"), MoreItems=True)
    assert brought(threadline_server, part)[0]["ItemCount"] == 2
    with refused(INVALID, "has not ended"):
        threadline_server.customer().continue_from("FROM_SEGMENT", c1)
    again = brought(threadline_server, part)
    assert (states(again), again[0]["ItemCount"]) == (["PARTIAL"], 2), "the answer says where to go on"
    assert states(brought(threadline_server, contact(c1, message(3, "c"), StartItem=2))) == ["WHOLE"]
    assert texts(threadline_server, c1) == ["a", "b", "c"]
    threadline_server.customer().continue_from("ENTIRE_PAST_SESSION", c1)


def test_a_later_import_moves_what_continues_from_it(threadline_server: Threadline) -> None:
    c1, c2 = fresh("c1"), fresh("c2")
    brought(threadline_server, contact(c2, message(61, "later"), InitialContactId=c1))
    casey = threadline_server.customer()
    casey.continue_from("FROM_SEGMENT", c2)
    brought(threadline_server, contact(c1, message(1, "earlier"), message(2, "and more")))
    past = [item["Content"] for item in casey.history() if "RelatedContactId" in item]
    assert past == ["earlier", "and more", "later"]


def test_a_related_contact_is_the_past_of_a_chat(threadline_server: Threadline) -> None:
    old, new, loop = fresh("old"), fresh("new"), fresh("loop")
    brought(threadline_server, contact(new, message(61, "back again"), RelatedContactId=old))
    assert "RelatedContactId" not in described(threadline_server, new)
    brought(threadline_server, contact(old, message(1, "hello"), RelatedContactId=new))
    assert described(threadline_server, new)["RelatedContactId"] == old
    assert "RelatedContactId" not in described(threadline_server, old), "a lineage leads back in time only"
    brought(threadline_server, contact(loop, message(90, "itself"), RelatedContactId=loop))
    reply = threadline_server.threadline.get_contact_transcript(
        InstanceId=threadline_server.instance_id, ContactId=new
    )
    assert [item["Content"] for item in reply["Transcript"]] == ["back again"]
    rest = threadline_server.threadline.get_contact_transcript(
        InstanceId=threadline_server.instance_id, ContactId=new, NextToken=reply["NextToken"]
    )
    assert [(item["Content"], item["RelatedContactId"]) for item in rest["Transcript"]] == [("hello", old)]


def test_what_is_refused_holds_up_no_other(threadline_server: Threadline) -> None:
    good, bad = fresh("good"), fresh("bad")
    mine = threadline_server.customer().contact_id
    results = brought(
        threadline_server,
        contact(bad, message(1, "x", AbsoluteTime="yesterday")),
        contact(fresh("c2"), message(1, "x"), InitialContactId=mine),
        contact(good, message(1, "kept")),
    )
    assert states(results) == ["REFUSED", "REFUSED", "WHOLE"]
    assert results[0]["Explanation"].startswith("Items[0].AbsoluteTime 'yesterday' is not a time")
    assert mine in results[1]["Explanation"]
    assert texts(threadline_server, good) == ["kept"]
    checked = threadline_server.threadline.check_imports(
        InstanceId=threadline_server.instance_id, ContactIds=[good, bad, mine]
    )["Results"]
    assert states(checked) == ["WHOLE", "MISSING", "WHOLE"]
    for others in ("[]", "{]", '"Attachments"', "[" * 5000):
        (result,) = brought(threadline_server, contact(fresh("o"), message(1, "x", OtherMembers=others)))
        assert result["Explanation"] == "Items[0].OtherMembers is not a JSON object."
    many = [contact(fresh("m"), *(message(1, "x") for _ in range(300))) for _ in range(2)]
    with refused(INVALID, "600 items"):
        brought(threadline_server, *many)


def test_a_record_says_what_a_transcript_does_not(threadline_server: Threadline) -> None:
    c1 = fresh("recorded")
    record = {
        "InitiationTimestamp": "2024-04-07T07:59:00Z",
        "DisconnectTimestamp": "2024-04-07T08:30:00Z",
        "DisconnectReason": "CUSTOMER_DISCONNECT",
        "InitiationMethod": "API",
        "QueueId": "queue-of-aws",
        "UserId": "agent-of-aws",
        "CustomerId": "4711-aws",
        "Attributes": {"order": "12"},
        "Tags": {"team": "parcels"},
    }
    alone = {"ContactId": c1, **record}
    assert states(brought(threadline_server, alone)) == ["WHOLE"]
    assert states(brought(threadline_server, {**contact(c1, message(5, "said")), **record})) == ["WHOLE"]
    found = described(threadline_server, c1)
    assert found["DisconnectReason"] == "CUSTOMER_DISCONNECT"
    assert (found["QueueInfo"]["Id"], found["AgentInfo"]["Id"]) == ("queue-of-aws", "agent-of-aws")
    assert (found["Attributes"], found["Tags"]) == ({"order": "12"}, {"team": "parcels"})
    chats = threadline_server.threadline.list_customer_chats(
        InstanceId=threadline_server.instance_id, CustomerId="4711-aws"
    )["Chats"]
    assert [(chat["InitialContactId"], chat["CanBeContinued"]) for chat in chats] == [(c1, True)]
    assert texts(threadline_server, c1) == ["said"]


@pytest.mark.parametrize("is_record_first", [True, False])
def test_a_record_completes_a_contact_in_either_order(
    threadline_server: Threadline, is_record_first: bool
) -> None:
    c1, old = fresh("completed"), fresh("old")
    customer = fresh("customer")
    brought(threadline_server, contact(old, message(0, "before")))
    with_transcript = contact(
        c1, message(5, "said"), message(6, "and heard", "AGENT"), OtherMembers='{"Categories":{}}'
    )
    record = {
        "ContactId": c1,
        "InitiationTimestamp": "2024-04-07T08:00:04Z",
        "ConnectedToSystemTimestamp": "2024-04-07T08:00:05Z",
        "DisconnectTimestamp": "2024-04-07T08:30:00Z",
        "LastUpdateTimestamp": "2024-04-07T08:31:00Z",
        "DisconnectReason": "AGENT_DISCONNECT",
        "InitiationMethod": "API",
        "QueueId": "q-aws",
        "UserId": "u-aws",
        "CustomerId": customer,
        "RelatedContactId": old,
        "Attributes": {"order": "12"},
        "SegmentAttributes": {"connect:Subtype": {"ValueString": "connect:Chat"}},
        "Tags": {"team": "parcels"},
        "OtherMembers": '{"ContactRecord":{"Campaign":1}}',
    }
    given = [record, with_transcript] if is_record_first else [with_transcript, record]
    first, second = (brought(threadline_server, each)[0] for each in given)
    assert first["Imported"]
    assert (second.get("Imported"), second.get("Completed")) == (
        (True, None) if is_record_first else (None, True)
    )
    for each in (record, with_transcript):
        again = brought(threadline_server, each)[0]
        assert (again["Status"], again["ItemCount"]) == ("WHOLE", 2)
        assert not again.get("Imported"), again
        assert not again.get("Completed"), again
    found = described(threadline_server, c1)
    assert found["InitiationTimestamp"].isoformat() == "2024-04-07T08:00:04+00:00"
    assert found["ConnectedToSystemTimestamp"].isoformat() == "2024-04-07T08:00:05+00:00"
    assert found["DisconnectTimestamp"].isoformat() == "2024-04-07T08:30:00+00:00"
    assert found["LastUpdateTimestamp"].isoformat() == "2024-04-07T08:31:00+00:00"
    assert (found["DisconnectReason"], found["CustomerId"]) == ("AGENT_DISCONNECT", customer)
    assert (found["QueueInfo"]["Id"], found["AgentInfo"]["Id"]) == ("q-aws", "u-aws")
    assert (found["Attributes"], found["Tags"]) == ({"order": "12"}, {"team": "parcels"})
    assert (found["RelatedContactId"], found["ContactAssociationId"]) == (old, old)
    reply = threadline_server.threadline.get_contact_transcript(
        InstanceId=threadline_server.instance_id, ContactId=c1, OnlyContact=True
    )
    assert json.loads(reply["OtherMembers"]) == {"Categories": {}, "ContactRecord": {"Campaign": 1}}


def test_a_record_that_puts_a_contact_into_another_chat_is_refused(threadline_server: Threadline) -> None:
    c1 = fresh("alone")
    brought(threadline_server, contact(c1, message(5, "said")))
    record = {"ContactId": c1, "InitiationTimestamp": "2024-04-07T08:00:04Z", "InitialContactId": "else"}
    (result,) = brought(threadline_server, record)
    assert result["Explanation"].startswith("Its record puts it into chat else, and it is in")
    assert texts(threadline_server, c1) == ["said"]


def test_members_that_are_not_ours_are_kept(threadline_server: Threadline) -> None:
    c1 = fresh("extra")
    given = contact(
        c1,
        message(1, "plain"),
        message(2, "sad", OtherMembers='{"Sentiment":"NEGATIVE"}'),
        OtherMembers='{"Categories":{}}',
    )
    brought(threadline_server, given)
    reply = threadline_server.threadline.get_contact_transcript(
        InstanceId=threadline_server.instance_id, ContactId=c1, OnlyContact=True
    )
    assert reply["OtherMembers"] == '{"Categories":{}}'
    assert [item.get("OtherMembers") for item in reply["Transcript"]] == ['{"Sentiment":"NEGATIVE"}', None]


def test_words_are_found_in_the_order_of_their_times(threadline: Threadline) -> None:
    word = "zephyrine"
    casey = threadline.customer()
    casey.say(f"{word} today")
    c24, c23 = fresh("of 2024"), fresh("of 2023")
    brought(threadline, contact(c24, message(1, f"{word} of 2024")))
    brought(threadline, contact(c23, message(1, f"{word} of 2023", AbsoluteTime="2023-01-02T03:04:05Z")))
    threadline.clock.advance(seconds=40)
    threadline.clock.advance(seconds=40)
    hits = threadline.threadline.search_transcripts(InstanceId=threadline.instance_id, SearchText=word)[
        "Hits"
    ]
    assert [hit["ContactId"] for hit in hits] == [casey.contact_id, c24, c23]
    page = threadline.threadline.search_transcripts(
        InstanceId=threadline.instance_id, SearchText=word, MaxResults=2
    )
    rest = threadline.threadline.search_transcripts(
        InstanceId=threadline.instance_id, SearchText=word, MaxResults=2, NextToken=page["NextToken"]
    )
    assert [hit["ContactId"] for hit in rest["Hits"]] == [c23]


def test_a_customer_reads_their_imported_chat(threadline_server: Threadline) -> None:
    c1 = fresh("read")
    named = message(1, "mine")
    del named["ParticipantId"]
    brought(threadline_server, contact(c1, named))
    token = threadline_server.threadline.create_read_token(
        InstanceId=threadline_server.instance_id, ContactId=c1
    )["ReadToken"]
    page = threadline_server.connectparticipant.get_transcript(ConnectionToken=token)
    assert [item["Content"] for item in page["Transcript"]] == ["mine"]
    assert "ParticipantId" not in page["Transcript"][0]


def test_what_was_erased_does_not_come_back(threadline: Threadline) -> None:
    c1, c2 = fresh("erased"), fresh("late")
    given = contact(c1, message(1, "secret", OtherMembers='{"Sentiment":"secret"}'))
    brought(threadline, given)
    threadline.threadline.start_erasure(InstanceId=threadline.instance_id, LineageContactId=c1)
    threadline.clock.advance(minutes=1)
    assert texts(threadline, c1) == []
    assert states(brought(threadline, given)) == ["WHOLE"]
    assert texts(threadline, c1) == []
    late = brought(threadline, contact(c2, message(9, "secret too"), InitialContactId=c1))
    assert states(late) == ["REFUSED"]
    assert "was erased" in late[0]["Explanation"]
