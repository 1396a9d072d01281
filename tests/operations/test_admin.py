"""Queues, users and instances made, changed, tagged and deleted."""

from typing import Any

import pytest

from tests.flows.flows import content
from tests.operations.admin_calls import (
    create_instance,
    create_queue,
    create_user,
    fresh,
    hours_of,
    profiles_of,
)
from tests.operations.refusals import DENIED, INVALID, NOT_FOUND, PARAMETER, QUOTA, answer, refused
from threadline.testing import Customer, Threadline, Workspace

DUPLICATE = ("DuplicateResourceException", 409)
IN_USE = ("ResourceInUseException", 409)
UNKNOWN = "01a203c5-0000-7000-8000-000000000000"


def queue_of(server: Workspace, queue_id: str) -> dict[str, Any]:
    reply = server.connect.describe_queue(InstanceId=server.instance_id, QueueId=queue_id)
    queue: dict[str, Any] = reply["Queue"]
    return queue


def user_of(server: Workspace, user_id: str) -> dict[str, Any]:
    reply = server.connect.describe_user(InstanceId=server.instance_id, UserId=user_id)
    user: dict[str, Any] = reply["User"]
    return user


def in_queue(server: Workspace, queue_id: str) -> Customer:
    """A chat that waits in the queue, once an agent has transferred it there."""
    casey = server.customer()
    server.agent("a1").take(casey)
    server.threadline.transfer_chat(
        InstanceId=server.instance_id, ContactId=casey.contact_id, QueueId=queue_id
    )
    return casey


# Queues


def test_a_queue_is_created_listed_described_and_deleted(threadline_server: Threadline) -> None:
    made = create_queue(threadline_server, "Returns", Description="Parcels", MaxContacts=5, Tags={"a": "b"})
    queue = queue_of(threadline_server, made["QueueArn"])
    assert queue.pop("LastModifiedTime")
    assert queue == {
        "Name": "Returns",
        "QueueArn": made["QueueArn"],
        "QueueId": made["QueueId"],
        "Description": "Parcels",
        "HoursOfOperationId": hours_of(threadline_server),
        "MaxContacts": 5,
        "Status": "ENABLED",
        "Tags": {"a": "b"},
        "LastModifiedRegion": "us-east-1",
    }
    of = {"InstanceId": threadline_server.instance_id}
    assert made["QueueId"] in [
        q["Id"] for q in threadline_server.connect.list_queues(**of)["QueueSummaryList"]
    ]
    threadline_server.connect.delete_queue(**of, QueueId=made["QueueId"])
    with refused(NOT_FOUND, f"Queue not found: {made['QueueId']}"):
        queue_of(threadline_server, made["QueueId"])


def test_each_update_changes_its_columns_alone(threadline_server: Threadline) -> None:
    queue_id = create_queue(threadline_server, Description="As it was")["QueueId"]
    before = queue_of(threadline_server, queue_id)
    connect, of = (
        threadline_server.connect,
        {"InstanceId": threadline_server.instance_id, "QueueId": queue_id},
    )
    name = fresh("renamed")
    for call, members, changed in (
        (connect.update_queue_name, {"Name": name}, {"Name": name}),
        (connect.update_queue_name, {"Description": "New"}, {"Description": "New"}),
        (connect.update_queue_status, {"Status": "DISABLED"}, {"Status": "DISABLED"}),
        (connect.update_queue_max_contacts, {"MaxContacts": 7}, {"MaxContacts": 7}),
    ):
        assert answer(call(**of, **members)) == {}
        before |= changed
        assert queue_of(threadline_server, queue_id) | {"LastModifiedTime": 0} == before | {
            "LastModifiedTime": 0
        }
    connect.update_queue_max_contacts(**of)
    assert "MaxContacts" not in queue_of(threadline_server, queue_id)
    with refused(INVALID, "Give a Name, a Description, or both"):
        connect.update_queue_name(**of)


def test_a_queue_keeps_its_settings_for_calls(threadline_server: Threadline) -> None:
    connect, of = threadline_server.connect, {"InstanceId": threadline_server.instance_id}
    flows = connect.list_contact_flows(**of, ContactFlowTypes=["OUTBOUND_WHISPER"])["ContactFlowSummaryList"]
    config = {"OutboundCallerIdName": "Shop", "OutboundFlowId": flows[0]["Id"]}
    queue_id = create_queue(threadline_server, OutboundCallerConfig=config)["QueueId"]
    assert queue_of(threadline_server, queue_id)["OutboundCallerConfig"] == config
    connect.update_queue_outbound_caller_config(
        **of, QueueId=queue_id, OutboundCallerConfig={"OutboundCallerIdNumberId": "n1"}
    )
    assert queue_of(threadline_server, queue_id)["OutboundCallerConfig"] == {"OutboundCallerIdNumberId": "n1"}
    with refused(NOT_FOUND, "Contact flow not found"):
        create_queue(threadline_server, OutboundCallerConfig={"OutboundFlowId": UNKNOWN})


