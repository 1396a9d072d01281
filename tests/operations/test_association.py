"""CreatePersistentContactAssociation where it succeeds: its reply, writes and events, also under concurrent calls."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.operations.assisted import AssistedCustomer
from tests.operations.refusals import INVALID, answer, refused
from threadline.testing import Customer, PastChat, Threadline

CALLERS = 30
SAID = ["My parcel has not come.", "I will ask the depot.", "It left this morning.", "Five stars."]
ASKED = "How did we do? Please answer with a number from 1 (poor) to 5 (great)."


@pytest.fixture(scope="module")
def past(threadline_server: Threadline) -> PastChat:
    return threadline_server.past_chat()


def described(server: Threadline, contact_id: str) -> dict[str, Any]:
    reply = server.connect.describe_contact(InstanceId=server.instance_id, ContactId=contact_id)
    contact: dict[str, Any] = reply["Contact"]
    return contact


def had(server: Threadline, **members: Any) -> str:
    """A chat that has ended; its contact."""
    contact_id = server.invite(**members).contact_id
    server.connect.stop_contact(InstanceId=server.instance_id, ContactId=contact_id)
    return contact_id


@pytest.mark.parametrize(
    ("kind", "source", "anchor", "said"),
    [
        ("FROM_SEGMENT", "c1", "c1", SAID[:2]),
        ("FROM_SEGMENT", "c2", "c2", SAID[:3]),
        ("FROM_SEGMENT", "c3", "c3", [*SAID[:3], ASKED, SAID[3]]),
        ("ENTIRE_PAST_SESSION", "c1", "c3", [*SAID[:3], ASKED, SAID[3]]),
    ],
)
@pytest.mark.parametrize(
    "by",
    [
        "the operation",
        "StartChatContact",
        pytest.param(
            "StartAssistantContact",
            marks=pytest.mark.model_has("connect.StartAssistantContactRequest.PersistentChat"),
        ),
    ],
)
def test_the_example_of_the_documentation(
    threadline_server: Threadline,
    past: PastChat,
    kind: str,
    source: str,
    anchor: str,
    said: list[str],
    by: str,
) -> None:
    source_id, anchor_id = getattr(past, source), getattr(past, anchor)
    if by == "the operation":
        casey = threadline_server.customer()
        assert casey.continue_from(kind, source_id) == anchor_id
    else:
        members: dict[str, Any] = {"PersistentChat": {"RehydrationType": kind, "SourceContactId": source_id}}
        starts = (
            threadline_server.invite
            if by == "StartChatContact"
            else partial(AssistedCustomer, threadline_server)
        )
        casey = starts(**members)
        casey.connect()
        assert casey.continued_from == anchor_id
    casey.see_event("chat.rehydrated")
    casey.say("I am back.")
    assert casey.reads() == casey.reads(page_size=1) == [*said, "I am back."]
    assert described(threadline_server, casey.contact_id)["RelatedContactId"] == anchor_id
    agent = threadline_server.agent("a1").accept(casey)
    assert agent.reads() == casey.reads(), "the agent sees what the customer sees"
    assert all("ContactId" in item for item in casey.items), "the past is never pushed"


def test_the_answer_has_one_member(threadline_server: Threadline, past: PastChat) -> None:
    reply = threadline_server.connect.create_persistent_contact_association(
        InstanceId=threadline_server.instance_id,
        InitialContactId=threadline_server.invite().contact_id,
        RehydrationType="FROM_SEGMENT",
        SourceContactId=past.c1,
    )
    assert answer(reply) == {"ContinuedFromContactId": past.c1}


def test_describe_contact_of_a_chat_without_a_past_has_no_related_contact(
    threadline_server: Threadline,
) -> None:
    casey = threadline_server.customer()
    assert casey.continued_from is None
    assert "RelatedContactId" not in described(threadline_server, casey.contact_id)
    assert casey.events() == ["participant.joined"]


def test_an_instance_goes_by_its_arn_too(threadline_server: Threadline, past: PastChat) -> None:
    connect = threadline_server.connect
    arn = connect.describe_instance(InstanceId=threadline_server.instance_id)["Instance"]["Arn"]
    casey = threadline_server.invite(InstanceId=arn)
    arguments = {"InitialContactId": casey.contact_id, "RehydrationType": "FROM_SEGMENT", "ClientToken": "t"}
    for instance_id in (arn, threadline_server.instance_id):
        reply = connect.create_persistent_contact_association(
            InstanceId=instance_id, SourceContactId=past.c2, **arguments
        )
        assert reply["ContinuedFromContactId"] == past.c2


def test_a_chat_without_a_connection_is_running(threadline_server: Threadline, past: PastChat) -> None:
    casey = threadline_server.invite()
    casey.continue_from("FROM_SEGMENT", past.c1)
    casey.connect().see_event("chat.rehydrated")
    assert casey.reads() == SAID[:2]


def test_in_mid_chat_every_segment_gets_the_past(threadline_server: Threadline, past: PastChat) -> None:
    casey = threadline_server.customer()
    a1, a2 = threadline_server.agent("a1").accept(casey), threadline_server.agent("a2")
    second = a1.transfer(a2)
    a2.accept(second)
    assert casey.continue_from("ENTIRE_PAST_SESSION", past.c1) == past.c3, "by its first, ended contact"
    for person in (casey, a2):
        person.see_event("chat.rehydrated")
        assert person.reads()[:4] == [*SAID[:3], ASKED]
    assert "chat.rehydrated" not in a1.events()
    third = a2.transfer(threadline_server.queue_id)
    for contact_id in (casey.contact_id, second, third):
        assert described(threadline_server, contact_id)["RelatedContactId"] == past.c3


def test_a_later_socket_gets_no_second_chat_rehydrated(threadline_server: Threadline, past: PastChat) -> None:
    casey = threadline_server.customer()
    casey.continue_from("FROM_SEGMENT", past.c1)
    casey.see_event("chat.rehydrated")
    again = casey.another_tab()
    assert again.events() == []
    started = threadline_server.customer(
        PersistentChat={"RehydrationType": "FROM_SEGMENT", "SourceContactId": past.c1}
    )
    started.see_event("chat.rehydrated")
    agent = threadline_server.agent("a1").accept(started)
    agent.see_event("chat.rehydrated")
    assert started.another_tab().events() == []
    assert started.events().count("chat.rehydrated") == 1, "what the agent is told is for the agent"


def test_attributes_come_along_where_there_are_none_of_that_name(threadline_server: Threadline) -> None:
    source = had(threadline_server, Attributes={"order": "17", "name": "Casey"})
    casey = threadline_server.customer(Attributes={"name": "K."})
    casey.continue_from("FROM_SEGMENT", source)

    def attributes(contact_id: str) -> dict[str, str]:
        return dict(described(threadline_server, contact_id)["Attributes"])

    assert attributes(casey.contact_id) == {"order": "17", "name": "K."}
    threadline_server.connect.update_contact_attributes(
        InstanceId=threadline_server.instance_id,
        InitialContactId=casey.contact_id,
        Attributes={"order": "18"},
    )
    assert attributes(source) == {"order": "17", "name": "Casey"}, "from then on each has its own"


def test_the_tree_grows_together(threadline_server: Threadline) -> None:
    """Three chats: the second is related to the third's past only after the third was related to the second."""
    oldest = had(threadline_server)
    middle = threadline_server.customer()
    youngest = threadline_server.customer(RelatedContactId=middle.contact_id)
    middle.continue_from("FROM_SEGMENT", oldest)
    reply = threadline_server.connect.list_associated_contacts(
        InstanceId=threadline_server.instance_id, ContactId=youngest.contact_id
    )
    listed = [summary["ContactId"] for summary in reply["ContactSummaryList"]]
    assert listed == [oldest, middle.contact_id, youngest.contact_id]
    for contact_id in listed:
        assert described(threadline_server, contact_id)["ContactAssociationId"] == oldest


