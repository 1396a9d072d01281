"""The resources that flows name by fixed ids: checked by setting when a flow is published."""

import pytest
from botocore.exceptions import ClientError

from tests.flows.flows import Document, content, do
from threadline.testing import Threadline

NOWHERE = "00000000-0000-4000-8000-000000000000"


def created(server: Threadline, name: str, **actions: Document) -> str:
    reply = server.connect.create_contact_flow(
        InstanceId=server.instance_id, Name=name, Type="CONTACT_FLOW", Content=content(**actions)
    )
    flow_id: str = reply["ContactFlowId"]
    return flow_id


def test_a_flow_that_names_what_is_not_there_is_refused_by_setting() -> None:
    with Threadline(check_flow_resources=True) as server:
        with pytest.raises(ClientError) as refused:
            created(
                server,
                "Wrong",
                queue=do("UpdateContactTargetQueue", {"QueueId": NOWHERE}, "agent"),
                agent=do("UpdateContactTargetQueue", {"AgentId": NOWHERE}, "hook"),
                hook=do("UpdateContactEventHooks", {"EventHooks": {"CustomerQueue": NOWHERE}}, "module"),
                module=do("InvokeFlowModule", {"FlowModuleId": NOWHERE}, "flow", NoMatchingError="end"),
                flow=do("TransferToFlow", {"ContactFlowId": NOWHERE}, None, NoMatchingError="end"),
            )
        assert refused.value.response["Error"]["Code"] == "InvalidContactFlowException"
        assert [problem["message"] for problem in refused.value.response["problems"]] == [
            f"Action 'queue' (UpdateContactTargetQueue): parameter QueueId: Queue not found: {NOWHERE}.",
            f"Action 'agent' (UpdateContactTargetQueue): parameter AgentId: User not found: {NOWHERE}.",
            f"Action 'hook' (UpdateContactEventHooks): parameter EventHooks: Contact flow not found: {NOWHERE}.",
            f"Action 'module' (InvokeFlowModule): parameter FlowModuleId: Flow module not found: {NOWHERE}.",
            f"Action 'flow' (TransferToFlow): parameter ContactFlowId: Contact flow not found: {NOWHERE}.",
        ]
        created(
            server,
            "Right",
            queue=do("UpdateContactTargetQueue", {"QueueId": server.queue_id}, "agent"),
            agent=do("UpdateContactTargetQueue", {"AgentId": "$.Attributes.agent"}, "flow"),
            flow=do("TransferToFlow", {"ContactFlowId": server.survey_flow_id}, None, NoMatchingError="end"),
        )


def test_without_the_setting_such_a_flow_is_taken(threadline: Threadline) -> None:
    assert created(threadline, "Any", queue=do("UpdateContactTargetQueue", {"QueueId": NOWHERE}, "end"))
