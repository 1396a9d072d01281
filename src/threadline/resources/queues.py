"""The operations about queues, in which chats wait for an agent."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from threadline.errors import Fault
from threadline.operations.instances import Instance, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation, refuse
from threadline.resources.flow_rows import find_flow
from threadline.resources.hours import HOURS
from threadline.resources.quick_connect_rows import of_queue
from threadline.resources.resource_type import Resource, ResourceType
from threadline.resources.search import Search, matches_name
from threadline.store import Tx

ENABLED = "ENABLED"


class Queue(Resource, kw_only=True, frozen=True):
    """A queue in which chats wait."""

    description: str | None = None
    hours_of_operation_id: str
    status: str = ENABLED
    max_contacts: int | None = None
    quick_connect_ids: list[str] = msgspec.field(default_factory=list)
    outbound_caller_config: dict[str, str] | None = None


QUEUES = ResourceType(Queue, kind="queue", noun="Queue", refers={"hours_of_operation_id": HOURS})


def require_queue(tx: Tx, instance_id: str, queue_id: str) -> Queue:
    """The queue, by id or ARN. Faults: ResourceNotFoundException."""
    return QUEUES.require(tx, instance_id, queue_id)


def require_enabled_queue(tx: Tx, instance_id: str, queue_id: str) -> Queue:
    """The queue for one more chat. Faults: ResourceNotFoundException; InvalidRequestException if it is disabled.

    Assumed: a chat that comes into a disabled queue is refused; those in it stay.
    """
    queue = require_queue(tx, instance_id, queue_id)
    if queue.status != ENABLED:
        raise Fault("InvalidRequestException", f"Queue {queue.name!r} is disabled.")
    return queue


def is_full(tx: Tx, queue: Queue, contact_id: str) -> bool:
    """Whether as many contacts wait in the queue as it may have, or a test has it full for this contact."""
    controls = tx.policy.controls
    if controls is not None and controls.fault_of("Queue", contact_id, tx.now_ms) is not None:
        return True
    if queue.max_contacts is None:
        return False
    count, _ = tx.row("count_in_queue", int, object, instance_id=queue.instance_id, queue_id=queue.id) or (
        0,
        None,
    )
    return count >= queue.max_contacts


@operation(
    "connect",
    refused=(
        "outbound_email_config",
        "email_addresses_config",
    ),
)
def create_queue(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    name: str,
    description: str | None = None,
    outbound_caller_config: Mapping[str, str] | None = None,
    outbound_email_config: Mapping[str, str] | None = None,
    hours_of_operation_id: str,
    max_contacts: int | None = None,
    quick_connect_ids: Sequence[str] = (),
    email_addresses_config: Sequence[Mapping[str, str]] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Reply:
    """Create a queue.

    Faults: DuplicateResourceException for a name that is taken; ResourceNotFoundException, also for the hours of
        operation, quick connects and OutboundFlowId; LimitExceededException for too many quick connects.
    Source: CreateQueue. On purpose: OutboundCallerConfig is for calls; it is kept and told.
    """
    refuse(
        "InvalidRequestException",
        OutboundEmailConfig=outbound_email_config,
        EmailAddressesConfig=email_addresses_config,
    )
    instance = require_instance(tx, caller, instance_id)
    hours = HOURS.require(tx, instance.id, hours_of_operation_id)
    queue = QUEUES.create(
        tx,
        instance.id,
        name,
        tags=tags,
        description=description,
        hours_of_operation_id=hours.id,
        max_contacts=max_contacts,
        quick_connect_ids=of_queue(tx, instance.id, (), quick_connect_ids),
        outbound_caller_config=_checked_caller(tx, instance, outbound_caller_config),
    )
    return {"QueueArn": QUEUES.arn(instance, queue.id), "QueueId": queue.id}


@operation("connect", writes=False)
def list_queues(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    queue_types: Sequence[str] | None = None,
    next_token: str | None = None,
    max_results: int = 100,
) -> Reply:
    """List the queues of an instance.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid. Source: ListQueues.
    On purpose: agents have no queues of their own, so QueueTypes AGENT alone lists nothing.
    """
    instance = require_instance(tx, caller, instance_id)
    kept, following = QUEUES.page(tx, instance.id, next_token, max_results)
    if queue_types and "STANDARD" not in queue_types:
        kept, following = [], None
    summaries = [QUEUES.summary(instance, queue) | {"QueueType": "STANDARD"} for queue in kept]
    return {"QueueSummaryList": summaries, "NextToken": following}


@operation("connect", writes=False)
def describe_queue(tx: Tx, caller: AccountCaller, *, instance_id: str, queue_id: str) -> Reply:
    """Describe a queue.

    Faults: ResourceNotFoundException. Source: DescribeQueue.
    Assumed: MaxContacts is left out of a queue without a maximum.
    """
    instance = require_instance(tx, caller, instance_id)
    return {"Queue": _members(instance, require_queue(tx, instance.id, queue_id))}


def _members(instance: Instance, queue: Queue) -> Reply:
    """A queue, as DescribeQueue and SearchQueues have it."""
    return {
        "Name": queue.name,
        "QueueArn": QUEUES.arn(instance, queue.id),
        "QueueId": queue.id,
        "Description": queue.description,
        "OutboundCallerConfig": queue.outbound_caller_config,
        "HoursOfOperationId": queue.hours_of_operation_id,
        "MaxContacts": queue.max_contacts,
        "Status": queue.status,
        "Tags": queue.tags,
        "LastModifiedTime": queue.updated_at_ms,
        "LastModifiedRegion": instance.region,
    }


@operation("connect", writes=False)
def search_queues(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    next_token: str | None = None,
    max_results: int = 500,
    search_filter: Document | None = None,
    search_criteria: Document | None = None,
) -> Reply:
    """Find queues by name, description, id, type or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchQueues.
    """
    instance = require_instance(tx, caller, instance_id)
    searched = Search(search_criteria, search_filter, next_token, max_results)
    return searched.reply(
        "Queues", QUEUES.all(tx, instance.id), lambda each: _members(instance, each), _matches
    )


def _matches(queue: Queue, kind: str, condition: Any) -> bool:
    if kind == "QueueTypeCondition":
        return bool(condition == "STANDARD")
    return matches_name(queue, kind, condition)


def _change(tx: Tx, caller: AccountCaller, instance_id: str, queue_id: str, **columns: object) -> Reply:
    """Change columns of a queue. Faults: ResourceNotFoundException; DuplicateResourceException for a name."""
    instance = require_instance(tx, caller, instance_id)
    QUEUES.change(tx, require_queue(tx, instance.id, queue_id), **columns)
    return {}


@operation("connect")
def update_queue_name(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    queue_id: str,
    name: str | None = None,
    description: str | None = None,
) -> Reply:
    """Give a queue another name or description. A member that is left out stays as it is.

    Faults: DuplicateResourceException for a name that is taken; ResourceNotFoundException. Source: UpdateQueueName,
        "at least Name or Description must be provided": InvalidRequestException without either.
    """
    given = {"name": name, "description": description}
    columns = {member: value for member, value in given.items() if value is not None}
    if not columns:
        raise Fault("InvalidRequestException", "Give a Name, a Description, or both.")
    return _change(tx, caller, instance_id, queue_id, **columns)


@operation("connect")
def update_queue_status(
    tx: Tx, caller: AccountCaller, *, instance_id: str, queue_id: str, status: str
) -> Reply:
    """Enable or disable a queue. A disabled queue takes no more chats; those in it stay.

    Faults: ResourceNotFoundException. Source: UpdateQueueStatus.
    """
    return _change(tx, caller, instance_id, queue_id, status=status)


@operation("connect")
def update_queue_max_contacts(
    tx: Tx, caller: AccountCaller, *, instance_id: str, queue_id: str, max_contacts: int | None = None
) -> Reply:
    """Bound the number of chats that wait in a queue. Without MaxContacts there is no bound any more.

    Faults: ResourceNotFoundException. Source: UpdateQueueMaxContacts.
    """
    return _change(tx, caller, instance_id, queue_id, max_contacts=max_contacts)


@operation("connect")
def update_queue_hours_of_operation(
    tx: Tx, caller: AccountCaller, *, instance_id: str, queue_id: str, hours_of_operation_id: str
) -> Reply:
    """Give a queue other hours of operation.

    Faults: ResourceNotFoundException. Source: UpdateQueueHoursOfOperation.
    """
    instance = require_instance(tx, caller, instance_id)
    hours = HOURS.require(tx, instance.id, hours_of_operation_id)
    return _change(tx, caller, instance_id, queue_id, hours_of_operation_id=hours.id)


@operation("connect")
def update_queue_outbound_caller_config(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    queue_id: str,
    outbound_caller_config: Mapping[str, str],
) -> Reply:
    """Replace the settings of a queue for calls, which have no effect on chats.

    Faults: ResourceNotFoundException, also for the flow. Source: UpdateQueueOutboundCallerConfig.
    Assumed: a member that is left out is removed.
    """
    instance = require_instance(tx, caller, instance_id)
    config = _checked_caller(tx, instance, outbound_caller_config)
    return _change(tx, caller, instance_id, queue_id, outbound_caller_config=config)


def _checked_caller(tx: Tx, instance: Instance, config: Mapping[str, str] | None) -> dict[str, str] | None:
    """The config to keep. Faults: ResourceNotFoundException for its flow."""
    if config and (flow := config.get("OutboundFlowId")):
        find_flow(tx, instance.id, flow, module=False)
    return dict(config) if config else None


@operation("connect")
def delete_queue(tx: Tx, caller: AccountCaller, *, instance_id: str, queue_id: str) -> Reply:
    """Delete a queue.

    Faults: ResourceInUseException while a chat is in it or on its way to it, or a routing profile has it;
        ResourceNotFoundException. Source: DeleteQueue.
    Assumed: flows that name the queue take their error branch from then on.
    """
    instance = require_instance(tx, caller, instance_id)
    queue = require_queue(tx, instance.id, queue_id)
    contact_id = tx.row("open_contact_of_queue", str, instance_id=instance.id, queue_id=queue.id)
    if contact_id is not None:
        raise Fault(
            "ResourceInUseException",
            f"Queue {queue.name!r} has a chat: contact {contact_id}. Let it end, or transfer it, first.",
        )
    QUEUES.refuse_used(tx, queue, "ResourceInUseException")
    QUEUES.delete(tx, queue)
    return {}
