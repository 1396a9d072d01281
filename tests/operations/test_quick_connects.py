"""Quick connects: kept, associated with queues, and used to transfer a chat through their flow."""

from typing import Any

import pytest

from tests.flows.flows import do, say
from tests.operations.admin_calls import create_queue, fresh
from tests.operations.quick_connect_calls import (
    PHONE,
    create_quick_connect,
    to_queue,
    to_user,
    transfer_flow,
)
from tests.operations.refusals import INVALID, NOT_FOUND, refused
from threadline.testing import Agent, Customer, Threadline, Workspace

DUPLICATE = ("DuplicateResourceException", 409)


def described(server: Workspace, quick_connect_id: str) -> dict[str, Any]:
    reply = server.connect.describe_quick_connect(
        InstanceId=server.instance_id, QuickConnectId=quick_connect_id
    )
    found: dict[str, Any] = reply["QuickConnect"]
    return found


def contact_of(server: Workspace, contact_id: str) -> dict[str, Any]:
    reply = server.connect.describe_contact(InstanceId=server.instance_id, ContactId=contact_id)
    contact: dict[str, Any] = reply["Contact"]
    return contact


def chat(server: Workspace) -> tuple[Customer, Agent]:
    casey = server.customer()
    return casey, server.agent("a1").accept(casey)


def test_a_quick_connect_is_created_described_changed_and_deleted(threadline_server: Threadline) -> None:
    server = threadline_server
    name = fresh("Returns")
    config = to_queue(server)
    quick_id = create_quick_connect(
        server, name, Description="Parcels", QuickConnectConfig=config, Tags={"a": "b"}
    )
    found = described(server, quick_id)
    assert found.pop("LastModifiedTime")
    assert found == {
        "QuickConnectARN": found["QuickConnectARN"],
        "QuickConnectId": quick_id,
        "Name": name,
        "Description": "Parcels",
        "QuickConnectConfig": config,
        "Tags": {"a": "b"},
        "LastModifiedRegion": "us-east-1",
    }
    assert f"/transfer-destination/{quick_id}" in found["QuickConnectARN"]
    of = {"InstanceId": server.instance_id, "QuickConnectId": found["QuickConnectARN"]}
    server.connect.update_quick_connect_config(**of, QuickConnectConfig=PHONE)
    server.connect.update_quick_connect_name(**of, Name=f"{name} 2")
    after = described(server, quick_id)
    assert (after["Name"], after["QuickConnectConfig"]) == (f"{name} 2", PHONE)
    listed = server.connect.list_quick_connects(
        InstanceId=server.instance_id, QuickConnectTypes=["PHONE_NUMBER"]
    )["QuickConnectSummaryList"]
    assert [each["QuickConnectType"] for each in listed if each["Id"] == quick_id] == ["PHONE_NUMBER"]
    named = {"StringCondition": {"FieldName": "name", "Value": name, "ComparisonType": "STARTS_WITH"}}
    search = server.connect.search_quick_connects(InstanceId=server.instance_id, SearchCriteria=named)
    assert [each["QuickConnectId"] for each in search["QuickConnects"]] == [quick_id]
    server.connect.delete_quick_connect(**of)
    with refused(NOT_FOUND, "Quick connect not found"):
        described(server, quick_id)


def test_a_quick_connect_names_what_exists(threadline_server: Threadline) -> None:
    server = threadline_server
    name = fresh("once")
    quick_id = create_quick_connect(server, name)
    with refused(DUPLICATE, name):
        create_quick_connect(server, name)
    other = create_quick_connect(server)
    with refused(INVALID, "exists already"):
        server.connect.update_quick_connect_name(
            InstanceId=server.instance_id, QuickConnectId=other, Name=name
        )
    with refused(INVALID, "needs UserConfig"):
        create_quick_connect(server, QuickConnectConfig={"QuickConnectType": "USER"})
    with refused(NOT_FOUND, "Queue not found"):
        create_quick_connect(server, QuickConnectConfig=to_queue(server, "no-queue"))
    with refused(NOT_FOUND, "flow not found"):
        create_quick_connect(server, QuickConnectConfig=to_queue(server, flow_id="no-flow"))
    agents_flow = transfer_flow(server, "AGENT_TRANSFER")
    with refused(INVALID, "is of type AGENT_TRANSFER"):
        create_quick_connect(server, QuickConnectConfig=to_queue(server, flow_id=agents_flow))
    assert described(server, quick_id)["QuickConnectConfig"] == PHONE