def test_a_queue_name_is_taken_once(threadline_server: Threadline) -> None:
    name = fresh("once")
    create_queue(threadline_server, name)
    other = create_queue(threadline_server)["QueueId"]
    with refused(DUPLICATE, f"Queue {name!r} exists already"):
        create_queue(threadline_server, name)
    with refused(DUPLICATE, f"Queue {name!r} exists already"):
        threadline_server.connect.update_queue_name(
            InstanceId=threadline_server.instance_id, QueueId=other, Name=name
        )
    with refused(NOT_FOUND, f"Hours of operation not found: {UNKNOWN}"):
        create_queue(threadline_server, HoursOfOperationId=UNKNOWN)


def test_a_disabled_and_a_full_queue_take_no_more_chats(threadline_server: Threadline) -> None:
    connect, of = threadline_server.connect, {"InstanceId": threadline_server.instance_id}
    queue_id = create_queue(threadline_server, "narrow", MaxContacts=1)["QueueId"]
    casey = in_queue(threadline_server, queue_id)
    with refused(QUOTA, "Queue 'narrow' is full: 1 contacts wait in it"):
        in_queue(threadline_server, queue_id)
    connect.update_queue_max_contacts(**of, QueueId=queue_id)
    in_queue(threadline_server, queue_id).leave()
    connect.update_queue_status(**of, QueueId=queue_id, Status="DISABLED")
    with refused(INVALID, "Queue 'narrow' is disabled"):
        in_queue(threadline_server, queue_id)
    with refused(IN_USE, "Queue 'narrow' has a chat: contact "):
        connect.delete_queue(**of, QueueId=queue_id)
    casey.leave()
    connect.delete_queue(**of, QueueId=queue_id)


def test_a_flow_branches_at_a_full_queue(threadline_server: Threadline) -> None:
    queue_id = create_queue(threadline_server, MaxContacts=0)["QueueId"]
    flow = content(
        start={
            "Type": "UpdateContactTargetQueue",
            "Parameters": {"QueueId": queue_id},
            "Transitions": {
                "NextAction": "transfer",
                "Errors": [{"ErrorType": "NoMatchingError", "NextAction": "end"}],
            },
        },
        transfer={
            "Type": "TransferContactToQueue",
            "Parameters": {},
            "Transitions": {
                "NextAction": "end",
                "Errors": [
                    {"ErrorType": "QueueAtCapacity", "NextAction": "full"},
                    {"ErrorType": "NoMatchingError", "NextAction": "end"},
                ],
            },
        },
        full={
            "Type": "MessageParticipant",
            "Parameters": {"Text": "Everybody is busy."},
            "Transitions": {
                "NextAction": "end",
                "Errors": [{"ErrorType": "NoMatchingError", "NextAction": "end"}],
            },
        },
        end={"Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}},
    )
    reply = threadline_server.connect.create_contact_flow(
        InstanceId=threadline_server.instance_id, Name=fresh("full"), Type="CONTACT_FLOW", Content=flow
    )
    assert threadline_server.customer(ContactFlowId=reply["ContactFlowId"]).see("Everybody is busy.")


# Users


def test_a_new_user_accepts_chats_until_deleted(threadline_server: Threadline) -> None:
    connect, of = threadline_server.connect, {"InstanceId": threadline_server.instance_id}
    name = fresh("sam").replace(" ", "-")
    made = create_user(threadline_server, name, IdentityInfo={"FirstName": "Sam", "LastName": "Doe"})
    user = user_of(threadline_server, made["UserArn"])
    assert (user["Username"], user["IdentityInfo"]) == (name, {"FirstName": "Sam", "LastName": "Doe"})
    assert {member: user[member] for member in profiles_of(threadline_server)} == profiles_of(
        threadline_server
    )
    casey = threadline_server.customer()
    threadline_server.threadline.accept_contact(**of, ContactId=casey.contact_id, UserId=made["UserId"])
    with refused(INVALID, f"User {name!r} has a chat: contact {casey.contact_id}"):
        connect.delete_user(**of, UserId=made["UserId"])
    casey.leave()
    connect.delete_user(**of, UserId=made["UserId"])
    with refused(NOT_FOUND, f"User not found: {made['UserId']}"):
        user_of(threadline_server, made["UserId"])
    contact = connect.describe_contact(**of, ContactId=casey.contact_id)["Contact"]
    assert contact["AgentInfo"]["Id"] == made["UserId"], "a past contact keeps it"


def test_a_user_is_changed(threadline_server: Threadline) -> None:
    connect = threadline_server.connect
    of = {"InstanceId": threadline_server.instance_id, "UserId": create_user(threadline_server)["UserId"]}
    connect.update_user_identity_info(**of, IdentityInfo={"FirstName": "Ann", "Email": "ann@example.com"})
    connect.update_user_phone_config(**of, PhoneConfig={"PhoneType": "SOFT_PHONE", "AutoAccept": True})
    user = user_of(threadline_server, of["UserId"])
    assert user["IdentityInfo"] == {"FirstName": "Ann", "Email": "ann@example.com"}
    assert user["PhoneConfig"] == {"PhoneType": "SOFT_PHONE", "AutoAccept": True}
    for call, member in (
        (connect.update_user_routing_profile, {"RoutingProfileId": UNKNOWN}),
        (connect.update_user_security_profiles, {"SecurityProfileIds": [UNKNOWN]}),
    ):
        with refused(NOT_FOUND, f"profile not found: {UNKNOWN}"):
            call(**of, **member)
    with refused(DUPLICATE, "User 'a1' exists already"):
        create_user(threadline_server, "a1")
    with refused(INVALID, "not supported"):
        create_user(threadline_server, HierarchyGroupId=UNKNOWN)


# Instances


def test_an_instance_is_created_used_and_deleted(threadline: Threadline) -> None:
    made = create_instance(threadline, InstanceAlias="second", Tags={"team": "blue"}, ClientToken="t")
    again = create_instance(threadline, InstanceAlias="second", Tags={"team": "blue"}, ClientToken="t")
    assert (again["Id"], again["Arn"]) == (made["Id"], made["Arn"])
    with refused(INVALID, "The InstanceAlias 'second' is taken"):
        create_instance(threadline, InstanceAlias="second")
    of = {"InstanceId": made["Id"]}
    assert [q["Name"] for q in threadline.connect.list_queues(**of)["QueueSummaryList"]] == ["BasicQueue"]
    flow = threadline.connect.create_contact_flow(
        **of,
        Name="ends",
        Type="CONTACT_FLOW",
        Content=content(start={"Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}}),
    )
    contact_id = threadline.connect.start_chat_contact(
        **of, ContactFlowId=flow["ContactFlowId"], ParticipantDetails={"DisplayName": "Casey"}
    )["ContactId"]
    with refused(INVALID, f"has a chat that runs: contact {contact_id}"):
        threadline.connect.delete_instance(**of)
    threadline.connect.stop_contact(**of, ContactId=contact_id)
    threadline.connect.delete_instance(**of)
    with refused(NOT_FOUND, f"Instance not found: {made['Id']}"):
        threadline.connect.describe_contact(**of, ContactId=contact_id)
    assert [i["Id"] for i in threadline.connect.list_instances()["InstanceSummaryList"]] == [
        threadline.instance_id
    ]
    threadline.past_chat()


def test_the_first_instance_stays(threadline_server: Threadline) -> None:
    with refused(INVALID, "is the server's first, which workspace.json names"):
        threadline_server.connect.delete_instance(InstanceId=threadline_server.instance_id)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"IdentityManagementType": "SAML"}, "SAML is not supported"),
        ({"DirectoryId": "d-0123456789"}, "not supported"),
    ],
)
def test_users_of_another_directory_are_refused(
    threadline_server: Threadline, members: dict[str, Any], words: str
) -> None:
    with refused(INVALID, words):
        create_instance(threadline_server, **members)


