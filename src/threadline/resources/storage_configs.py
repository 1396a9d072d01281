"""The operations about the storage of an instance: its own object store, and places that are kept for tools."""

import hashlib
from typing import Any

from threadline.errors import Fault
from threadline.objects import key_of
from threadline.operations.instances import Instance, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation
from threadline.resources.declaration import INVALID, NOT_FOUND
from threadline.resources.resource_type import Resource, ResourceType
from threadline.store import Tx

CONFLICT = "ResourceConflictException"
MEMBER_OF = {
    "S3": "S3Config",
    "KINESIS_VIDEO_STREAM": "KinesisVideoStreamConfig",
    "KINESIS_STREAM": "KinesisStreamConfig",
    "KINESIS_FIREHOSE": "KinesisFirehoseConfig",
}
"""The member of a StorageConfig for each StorageType."""
FILES = {"CHAT_TRANSCRIPTS": "ChatTranscripts", "ATTACHMENTS": "Attachments"}
"""The part of a key in the object store, for each type of data that is there."""


class Storage(Resource, kw_only=True, frozen=True):
    """A place for data of one type. The name of the resource is the type and the id."""

    resource_type: str
    config: dict[str, Any]


STORAGE = ResourceType(Storage, kind="storage-config", noun="Storage", taken=CONFLICT)


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
        raise Fault(NOT_FOUND, f"Storage not found: {association_id} for {resource_type}")
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
