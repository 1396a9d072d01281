"""The agent's operations: accepting a chat and transferring it."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.operations.refusals import INVALID, NOT_FOUND, answer, refused
from threadline.chat.limits import CONTACTS_PER_CHAIN_MAX
from threadline.testing import Customer, Threadline

FLOWS = itertools.count()
WAIT = {
    "Version": "2019-10-30",
    "StartAction": "wait",
    "Actions": [
        {
            "Identifier": "wait",
            "Type": "Wait",
            "Parameters": {"TimeLimitSeconds": "600"},
            "Transitions": {
                "NextAction": "end",
                "Conditions": [
                    {"NextAction": "end", "Condition": {"Operator": "Equals", "Operands": ["WaitCompleted"]}}
                ],
                "Errors": [{"ErrorType": "NoMatchingError", "NextAction": "end"}],
            },
        },
        {"Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}},
    ],
}


def accept(server: Threadline, contact_id: str, user: str = "a1") -> dict[str, Any]:
    reply: dict[str, Any] = server.threadline.accept_contact(
        InstanceId=server.instance_id, ContactId=contact_id, UserId=server.agents[user]
    )
    return reply


def transfer(server: Threadline, contact_id: str, **members: Any) -> str:
    reply = server.threadline.transfer_chat(InstanceId=server.instance_id, ContactId=contact_id, **members)
    return str(reply["ContactId"])


def created(server: Threadline) -> str:
    return server.invite().contact_id


def in_flow(server: Threadline) -> str:
    flow = server.connect.create_contact_flow(
        InstanceId=server.instance_id,
        Name=f"waits {next(FLOWS)}",
        Type="CONTACT_FLOW",
        Content=json.dumps(WAIT),
    )
    return server.customer(ContactFlowId=flow["ContactFlowId"]).contact_id


def offered(server: Threadline) -> str:
    casey = server.customer()
    accept(server, casey.contact_id, "a2")
    return transfer(server, casey.contact_id, UserId=server.agents["a2"])


def with_agent(server: Threadline) -> str:
    casey = server.customer()
    accept(server, casey.contact_id, "a2")
    return casey.contact_id


def handed_on(server: Threadline) -> str:
    contact_id = with_agent(server)
    transfer(server, contact_id, QueueId=server.queue_id)
    return contact_id


def ended(server: Threadline) -> str:
    casey = server.customer()
    casey.leave()
    return casey.contact_id


@pytest.mark.parametrize(
    ("arrange", "words"),
    [
        (created, "the customer has not connected yet; the chat is queued once they have"),
        (in_flow, "it is not queued yet; its flow is still running"),
        (offered, "it is offered to user "),
        (with_agent, "has accepted it already"),
        (handed_on, "it has ended"),
        (ended, "it has ended"),
    ],
)
def test_accepting_an_unacceptable_contact_names_its_state(
    threadline_server: Threadline, arrange: Callable[[Threadline], str], words: str
) -> None:
    contact_id = arrange(threadline_server)
    with refused(INVALID, words) as response:
        accept(threadline_server, contact_id)
    assert response["Error"]["Message"].startswith(f"Contact {contact_id} cannot be accepted: ")


def test_a_queued_contact_is_accepted_once_for_each_agent(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    first, again = (accept(threadline_server, casey.contact_id) for _ in range(2))
    assert first["ContactId"] == again["ContactId"] == casey.contact_id
    assert first["ParticipantId"] == again["ParticipantId"]
    assert first["ParticipantToken"] != again["ParticipantToken"]
    for reply in (first, again):
        connected = threadline_server.connectparticipant.create_participant_connection(
            ParticipantToken=reply["ParticipantToken"], Type=["CONNECTION_CREDENTIALS"]
        )
        assert connected["ConnectionCredentials"]["ConnectionToken"]
    assert casey.see_event("participant.joined", ParticipantRole="AGENT")["DisplayName"] == "Alex"
    assert casey.events().count("participant.joined") == 2, "Casey and Alex, once each"


def test_only_the_user_with_the_offer_accepts_an_offered_contact(threadline_server: Threadline) -> None:
    contact_id = offered(threadline_server)
    assert accept(threadline_server, contact_id, "a2")["ContactId"] == contact_id


@pytest.mark.parametrize("what", ["instance", "contact", "user"])
def test_accepting_an_unknown_contact_or_user_is_refused(threadline_server: Threadline, what: str) -> None:
    casey = threadline_server.customer()
    ids = {
        "InstanceId": threadline_server.instance_id,
        "ContactId": casey.contact_id,
        "UserId": threadline_server.agents["a1"],
    } | {f"{what.capitalize()}Id": "nobody"}
    with refused(NOT_FOUND, f"{what.capitalize()} not found: nobody"):
        threadline_server.threadline.accept_contact(**ids)


def test_arns_do_as_well_as_ids(threadline_server: Threadline) -> None:
    connect, instance_id = threadline_server.connect, threadline_server.instance_id
    instance = connect.describe_instance(InstanceId=instance_id)["Instance"]["Arn"]
    queue = connect.describe_queue(InstanceId=instance, QueueId=threadline_server.queue_id)["Queue"][
        "QueueArn"
    ]
    user = connect.describe_user(InstanceId=instance, UserId=threadline_server.agents["a1"])["User"]["Arn"]
    casey = threadline_server.customer()
    threadline_server.threadline.accept_contact(InstanceId=instance, ContactId=casey.contact_id, UserId=user)
    second = threadline_server.threadline.transfer_chat(
        InstanceId=instance, ContactId=casey.contact_id, QueueId=queue
    )["ContactId"]
    threadline_server.threadline.accept_contact(InstanceId=instance, ContactId=second, UserId=user)
    third = threadline_server.threadline.transfer_chat(InstanceId=instance, ContactId=second, UserId=user)[
        "ContactId"
    ]
    assert connect.describe_contact(InstanceId=instance, ContactId=third)["Contact"]["Id"] == third


@pytest.mark.parametrize("to", ["user", "queue"])
def test_a_transfer_ends_one_contact_and_begins_the_next(threadline_server: Threadline, to: str) -> None:
    casey = threadline_server.customer(Attributes={"order": "17"})
    a1 = threadline_server.agent("a1").accept(casey)
    casey.say("before")
    target = (
        {"UserId": threadline_server.agents["a2"]}
        if to == "user"
        else {"QueueId": threadline_server.queue_id}
    )
    second = transfer(threadline_server, casey.contact_id, **target)
    casey.say("meanwhile")
    assert casey.see("meanwhile")["ContactId"] == second, (
        "what is written meanwhile belongs to the new contact"
    )

    def contact(contact_id: str) -> Any:
        return threadline_server.connect.describe_contact(
            InstanceId=threadline_server.instance_id, ContactId=contact_id
        )["Contact"]

    old, new = contact(casey.contact_id), contact(second)
    assert "DisconnectReason" not in old
    assert old["DisconnectTimestamp"] == new["InitiationTimestamp"]
    assert new["InitiationMethod"] == "TRANSFER"
    assert new["PreviousContactId"] == new["InitialContactId"] == casey.contact_id
    assert new["Attributes"] == {"order": "17"}
    assert ("QueueInfo" in new) is (to == "queue")
    assert "AgentInfo" not in new
    a1.see_event("transfer.succeeded")
    a1.see_event("chat.ended")
    assert "meanwhile" not in [item.get("Content") for item in a1.catch_up()]
    joined = "participant.joined"
    told = [joined, joined, "transfer.succeeded", "participant.left"]
    assert casey.events() == told
    shown = [item for item in casey.history() if item["Type"] == "EVENT"]
    assert [item["ContentType"].rpartition("event.")[2] for item in shown] == told
    assert shown[2].keys() == {"AbsoluteTime", "ContentType", "ContactId", "Id", "Type"}, "said of nobody"
    assert shown[2]["ContactId"] == shown[3]["ContactId"] == casey.contact_id
    a2 = threadline_server.agent("a2").accept(second)
    assert a2.reads() == ["before", "meanwhile"]


@pytest.mark.parametrize("members", [{}, {"UserId": "u", "QueueId": "q"}])
def test_a_chat_is_handed_on_to_one_user_or_one_queue(
    threadline_server: Threadline, members: dict[str, str]
) -> None:
    with refused(INVALID, "Give one of UserId, QueueId"):
        transfer(threadline_server, with_agent(threadline_server), **members)


@pytest.mark.parametrize(
    ("arrange", "words"),
    [
        (created, "it is created: the customer has not connected yet"),
        (in_flow, "it is in its flow"),
        (offered, "it is offered to a user"),
        (handed_on, "it is ended"),
        (ended, "it is ended"),
    ],
)
def test_only_a_chat_with_an_agent_is_handed_on(
    threadline_server: Threadline, arrange: Callable[[Threadline], str], words: str
) -> None:
    with refused(INVALID, words):
        transfer(threadline_server, arrange(threadline_server), QueueId=threadline_server.queue_id)


@pytest.mark.parametrize("what", ["UserId", "QueueId", "ContactId", "InstanceId"])
def test_a_transfer_without_exactly_one_target_is_refused(threadline_server: Threadline, what: str) -> None:
    ids = {"InstanceId": threadline_server.instance_id, "ContactId": with_agent(threadline_server)}
    target = {} if what == "UserId" else {"QueueId": threadline_server.queue_id}
    with refused(NOT_FOUND, f"{what.removesuffix('Id')} not found: nobody"):
        threadline_server.threadline.transfer_chat(**ids | target | {what: "nobody"})


def test_a_transfer_that_is_repeated_is_one_transfer(threadline_server: Threadline) -> None:
    contact_id = with_agent(threadline_server)
    first = transfer(threadline_server, contact_id, QueueId=threadline_server.queue_id, ClientToken="t")
    again = transfer(threadline_server, contact_id, QueueId=threadline_server.queue_id, ClientToken="t")
    assert first == again
    with refused(("IdempotencyException", 409), "ClientToken was used with different parameters"):
        transfer(threadline_server, contact_id, UserId=threadline_server.agents["a1"], ClientToken="t")


def full_chain(server: Threadline) -> tuple[Customer, str]:
    """A chat with an agent in the last contact that it may have."""
    casey = server.customer()
    contact_id = casey.contact_id
    for number in range(1, CONTACTS_PER_CHAIN_MAX):
        accept(server, contact_id, "a1" if number % 2 else "a2")
        contact_id = transfer(server, contact_id, QueueId=server.queue_id)
    accept(server, contact_id)
    return casey, contact_id


def test_a_chat_has_twelve_contacts_at_most(threadline_server: Threadline) -> None:
    casey, contact_id = full_chain(threadline_server)
    before = casey.history()
    with refused(("ServiceQuotaExceededException", 402), "A chat has at most 12 contacts"):
        transfer(threadline_server, contact_id, QueueId=threadline_server.queue_id)
    assert casey.history() == before, "a refused transfer changes nothing"
    described = threadline_server.connect.describe_contact(
        InstanceId=threadline_server.instance_id, ContactId=contact_id
    )["Contact"]
    assert "DisconnectTimestamp" not in described


def test_after_the_last_contact_there_is_no_survey(threadline_server: Threadline) -> None:
    casey, contact_id = full_chain(threadline_server)
    threadline_server.agent("a1").accept(contact_id).leave()
    casey.see_event("chat.ended")
    described = threadline_server.connect.describe_contact(
        InstanceId=threadline_server.instance_id, ContactId=contact_id
    )["Contact"]
    assert described["DisconnectReason"] == "AGENT_DISCONNECT"


def test_an_agent_who_accepts_again_is_another_participant(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    first = threadline_server.agent("a1").accept(casey)
    second = threadline_server.agent("a1").accept(first.transfer(threadline_server.agent("a1")))
    assert second.participant_id != first.participant_id
    assert second.user_id == first.user_id
    second.say("It is me again.")
    assert casey.see("It is me again.")["ParticipantId"] == second.participant_id
    with refused(("AccessDeniedException", 403), "the participant has left the chat"):
        first.say("And I?")


def test_a_transfer_is_an_item_and_the_end_that_its_agent_gets_is_none(threadline_server: Threadline) -> None:
    contact_id = handed_on(threadline_server)
    explained = answer(
        threadline_server.threadline.describe_lineage(
            InstanceId=threadline_server.instance_id, ContactId=contact_id
        )
    )["Contacts"]
    assert explained[-1]["ItemCount"] == 4, "Casey and Robin joined, Robin transferred and left"
