"""The operations that create, describe, list and delete instances."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from threadline.errors import Fault
from threadline.flows.defaults import DEFAULT_FLOWS
from threadline.operations.instances import Instance, instance_arn, page, require_instance, start_of_page
from threadline.operations.registry import AccountCaller, Reply, operation, refuse
from threadline.resources.declaration import TAGGED, checked_tags
from threadline.resources.flow_rows import PUBLISHED
from threadline.resources.hours import HOURS
from threadline.resources.instance_attributes import has, set_attribute
from threadline.resources.queues import QUEUES
from threadline.resources.routing_profiles import ROUTING_PROFILES
from threadline.resources.users import SECURITY_PROFILES
from threadline.store import Tx

ALIASES_MAX = 10_000
REGION = "us-east-1"


class NewInstance(NamedTuple):
    """The ids of a new instance and of the resources that it begins with."""

    instance_id: str
    queue_id: str
    routing_profile_id: str
    security_profile_id: str


def make_instance(
    tx: Tx,
    account_id: str,
    alias: str,
    region: str,
    *,
    instance_id: str | None = None,
    queue_id: str | None = None,
    queue: str = "BasicQueue",
    description: str = "A basic queue",
    tags: Mapping[str, str] | None = None,
) -> NewInstance:
    """Make an instance with hours of operation, a queue, a routing profile, a security profile and the default flows.

    Writes: instance, resources, flows. Source: Admin Guide: a new instance has Basic Hours, BasicQueue, Basic Routing
        Profile, and the default flows.
    """
    instance_id = instance_id or tx.clock.contact_id()
    tx.run(
        "insert_instance",
        id=instance_id,
        account_id=account_id,
        alias=alias,
        region=region,
        paging_key=tx.clock.token(),
        tags=json.dumps(checked_tags({}, tags or {})),
        now_ms=tx.now_ms,
    )
    hours = HOURS.create(tx, instance_id, "Basic Hours", description="Open at all times", time_zone="UTC")
    made = QUEUES.create(
        tx, instance_id, queue, id=queue_id, description=description, hours_of_operation_id=hours.id
    )
    routing = ROUTING_PROFILES.create(
        tx, instance_id, "Basic Routing Profile", default_outbound_queue_id=made.id
    )
    security = SECURITY_PROFILES.create(tx, instance_id, "Agent")
    for flow in DEFAULT_FLOWS:
        tx.run(
            "insert_contact_flow",
            instance_id=instance_id,
            id=tx.clock.named_id(f"{instance_id}/{flow.name}"),
            name=flow.name,
            type=flow.type,
            status=PUBLISHED,
            description=flow.description,
            content=flow.content,
            tags="{}",
            settings=None,
            now_ms=tx.now_ms,
        )
    return NewInstance(instance_id, made.id, routing.id, security.id)


@operation("connect", writes=False)
def list_instances(
    tx: Tx, caller: AccountCaller, *, next_token: str | None = None, max_results: int = 10
) -> Reply:
    """List the instances of the caller's account.

    Faults: InvalidRequestException for a NextToken that is not valid. Source: ListInstances.
    """
    keys = {"account_id": caller.account_id}
    after = start_of_page(tx, next_token, "instance_of_account", instance_id=next_token or "", **keys)
    found = tx.rows("instances_of_account", Instance, after=after, limit=max_results + 1, **keys)
    kept, following = page(found, max_results)
    return {
        "InstanceSummaryList": [_instance_members(tx, instance) for instance in kept],
        "NextToken": following,
    }


@operation("connect", writes=False)
def describe_instance(tx: Tx, caller: AccountCaller, *, instance_id: str) -> Reply:
    """Describe an instance.

    Faults: ResourceNotFoundException. Source: DescribeInstance.
    """
    return {"Instance": _instance_members(tx, require_instance(tx, caller, instance_id))}


def _instance_members(tx: Tx, instance: Instance) -> Reply:
    """The members of an instance in ListInstances and DescribeInstance.

    On purpose: InstanceAccessUrl is the URL of the server, since an instance has no other website.
    """
    return {
        "Id": instance.id,
        "Arn": instance_arn(instance),
        "IdentityManagementType": "CONNECT_MANAGED",
        "InstanceAlias": instance.alias,
        "CreatedTime": instance.created_at_ms,
        "ServiceRole": f"arn:aws:iam::{instance.account_id}:role/threadline",
        "InstanceStatus": "ACTIVE",
        "InboundCallsEnabled": has(tx, instance.id, "INBOUND_CALLS"),
        "OutboundCallsEnabled": has(tx, instance.id, "OUTBOUND_CALLS"),
        "InstanceAccessUrl": tx.policy.url,
    }


@operation("connect", scope=(), refused=("directory_id",))
def create_instance(
    tx: Tx,
    caller: AccountCaller,
    *,
    client_token: str | None = None,
    identity_management_type: str,
    instance_alias: str | None = None,
    directory_id: str | None = None,
    inbound_calls_enabled: bool,
    outbound_calls_enabled: bool,
    tags: Mapping[str, str] | None = None,
) -> Reply:
    """Create an instance, with hours of operation, a queue profiles and the default flows, and without users.

    Faults: InvalidRequestException for an alias that is taken or missing, and for users of another directory.
    Source: CreateInstance.
    On purpose: whether calls are enabled is kept and told; a chat goes the same way.
    """
    refuse("InvalidRequestException", DirectoryId=directory_id)
    if identity_management_type != "CONNECT_MANAGED":
        raise Fault(
            "InvalidRequestException",
            f"IdentityManagementType {identity_management_type} is not supported by this server."
            " Use CONNECT_MANAGED.",
        )
    if instance_alias is None:
        raise Fault("InvalidRequestException", "Give an InstanceAlias.")
    taken = tx.rows(
        "instances_of_account", Instance, account_id=caller.account_id, after="", limit=ALIASES_MAX
    )
    if instance_alias in [instance.alias for instance in taken]:
        raise Fault("InvalidRequestException", f"The InstanceAlias {instance_alias!r} is taken.")
    first = tx.row("first_instance", str, str, str)
    region = first[2] if first else REGION
    made = make_instance(tx, caller.account_id, instance_alias, region, tags=tags)
    instance = require_instance(tx, caller, made.instance_id)
    set_attribute(tx, instance.id, "INBOUND_CALLS", value=inbound_calls_enabled)
    set_attribute(tx, instance.id, "OUTBOUND_CALLS", value=outbound_calls_enabled)
    return {"Id": instance.id, "Arn": instance_arn(instance)}


@operation("connect", scope=("instance_id",))
def delete_instance(
    tx: Tx, caller: AccountCaller, *, instance_id: str, client_token: str | None = None
) -> Reply:
    """Delete an instance with its flows, users, queues and chats. The chats are deleted in parts, soon afterwards.

    Faults: ResourceNotFoundException; InvalidRequestException while a chat runs or is under a legal hold,
        and for the instance that workspace.json names, which the server's own commands use.
    Writes: everything that the instance has. Source: DeleteInstance. Assumed: running chats have to end first.
    """
    instance = require_instance(tx, caller, instance_id)
    if (first := tx.one("first_instance")) and first[0] == instance.id:
        raise Fault(
            "InvalidRequestException",
            f"Instance {instance.id} is the server's first, which workspace.json names. It cannot be deleted.",
        )
    contact_id = tx.row("open_session", str, instance_id=instance.id)
    if contact_id is not None:
        raise Fault(
            "InvalidRequestException",
            f"Instance {instance.id} has a chat that runs: contact {contact_id}. Stop its chats first.",
        )
    if tx.one("holds", instance_id=instance.id, after="", limit=1) is not None:
        raise Fault(
            "InvalidRequestException",
            f"Instance {instance.id} has legal holds. Lift them first: ListLegalHolds.",
        )
    tx.run("delete_resources", instance_id=instance.id)
    tx.run("delete_erasures", instance_id=instance.id)
    tx.run("delete_retention", instance_id=instance.id)
    tx.run("delete_flows", instance_id=instance.id)
    tx.run("delete_versions_of_instance", instance_id=instance.id)
    tx.run("delete_aliases_of_instance", instance_id=instance.id)
    tx.run("delete_replaced_flows", instance_id=instance.id)
    tx.run("delete_instance", instance_id=instance.id)
    tx.later("delete_chats", tx.now_ms, payload={"instance_id": instance.id})
    return {}


class InstanceTags:
    """The tags of instances."""

    def tags_of(self, tx: Tx, instance: Instance, id: str) -> str | None:
        """See `resources.Tagged`."""
        found = tx.row("instance", Instance, instance_id=instance.id)
        return found and found.tags

    def set_tags(self, tx: Tx, instance: Instance, id: str, old: str, new: str) -> bool:
        """See `resources.Tagged`."""
        return tx.one("set_instance_tags", instance_id=instance.id, tags=new, old_tags=old) is not None


TAGGED[""] = InstanceTags()
