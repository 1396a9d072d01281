"""The resources of an instance: flows created, read and replaced; queues and users described and listed."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.flows.flows import END, content, say
from tests.operations.admin_calls import ADMIN_CALLS, hours_of
from tests.operations.assisted import ASSISTED_CALLS
from tests.operations.flow_calls import FLOW_CALLS
from tests.operations.forgetting_calls import FORGETTING_CALLS
from tests.operations.hours_calls import HOURS_CALLS
from tests.operations.import_calls import IMPORT_CALLS
from tests.operations.quick_connect_calls import QUICK_CONNECT_CALLS
from tests.operations.refusals import DENIED, INVALID, NOT_FOUND, PARAMETER, answer, refused
from tests.operations.setup_calls import SETUP_CALLS
from tests.operations.stream_calls import STREAM_CALLS
from tests.operations.test_contacts import EVER
from tests.operations.view_calls import VIEW_CALLS
from threadline.aws.model import load
from threadline.chat.hours import DAYS
from threadline.flows.defaults import DEFAULT_FLOWS
from threadline.operations.registry import OPERATIONS
from threadline.testing import Threadline, Workspace

UNKNOWN = "01a203c5-0000-7000-8000-000000000000"


def says(text: str) -> str:
    return content(start=say(text))


def create(server: Workspace, name: str, text: str = "Hello", **members: Any) -> dict[str, Any]:
    arguments = {"Name": name, "Type": "CONTACT_FLOW", "Content": says(text)} | members
    return answer(server.connect.create_contact_flow(InstanceId=server.instance_id, **arguments))


def describe(server: Workspace, flow_id: str) -> dict[str, Any]:
    reply = server.connect.describe_contact_flow(InstanceId=server.instance_id, ContactFlowId=flow_id)
    flow: dict[str, Any] = reply["ContactFlow"]
    return flow


def arn_of(server: Workspace) -> str:
    return str(server.connect.describe_instance(InstanceId=server.instance_id)["Instance"]["Arn"])


@pytest.fixture(scope="module")
def other(threadline_server: Threadline) -> Workspace:
    """A workspace of another account."""
    return threadline_server.another_account()


# Flows


def test_a_described_flow_is_the_created_one(threadline_server: Threadline) -> None:
    written = says("Hällo 😀")
    reply = create(
        threadline_server, "whole", Content=written, Description="All of it", Tags={"team": "blue"}
    )
    assert reply == {
        "ContactFlowId": reply["ContactFlowId"],
        "ContactFlowArn": f"{arn_of(threadline_server)}/contact-flow/{reply['ContactFlowId']}",
        "FlowContentSha256": hashlib.sha256(written.encode()).hexdigest(),
    }
    flow = describe(threadline_server, reply["ContactFlowId"])
    assert flow.pop("LastModifiedTime")
    assert flow == {
        "Arn": reply["ContactFlowArn"],
        "Id": reply["ContactFlowId"],
        "Name": "whole",
        "Type": "CONTACT_FLOW",
        "State": "ACTIVE",
        "Status": "PUBLISHED",
        "Description": "All of it",
        "Content": written,
        "Tags": {"team": "blue"},
        "FlowContentSha256": reply["FlowContentSha256"],
        "LastModifiedRegion": "us-east-1",
    }


def test_a_flow_goes_by_its_arn_too(threadline_server: Threadline) -> None:
    arn = create(threadline_server, "by arn")["ContactFlowArn"]
    assert describe(threadline_server, arn)["Arn"] == arn


def test_a_flow_that_was_never_published_goes_by_its_saved_content(threadline_server: Threadline) -> None:
    reply = create(threadline_server, "draft", "Hello", Status="SAVED")
    assert reply.keys() == {"ContactFlowId", "ContactFlowArn"}, "a hash is of published content"
    for name in (reply["ContactFlowId"], reply["ContactFlowArn"], f"{reply['ContactFlowId']}:$LATEST"):
        with refused(("ContactFlowNotPublishedException", 404), "is saved but not published"):
            describe(threadline_server, name)
    for name in (f"{reply['ContactFlowId']}:$SAVED", f"{reply['ContactFlowArn']}:$SAVED"):
        flow = describe(threadline_server, name)
        assert (flow["Id"], flow["Status"]) == (reply["ContactFlowId"], "SAVED")
        assert flow["Content"] == says("Hello")
        assert "FlowContentSha256" not in flow


@pytest.mark.parametrize("qualifier", ["$NEWEST", "1", "$saved", "$SAVED:$SAVED", "x"])
def test_a_flow_with_a_qualifier_that_is_none(threadline_server: Threadline, qualifier: str) -> None:
    flow_id = threadline_server.contact_flow_id
    with refused(NOT_FOUND, f"Contact flow not found: {flow_id}:{qualifier}"):
        describe(threadline_server, f"{flow_id}:{qualifier}")


def test_a_name_is_taken_once(threadline_server: Threadline, other: Workspace) -> None:
    create(threadline_server, "taken")
    with refused(("DuplicateResourceException", 409), "Contact flow 'taken' exists already"):
        create(threadline_server, "taken")
    assert create(other, "taken")["ContactFlowId"], "once in an instance"


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("no JSON", "JSON"),
        ("[]", "object"),
        ("{}", "Version"),
        (content(start=say("x", then="nowhere")), "nowhere"),
        (content(start={**END, "Type": "Dance"}), "Dance"),
    ],
)
def test_a_flow_that_could_not_run_is_refused_with_its_problems(
    threadline_server: Threadline, written: str, problem: str
) -> None:
    with refused(("InvalidContactFlowException", 400)) as response:
        create(threadline_server, "never", Content=written)
    assert any(problem in entry["message"] for entry in response["problems"]), response["problems"]
    flow_id = create(threadline_server, f"good until {problem}")["ContactFlowId"]
    before = describe(threadline_server, flow_id)
    with refused(("InvalidContactFlowException", 400)) as response:
        threadline_server.connect.update_contact_flow_content(
            InstanceId=threadline_server.instance_id, ContactFlowId=flow_id, Content=written
        )
    assert response["problems"]
    assert describe(threadline_server, flow_id) == before


def test_all_problems_are_listed_at_once(threadline_server: Threadline) -> None:
    broken = {
        "Version": "2019-10-30",
        "StartAction": "a",
        "Actions": [{**END, "Identifier": "b", "Type": "Dance"}],
    }
    with refused(("InvalidContactFlowException", 400)) as response:
        create(threadline_server, "never", Content=json.dumps(broken))
    assert len(response["problems"]) >= 2


def test_new_content_is_for_the_chats_that_come(threadline_server: Threadline) -> None:
    flow_id = create(threadline_server, "changing", "Hello")["ContactFlowId"]
    assert threadline_server.customer(ContactFlowId=flow_id).see("Hello")
    reply = threadline_server.connect.update_contact_flow_content(
        InstanceId=threadline_server.instance_id, ContactFlowId=flow_id, Content=says("Good morning")
    )
    assert answer(reply) == {}
    assert threadline_server.customer(ContactFlowId=flow_id).see("Good morning")
    flow = describe(threadline_server, flow_id)
    assert flow["FlowContentSha256"] == hashlib.sha256(says("Good morning").encode()).hexdigest()


def test_a_flow_that_is_not_there(threadline_server: Threadline, other: Workspace) -> None:
    theirs = other.contact_flow_id
    for flow_id in (UNKNOWN, theirs):
        with refused(NOT_FOUND, f"Contact flow not found: {flow_id}"):
            describe(threadline_server, flow_id)
        with refused(NOT_FOUND, f"Contact flow not found: {flow_id}"):
            threadline_server.connect.update_contact_flow_content(
                InstanceId=threadline_server.instance_id, ContactFlowId=flow_id, Content=says("x")
            )


@pytest.mark.parametrize("members", [{"Type": "DANCE"}, {"Status": "DRAFT"}])
def test_a_flow_with_members_that_will_not_do(threadline_server: Threadline, members: dict[str, str]) -> None:
    with refused(PARAMETER):
        create(threadline_server, "odd", **members)


# Lists


def pages(call: Callable[..., Any], member: str, size: int | None, **arguments: Any) -> list[list[Any]]:
    found: list[list[Any]] = []
    if size:
        arguments["MaxResults"] = size
    while True:
        reply = call(**arguments)
        found.append(reply[member])
        if "NextToken" not in reply:
            return found
        assert len(reply[member]) == size
        arguments["NextToken"] = reply["NextToken"]


@pytest.fixture(scope="module")
def flows(threadline_server: Threadline) -> tuple[Workspace, list[str]]:
    """A workspace of its own with 18 flows, by name: eight that every instance has, three of the demo, seven more."""
    workspace = threadline_server.another_account()
    names = [*(flow.name for flow in DEFAULT_FLOWS), "Demo survey", "Demo inbound", "Demo returning"]
    for number in range(7):
        kind = "CUSTOMER_QUEUE" if number % 2 else "CONTACT_FLOW"
        leave = {"Identifier": "start", "Type": "EndFlowExecution", "Parameters": {}, "Transitions": {}}
        end = {**leave, "Type": "DisconnectParticipant"} if kind == "CONTACT_FLOW" else leave
        written = json.dumps({"Version": "2019-10-30", "StartAction": "start", "Actions": [end]})
        create(workspace, f"flow {number}", Content=written, Type=kind, Status="SAVED")
        names.append(f"flow {number}")
    return workspace, names


@pytest.mark.parametrize("size", [None, 1, 2, 3, 17, 18, 19])
def test_flows_are_listed_in_pages_of_every_size(
    flows: tuple[Workspace, list[str]], size: int | None
) -> None:
    workspace, names = flows
    found = pages(
        workspace.connect.list_contact_flows,
        "ContactFlowSummaryList",
        size,
        InstanceId=workspace.instance_id,
    )
    summaries = [summary for page in found for summary in page]
    assert sorted(summary["Name"] for summary in summaries) == sorted(names)
    assert len(found) == -(-18 // (size or 100))
    for summary in summaries:
        saved = ":$SAVED" if summary["ContactFlowStatus"] == "SAVED" else ""
        flow = describe(workspace, summary["Id"] + saved)
        assert summary == {
            "Id": flow["Id"],
            "Arn": flow["Arn"],
            "Name": flow["Name"],
            "ContactFlowType": flow["Type"],
            "ContactFlowState": "ACTIVE",
            "ContactFlowStatus": flow["Status"],
        }


@pytest.mark.parametrize("size", [None, 1, 2, 3, 4])
def test_flows_are_listed_by_type(flows: tuple[Workspace, list[str]], size: int | None) -> None:
    workspace, _ = flows

    def named(*types: str) -> set[str]:
        found = pages(
            workspace.connect.list_contact_flows,
            "ContactFlowSummaryList",
            size,
            InstanceId=workspace.instance_id,
            ContactFlowTypes=list(types),
        )
        names = [summary["Name"] for page in found for summary in page]
        assert len(names) == len(set(names))
        return set(names)

    assert named("CUSTOMER_QUEUE") == {"Default customer queue", "flow 1", "flow 3", "flow 5"}
    assert len(named("CUSTOMER_QUEUE", "CONTACT_FLOW")) == 11
    assert named("CAMPAIGN") == set()


def test_queues(threadline: Threadline) -> None:
    connect, instance = threadline.connect, threadline.instance_id
    [summary] = connect.list_queues(InstanceId=instance)["QueueSummaryList"]
    arn = f"{arn_of(threadline)}/queue/{threadline.queue_id}"
    assert summary.pop("LastModifiedTime")
    assert summary == {
        "Id": threadline.queue_id,
        "Arn": arn,
        "Name": "Support",
        "QueueType": "STANDARD",
        "LastModifiedRegion": "us-east-1",
    }
    for name in (threadline.queue_id, arn):
        queue = connect.describe_queue(InstanceId=instance, QueueId=name)["Queue"]
        assert (queue["QueueId"], queue["QueueArn"], queue["Name"]) == (summary["Id"], arn, "Support")
        assert "MaxContacts" not in queue, "it has no maximum"
    for types, count in ((["STANDARD"], 1), (["AGENT"], 0), (["AGENT", "STANDARD"], 1)):
        assert len(connect.list_queues(InstanceId=instance, QueueTypes=types)["QueueSummaryList"]) == count
    after = connect.list_queues(InstanceId=instance, NextToken=threadline.queue_id)
    assert after["QueueSummaryList"] == []


def test_a_queue_has_the_hours_of_operation_of_its_instance(threadline: Threadline) -> None:
    connect, instance = threadline.connect, threadline.instance_id
    [summary] = connect.list_hours_of_operations(InstanceId=instance)["HoursOfOperationSummaryList"]
    queue = connect.describe_queue(InstanceId=instance, QueueId=threadline.queue_id)["Queue"]
    assert queue["HoursOfOperationId"] == summary["Id"]
    for name in (summary["Id"], summary["Arn"]):
        reply = connect.describe_hours_of_operation(InstanceId=instance, HoursOfOperationId=name)
        hours = reply["HoursOfOperation"]
        assert hours["HoursOfOperationId"] == summary["Id"]
        assert hours["HoursOfOperationArn"] == summary["Arn"]
        assert (hours["Name"], hours["TimeZone"]) == (summary["Name"], "UTC") == ("Basic Hours", "UTC")
        assert {
            (entry["Day"], *entry["StartTime"].values(), *entry["EndTime"].values())
            for entry in hours["Config"]
        } == {(day, 0, 0, 0, 0) for day in DAYS}
    after = connect.list_hours_of_operations(InstanceId=instance, NextToken=summary["Id"])
    assert after["HoursOfOperationSummaryList"] == []


def test_users(threadline: Threadline) -> None:
    connect, instance = threadline.connect, threadline.instance_id
    for size in (None, 1, 2):
        found = pages(connect.list_users, "UserSummaryList", size, InstanceId=instance)
        assert {u["Username"]: u["Id"] for page in found for u in page} == threadline.agents
    user_id = threadline.agents["a1"]
    arn = f"{arn_of(threadline)}/agent/{user_id}"
    for name in (user_id, arn):
        user = connect.describe_user(InstanceId=instance, UserId=name)["User"]
        assert (user["Id"], user["Arn"], user["Username"]) == (user_id, arn, "a1")
        assert user["IdentityInfo"] == {"FirstName": "Alex", "LastName": "Morgan"}
        assert user["PhoneConfig"] == {"PhoneType": "SOFT_PHONE", "AutoAccept": False}


# Every operation takes an instance by its ARN, and refuses one that is unknown or foreign

CALLS: dict[str, Callable[[Workspace, str], Any]] = {
    "CreateContactFlow": lambda w, i: w.connect.create_contact_flow(
        InstanceId=i, Name=f"in {i}", Type="CONTACT_FLOW", Content=says("x")
    ),
    "UpdateContactFlowContent": lambda w, i: w.connect.update_contact_flow_content(
        InstanceId=i, ContactFlowId=w.survey_flow_id, Content=says("x")
    ),
    "DescribeContactFlow": lambda w, i: w.connect.describe_contact_flow(
        InstanceId=i, ContactFlowId=w.contact_flow_id
    ),
    "ListContactFlows": lambda w, i: w.connect.list_contact_flows(InstanceId=i),
    "DescribeInstance": lambda w, i: w.connect.describe_instance(InstanceId=i),
    "DescribeInstanceAttribute": lambda w, i: w.connect.describe_instance_attribute(
        InstanceId=i, AttributeType="EARLY_MEDIA"
    ),
    "ListInstanceAttributes": lambda w, i: w.connect.list_instance_attributes(InstanceId=i),
    "DescribeQueue": lambda w, i: w.connect.describe_queue(InstanceId=i, QueueId=w.queue_id),
    "ListQueues": lambda w, i: w.connect.list_queues(InstanceId=i),
    "DescribeHoursOfOperation": lambda w, i: w.connect.describe_hours_of_operation(
        InstanceId=i, HoursOfOperationId=hours_of(w)
    ),
    "ListHoursOfOperations": lambda w, i: w.connect.list_hours_of_operations(InstanceId=i),
    "DescribeUser": lambda w, i: w.connect.describe_user(InstanceId=i, UserId=w.agents["a1"]),
    "ListUsers": lambda w, i: w.connect.list_users(InstanceId=i),
    "StartChatContact": lambda w, i: w.invite(InstanceId=i),
    "CreatePersistentContactAssociation": lambda w, i: w.connect.create_persistent_contact_association(
        InstanceId=i,
        InitialContactId=w.invite().contact_id,
        RehydrationType="FROM_SEGMENT",
        SourceContactId=ended(w),
    ),
    "DescribeContact": lambda w, i: w.connect.describe_contact(InstanceId=i, ContactId=ended(w)),
    "ListAssociatedContacts": lambda w, i: w.connect.list_associated_contacts(
        InstanceId=i, ContactId=ended(w)
    ),
    "SearchContacts": lambda w, i: w.connect.search_contacts(InstanceId=i, TimeRange=EVER),
    "StopContact": lambda w, i: w.connect.stop_contact(InstanceId=i, ContactId=ended(w)),
    "GetContactAttributes": lambda w, i: w.connect.get_contact_attributes(
        InstanceId=i, InitialContactId=ended(w)
    ),
    "UpdateContactAttributes": lambda w, i: w.connect.update_contact_attributes(
        InstanceId=i, InitialContactId=ended(w), Attributes={"a": "b"}
    ),
    "CreateParticipant": lambda w, i: w.connect.create_participant(
        InstanceId=i,
        ContactId=w.invite().contact_id,
        ParticipantDetails={"ParticipantRole": "CUSTOM_BOT", "DisplayName": "Bot"},
    ),
    "AcceptContact": lambda w, i: w.threadline.accept_contact(
        InstanceId=i, ContactId=w.customer().contact_id, UserId=w.agents["a1"]
    ),
    "TransferChat": lambda w, i: w.threadline.transfer_chat(
        InstanceId=i, ContactId=accepted(w), QueueId=w.queue_id
    ),
    "DescribeFlowRun": lambda w, i: w.threadline.describe_flow_run(InstanceId=i, ContactId=ended(w)),
    "DescribeLineage": lambda w, i: w.threadline.describe_lineage(InstanceId=i, ContactId=ended(w)),
    "GetContactTranscript": lambda w, i: w.threadline.get_contact_transcript(
        InstanceId=i, ContactId=ended(w)
    ),
    "CreateReadToken": lambda w, i: w.threadline.create_read_token(InstanceId=i, ContactId=ended(w)),
    "ListCustomerChats": lambda w, i: w.threadline.list_customer_chats(InstanceId=i, CustomerId="c"),
    "StartCustomerChat": lambda w, i: w.threadline.start_customer_chat(
        InstanceId=i,
        CustomerId="c",
        ContactFlowId=w.contact_flow_id,
        ParticipantDetails={"DisplayName": "Casey"},
    ),
    "UpdateContact": lambda w, i: w.connect.update_contact(InstanceId=i, ContactId=ended(w), Name="N"),
    "TagContact": lambda w, i: w.connect.tag_contact(InstanceId=i, ContactId=ended(w), Tags={"a": "b"}),
    "UntagContact": lambda w, i: w.connect.untag_contact(InstanceId=i, ContactId=ended(w), TagKeys=["a"]),
    "UpdateContactRoutingData": lambda w, i: w.connect.update_contact_routing_data(
        InstanceId=i, ContactId=w.invite().contact_id, QueuePriority=1
    ),
    "ListContactReferences": lambda w, i: w.connect.list_contact_references(
        InstanceId=i, ContactId=ended(w), ReferenceTypes=["URL"]
    ),
    "SearchTranscripts": lambda w, i: w.threadline.search_transcripts(InstanceId=i, SearchText="parcel"),
    **ADMIN_CALLS,
    **ASSISTED_CALLS,
    **HOURS_CALLS,
    **IMPORT_CALLS,
    **FLOW_CALLS,
    **QUICK_CONNECT_CALLS,
    **VIEW_CALLS,
    **SETUP_CALLS,
    **FORGETTING_CALLS,
    **STREAM_CALLS,
}


def ended(workspace: Workspace) -> str:
    casey = workspace.invite()
    workspace.connect.stop_contact(InstanceId=workspace.instance_id, ContactId=casey.contact_id)
    return casey.contact_id


def accepted(workspace: Workspace) -> str:
    casey = workspace.customer()
    workspace.agent("a2").take(casey)
    return casey.contact_id


@pytest.mark.parametrize("name", CALLS)
def test_an_instance_by_its_arn(other: Workspace, name: str) -> None:
    reply = CALLS[name](other, arn_of(other))
    assert reply


@pytest.mark.parametrize("name", CALLS)
def test_an_instance_that_is_not_there_or_not_yours(
    threadline_server: Threadline, other: Workspace, name: str
) -> None:
    for instance_id, what in (
        (UNKNOWN, NOT_FOUND),
        (f"arn:aws:connect:us-east-1:123456789012:instance/{UNKNOWN}", NOT_FOUND),
        (other.instance_id, DENIED),
        (arn_of(other), DENIED),
    ):
        with refused(what):
            CALLS[name](threadline_server, instance_id)


def test_every_operation_with_an_instance_is_tried() -> None:
    needs = set()
    for operation in OPERATIONS.values():
        service = load(operation.service)
        model = service.operations[operation.name]
        if model.input and "InstanceId" in service.shapes[model.input]["members"]:
            needs.add(operation.name)
    assert set(CALLS) == needs, (
        "`CALLS` has a call for each operation with an InstanceId: add the one that is missing"
    )


@pytest.mark.parametrize(
    ("what", "theirs"),
    [
        ("queue", lambda other: other.queue_id),
        ("user", lambda other: other.agents["a1"]),
        ("hours of operation", lambda other: hours_of(other)),
    ],
)
def test_unknown_ids_are_refused(
    threadline_server: Threadline, other: Workspace, what: str, theirs: Callable[[Workspace], str]
) -> None:
    describe_it = getattr(threadline_server.connect, f"describe_{what.replace(' ', '_')}")
    member = what.title().replace(" ", "") + "Id"
    for name in (UNKNOWN, theirs(other)):
        with refused(NOT_FOUND, f"{what.capitalize()} not found: {name}"):
            describe_it(InstanceId=threadline_server.instance_id, **{member: name})


@pytest.mark.parametrize("token", ["garbage", "0", "é", UNKNOWN, "x" * 100])
def test_a_next_token_that_none_of_them_gave(
    threadline_server: Threadline, other: Workspace, token: str
) -> None:
    connect, of = threadline_server.connect, {"InstanceId": threadline_server.instance_id}
    foreign = {
        connect.list_queues: other.queue_id,
        connect.list_users: other.agents["a1"],
        connect.list_hours_of_operations: hours_of(other),
        connect.list_contact_flows: other.survey_flow_id,
        connect.list_instance_attributes: "early_media",
    }
    words = "NextToken is not one that this operation has given"
    for call, theirs in foreign.items():
        for given in (token, theirs):
            with refused(INVALID, words):
                call(**of, NextToken=given)
    for given in (token, other.instance_id):
        with refused(INVALID, words):
            connect.list_instances(NextToken=given)


def test_a_page_of_too_many(threadline_server: Threadline) -> None:
    for call in (threadline_server.connect.list_queues, threadline_server.connect.list_users):
        with refused(PARAMETER, "is not from 1 to 1000"):
            call(InstanceId=threadline_server.instance_id, MaxResults=1_001)
