"""No caller reads a foreign chat: not across accounts, not across chats, not after leaving."""

import json
from collections import Counter
from itertools import product
from typing import Any

import pytest

from tests.http.raw import ask
from tests.operations.refusals import DENIED, INVALID, NOT_FOUND, refused
from threadline.testing import Customer, PastChat, Threadline, Workspace

SECRET = "the secret of chat"


@pytest.fixture(scope="module")
def theirs(threadline_server: Threadline) -> Workspace:
    return threadline_server.another_account()


@pytest.fixture(scope="module")
def past(theirs: Workspace) -> PastChat:
    return theirs.past_chat()


def talk(server: Workspace, name: str) -> Customer:
    casey = server.customer(name)
    server.agent("a1").accept(casey)
    casey.say(f"{SECRET} {name}")
    return casey


def everything_read(person: Any) -> str:
    return str([person.history(), person.catch_up(), person.page(MaxResults=100)])


def test_two_chats_get_no_items_of_each_other(threadline_server: Threadline, theirs: Workspace) -> None:
    servers = {"one": threadline_server, "two": threadline_server, "three": theirs}
    chats = {name: talk(server, name) for name, server in servers.items()}
    for name, casey in chats.items():
        casey.typing()
        assert f"{SECRET} {name}" in everything_read(casey)
        for other in chats.keys() - {name}:
            assert f"{SECRET} {other}" not in everything_read(casey)
            assert chats[other].contact_id not in everything_read(casey)
        assert "typing" not in casey.events()


@pytest.mark.parametrize("which", ["c1", "c2", "c3"])
def test_the_past_of_another_account_cannot_be_continued(
    threadline_server: Threadline, theirs: Workspace, past: PastChat, which: str
) -> None:
    source = getattr(past, which)
    casey = threadline_server.customer()
    for kind in ("FROM_SEGMENT", "ENTIRE_PAST_SESSION"):
        with refused(NOT_FOUND, f"Source contact not found: {source}"):
            casey.continue_from(kind, source)
        with refused(NOT_FOUND, f"Source contact not found: {source}"):
            threadline_server.threadline.describe_lineage(
                InstanceId=threadline_server.instance_id,
                ContactId=casey.contact_id,
                SourceContactId=source,
                RehydrationType=kind,
            )
        with refused(DENIED):
            theirs.connect.create_persistent_contact_association(
                InstanceId=threadline_server.instance_id,
                InitialContactId=casey.contact_id,
                RehydrationType=kind,
                SourceContactId=source,
            )
    assert casey.reads() == []


def test_a_flow_cannot_continue_a_chat_of_another_account(
    threadline_server: Threadline, past: PastChat
) -> None:
    """The source is an attribute, which a browser may have set."""
    listed = threadline_server.connect.list_contact_flows(InstanceId=threadline_server.instance_id)
    flows = {flow["Name"]: flow["Id"] for flow in listed["ContactFlowSummaryList"]}
    casey = threadline_server.customer(
        ContactFlowId=flows["Demo returning"], Attributes={"sourceContactId": past.c2}
    )
    agent = threadline_server.agent("a1").accept(casey)
    assert casey.reads() == agent.reads() == []
    assert "chat.rehydrated" not in casey.events()


def test_a_past_is_readable_in_a_chat_that_continues_it_only(threadline_server: Threadline) -> None:
    past = threadline_server.past_chat()
    stranger = threadline_server.customer("Stranger")
    for contact_id in past:
        assert stranger.page(ContactId=contact_id)["Transcript"] == []
    returned = threadline_server.customer(
        PersistentChat={"RehydrationType": "ENTIRE_PAST_SESSION", "SourceContactId": past.c1}
    )
    assert len(returned.reads()) == 5
    agent = threadline_server.agent("a1").accept(returned)
    assert len(agent.reads()) == 5
    told = [item for item in agent.history() if "transfer.succeeded" in item["ContentType"]]
    assert [item["RelatedContactId"] for item in told] == [past.c1]
    assert stranger.reads() == []