# Concurrent calls


def at_once(server: Threadline, call: Callable[[Any, int], str]) -> list[str]:
    """The results of thirty concurrent calls: an id, or the code of a refusal."""
    barrier = Barrier(CALLERS)
    client = server.client("connect", config=Config(max_pool_connections=CALLERS, parameter_validation=False))

    def caller(number: int) -> str:
        barrier.wait()
        try:
            return call(client, number)
        except ClientError as error:
            return str(error.response["Error"]["Code"])

    with closing(client), ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(caller, range(CALLERS)))


def associating(server: Threadline, casey: Customer, sources: list[str], token: str = "") -> list[str]:
    def call(client: Any, number: int) -> str:
        reply = client.create_persistent_contact_association(
            InstanceId=server.instance_id,
            InitialContactId=casey.contact_id,
            RehydrationType="FROM_SEGMENT",
            SourceContactId=sources[number % len(sources)],
            **({"ClientToken": token.format(number)} if token else {}),
        )
        return str(reply["ContinuedFromContactId"])

    return at_once(server, call)


@pytest.mark.parametrize("token", ["", "one for all", "{}"], ids=["no token", "one token", "a token each"])
def test_of_concurrent_calls_with_different_pasts_one_succeeds(
    threadline_server: Threadline, token: str
) -> None:
    sources = [had(threadline_server) for _ in range(CALLERS)]
    casey = threadline_server.customer()
    answers = associating(threadline_server, casey, sources, token)
    assert sorted(answers)[1:] == [INVALID[0]] * (CALLERS - 1)
    winner = min(answers)
    assert answers.index(winner) == sources.index(winner), "it was told what it had asked for"
    assert described(threadline_server, casey.contact_id)["RelatedContactId"] == winner
    assert casey.events().count("chat.rehydrated") == 1


