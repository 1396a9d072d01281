"""The operations about queues, in which chats wait for an agent."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import msgspec

from threadline.errors import Fault
from threadline.operations.instances import Instance, require_instance
from threadline.operations.registry import AccountCaller, Reply, operation, refuse
from threadline.resources.declaration import WireNames, name_or_description
from threadline.resources.flow_type import FLOWS
from threadline.resources.hours import HOURS
from threadline.resources.quick_connect_rows import of_queue
from threadline.resources.resource_type import Resource, ResourceType
from threadline.resources.search import SearchRequest
from threadline.store import Tx

ENABLED, STANDARD = "ENABLED", "STANDARD"
IN_USE = "ResourceInUseException"


class Queue(Resource, kw_only=True, frozen=True):
    """A queue in which chats wait."""

    description: str | None = None
    hours_of_operation_id: str
    status: str = ENABLED
    max_contacts: int | None = None
    quick_connect_ids: list[str] = msgspec.field(default_factory=list)
    outbound_caller_config: dict[str, str] | None = None

    def own_members(self, tx: Tx, instance: Instance) -> Reply:
        """See `Resource`."""
        return {
            "OutboundCallerConfig": self.outbound_caller_config,
            "HoursOfOperationId": self.hours_of_operation_id,
            "MaxContacts": self.max_contacts,
            "Status": self.status,
        }

    def own_summary(self) -> Reply:
        """See `Resource`."""
        return {"QueueType": STANDARD}

    def matches(self, kind: str, condition: Any) -> bool:
        """See `Resource`."""
        return (
            bool(condition == STANDARD) if kind == "QueueTypeCondition" else super().matches(kind, condition)
        )


QUEUES = ResourceType(
    Queue,
    kind="queue",
    noun="Queue",
    names=WireNames("QueueId", "QueueArn", described="Queue", listed="QueueSummaryList", found="Queues"),
    in_use=IN_USE,
    refers={"hours_of_operation_id": HOURS},
)


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
    return QUEUES.identity(instance, queue.id)


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
    accepts = (lambda _: False) if queue_types and STANDARD not in queue_types else None
    return QUEUES.summaries(tx, caller, instance_id, next_token, max_results, accepts)


@operation("connect", writes=False)
def describe_queue(tx: Tx, caller: AccountCaller, *, instance_id: str, queue_id: str) -> Reply:
    """Describe a queue.

    Faults: ResourceNotFoundException. Source: DescribeQueue.
    Assumed: MaxContacts is left out of a queue without a maximum.
    """
    return QUEUES.describe(tx, caller, instance_id, queue_id)


@operation("connect", writes=False)
def search_queues(tx: Tx, caller: AccountCaller, **request: Unpack[SearchRequest]) -> Reply:
    """Find queues by name, description, id, type or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchQueues.
    """
    return QUEUES.search(tx, caller, request, max_results=500)


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
    return QUEUES.update(tx, caller, instance_id, queue_id, **name_or_description(name, description))


@operation("connect")
def update_queue_status(
    tx: Tx, caller: AccountCaller, *, instance_id: str, queue_id: str, status: str
) -> Reply:
    """Enable or disable a queue. A disabled queue takes no more chats; those in it stay.

    Faults: ResourceNotFoundException. Source: UpdateQueueStatus.
    """
    return QUEUES.update(tx, caller, instance_id, queue_id, status=status)


@operation("connect")
def update_queue_max_contacts(
    tx: Tx, caller: AccountCaller, *, instance_id: str, queue_id: str, max_contacts: int | None = None
) -> Reply:
    """Bound the number of chats that wait in a queue. Without MaxContacts there is no bound any more.

    Faults: ResourceNotFoundException. Source: UpdateQueueMaxContacts.
    """
    return QUEUES.update(tx, caller, instance_id, queue_id, max_contacts=max_contacts)


@operation("connect")
def update_queue_hours_of_operation(
    tx: Tx, caller: AccountCaller, *, instance_id: str, queue_id: str, hours_of_operation_id: str
) -> Reply:
    """Give a queue other hours of operation.

    Faults: ResourceNotFoundException. Source: UpdateQueueHoursOfOperation.
    """
    instance = require_instance(tx, caller, instance_id)
    hours = HOURS.require(tx, instance.id, hours_of_operation_id)
    return QUEUES.update(tx, caller, instance_id, queue_id, hours_of_operation_id=hours.id)


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
    return QUEUES.update(tx, caller, instance_id, queue_id, outbound_caller_config=config)


def _checked_caller(tx: Tx, instance: Instance, config: Mapping[str, str] | None) -> dict[str, str] | None:
    """The config to keep. Faults: ResourceNotFoundException for its flow."""
    if config and (flow := config.get("OutboundFlowId")):
        FLOWS.find(tx, instance.id, flow)
    return dict(config) if config else None


@operation("connect")
def delete_queue(tx: Tx, caller: AccountCaller, *, instance_id: str, queue_id: str) -> Reply:
    """Delete a queue.

    Faults: ResourceInUseException while a chat is in it or on its way to it, or a routing profile has it;
        ResourceNotFoundException. Source: DeleteQueue.
    Assumed: flows that name the queue take their error branch from then on.
    """
    instance, queue = QUEUES.named(tx, caller, instance_id, queue_id)
    contact_id = tx.row("open_contact_of_queue", str, instance_id=instance.id, queue_id=queue.id)
    if contact_id is not None:
        has = f"Queue {queue.name!r} has a chat: contact {contact_id}."
        raise Fault(IN_USE, f"{has} Let it end, or transfer it, first.")
    QUEUES.delete(tx, queue)
    return {}