def starts(person: Customer) -> list[dict[str, Any] | None]:
    """The start positions in `person`'s chat."""
    item = person.history()[-1]
    return [None, {"Id": item["Id"]}, {"AbsoluteTime": item["AbsoluteTime"]}, {"MostRecent": 5}]


def test_nothing_that_one_names_opens_a_foreign_transcript(
    threadline_server: Threadline, theirs: Workspace
) -> None:
    """Foreign contacts, NextTokens and start positions, in every combination, are refused to a stranger, to another
    account, to a customer with a part of that chat, and to an agent that has transferred it.
    """
    casey = talk(threadline_server, "one")
    past = threadline_server.past_chat()
    part = threadline_server.customer(
        PersistentChat={"RehydrationType": "FROM_SEGMENT", "SourceContactId": past.c1}
    )
    gone = threadline_server.agent("a2").accept(handed_on := threadline_server.customer())
    gone.transfer(threadline_server.queue_id)
    handed_on.say(f"{SECRET} four")
    readers = [threadline_server.customer("Stranger"), theirs.customer("Stranger"), part, gone]
    contacts = [None, casey.contact_id, handed_on.contact_id, *past]
    pages = [None, casey.page(MaxResults=1)["NextToken"], handed_on.page(MaxResults=1)["NextToken"]]
    orders = [("BACKWARD", "DESCENDING"), ("FORWARD", "ASCENDING")]
    places = starts(casey) + starts(handed_on)[1:3]
    statuses: Counter[int] = Counter()
    for reader, contact, page, place, (scan, sort) in product(readers, contacts, pages, places, orders):
        named = {"ContactId": contact, "NextToken": page, "StartPosition": place}
        body = {"ScanDirection": scan, "SortOrder": sort} | {
            name: named[name] for name in named if named[name]
        }
        path, bearer = "/participant/transcript", reader.connection_token
        answer = ask(reader.workspace.url, "POST", path, json.dumps(body).encode(), x_amz_bearer=bearer)
        statuses[answer.status] += 1
        assert answer.status in (200, 400, 403), (reader.name, body, answer)
        for text in (SECRET, "It left this morning.", "Five stars."):
            assert text.encode() not in answer.body, (reader.name, body, answer)
    assert statuses[200] > 100, statuses


def test_a_participant_who_has_left_cannot_read(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    agent = threadline_server.agent("a1").accept(casey)
    agent.transfer(threadline_server.queue_id)
    casey.say("not for you")
    for call in (agent.page, agent.connect, agent.typing, agent.leave, lambda: agent.say("x")):
        with refused(DENIED, "the participant has left the chat"):
            call()
    assert "not for you" not in str(agent.items)


def test_an_explanation_does_not_lead_into_other_accounts(
    threadline_server: Threadline, theirs: Workspace, past: PastChat
) -> None:
    """Its NextToken names sessions by number; foreign ones are refused like unknown ones."""
    casey = threadline_server.customer()
    own = {casey.contact_id}
    refusals = 0
    for number in range(200):
        try:
            reply = threadline_server.threadline.describe_lineage(
                InstanceId=threadline_server.instance_id,
                ContactId=casey.contact_id,
                NextToken=f"2.{number}.11.0",
            )
        except threadline_server.threadline.exceptions.InvalidRequestException:
            refusals += 1
        else:
            own |= {contact["ContactId"] for contact in reply["Contacts"]}
    assert refusals
    assert not own & set(past)
    with refused(NOT_FOUND):
        threadline_server.threadline.describe_lineage(
            InstanceId=threadline_server.instance_id, ContactId=past.c1
        )


@pytest.mark.parametrize(
    "token", ["x", "1", "1.2.3", "1.2.3.4.5", "-1.0.0.0", "1.1.1.x", "9" * 19 + ".0.0.0"]
)
def test_a_token_of_no_explanation(threadline_server: Threadline, token: str) -> None:
    casey = threadline_server.invite()
    with refused(INVALID, "NextToken is not one that DescribeLineage has given"):
        threadline_server.threadline.describe_lineage(
            InstanceId=threadline_server.instance_id, ContactId=casey.contact_id, NextToken=token
        )
