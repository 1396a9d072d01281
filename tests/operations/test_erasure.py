"""Erasure, legal holds, retention and DeleteContactData: what is erased, what stays, what is kept."""

import json
import threading
from time import monotonic
from typing import Any

import pytest

from tests.operations.refusals import INVALID, NOT_FOUND, refused
from tests.operations.test_records import of_account, read_token
from threadline.client.participants import EVENT
from threadline.testing import PastChat, Threadline

PATIENCE_SECONDS = 60
DAY_MINUTES = 24 * 60
ERASED = EVENT + "item.erased"


def start(server: Threadline, **members: Any) -> dict[str, Any]:
    reply: dict[str, Any] = server.threadline.start_erasure(InstanceId=server.instance_id, **members)
    return reply


def completed(server: Threadline, erasure_id: str) -> dict[str, Any]:
    """The erasure, once it is complete."""
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        found: dict[str, Any] = server.threadline.describe_erasure(
            InstanceId=server.instance_id, ErasureId=erasure_id
        )
        if found["Status"] == "COMPLETED":
            return found
        assert monotonic() < deadline, found
        threading.Event().wait(0.02)


def erased(server: Threadline, **members: Any) -> dict[str, Any]:
    return completed(server, start(server, **members)["ErasureId"])


def hold(server: Threadline, contact_id: str, reason: str = "Case 4711.") -> str:
    held: str = server.threadline.put_legal_hold(
        InstanceId=server.instance_id, ContactId=contact_id, Reason=reason
    )["HoldId"]
    return held


def ended(server: Threadline, text: str, name: str = "Casey", **members: Any) -> str:
    casey = server.customer(name, **members)
    casey.say(text)
    casey.leave()
    return casey.contact_id


def shown(server: Threadline, contact_id: str) -> str:
    return str(of_account(server, contact_id, MaxResults=100))


def test_an_erased_chat_keeps_the_numbers_ids_and_times_of_its_items(threadline_server: Threadline) -> None:
    past: PastChat = threadline_server.past_chat()
    before = of_account(threadline_server, past.c1, MaxResults=3)
    found = erased(threadline_server, LineageContactId=past.c1)
    after = of_account(threadline_server, past.c1, MaxResults=3)
    kept = ("Id", "AbsoluteTime", "ContactId")
    assert [[item[name] for name in kept] for item in after] == [
        [item[name] for name in kept] for item in before
    ]
    contents = [item for item in after if item["ContentType"] == ERASED]
    assert contents
    assert all(set(item) == {*kept, "ContentType", "Type"} for item in contents)
    assert not any("Content" in item or "DisplayName" in item for item in after), after
    assert (found["Scope"], found["ChatCount"], found["ErasedChatCount"]) == ("LINEAGE", 1, 1)
    assert found["ErasedItemCount"] == found["ItemCount"] > 0


def test_one_contact_is_erased_and_the_others_of_its_chat_stay(threadline_server: Threadline) -> None:
    past = threadline_server.past_chat()
    erased(threadline_server, ContactId=past.c1)
    by_contact: dict[str, set[str]] = {}
    for item in of_account(threadline_server, past.c2, MaxResults=100):
        by_contact.setdefault(item["ContactId"], set()).add(item["ContentType"])
    assert "text/plain" not in by_contact[past.c1]
    assert "text/plain" in by_contact[past.c2]
    lineage = threadline_server.threadline.describe_lineage(
        InstanceId=threadline_server.instance_id, ContactId=past.c2
    )["Contacts"]
    marked = [each["ContactId"] for each in lineage if "ErasedTimestamp" in each]
    assert marked == [past.c1], lineage
    assert "Its content was erased." in lineage[-1]["Explanation"]


