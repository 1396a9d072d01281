"""The operations about the attributes of instances: features that an instance has or has not."""

from threadline.errors import Fault
from threadline.operations.instances import page_of, require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.resources.resource_type import Resource, ResourceType
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
"""The features of the model's InstanceAttributeType in its order, and whether a new instance has them."""
NOT_OF_CHATS = {
    "INBOUND_CALLS",
    "OUTBOUND_CALLS",
    "CONTACT_LENS",
    "AUTO_RESOLVE_BEST_VOICES",
    "USE_CUSTOM_TTS_VOICES",
    "EARLY_MEDIA",
    "MULTI_PARTY_CONFERENCE",
    "AUTO_MUTE_AGENT_ON_HOLD",
    "HIGH_VOLUME_OUTBOUND",
    "ENHANCED_CONTACT_MONITORING",
}
"""Features of voice calls and of analysis: an instance keeps whether it has them, and a chat goes the same way."""
FLOW_LOGS = "CONTACTFLOW_LOGS"
VALUES = {"true": True, "false": False}


class KeptAttribute(Resource, kw_only=True, frozen=True):
    """An attribute that was set. The id and the name of the resource are its type."""

    value: bool


KEPT = ResourceType(KeptAttribute, kind="attribute", noun="Attribute")


def has(tx: Tx, instance_id: str, attribute_type: str) -> bool:
    """Whether an instance has a feature. It has none of a type that only a newer model knows."""
    kept = KEPT.find(tx, instance_id, attribute_type)
    return kept.value if kept else ATTRIBUTES.get(attribute_type, False)


def set_attribute(tx: Tx, instance_id: str, attribute_type: str, *, value: bool) -> None:
    """Set whether an instance has a feature."""
    kept = KEPT.find(tx, instance_id, attribute_type)
    if kept is not None:
        KEPT.change(tx, kept, value=value)
    elif value != ATTRIBUTES.get(attribute_type, False):
        KEPT.create(tx, instance_id, attribute_type, id=attribute_type, value=value)


@operation("connect", writes=False)
def describe_instance_attribute(
    tx: Tx, caller: AccountCaller, *, instance_id: str, attribute_type: str
) -> Reply:
    """Tell whether an instance has a feature, such as CONTACTFLOW_LOGS.

    Faults: ResourceNotFoundException. Source: DescribeInstanceAttribute.
    """
    instance = require_instance(tx, caller, instance_id)
    return {"Attribute": _attribute(tx, instance.id, attribute_type)}


@operation("connect", writes=False)
def list_instance_attributes(
    tx: Tx, caller: AccountCaller, *, instance_id: str, next_token: str | None = None, max_results: int = 7
) -> Reply:
    """List the features that an instance can have, and whether it has them.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListInstanceAttributes.
    """
    instance = require_instance(tx, caller, instance_id)
    kept, following = page_of(list(ATTRIBUTES), str, next_token, max_results)
    return {
        "Attributes": [_attribute(tx, instance.id, attribute_type) for attribute_type in kept],
        "NextToken": following,
    }


@operation("connect", scope=("instance_id",))
def update_instance_attribute(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    attribute_type: str,
    value: str,
    client_token: str | None = None,
) -> Reply:
    """Set whether an instance has a feature. CONTACTFLOW_LOGS "false" ends the logs of all its flows.

    Faults: ResourceNotFoundException; InvalidParameterException for a value that is not true or false;
        InvalidRequestException for a feature of chats that this server does not have.
    Source: UpdateInstanceAttribute.
    On purpose: features of voice calls and of analysis are kept, so that a tool that sets up an instance finds it as it
        left it; they have no effect on chats.
    """
    instance = require_instance(tx, caller, instance_id)
    if value.lower() not in VALUES:
        raise Fault("InvalidParameterException", f"Value must be true or false, not {value!r}.")
    wanted = VALUES[value.lower()]
    if wanted and attribute_type not in NOT_OF_CHATS | {FLOW_LOGS}:
        raise Fault("InvalidRequestException", f"This server does not have {attribute_type}.")
    set_attribute(tx, instance.id, attribute_type, value=wanted)
    return {}


def _attribute(tx: Tx, instance_id: str, attribute_type: str) -> Reply:
    return {"AttributeType": attribute_type, "Value": str(has(tx, instance_id, attribute_type)).lower()}