def test_a_queue_has_quick_connects(threadline_server: Threadline) -> None:
    server = threadline_server
    first, second = create_quick_connect(server), create_quick_connect(server)
    queue_id = create_queue(server, QuickConnectIds=[first])["QueueId"]
    of = {"InstanceId": server.instance_id, "QueueId": queue_id}

    def of_queue() -> list[str]:
        listed = server.connect.list_queue_quick_connects(**of)["QuickConnectSummaryList"]
        return [each["Id"] for each in listed]

    server.connect.associate_queue_quick_connects(**of, QuickConnectIds=[second, first])
    assert of_queue() == [first, second]
    server.connect.disassociate_queue_quick_connects(**of, QuickConnectIds=[first, "none"])
    assert of_queue() == [second]
    server.connect.delete_quick_connect(InstanceId=server.instance_id, QuickConnectId=second)
    assert of_queue() == []
    with refused(NOT_FOUND, "Quick connect not found"):
        server.connect.associate_queue_quick_connects(**of, QuickConnectIds=[second])


def test_a_transfer_by_a_quick_connect_queues_the_chat_by_its_flow(threadline_server: Threadline) -> None:
    server = threadline_server
    queue_id = create_queue(server)["QueueId"]
    flow_id = transfer_flow(
        server,
        say=say("Now transferring.", "go"),
        go=do("TransferContactToQueue", {}, None, QueueAtCapacity="end", NoMatchingError="end"),
    )
    name = fresh("desk")
    quick_id = create_quick_connect(server, name, QuickConnectConfig=to_queue(server, queue_id, flow_id))
    casey, agent = chat(server)
    following = agent.transfer(quick_connect_id=quick_id)
    assert casey.see("Now transferring.")["ContactId"] == following
    contact = contact_of(server, following)
    assert (contact["InitiationMethod"], contact["QueueInfo"]["Id"]) == ("TRANSFER", queue_id)
    [next_contact] = contact_of(server, casey.contact_id)["NextContacts"]
    data = next_contact["NextContactMetadata"]["QuickConnectContactData"]
    assert data.pop("InitiationTimestamp")
    assert data == {
        "ContactId": following,
        "QuickConnectId": quick_id,
        "QuickConnectName": name,
        "QuickConnectType": "QUEUE",
    }
    server.agent("a2").accept(following).say("Hello again")
    casey.see("Hello again")


@pytest.mark.parametrize("to", ["TransferContactToAgent", "TransferContactToQueue"])
def test_a_quick_connect_of_a_user_offers_the_chat_to_them_alone(
    threadline_server: Threadline, to: str
) -> None:
    server = threadline_server
    flow_id = transfer_flow(
        server, "AGENT_TRANSFER", go=do(to, {}, None, QueueAtCapacity="end", NoMatchingError="end")
    )
    quick_id = create_quick_connect(server, QuickConnectConfig=to_user(server, "a2", flow_id))
    casey, agent = chat(server)
    following = agent.transfer(quick_connect_id=quick_id)
    with refused(INVALID, "it is offered to user"):
        server.agent("a1").take(following)
    server.agent("a2").accept(following).say("Robin here")
    casey.see("Robin here")


def test_a_quick_connect_of_a_flow_runs_it(threadline_server: Threadline) -> None:
    server = threadline_server
    flow_id = transfer_flow(server, say=say("Goodbye from the flow"))
    config = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": flow_id}}
    quick_id = create_quick_connect(server, QuickConnectConfig=config)
    casey, agent = chat(server)
    following = agent.transfer(quick_connect_id=quick_id)
    casey.see("Goodbye from the flow")
    assert contact_of(server, following)["DisconnectReason"] == "CONTACT_FLOW_DISCONNECT"


def test_a_transfer_that_cannot_be_leaves_the_chat_with_its_agent(threadline_server: Threadline) -> None:
    server = threadline_server
    casey, agent = chat(server)
    phone = create_quick_connect(server)
    of = {"InstanceId": server.instance_id, "ContactId": casey.contact_id}
    with refused(INVALID, "phone number"):
        agent.transfer(quick_connect_id=phone)
    with refused(NOT_FOUND, "Quick connect not found"):
        agent.transfer(quick_connect_id="none")
    with refused(INVALID, "Give one of"):
        server.threadline.transfer_chat(**of, QuickConnectId=phone, QueueId=server.queue_id)
    gone = create_queue(server)["QueueId"]
    quick_id = create_quick_connect(server, QuickConnectConfig=to_queue(server, gone))
    server.connect.delete_queue(InstanceId=server.instance_id, QueueId=gone)
    with refused(NOT_FOUND, "Queue not found"):
        agent.transfer(quick_connect_id=quick_id)
    agent.say("Still here")
    casey.see("Still here")
