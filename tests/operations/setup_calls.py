"""A call of each operation about prompts, associations, attributes and routing profiles, with any InstanceId."""

from itertools import count
from typing import Any

from tests.operations.admin_calls import Call, call_of, fresh
from tests.operations.file_calls import FILE_CALLS
from threadline.testing import Workspace

NUMBERS = count(1)
S3 = {"StorageType": "S3", "S3Config": {"BucketName": "chats", "BucketPrefix": "all"}}
CHATS = [{"Channel": "CHAT", "Concurrency": 3}]


def function_arn() -> str:
    return f"arn:aws:lambda:us-east-1:123456789012:function:f{next(NUMBERS)}"


def alias_arn() -> str:
    return f"arn:aws:lex:us-east-1:123456789012:bot-alias/B/{next(NUMBERS)}"


def create_prompt(workspace: Workspace, name: str = "", **members: Any) -> str:
    given = {"InstanceId": workspace.instance_id, "S3Uri": "s3://sounds/hello.wav"} | members
    return str(workspace.connect.create_prompt(Name=name or fresh("prompt"), **given)["PromptId"])


def create_profile(workspace: Workspace, name: str = "", **members: Any) -> str:
    given = {
        "InstanceId": workspace.instance_id,
        "Description": "For chats",
        "DefaultOutboundQueueId": workspace.queue_id,
        "MediaConcurrencies": CHATS,
    }
    made = workspace.connect.create_routing_profile(Name=name or fresh("profile"), **given | members)
    return str(made["RoutingProfileId"])


def of_queue(queue_id: str, priority: int = 1) -> dict[str, Any]:
    return {
        "QueueReference": {"QueueId": queue_id, "Channel": "CHAT"},
        "Priority": priority,
        "Delay": 0,
    }


def _sound(workspace: Workspace, instance_id: str) -> Any:
    """The reply to GetPromptFile, which is always a refusal, the last of its checks."""
    try:
        return call_of("get_prompt_file", "PromptId", create_prompt)(workspace, instance_id)
    except workspace.connect.exceptions.InvalidRequestException as refused:
        return refused.response


def _of_profile(operation: str, **members: Any) -> Call:
    return call_of(operation, "RoutingProfileId", create_profile, **members)


def _queues_of_profile(operation: str) -> Call:
    return lambda w, i: getattr(w.connect, operation)(
        InstanceId=i, RoutingProfileId=create_profile(w), QueueConfigs=[of_queue(w.queue_id)]
    )


def store(workspace: Workspace, instance_id: str = "", prefix: str = "") -> str:
    config = {**S3, "S3Config": {"BucketName": "chats", "BucketPrefix": prefix or f"p{next(NUMBERS)}"}}
    made = workspace.connect.associate_instance_storage_config(
        InstanceId=instance_id or workspace.instance_id,
        ResourceType="CHAT_TRANSCRIPTS",
        StorageConfig=config,
    )
    return str(made["AssociationId"])


def _of_storage(operation: str, **members: Any) -> Call:
    return call_of(operation, "AssociationId", store, ResourceType="CHAT_TRANSCRIPTS", **members)


def associated_function(workspace: Workspace) -> str:
    arn = function_arn()
    workspace.connect.associate_lambda_function(InstanceId=workspace.instance_id, FunctionArn=arn)
    return arn


def _disassociate_bot(workspace: Workspace, instance_id: str) -> Any:
    bot = {"AliasArn": alias_arn()}
    workspace.connect.associate_bot(InstanceId=workspace.instance_id, LexV2Bot=bot)
    return workspace.connect.disassociate_bot(InstanceId=instance_id, LexV2Bot=bot)


def _disassociate_lex_bot(workspace: Workspace, instance_id: str) -> Any:
    name = f"b{next(NUMBERS)}"
    workspace.connect.associate_lex_bot(
        InstanceId=workspace.instance_id, LexBot={"Name": name, "LexRegion": "us-east-1"}
    )
    return workspace.connect.disassociate_lex_bot(InstanceId=instance_id, BotName=name, LexRegion="us-east-1")


