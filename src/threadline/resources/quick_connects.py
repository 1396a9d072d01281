"""The operations about quick connects: the targets that an agent can transfer a chat to."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from threadline.errors import Fault
from threadline.operations.instances import Instance, modified, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation
from threadline.resources.contact_flows import require_flow
from threadline.resources.declaration import name_or_description
from threadline.resources.queues import QUEUES, require_queue
from threadline.resources.quick_connect_rows import (
    CONFIGS,
    QUICK_CONNECTS,
    of_queue,
    target_of,
)
from threadline.resources.search import SearchRequest
from threadline.resources.users import require_user
from threadline.store import Tx


def _checked(tx: Tx, instance: Instance, config: Document) -> dict[str, Any]:
    """The config, once all that it names exists. Faults: ResourceNotFoundException; InvalidRequestException."""
    target = target_of(config)
    if "UserId" in target:
        require_user(tx, instance.id, target["UserId"])
    if "QueueId" in target:
        require_queue(tx, instance.id, target["QueueId"])
    flow_type = CONFIGS[config["QuickConnectType"]][1]
    if "ContactFlowId" in target:
        flow = require_flow(tx, instance.id, target["ContactFlowId"]).flow
        if flow_type not in (None, flow.type):
            raise Fault(
                "InvalidRequestException",
                f"The flow of such a quick connect is of type {flow_type}; {flow.id} is of type {flow.type}.",
            )
    return dict(config)


@operation("connect")
def create_quick_connect(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    name: str,
    description: str | None = None,
    quick_connect_config: Document,
    tags: Mapping[str, str] | None = None,
) -> Reply:
    """Create a quick connect: a user, a queue, a flow, or a phone number.

    Faults: DuplicateResourceException for a name that is taken; ResourceNotFoundException, also for all that it names;
        InvalidRequestException without the member of its type, or for a flow of another type than AGENT_TRANSFER (a
        user's) or QUEUE_TRANSFER (a queue's). Source: CreateQuickConnect.
    """
    instance = require_instance(tx, caller, instance_id)
    config = _checked(tx, instance, quick_connect_config)
    made = QUICK_CONNECTS.create(tx, instance.id, name, tags=tags, description=description, config=config)
    return QUICK_CONNECTS.identity(instance, made.id)


@operation("connect", writes=False)
def describe_quick_connect(
    tx: Tx, caller: AccountCaller, *, instance_id: str, quick_connect_id: str
) -> Reply:
    """Describe a quick connect.

    Faults: ResourceNotFoundException. Source: DescribeQuickConnect.
    """
    return QUICK_CONNECTS.describe(tx, caller, instance_id, quick_connect_id)


@operation("connect", writes=False)
def list_quick_connects(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    next_token: str | None = None,
    max_results: int = 1_000,
    quick_connect_types: Sequence[str] = (),
) -> Reply:
    """List the quick connects of an instance, all or those of some types.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListQuickConnects.
    """
    accepts = (lambda each: each.type in quick_connect_types) if quick_connect_types else None
    return QUICK_CONNECTS.summaries(tx, caller, instance_id, next_token, max_results, accepts)


@operation("connect", writes=False)
def search_quick_connects(tx: Tx, caller: AccountCaller, **request: Unpack[SearchRequest]) -> Reply:
    """Find quick connects by name, description, id or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchQuickConnects.
    """
    return QUICK_CONNECTS.search(tx, caller, request)


@operation("connect")
def update_quick_connect_config(
    tx: Tx, caller: AccountCaller, *, instance_id: str, quick_connect_id: str, quick_connect_config: Document
) -> Reply:
    """Give a quick connect another target.

    Faults: ResourceNotFoundException, also for all that it names; InvalidRequestException as for CreateQuickConnect.
    Source: UpdateQuickConnectConfig.
    """
    instance, found = QUICK_CONNECTS.named(tx, caller, instance_id, quick_connect_id)
    QUICK_CONNECTS.change(tx, found, config=_checked(tx, instance, quick_connect_config))
    return {}


@operation("connect")
def update_quick_connect_name(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    quick_connect_id: str,
    name: str | None = None,
    description: str | None = None,
) -> Reply:
    """Give a quick connect another name or description. A member that is left out stays as it is.

    Faults: ResourceNotFoundException; InvalidRequestException without either member, and for a name that is taken.
    Source: UpdateQuickConnectName.
    Assumed: InvalidRequestException for a name that is taken, since the model lists no DuplicateResourceException.
    """
    columns = name_or_description(name, description)
    return QUICK_CONNECTS.update(tx, caller, instance_id, quick_connect_id, **columns)


@operation("connect")
def delete_quick_connect(tx: Tx, caller: AccountCaller, *, instance_id: str, quick_connect_id: str) -> Reply:
    """Delete a quick connect. Queues that it is associated with have it no longer.

    Faults: ResourceNotFoundException. Source: DeleteQuickConnect.
    """
    return QUICK_CONNECTS.remove(tx, caller, instance_id, quick_connect_id)


@operation("connect")
def associate_queue_quick_connects(
    tx: Tx, caller: AccountCaller, *, instance_id: str, queue_id: str, quick_connect_ids: Sequence[str]
) -> Reply:
    """Offer quick connects to the agents of a queue.

    Faults: ResourceNotFoundException; LimitExceededException for too many of them.
    Source: AssociateQueueQuickConnects. On purpose: agents can use every quick connect, also of other queues.
    """
    instance, queue = QUEUES.named(tx, caller, instance_id, queue_id)
    ids = of_queue(tx, instance.id, queue.quick_connect_ids, quick_connect_ids)
    QUEUES.change(tx, queue, quick_connect_ids=ids)
    return {}


@operation("connect")
def disassociate_queue_quick_connects(
    tx: Tx, caller: AccountCaller, *, instance_id: str, queue_id: str, quick_connect_ids: Sequence[str]
) -> Reply:
    """Take quick connects from a queue. One that it does not have is no error.

    Faults: ResourceNotFoundException. Source: DisassociateQueueQuickConnects.
    """
    instance, queue = QUEUES.named(tx, caller, instance_id, queue_id)
    removed = {QUICK_CONNECTS.id_of(instance.id, each) for each in quick_connect_ids}
    kept = [each for each in queue.quick_connect_ids if each not in removed]
    QUEUES.change(tx, queue, quick_connect_ids=kept)
    return {}


@operation("connect", writes=False)
def list_queue_quick_connects(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    queue_id: str,
    next_token: str | None = None,
    max_results: int = 100,
) -> Reply:
    """List the quick connects of a queue.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListQueueQuickConnects.
    """
    instance, queue = QUEUES.named(tx, caller, instance_id, queue_id)
    kept, following = QUICK_CONNECTS.page(
        tx, instance.id, next_token, max_results, lambda each: each.id in queue.quick_connect_ids
    )
    summaries = [QUICK_CONNECTS.summary(instance, each) for each in kept]
    listed = {"QuickConnectSummaryList": summaries, "NextToken": following}
    return listed | modified(instance, queue.updated_at_ms)