@pytest.mark.parametrize("token", ["", "one for all", "{}"], ids=["no token", "one token", "a token each"])
def test_concurrent_calls_with_the_same_past_get_the_same_reply(
    threadline_server: Threadline, token: str
) -> None:
    source = had(threadline_server)
    casey = threadline_server.customer()
    assert set(associating(threadline_server, casey, [source], token)) == {source}
    assert casey.events().count("chat.rehydrated") == 1


def test_of_two_pasts_all_calls_with_the_first_succeed(threadline_server: Threadline) -> None:
    sources = [had(threadline_server) for _ in range(2)]
    casey = threadline_server.customer()
    answers = associating(threadline_server, casey, sources)
    related = described(threadline_server, casey.contact_id)["RelatedContactId"]
    assert answers.count(related) == CALLERS // 2
    assert answers.count(INVALID[0]) == CALLERS // 2


def test_a_chat_that_ends_meanwhile_has_a_past_or_none(threadline_server: Threadline, past: PastChat) -> None:
    casey = threadline_server.customer()

    def call(client: Any, number: int) -> str:
        if number == 0:
            client.stop_contact(InstanceId=threadline_server.instance_id, ContactId=casey.contact_id)
            return "stopped"
        reply = client.create_persistent_contact_association(
            InstanceId=threadline_server.instance_id,
            InitialContactId=casey.contact_id,
            RehydrationType="FROM_SEGMENT",
            SourceContactId=past.c1,
        )
        return str(reply["ContinuedFromContactId"])

    answers = at_once(threadline_server, call)
    assert answers[0] == "stopped"
    assert set(answers[1:]) <= {past.c1, INVALID[0]}
    related = described(threadline_server, casey.contact_id).get("RelatedContactId")
    assert (related == past.c1) is (past.c1 in answers)


def test_a_retry_after_the_chat_has_been_continued_elsewhere(
    threadline_server: Threadline, past: PastChat
) -> None:
    """Two chats may continue the same past; each is refused a second one."""
    first, second = threadline_server.invite(), threadline_server.invite()
    for chat in (first, second):
        assert chat.continue_from("FROM_SEGMENT", past.c2) == past.c2
    with refused(INVALID, "already exists"):
        second.continue_from("FROM_SEGMENT", past.c1)
