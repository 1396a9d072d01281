"""The flows that every instance is born with, under the names that they have on Amazon Connect."""

from typing import Any

import pytest

from tests.operations.admin_calls import fresh
from tests.operations.refusals import refused
from threadline.flows.defaults import DEFAULT_FLOWS, DefaultFlow
from threadline.flows.language import parse
from threadline.testing import Threadline


def found(server: Threadline, name: str) -> str:
    """The id of the flow of this name."""
    named = {"StringCondition": {"FieldName": "name", "Value": name, "ComparisonType": "EXACT"}}
    reply = server.connect.search_contact_flows(InstanceId=server.instance_id, SearchCriteria=named)
    [flow] = reply["ContactFlows"]
    return str(flow["Id"])


@pytest.mark.parametrize("flow", DEFAULT_FLOWS, ids=[flow.name for flow in DEFAULT_FLOWS])
def test_default_flows_are_in_order(flow: DefaultFlow) -> None:
    assert parse(flow.content, flow.type).actions


def test_a_new_instance_has_the_default_flows(threadline: Threadline) -> None:
    connect = threadline.connect
    made = connect.create_instance(
        IdentityManagementType="CONNECT_MANAGED",
        InstanceAlias=fresh("born").replace(" ", "-"),
        InboundCallsEnabled=False,
        OutboundCallsEnabled=False,
    )
    reply = connect.search_contact_flows(InstanceId=made["Id"])
    flows = {flow["Name"]: flow for flow in reply["ContactFlows"]}
    assert {name: flow["Type"] for name, flow in flows.items()} == {f.name: f.type for f in DEFAULT_FLOWS}
    queue = flows["Default customer queue"]
    with refused(("DuplicateResourceException", 409), "Default customer queue"):
        connect.create_contact_flow(
            InstanceId=made["Id"], Name=queue["Name"], Type=queue["Type"], Content=queue["Content"]
        )


@pytest.mark.parametrize(
    ("name", "said"),
    [("Default queue transfer", "Now transferring."), ("Default agent transfer", "Transferring now.")],
)
def test_a_quick_connect_with_a_default_flow_transfers(threadline: Threadline, name: str, said: str) -> None:
    flow = found(threadline, name)
    config: dict[str, Any] = (
        {"QuickConnectType": "QUEUE", "QueueConfig": {"QueueId": threadline.queue_id, "ContactFlowId": flow}}
        if "queue" in name
        else {
            "QuickConnectType": "USER",
            "UserConfig": {"UserId": threadline.agents["a2"], "ContactFlowId": flow},
        }
    )
    made = threadline.connect.create_quick_connect(
        InstanceId=threadline.instance_id, Name="there", QuickConnectConfig=config
    )
    casey = threadline.customer()
    contact_id = threadline.agent("a1").accept(casey).transfer(quick_connect_id=made["QuickConnectId"])
    assert casey.see(Type="MESSAGE", ParticipantRole="SYSTEM")["Content"] == said
    after = threadline.agent("a2").accept(contact_id)
    after.say("What can I do?")
    assert casey.see(ParticipantRole="AGENT", Type="MESSAGE")["Content"] == "What can I do?"
