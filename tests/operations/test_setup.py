"""Prompts, associations, storage, attributes and routing profiles, as boto3 sees them."""

from typing import Any

import pytest

from tests.operations.admin_calls import create_queue, create_user, fresh
from tests.operations.refusals import INVALID, NOT_FOUND, PARAMETER, refused
from tests.operations.setup_calls import (
    CHATS,
    S3,
    alias_arn,
    create_profile,
    create_prompt,
    function_arn,
    of_queue,
    store,
)
from threadline.testing import Threadline

DUPLICATE = ("DuplicateResourceException", 409)
CONFLICT = ("ResourceConflictException", 409)
IN_USE = ("ResourceInUseException", 409)


def test_a_prompt_has_a_name_and_an_id_and_no_sound(threadline_server: Threadline) -> None:
    server = threadline_server
    name = fresh("Hello")
    prompt_id = create_prompt(server, name, Description="Says hello", Tags={"a": "b"})
    of = {"InstanceId": server.instance_id, "PromptId": prompt_id}
    prompt = server.connect.describe_prompt(**of)["Prompt"]
    assert (prompt["Name"], prompt["Description"], prompt["Tags"]) == (name, "Says hello", {"a": "b"})
    with refused(DUPLICATE, name):
        create_prompt(server, name)
    with refused(INVALID, "keeps no sounds"):
        server.connect.get_prompt_file(**of)
    server.connect.update_prompt(**of, Name=f"{name} 2")
    listed = server.connect.list_prompts(InstanceId=server.instance_id)["PromptSummaryList"]
    assert f"{name} 2" in [each["Name"] for each in listed]
    named = {"StringCondition": {"FieldName": "name", "Value": name, "ComparisonType": "STARTS_WITH"}}
    found = server.connect.search_prompts(InstanceId=server.instance_id, SearchCriteria=named)["Prompts"]
    assert [each["PromptId"] for each in found] == [prompt_id]
    server.connect.delete_prompt(**of)
    with refused(NOT_FOUND, "Prompt not found"):
        server.connect.describe_prompt(**of)


def test_functions_are_associated_once(threadline_server: Threadline) -> None:
    connect, of = threadline_server.connect, {"InstanceId": threadline_server.instance_id}
    arn = function_arn()
    connect.associate_lambda_function(**of, FunctionArn=arn)
    with refused(CONFLICT, arn):
        connect.associate_lambda_function(**of, FunctionArn=arn)
    assert arn in connect.list_lambda_functions(**of)["LambdaFunctions"]
    connect.disassociate_lambda_function(**of, FunctionArn=arn)
    assert arn not in connect.list_lambda_functions(**of)["LambdaFunctions"]
    with refused(NOT_FOUND, "is not associated"):
        connect.disassociate_lambda_function(**of, FunctionArn=arn)


def test_bots_are_listed_by_their_version(threadline: Threadline) -> None:
    connect, of = threadline.connect, {"InstanceId": threadline.instance_id}
    alias, old = {"AliasArn": alias_arn()}, {"Name": "Old", "LexRegion": "us-east-1"}
    connect.associate_bot(**of, LexV2Bot=alias)
    connect.associate_bot(**of, LexBot=old)
    with refused(CONFLICT):
        connect.associate_lex_bot(**of, LexBot=old)
    assert connect.list_bots(**of, LexVersion="V2")["LexBots"] == [{"LexV2Bot": alias}]
    assert connect.list_bots(**of, LexVersion="V1")["LexBots"] == [{"LexBot": old}]
    assert connect.list_lex_bots(**of)["LexBots"] == [old]
    with refused(INVALID, "Give either"):
        connect.associate_bot(**of)
    connect.disassociate_lex_bot(**of, BotName="Old", LexRegion="us-east-1")
    connect.disassociate_bot(**of, LexV2Bot=alias)
    assert connect.list_bots(**of, LexVersion="V2")["LexBots"] == []


def test_storage_is_kept_by_type(threadline_server: Threadline) -> None:
    connect = threadline_server.connect
    storage_id = store(threadline_server, prefix="once")
    with refused(CONFLICT, "already"):
        store(threadline_server, prefix="once")
    of: dict[str, Any] = {
        "InstanceId": threadline_server.instance_id,
        "AssociationId": storage_id,
        "ResourceType": "CHAT_TRANSCRIPTS",
    }
    found = connect.describe_instance_storage_config(**of)["StorageConfig"]
    assert found["S3Config"] == {"BucketName": "chats", "BucketPrefix": "once"}
    with refused(NOT_FOUND):
        connect.describe_instance_storage_config(**of | {"ResourceType": "ATTACHMENTS"})
    with refused(INVALID, "needs KinesisStreamConfig"):
        connect.update_instance_storage_config(**of, StorageConfig={"StorageType": "KINESIS_STREAM"})
    connect.update_instance_storage_config(**of, StorageConfig=S3)
    assert connect.describe_instance_storage_config(**of)["StorageConfig"] == {
        "AssociationId": storage_id,
        **S3,
    }
    connect.disassociate_instance_storage_config(**of)
    with refused(NOT_FOUND):
        connect.describe_instance_storage_config(**of)