SETUP_CALLS: dict[str, Call] = {
    **FILE_CALLS,
    "AssociateBot": lambda w, i: w.connect.associate_bot(InstanceId=i, LexV2Bot={"AliasArn": alias_arn()}),
    "AssociateInstanceStorageConfig": lambda w, i: store(w, i),
    "AssociateLambdaFunction": lambda w, i: w.connect.associate_lambda_function(
        InstanceId=i, FunctionArn=function_arn()
    ),
    "AssociateLexBot": lambda w, i: w.connect.associate_lex_bot(
        InstanceId=i, LexBot={"Name": f"b{next(NUMBERS)}", "LexRegion": "us-east-1"}
    ),
    "AssociateRoutingProfileQueues": _queues_of_profile("associate_routing_profile_queues"),
    "CreatePrompt": lambda w, i: create_prompt(w, InstanceId=i),
    "CreateRoutingProfile": lambda w, i: create_profile(w, InstanceId=i),
    "DeletePrompt": call_of("delete_prompt", "PromptId", create_prompt),
    "DeleteRoutingProfile": _of_profile("delete_routing_profile"),
    "DescribeInstanceStorageConfig": _of_storage("describe_instance_storage_config"),
    "DescribePrompt": call_of("describe_prompt", "PromptId", create_prompt),
    "DescribeRoutingProfile": _of_profile("describe_routing_profile"),
    "DisassociateBot": _disassociate_bot,
    "DisassociateInstanceStorageConfig": _of_storage("disassociate_instance_storage_config"),
    "DisassociateLambdaFunction": call_of("disassociate_lambda_function", "FunctionArn", associated_function),
    "DisassociateLexBot": _disassociate_lex_bot,
    "DisassociateRoutingProfileQueues": lambda w, i: w.connect.disassociate_routing_profile_queues(
        InstanceId=i,
        RoutingProfileId=create_profile(w),
        QueueReferences=[{"QueueId": w.queue_id, "Channel": "CHAT"}],
    ),
    "GetPromptFile": _sound,
    "ListBots": lambda w, i: w.connect.list_bots(InstanceId=i, LexVersion="V2"),
    "ListInstanceStorageConfigs": lambda w, i: w.connect.list_instance_storage_configs(
        InstanceId=i, ResourceType="CHAT_TRANSCRIPTS"
    ),
    "ListLambdaFunctions": lambda w, i: w.connect.list_lambda_functions(InstanceId=i),
    "ListLexBots": lambda w, i: w.connect.list_lex_bots(InstanceId=i),
    "ListPrompts": lambda w, i: w.connect.list_prompts(InstanceId=i),
    "ListRoutingProfileQueues": _of_profile("list_routing_profile_queues"),
    "SearchContactFlowModules": lambda w, i: w.connect.search_contact_flow_modules(InstanceId=i),
    "SearchContactFlows": lambda w, i: w.connect.search_contact_flows(InstanceId=i),
    "SearchQueues": lambda w, i: w.connect.search_queues(InstanceId=i),
    "SearchRoutingProfiles": lambda w, i: w.connect.search_routing_profiles(InstanceId=i),
    "SearchSecurityProfiles": lambda w, i: w.connect.search_security_profiles(InstanceId=i),
    "SearchUsers": lambda w, i: w.connect.search_users(InstanceId=i),
    "SearchPrompts": lambda w, i: w.connect.search_prompts(InstanceId=i),
    "UpdateInstanceAttribute": lambda w, i: w.connect.update_instance_attribute(
        InstanceId=i, AttributeType="EARLY_MEDIA", Value="false"
    ),
    "UpdateInstanceStorageConfig": _of_storage("update_instance_storage_config", StorageConfig=S3),
    "UpdatePrompt": call_of("update_prompt", "PromptId", create_prompt, Description="Another"),
    "UpdateRoutingProfileAgentAvailabilityTimer": _of_profile(
        "update_routing_profile_agent_availability_timer", AgentAvailabilityTimer="TIME_SINCE_LAST_INBOUND"
    ),
    "UpdateRoutingProfileConcurrency": _of_profile(
        "update_routing_profile_concurrency", MediaConcurrencies=CHATS
    ),
    "UpdateRoutingProfileDefaultOutboundQueue": lambda w, i: (
        w.connect.update_routing_profile_default_outbound_queue(
            InstanceId=i, RoutingProfileId=create_profile(w), DefaultOutboundQueueId=w.queue_id
        )
    ),
    "UpdateRoutingProfileName": _of_profile("update_routing_profile_name", Description="Another"),
    "UpdateRoutingProfileQueues": _queues_of_profile("update_routing_profile_queues"),
}
