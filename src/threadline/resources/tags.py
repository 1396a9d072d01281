"""The operations about tags, for everything that has tags."""

import json
from collections.abc import Callable, Mapping, Sequence

from threadline.errors import Fault
from threadline.operations.instances import Instance, require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.resources.declaration import TAGGED, ResourceName, Tagged, checked_tags
from threadline.store import Tx


def _find(tx: Tx, caller: AccountCaller, arn: str) -> tuple[Tagged, Instance, str, str]:
    """The resource that an ARN names, and its tags as JSON.

    Faults: ResourceNotFoundException; InvalidParameterException for a text that is no ARN.
    """
    named = ResourceName.of(arn)
    if named is None:
        raise Fault(
            "InvalidParameterException", f"resourceArn is no ARN of a resource of Amazon Connect: {arn}"
        )
    of_kind = TAGGED.get(named.kind)
    instance = require_instance(tx, caller, named.instance_id)
    tags = None
    if of_kind is not None and named.account_id == instance.account_id:
        tags = of_kind.tags_of(tx, instance, named.id)
    if of_kind is None or tags is None:
        raise Fault("ResourceNotFoundException", f"Resource not found: {arn}")
    return of_kind, instance, named.id, tags


def _edit(
    tx: Tx, caller: AccountCaller, arn: str, edit: Callable[[dict[str, str]], Mapping[str, str]]
) -> Reply:
    """Replace a resource's tags by those that `edit` makes of them, also while another node does. Faults: `_find`'s."""
    while True:
        of_kind, instance, name, tags = _find(tx, caller, arn)
        if of_kind.set_tags(tx, instance, name, tags, json.dumps(dict(edit(json.loads(tags))))):
            return {}


@operation("connect")
def tag_resource(tx: Tx, caller: AccountCaller, *, resource_arn: str, tags: Mapping[str, str]) -> Reply:
    """Add tags to a resource, or give its tags other values.

    Writes: the resource's tags. Faults: ResourceNotFoundException; InvalidParameterException for no ARN;
        InvalidRequestException for too many tags.
    Source: TagResource.
    """
    return _edit(tx, caller, resource_arn, lambda kept: checked_tags(kept, tags))


@operation("connect")
def untag_resource(tx: Tx, caller: AccountCaller, *, resource_arn: str, tag_keys: Sequence[str]) -> Reply:
    """Remove tags from a resource. A name that it does not have is no error.

    Writes: the resource's tags. Faults: ResourceNotFoundException; InvalidParameterException for no ARN.
    Source: UntagResource.
    """
    return _edit(
        tx, caller, resource_arn, lambda kept: {key: kept[key] for key in kept if key not in tag_keys}
    )


@operation("connect", writes=False)
def list_tags_for_resource(tx: Tx, caller: AccountCaller, *, resource_arn: str) -> Reply:
    """List the tags of a resource.

    Faults: ResourceNotFoundException; InvalidParameterException for no ARN. Source: ListTagsForResource.
    """
    return {"tags": json.loads(_find(tx, caller, resource_arn)[3])}
