"""The operations that associate Lambda functions, Lex bots and storage with an instance."""

import hashlib
from collections.abc import Mapping
from typing import Any

from threadline.errors import Fault
from threadline.objects import key_of
from threadline.operations.instances import Instance, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation
from threadline.resources.resource_type import Resource, ResourceType
from threadline.store import Tx

INVALID = "InvalidRequestException"
CONFLICT = "ResourceConflictException"
V1, V2 = "V1", "V2"


class OutsideService(Resource, kw_only=True, frozen=True):
    """Something outside that an instance is associated with, by its name or ARN."""


class Storage(Resource, kw_only=True, frozen=True):
    """A place for data of one type. The name of the resource is the type and the id."""

    resource_type: str
    config: dict[str, Any]


FUNCTIONS = ResourceType(OutsideService, kind="lambda-function", noun="Lambda function", taken=CONFLICT)
BOTS = ResourceType(OutsideService, kind="lex-bot", noun="Lex bot", taken=CONFLICT)
STORAGE = ResourceType(Storage, kind="storage-config", noun="Storage", taken=CONFLICT)


def _associate(
    tx: Tx, caller: AccountCaller, of: ResourceType[OutsideService], instance_id: str, name: str
) -> None:
    of.create(tx, require_instance(tx, caller, instance_id).id, name)


def _disassociate(
    tx: Tx, caller: AccountCaller, of: ResourceType[OutsideService], instance_id: str, name: str
) -> None:
    instance = require_instance(tx, caller, instance_id)
    for each in of.all(tx, instance.id):
        if each.name == name:
            of.delete(tx, each)
            return
    raise Fault("ResourceNotFoundException", f"{of.noun} {name} is not associated with this instance.")


@operation("connect", scope=("instance_id",))
def associate_lambda_function(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    function_arn: str,
    client_token: str | None = None,
) -> Reply:
    """Note that flows of the instance may invoke a Lambda function.

    Faults: ResourceNotFoundException; ResourceConflictException for one that is associated already.
    Source: AssociateLambdaFunction.
    On purpose: flows may invoke others too. AWS_ENDPOINT_URL_LAMBDA and THREADLINE_NEIGHBOURS say what is called.
    """
    _associate(tx, caller, FUNCTIONS, instance_id, function_arn)
    return {}


@operation("connect", scope=("instance_id",))
def disassociate_lambda_function(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    function_arn: str,
    client_token: str | None = None,
) -> Reply:
    """Remove the association with a Lambda function.

    Faults: ResourceNotFoundException, also for one that is not associated. Source: DisassociateLambdaFunction.
    """
    _disassociate(tx, caller, FUNCTIONS, instance_id, function_arn)
    return {}


@operation("connect", writes=False)
def list_lambda_functions(
    tx: Tx, caller: AccountCaller, *, instance_id: str, next_token: str | None = None, max_results: int = 25
) -> Reply:
    """List the Lambda functions that are associated with an instance.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListLambdaFunctions.
    """
    instance = require_instance(tx, caller, instance_id)
    kept, following = FUNCTIONS.page(tx, instance.id, next_token, max_results)
    return {"LambdaFunctions": [each.name for each in kept], "NextToken": following}


def _bot_name(lex_bot: Mapping[str, str] | None, lex_v2_bot: Mapping[str, str] | None) -> str:
    """The name of a bot's association: the ARN of its alias, or region and name of a bot of V1.

    Faults: InvalidRequestException unless exactly one is given.
    """
    alias = (lex_v2_bot or {}).get("AliasArn")
    if (alias is None) == (lex_bot is None):
        raise Fault(INVALID, "Give either LexBot or LexV2Bot with an AliasArn.")
    return alias or f"{(lex_bot or {}).get('LexRegion', '')}/{(lex_bot or {}).get('Name', '')}"


def _v1_bot(name: str) -> dict[str, str] | None:
    """Region and name of a bot of V1; None for an alias of V2."""
    region, _, bot = name.partition("/")
    return None if name.startswith("arn:") else {"Name": bot, "LexRegion": region}


@operation("connect", scope=("instance_id",))
def associate_bot(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    lex_bot: Mapping[str, str] | None = None,
    lex_v2_bot: Mapping[str, str] | None = None,
    client_token: str | None = None,
) -> Reply:
    """Note that flows of the instance may ask a Lex bot.

    Faults: ResourceNotFoundException; ResourceConflictException for one that is associated already;
        InvalidRequestException unless exactly one of LexBot and LexV2Bot is given. Source: AssociateBot.
    On purpose: flows may ask others too. AWS_ENDPOINT_URL_RUNTIME_LEX_V2 and THREADLINE_NEIGHBOURS say what is asked.
    """
    _associate(tx, caller, BOTS, instance_id, _bot_name(lex_bot, lex_v2_bot))
    return {}


