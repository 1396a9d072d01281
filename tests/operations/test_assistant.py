"""StartAssistantContact: a chat with an AI agent that a flow plays, and that continues a past chat like any other."""

from contextlib import ExitStack
from typing import Any

import pytest

from tests.flows.flows import content, say
from tests.operations.assisted import AssistedCustomer
from tests.operations.refusals import INVALID, NOT_FOUND, refused
from tests.operations.test_policies import had
from threadline.testing import Threadline

pytestmark = pytest.mark.model_has("connect.StartAssistantContactRequest.PersistentChat")
UNKNOWN = "01a203c5-0000-7000-8000-000000000000"


def agent_flow(server: Threadline, name: str) -> str:
    """A flow that greets and says goodbye."""
    flow = server.connect.create_contact_flow(
        InstanceId=server.instance_id, Name=name, Type="CONTACT_FLOW",
        Content=content(start=say("I am your assistant.")),
    )  # fmt: skip
    return str(flow["ContactFlowId"])


def described(server: Threadline, contact_id: str) -> dict[str, Any]:
    contact: Any = server.connect.describe_contact(InstanceId=server.instance_id, ContactId=contact_id)
    return dict(contact["Contact"])


def from_segment(contact_id: str) -> dict[str, str]:
    return {"RehydrationType": "FROM_SEGMENT", "SourceContactId": contact_id}


def test_a_flow_plays_the_ai_agent(threadline_server: Threadline) -> None:
    flow_id = agent_flow(threadline_server, "a flow as assistant")
    arn = f"arn:aws:wisdom:us-east-1:123456789012:ai-agent/{UNKNOWN}/{flow_id}:$LATEST"
    for agent_id in (flow_id, f"{flow_id}:$LATEST", arn):
        casey = AssistedCustomer(
            threadline_server, agent_id, InitialMessage={"ContentType": "text/plain", "Content": "Hello?"},
            Attributes={"from": "web"},
        )  # fmt: skip
        casey.connect()
        casey.see("I am your assistant.")
        page = threadline_server.threadline.get_contact_transcript(
            InstanceId=threadline_server.instance_id, ContactId=casey.contact_id, SortOrder="ASCENDING"
        )
        assert page["Transcript"][0]["Content"] == "Hello?"
        contact = described(threadline_server, casey.contact_id)
        assert contact["Attributes"] == {"from": "web"}
        assert contact["WisdomInfo"]["AiAgents"] == [
            {"AiUseCase": "SelfService", "AiAgentVersionId": f"{flow_id}:$LATEST", "AiAgentEscalated": False}
        ]


def test_an_ai_agent_that_no_flow_plays(threadline_server: Threadline) -> None:
    for agent_id in (UNKNOWN, f"{threadline_server.contact_flow_id}:77"):
        with refused(NOT_FOUND, "An AI agent is a flow here"):
            AssistedCustomer(threadline_server, agent_id)


def test_an_escalated_chat_is_found_by_its_ai_agent(threadline: Threadline) -> None:
    agent_id = threadline.contact_flow_id
    alone, escalated = AssistedCustomer(threadline), AssistedCustomer(threadline)
    threadline.customer()
    escalated.connect()
    threadline.agent("a1").accept(escalated)

    def found(**criterion: Any) -> set[str]:
        reply = threadline.connect.search_contacts(
            InstanceId=threadline.instance_id,
            TimeRange={"Type": "INITIATION_TIMESTAMP", "StartTime": 0, "EndTime": 4_000_000_000},
            SearchCriteria={"AiAgents": {"Criteria": [criterion]}},
        )
        for contact in reply["Contacts"]:
            (info,) = contact["AiAgentInfo"]
            assert info["AiAgentVersionId"].startswith(agent_id)
        return {contact["Id"] for contact in reply["Contacts"]}

    both = {alone.contact_id, escalated.contact_id}
    assert found(Id=agent_id) == found(AiUseCase="SelfService") == both
    assert found(Id=agent_id, AiAgentEscalated=True) == {escalated.contact_id}
    assert found(AiAgentEscalated=False) == {alone.contact_id}
    assert found(Id=UNKNOWN) == found(AiUseCase="AgentAssistance") == set()


def test_a_past_that_cannot_be_continued(threadline_server: Threadline) -> None:
    running = threadline_server.customer()
    past = threadline_server.past_chat()
    cases: list[tuple[tuple[str, int], str, dict[str, Any]]] = [
        (NOT_FOUND, "Source contact not found", {"PersistentChat": from_segment(UNKNOWN)}),
        (INVALID, "has not ended", {"PersistentChat": from_segment(running.contact_id)}),
        (
            INVALID,
            "must be the initial contact",
            {"PersistentChat": {"RehydrationType": "ENTIRE_PAST_SESSION", "SourceContactId": past.c2}},
        ),
        (
            INVALID,
            "cannot both be provided",
            {"PersistentChat": from_segment(past.c1), "RelatedContactId": past.c1},
        ),
        (NOT_FOUND, "Related contact not found", {"RelatedContactId": UNKNOWN}),
    ]
    for code, words, members in cases:
        with refused(code, words):
            AssistedCustomer(threadline_server, **members)


@pytest.mark.parametrize(("rule", "customer", "is_refused"), [
    ("off", "a", False), ("differ", "a", False), ("known", "a", True), ("known", None, True),
])  # fmt: skip
def test_the_rule_for_customers_is_that_of_the_other_operations(
    rule: Any, customer: str | None, is_refused: bool
) -> None:
    """The request has no CustomerId, so the chat is one of an unknown customer."""
    with Threadline(require_same_customer=rule) as server:
        source = had(server, **({"CustomerId": customer} if customer else {}))
        with refused(INVALID, "current chat has no CustomerId") if is_refused else ExitStack():
            assert AssistedCustomer(server, PersistentChat=from_segment(source)).continued_from == source


def test_a_repeated_client_token_starts_one_chat(threadline_server: Threadline) -> None:
    first, second = (AssistedCustomer(threadline_server, ClientToken="once" * 9) for _ in range(2))
    assert first.contact_id == second.contact_id
    assert first.participant_token == second.participant_token