def attribute(server: Threadline, name: Any) -> str:
    reply = server.connect.describe_instance_attribute(InstanceId=server.instance_id, AttributeType=name)
    return str(reply["Attribute"]["Value"])


def test_attributes_are_kept_and_features_that_are_not_here_are_refused(threadline: Threadline) -> None:
    of = {"InstanceId": threadline.instance_id}
    update = threadline.connect.update_instance_attribute
    update(**of, AttributeType="EARLY_MEDIA", Value="true")
    assert attribute(threadline, "EARLY_MEDIA") == "true"
    update(**of, AttributeType="EARLY_MEDIA", Value="false")
    assert attribute(threadline, "EARLY_MEDIA") == "false"
    update(**of, AttributeType="INBOUND_CALLS", Value="true")
    assert threadline.connect.describe_instance(**of)["Instance"]["InboundCallsEnabled"] is True
    with refused(INVALID, "does not have MESSAGE_STREAMING"):
        update(**of, AttributeType="MESSAGE_STREAMING", Value="true")
    update(**of, AttributeType="MESSAGE_STREAMING", Value="false")
    with refused(PARAMETER, "true or false"):
        update(**of, AttributeType="EARLY_MEDIA", Value="yes")


def test_a_routing_profile_has_queues_and_users(threadline_server: Threadline) -> None:
    server, connect = threadline_server, threadline_server.connect
    first, second = (create_queue(server)["QueueId"] for _ in range(2))
    profile_id = create_profile(server, QueueConfigs=[of_queue(first)], Tags={"a": "b"})
    of = {"InstanceId": server.instance_id, "RoutingProfileId": profile_id}

    def queues() -> list[tuple[str, int]]:
        listed = connect.list_routing_profile_queues(**of)["RoutingProfileQueueConfigSummaryList"]
        return [(each["QueueId"], each["Priority"]) for each in listed]

    connect.associate_routing_profile_queues(**of, QueueConfigs=[of_queue(second)])
    connect.update_routing_profile_queues(**of, QueueConfigs=[of_queue(first, 7)])
    assert queues() == [(first, 7), (second, 1)]
    with refused(IN_USE, "uses queue"):
        connect.delete_queue(InstanceId=server.instance_id, QueueId=second)
    connect.disassociate_routing_profile_queues(**of, QueueReferences=[{"QueueId": first, "Channel": "CHAT"}])
    assert queues() == [(second, 1)]
    create_user(server, RoutingProfileId=profile_id)
    profile = connect.describe_routing_profile(**of)["RoutingProfile"]
    assert (profile["NumberOfAssociatedUsers"], profile["NumberOfAssociatedQueues"]) == (1, 1)
    assert (profile["MediaConcurrencies"], profile["Tags"]) == (CHATS, {"a": "b"})
    with refused(IN_USE, "uses routing profile"):
        connect.delete_routing_profile(**of)


@pytest.mark.parametrize("on", [True, False])
def test_flow_logs_are_written_as_the_attribute_says(
    threadline: Threadline, caplog: pytest.LogCaptureFixture, *, on: bool
) -> None:
    from tests.flows.flows import content, do, say, wait

    value = str(on).lower()
    threadline.connect.update_instance_attribute(
        InstanceId=threadline.instance_id, AttributeType="CONTACTFLOW_LOGS", Value=value
    )
    made = threadline.connect.create_contact_flow(
        InstanceId=threadline.instance_id,
        Name="logged",
        Type="CONTACT_FLOW",
        Content=content(
            log=do("UpdateFlowLoggingBehavior", {"FlowLoggingBehavior": "Enabled"}, "hello"),
            hello=say("Hello", "stay"),
            stay=wait("60"),
        ),
    )
    with caplog.at_level("INFO", logger="threadline.flows"):
        threadline.customer(ContactFlowId=made["ContactFlowId"]).see("Hello")
    assert any("PlayPrompt" in record.getMessage() for record in caplog.records) == on