# Tags


def test_everything_with_an_arn_has_tags(threadline_server: Threadline) -> None:
    connect, of = threadline_server.connect, {"InstanceId": threadline_server.instance_id}
    hours = connect.describe_hours_of_operation(**of, HoursOfOperationId=hours_of(threadline_server))[
        "HoursOfOperation"
    ]["HoursOfOperationArn"]
    flow = connect.describe_contact_flow(**of, ContactFlowId=threadline_server.contact_flow_id)[
        "ContactFlow"
    ]["Arn"]
    instance = connect.describe_instance(**of)["Instance"]["Arn"]
    queue, user = create_queue(threadline_server)["QueueArn"], create_user(threadline_server)["UserArn"]
    for arn in (hours, flow, instance, queue, user):
        connect.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
        connect.tag_resource(resourceArn=arn, tags={"b": "3", "c": ""})
        assert connect.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "1", "b": "3", "c": ""}
        connect.untag_resource(resourceArn=arn, tagKeys=["a", "c", "never"])
        assert connect.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "3"}
    assert queue_of(threadline_server, queue)["Tags"] == {"b": "3"}


def test_tags_are_refused_for_what_is_not_there_and_when_there_are_too_many(
    threadline_server: Threadline,
) -> None:
    connect = threadline_server.connect
    arn = create_queue(threadline_server)["QueueArn"]
    theirs = threadline_server.another_account()
    foreign = theirs.connect.describe_instance(InstanceId=theirs.instance_id)["Instance"]["Arn"]
    with refused(PARAMETER, "resourceArn is no ARN"):
        connect.list_tags_for_resource(resourceArn="queue")
    for unknown in (f"{arn}x", arn.replace("/queue/", "/agent/"), arn.replace("/queue/", "/prompt/")):
        with refused(NOT_FOUND, f"Resource not found: {unknown}"):
            connect.tag_resource(resourceArn=unknown, tags={"a": "b"})
    with refused(DENIED):
        connect.tag_resource(resourceArn=foreign, tags={"a": "b"})
    with refused(PARAMETER, "aws:a"):
        connect.tag_resource(resourceArn=arn, tags={"aws:a": "b"})
    connect.tag_resource(resourceArn=arn, tags={f"t{number}": "" for number in range(50)})
    with refused(INVALID, "at most 50 tags; it would have 51"):
        connect.tag_resource(resourceArn=arn, tags={"more": ""})
