"""The operations that describe and list instances, their queues and their users."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

from threadline.errors import Fault
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.store import Tx

ATTRIBUTES = {
    "INBOUND_CALLS": False,
    "OUTBOUND_CALLS": False,
    "CONTACTFLOW_LOGS": True,
    "CONTACT_LENS": False,
    "AUTO_RESOLVE_BEST_VOICES": False,
    "USE_CUSTOM_TTS_VOICES": False,
    "EARLY_MEDIA": False,
    "MULTI_PARTY_CONFERENCE": False,
    "AUTO_MUTE_AGENT_ON_HOLD": False,
    "HIGH_VOLUME_OUTBOUND": False,
    "ENHANCED_CONTACT_MONITORING": False,
    "ENHANCED_CHAT_MONITORING": False,
    "MULTI_PARTY_CHAT_CONFERENCE": False,
    "MESSAGE_STREAMING": False,
}
"""The features of the model's InstanceAttributeType in its order, and whether this server has them."""
NOT_A_NEXT_TOKEN = "NextToken is not one that this operation has given."


class _Identified(Protocol):
    """A row that has an id."""

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=_Identified)


class Instance(NamedTuple):
    """An instance. `paging_key` authenticates the NextTokens that are handed out; `tags` is a JSON object."""

    id: str
    account_id: str
    alias: str
    paging_key: str
    created_at_ms: int
    region: str
    tags: str


def require_instance(tx: Tx, caller: AccountCaller, instance_id: str) -> Instance:
    """The caller's instance. Faults: ResourceNotFoundException; AccessDeniedException for another account's.

    Assumed: AccessDeniedException is sent also where an operation's model does not list it, as IAM does.
    """
    instance = tx.row("instance", Instance, instance_id=instance_id)
    if instance is None:
        raise Fault("ResourceNotFoundException", f"Instance not found: {instance_id}")
    if instance.account_id != caller.account_id:
        raise Fault(
            "AccessDeniedException", f"The access key's account has no access to instance {instance_id}."
        )
    return instance


def instance_arn(instance: Instance) -> str:
    """The ARN of an instance. On purpose: its region is the instance's, also when a client signs for another."""
    return f"arn:aws:connect:{instance.region}:{instance.account_id}:instance/{instance.id}"


def start_of_page(tx: Tx, next_token: str | None, statement: str, **keys: str) -> str:
    """The id after which a page begins: empty, or the NextToken when `statement` finds a row for it.

    Faults: InvalidRequestException for a token without such a row.
    """
    if not next_token:
        return ""
    if tx.one(statement, **keys) is None:
        raise Fault("InvalidRequestException", NOT_A_NEXT_TOKEN)
    return next_token


def page(found: Sequence[R], limit: int) -> tuple[Sequence[R], str | None]:
    """The first `limit` of `found`, and the NextToken when there are more: the id of the last one."""
    kept = found[:limit]
    return kept, kept[-1].id if len(found) > limit else None


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
        "InboundCallsEnabled": ATTRIBUTES["INBOUND_CALLS"],
        "OutboundCallsEnabled": ATTRIBUTES["OUTBOUND_CALLS"],
        "InstanceAccessUrl": tx.policy.url,
    }


@operation("connect", writes=False)
def describe_instance_attribute(
    tx: Tx, caller: AccountCaller, *, instance_id: str, attribute_type: str
) -> Reply:
    """Tell whether an instance has a feature, such as MULTI_PARTY_CHAT_CONFERENCE.

    Faults: ResourceNotFoundException. Source: DescribeInstanceAttribute.
    On purpose: every instance has the same features, those of this server, since UpdateInstanceAttribute is not
        supported. Threadline has none of the features that the model lists so far.
    """
    require_instance(tx, caller, instance_id)
    return {"Attribute": _attribute(attribute_type)}


@operation("connect", writes=False)
def list_instance_attributes(
    tx: Tx, caller: AccountCaller, *, instance_id: str, next_token: str | None = None, max_results: int = 7
) -> Reply:
    """List the features that an instance can have, and whether it has them.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListInstanceAttributes.
    """
    require_instance(tx, caller, instance_id)
    types = list(ATTRIBUTES)
    if next_token and next_token not in ATTRIBUTES:
        raise Fault("InvalidRequestException", NOT_A_NEXT_TOKEN)
    start = types.index(next_token) + 1 if next_token else 0
    kept = types[start : start + max_results]
    return {
        "Attributes": [_attribute(attribute_type) for attribute_type in kept],
        "NextToken": kept[-1] if start + max_results < len(types) else None,
    }


def _attribute(attribute_type: str) -> Reply:
    """An attribute of an instance. A type of a newer model that `ATTRIBUTES` lacks is no feature of this server."""
    return {"AttributeType": attribute_type, "Value": "true" if ATTRIBUTES.get(attribute_type) else "false"}