def test_another_chat_shows_tombstones_where_it_continues_an_erased_one(
    threadline_server: Threadline,
) -> None:
    first = ended(threadline_server, "the first secret")
    casey = threadline_server.customer(
        PersistentChat={"RehydrationType": "ENTIRE_PAST_SESSION", "SourceContactId": first}
    )
    casey.say("hello again")
    erased(threadline_server, LineageContactId=first)
    pages: list[dict[str, Any]] = []
    token: dict[str, Any] = {}
    while True:
        page = casey.workspace.connectparticipant.get_transcript(
            ConnectionToken=casey.connection_token, MaxResults=2, **token
        )
        pages += page["Transcript"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert "hello again" in str(pages)
    assert "secret" not in str(pages)
    assert any(item.get("RelatedContactId") == first and item["ContentType"] == ERASED for item in pages)
    casey.leave()


def test_all_chats_of_a_customer_and_no_others_are_erased(threadline_server: Threadline) -> None:
    mine = [ended(threadline_server, f"mine {n}", CustomerId="erase-me") for n in range(3)]
    other = ended(threadline_server, "mine as well", CustomerId="keep-me")
    dry = start(threadline_server, CustomerId="erase-me", DryRun=True)
    assert (dry["ChatCount"], dry["ContactCount"], "ErasureId" in dry) == (3, 3, False)
    assert "mine 0" in shown(threadline_server, mine[0])
    found = erased(threadline_server, CustomerId="erase-me")
    assert (found["Scope"], found["ErasedChatCount"], "ContactId" in found) == ("CUSTOMER", 3, False)
    assert not any("mine" in shown(threadline_server, contact_id) for contact_id in mine)
    assert "mine as well" in shown(threadline_server, other)
    with refused(NOT_FOUND, "No chat has this CustomerId."):
        start(threadline_server, CustomerId="erase-me")


def test_names_attributes_and_words_are_erased(threadline: Threadline) -> None:
    contact_id = ended(
        threadline, "zebra crossing", "Quagga", Attributes={"order": "okapi"}, CustomerId="c-quagga"
    )
    here = {"InstanceId": threadline.instance_id, "ContactId": contact_id}
    threadline.connect.update_contact(**here, Name="gnu", Description="eland")
    token = read_token(threadline, contact_id)
    search = {"InstanceId": threadline.instance_id, "SearchText": "zebra crossing"}
    threadline.clock.advance(minutes=1)
    deadline = monotonic() + PATIENCE_SECONDS
    while not threadline.threadline.search_transcripts(**search)["Hits"]:
        assert monotonic() < deadline
    erased(threadline, ContactId=contact_id)
    assert threadline.threadline.search_transcripts(**search)["Hits"] == []
    described = threadline.connect.describe_contact(**here)["Contact"]
    lineage = threadline.threadline.describe_lineage(**here)
    for word in ("zebra", "Quagga", "okapi", "gnu", "eland", "c-quagga"):
        assert word not in str((described, lineage, shown(threadline, contact_id))), word
    read = threadline.connectparticipant.get_transcript(ConnectionToken=token, MaxResults=100)
    assert "zebra" not in str(read)


def test_a_running_chat_is_refused(threadline_server: Threadline) -> None:
    casey = threadline_server.customer(CustomerId="runs")
    for members in (
        {"ContactId": casey.contact_id},
        {"LineageContactId": casey.contact_id},
        {"CustomerId": "runs"},
    ):
        with refused(INVALID, f"Chat {casey.contact_id} has not ended"):
            start(threadline_server, **members)
    casey.leave()


@pytest.mark.parametrize("members", [{}, {"ContactId": "a", "CustomerId": "b"}])
def test_exactly_one_way_to_name_the_chats(threadline_server: Threadline, members: dict[str, str]) -> None:
    with refused(INVALID, "Give exactly one of ContactId, LineageContactId and CustomerId."):
        start(threadline_server, **members)


def test_a_legal_hold_keeps_the_whole_lineage_until_it_is_lifted(threadline_server: Threadline) -> None:
    first = ended(threadline_server, "held 1", CustomerId="held")
    second = ended(
        threadline_server,
        "held 2",
        PersistentChat={"RehydrationType": "ENTIRE_PAST_SESSION", "SourceContactId": first},
    )
    hold_id = hold(threadline_server, second, "Case 4711.")
    third = ended(
        threadline_server,
        "held 3",
        PersistentChat={"RehydrationType": "ENTIRE_PAST_SESSION", "SourceContactId": second},
    )
    for members in (
        {"ContactId": first},
        {"LineageContactId": third},
        {"LineageContactId": third, "DryRun": True},
        {"CustomerId": "held"},
    ):
        with refused(INVALID, f"is under legal hold {hold_id} since 20"):
            start(threadline_server, **members)
    listed = threadline_server.threadline.list_legal_holds(InstanceId=threadline_server.instance_id)
    mine = [each for each in listed["LegalHolds"] if each["HoldId"] == hold_id]
    assert [(each["ContactId"], each["InitialContactId"], each["Reason"]) for each in mine] == [
        (second, second, "Case 4711.")
    ]
    lift = {"InstanceId": threadline_server.instance_id, "HoldId": hold_id}
    threadline_server.threadline.delete_legal_hold(**lift)
    with refused(NOT_FOUND, f"Legal hold not found: {hold_id}"):
        threadline_server.threadline.delete_legal_hold(**lift)
    erased(threadline_server, LineageContactId=third)
    assert "held" not in shown(threadline_server, third)


def test_delete_contact_data_is_for_contacts_that_have_ended(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    call = {"InstanceId": threadline_server.instance_id, "ContactFields": ["CUSTOMER_ENDPOINT"]}
    with refused(("ContactNotTerminatedException", 409), f"Contact {casey.contact_id} has not ended."):
        threadline_server.connect.delete_contact_data(**call, ContactId=casey.contact_id)
    casey.leave()
    threadline_server.connect.delete_contact_data(**call, ContactId=casey.contact_id)
    hold(threadline_server, casey.contact_id)
    with refused(INVALID, "is under legal hold"):
        threadline_server.connect.delete_contact_data(**call, ContactId=casey.contact_id)


def test_retention_erases_what_is_older_and_keeps_what_is_held(threadline: Threadline) -> None:
    def described() -> dict[str, Any]:
        reply: dict[str, Any] = threadline.threadline.describe_retention(InstanceId=threadline.instance_id)
        return reply

    def swept(chats: int) -> None:
        deadline = monotonic() + PATIENCE_SECONDS
        while described()["ErasedChatCount"] < chats:
            assert monotonic() < deadline, described()
            threading.Event().wait(0.02)

    assert described()["Policy"] == "OFF"
    old, kept = ended(threadline, "old"), ended(threadline, "kept")
    hold_id = hold(threadline, kept)
    threadline.clock.advance(minutes=20 * DAY_MINUTES)
    fresh = ended(threadline, "fresh")
    threadline.threadline.update_retention(InstanceId=threadline.instance_id, Policy="DAYS", Days=10)
    swept(1)
    assert "'old'" not in shown(threadline, old)
    assert "'kept'" in shown(threadline, kept)
    assert "'fresh'" in shown(threadline, fresh)
    threadline.threadline.delete_legal_hold(InstanceId=threadline.instance_id, HoldId=hold_id)
    swept(2)
    threadline.clock.advance(minutes=11 * DAY_MINUTES)
    swept(3)
    assert "'fresh'" not in shown(threadline, fresh)
    assert (described()["Policy"], described()["Days"]) == ("DAYS", 10)


@pytest.mark.parametrize("members", [{"Policy": "DAYS"}, {"Policy": "OFF", "Days": 3}])
def test_days_go_with_their_policy(threadline_server: Threadline, members: dict[str, Any]) -> None:
    with refused(INVALID, "Days goes with the policy DAYS"):
        threadline_server.threadline.update_retention(InstanceId=threadline_server.instance_id, **members)


def test_an_erased_contact_is_not_imported_again(threadline_server: Threadline) -> None:
    item = {
        "AbsoluteTime": "2024-04-07T08:00:01.000Z",
        "Content": "imported secret",
        "ContentType": "text/plain",
        "Id": "item-of-0Mw",
        "Type": "MESSAGE",
        "ParticipantId": "c-1",
        "DisplayName": "Imported Secret",
        "ParticipantRole": "CUSTOMER",
    }
    contact = {
        "ContactId": "0Mw-erased",
        "InitiationTimestamp": item["AbsoluteTime"],
        "Items": [{**item, "OtherMembers": json.dumps({"Sentiment": "secret mood"})}],
        "OtherMembers": json.dumps({"CustomerEndpoint": "secret@example.com"}),
    }
    imports = {"InstanceId": threadline_server.instance_id, "Contacts": [contact]}
    threadline_server.threadline.import_contacts(**imports)
    here = {
        "InstanceId": threadline_server.instance_id,
        "ContactId": contact["ContactId"],
        "OnlyContact": True,
    }
    read = threadline_server.threadline.get_contact_transcript
    assert str(read(**here)).lower().count("secret") == 4
    erased(threadline_server, LineageContactId=contact["ContactId"])
    assert "secret" not in str(read(**here)).lower()
    (result,) = threadline_server.threadline.import_contacts(**imports)["Results"]
    assert result["Status"] == "WHOLE"
    assert "secret" not in str(read(**here)).lower()