@operation("connect", scope=("instance_id",))
def disassociate_bot(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    lex_bot: Mapping[str, str] | None = None,
    lex_v2_bot: Mapping[str, str] | None = None,
    client_token: str | None = None,
) -> Reply:
    """Remove the association with a Lex bot.

    Faults: ResourceNotFoundException, also for one that is not associated; InvalidRequestException unless exactly one
        of LexBot and LexV2Bot is given. Source: DisassociateBot.
    """
    _disassociate(tx, caller, BOTS, instance_id, _bot_name(lex_bot, lex_v2_bot))
    return {}


@operation("connect", writes=False)
def list_bots(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    next_token: str | None = None,
    max_results: int = 25,
    lex_version: str,
) -> Reply:
    """List the Lex bots of a version that are associated with an instance.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid. Source: ListBots.
    """
    instance = require_instance(tx, caller, instance_id)
    wanted = lex_version == V1
    kept, following = BOTS.page(
        tx, instance.id, next_token, max_results, lambda each: (_v1_bot(each.name) is not None) == wanted
    )
    bots = [
        {"LexBot": bot} if (bot := _v1_bot(each.name)) else {"LexV2Bot": {"AliasArn": each.name}}
        for each in kept
    ]
    return {"LexBots": bots, "NextToken": following}


@operation("connect", scope=("instance_id",))
def associate_lex_bot(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    lex_bot: Mapping[str, str],
    client_token: str | None = None,
) -> Reply:
    """Note that flows of the instance may ask a bot of Lex V1. Flows take their error branch for it.

    Faults: ResourceNotFoundException; ResourceConflictException for one that is associated already.
    Source: AssociateLexBot.
    """
    _associate(tx, caller, BOTS, instance_id, _bot_name(lex_bot, None))
    return {}


@operation("connect", scope=("instance_id",))
def disassociate_lex_bot(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    bot_name: str,
    lex_region: str,
    client_token: str | None = None,
) -> Reply:
    """Remove the association with a bot of Lex V1.

    Faults: ResourceNotFoundException, also for one that is not associated. Source: DisassociateLexBot.
    """
    _disassociate(tx, caller, BOTS, instance_id, f"{lex_region}/{bot_name}")
    return {}


@operation("connect", writes=False)
def list_lex_bots(
    tx: Tx, caller: AccountCaller, *, instance_id: str, next_token: str | None = None, max_results: int = 25
) -> Reply:
    """List the bots of Lex V1 that are associated with an instance.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid. Source: ListLexBots.
    """
    found = list_bots(
        tx, caller, instance_id=instance_id, next_token=next_token, max_results=max_results, lex_version=V1
    )
    return {"LexBots": [each["LexBot"] for each in found["LexBots"]], "NextToken": found["NextToken"]}


# Storage

MEMBER_OF = {
    "S3": "S3Config",
    "KINESIS_VIDEO_STREAM": "KinesisVideoStreamConfig",
    "KINESIS_STREAM": "KinesisStreamConfig",
    "KINESIS_FIREHOSE": "KinesisFirehoseConfig",
}
"""The member of a StorageConfig for each StorageType."""
FILES = {"CHAT_TRANSCRIPTS": "ChatTranscripts", "ATTACHMENTS": "Attachments"}
"""The part of a key in the object store, for each type of data that is there."""


def _checked(config: Document) -> dict[str, Any]:
    """A StorageConfig without its id. Faults: InvalidRequestException without the member of its type."""
    member = MEMBER_OF[config["StorageType"]]
    if config.get(member) is None:
        raise Fault(INVALID, f"StorageConfig of type {config['StorageType']} needs {member}.")
    return {name: value for name, value in config.items() if name != "AssociationId"}


def own_storage(tx: Tx, instance: Instance, resource_type: str) -> dict[str, Any] | None:
    """The StorageConfig of the server's own object store, for the types of data that it has."""
    prefix = FILES.get(resource_type)
    if prefix is None:
        return None
    of_instance = key_of(("connect", instance.alias or instance.id, prefix))
    return {
        "AssociationId": hashlib.sha256(f"{instance.id} {resource_type}".encode()).hexdigest(),
        "StorageType": "S3",
        "S3Config": {
            "BucketName": tx.policy.bucket,
            "BucketPrefix": f"{tx.policy.bucket_prefix}{of_instance}",
        },
    }


def _storage(tx: Tx, instance: Instance, association_id: str, resource_type: str) -> Storage:
    own = own_storage(tx, instance, resource_type)
    if own is not None and own["AssociationId"] == association_id:
        raise Fault(INVALID, "This storage is the server's own: change it by the setting THREADLINE_OBJECTS.")
    found = STORAGE.require(tx, instance.id, association_id)
    if found.resource_type != resource_type:
        raise Fault("ResourceNotFoundException", f"Storage not found: {association_id} for {resource_type}")
    return found


@operation("connect", scope=("instance_id",))
def associate_instance_storage_config(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    resource_type: str,
    storage_config: Document,
    client_token: str | None = None,
) -> Reply:
    """Keep the place where data of a type is to be stored.

    Faults: ResourceNotFoundException; ResourceConflictException for the same place for the same type;
        InvalidRequestException for a StorageConfig without the member of its type.
    Source: AssociateInstanceStorageConfig.
    On purpose: the place is kept and told, and nothing is written there: files are in this server's own object store,
        which is told of first.
    """
    instance = require_instance(tx, caller, instance_id)
    config = _checked(storage_config)
    if any(
        (each.resource_type, each.config) == (resource_type, config) for each in STORAGE.all(tx, instance.id)
    ):
        raise Fault(CONFLICT, f"This storage is associated for {resource_type} already.")
    storage_id = tx.clock.contact_id()
    STORAGE.create(
        tx,
        instance.id,
        f"{resource_type} {storage_id}",
        id=storage_id,
        resource_type=resource_type,
        config=config,
    )
    return {"AssociationId": storage_id}


@operation("connect", writes=False)
def describe_instance_storage_config(
    tx: Tx, caller: AccountCaller, *, instance_id: str, association_id: str, resource_type: str
) -> Reply:
    """Describe the storage of an association.

    Faults: ResourceNotFoundException, also for another type. Source: DescribeInstanceStorageConfig.
    """
    instance = require_instance(tx, caller, instance_id)
    own = own_storage(tx, instance, resource_type)
    if own is not None and own["AssociationId"] == association_id:
        return {"StorageConfig": own}
    found = _storage(tx, instance, association_id, resource_type)
    return {"StorageConfig": {"AssociationId": found.id, **found.config}}


@operation("connect", writes=False)
def list_instance_storage_configs(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    resource_type: str,
    next_token: str | None = None,
    max_results: int = 10,
) -> Reply:
    """List the storage of data of a type: for transcripts and attachments, first the server's own object store.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListInstanceStorageConfigs.
    On purpose: an instance has its storage from the start, and a folder of the server is told as a bucket.
    """
    instance = require_instance(tx, caller, instance_id)
    own = own_storage(tx, instance, resource_type)
    configs: list[dict[str, Any]] = []
    if own is not None and not next_token:
        configs.append(own)
        max_results -= 1
    after = None if own is not None and next_token == own["AssociationId"] else next_token
    kept, following = STORAGE.page(
        tx, instance.id, after, max(max_results, 1), lambda each: each.resource_type == resource_type
    )
    if max_results == 0:
        return {"StorageConfigs": configs, "NextToken": configs[0]["AssociationId"] if kept else None}
    configs += [{"AssociationId": each.id, **each.config} for each in kept]
    return {"StorageConfigs": configs, "NextToken": following}


@operation("connect", scope=("instance_id",))
def update_instance_storage_config(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    association_id: str,
    resource_type: str,
    storage_config: Document,
    client_token: str | None = None,
) -> Reply:
    """Replace the place of an association.

    Faults: ResourceNotFoundException, also for another type; InvalidRequestException for a StorageConfig without the
        member of its type. Source: UpdateInstanceStorageConfig.
    """
    instance = require_instance(tx, caller, instance_id)
    found = _storage(tx, instance, association_id, resource_type)
    STORAGE.change(tx, found, config=_checked(storage_config))
    return {}


@operation("connect", scope=("instance_id",))
def disassociate_instance_storage_config(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    association_id: str,
    resource_type: str,
    client_token: str | None = None,
) -> Reply:
    """Remove the storage of an association.

    Faults: ResourceNotFoundException, also for another type. Source: DisassociateInstanceStorageConfig.
    """
    instance = require_instance(tx, caller, instance_id)
    STORAGE.delete(tx, _storage(tx, instance, association_id, resource_type))
    return {}
