"""The operations about routing profiles. They are kept for tools that set up an instance, and route no chat."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import msgspec

from threadline.operations.instances import Instance, modified, page_of, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation, refuse
from threadline.resources.declaration import INVALID, WireNames, name_or_description
from threadline.resources.queues import QUEUES
from threadline.resources.resource_type import Resource, ResourceType
from threadline.resources.search import SearchRequest
from threadline.store import Tx

CHAT_ALONE: Sequence[Mapping[str, Any]] = ({"Channel": "CHAT", "Concurrency": 10},)


class RoutingProfile(Resource, kw_only=True, frozen=True):
    """A routing profile."""

    description: str = "Any agent can accept any chat"
    default_outbound_queue_id: str | None = None
    media_concurrencies: list[dict[str, Any]] = msgspec.field(
        default_factory=lambda: [dict(each) for each in CHAT_ALONE]
    )
    queue_configs: list[dict[str, Any]] = msgspec.field(default_factory=list)
    agent_availability_timer: str = "TIME_SINCE_LAST_ACTIVITY"

    @property
    def queue_ids(self) -> list[str]:
        """The ids of its queues."""
        return list(dict.fromkeys(each["QueueReference"]["QueueId"] for each in self.queue_configs))

    def own_members(self, tx: Tx, instance: Instance) -> Reply:
        """See `Resource`."""
        return {
            "InstanceId": instance.id,
            "MediaConcurrencies": self.media_concurrencies,
            "DefaultOutboundQueueId": self.default_outbound_queue_id,
            "NumberOfAssociatedQueues": len(self.queue_ids),
            "NumberOfAssociatedUsers": sum(1 for _ in ROUTING_PROFILES.users_of(tx, self)),
            "AgentAvailabilityTimer": self.agent_availability_timer,
            "AssociatedQueueIds": self.queue_ids,
        }

    def texts(self) -> dict[str, str | Sequence[str] | None]:
        """See `Resource`."""
        return {**super().texts(), "associatedQueueIds": self.queue_ids}


ROUTING_PROFILES = ResourceType(
    RoutingProfile,
    kind="routing-profile",
    noun="Routing profile",
    names=WireNames(
        "RoutingProfileId",
        "RoutingProfileArn",
        described="RoutingProfile",
        listed="RoutingProfileSummaryList",
        found="RoutingProfiles",
    ),
    in_use="ResourceInUseException",
    refers={"default_outbound_queue_id": QUEUES, "queue_ids": QUEUES},
)


def _queue_configs(
    tx: Tx, instance: Instance, kept: Sequence[Document], added: Sequence[Document]
) -> list[dict[str, Any]]:
    """The configs of queues, an added one in place of the kept one of its queue and channel.

    Faults: ResourceNotFoundException for a queue.
    """
    configs = {_key(each): dict(each) for each in kept}
    for each in added:
        reference = each["QueueReference"]
        queue = QUEUES.require(tx, instance.id, reference["QueueId"])
        named = {**each, "QueueReference": {**reference, "QueueId": queue.id}}
        configs[_key(named)] = named
    return list(configs.values())


def _key(config: Document) -> tuple[str, str]:
    reference = config["QueueReference"]
    return reference["QueueId"], reference["Channel"]


@operation("connect", refused=("manual_assignment_queue_configs",))
def create_routing_profile(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    name: str,
    description: str,
    default_outbound_queue_id: str,
    queue_configs: Sequence[Document] = (),
    manual_assignment_queue_configs: Sequence[Document] | None = None,
    media_concurrencies: Sequence[Document],
    tags: Mapping[str, str] | None = None,
    agent_availability_timer: str = "TIME_SINCE_LAST_ACTIVITY",
) -> Reply:
    """Create a routing profile.

    Faults: DuplicateResourceException for a name that is taken; ResourceNotFoundException, also for queues.
    Source: CreateRoutingProfile. On purpose: it routes no chat, since any agent can accept any chat.
    """
    refuse(INVALID, ManualAssignmentQueueConfigs=manual_assignment_queue_configs)
    instance = require_instance(tx, caller, instance_id)
    made = ROUTING_PROFILES.create(
        tx,
        instance.id,
        name,
        tags=tags,
        description=description,
        default_outbound_queue_id=QUEUES.require(tx, instance.id, default_outbound_queue_id).id,
        media_concurrencies=[dict(each) for each in media_concurrencies],
        queue_configs=_queue_configs(tx, instance, (), queue_configs),
        agent_availability_timer=agent_availability_timer,
    )
    return ROUTING_PROFILES.identity(instance, made.id)


@operation("connect", writes=False)
def describe_routing_profile(
    tx: Tx, caller: AccountCaller, *, instance_id: str, routing_profile_id: str
) -> Reply:
    """Describe a routing profile.

    Faults: ResourceNotFoundException. Source: DescribeRoutingProfile.
    """
    return ROUTING_PROFILES.describe(tx, caller, instance_id, routing_profile_id)


@operation("connect", writes=False)
def search_routing_profiles(tx: Tx, caller: AccountCaller, **request: Unpack[SearchRequest]) -> Reply:
    """Find routing profiles by name, description, id, queue or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchRoutingProfiles.
    On purpose: the reply has all that DescribeRoutingProfile has, also what Amazon leaves out.
    """
    return ROUTING_PROFILES.search(tx, caller, request, max_results=500)


@operation("connect", writes=False)
def list_routing_profiles(
    tx: Tx, caller: AccountCaller, *, instance_id: str, next_token: str | None = None, max_results: int = 100
) -> Reply:
    """List the routing profiles of an instance.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListRoutingProfiles.
    On purpose: an instance begins with one, Basic Routing Profile.
    """
    return ROUTING_PROFILES.summaries(tx, caller, instance_id, next_token, max_results)


@operation("connect", writes=False)
def list_routing_profile_queues(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    routing_profile_id: str,
    next_token: str | None = None,
    max_results: int = 100,
) -> Reply:
    """List the queues of a routing profile, one entry for each queue and channel.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListRoutingProfileQueues.
    """
    instance, profile = ROUTING_PROFILES.named(tx, caller, instance_id, routing_profile_id)
    kept, following = page_of(
        profile.queue_configs, lambda each: "/".join(_key(each)), next_token, max_results
    )
    summaries: list[Reply] = []
    for config in kept:
        queue_id, channel = _key(config)
        queue = QUEUES.find(tx, instance.id, queue_id)
        summaries.append(
            {
                "QueueId": queue_id,
                "QueueArn": QUEUES.arn(instance, queue_id),
                "QueueName": queue.name if queue else queue_id,
                "Priority": config["Priority"],
                "Delay": config["Delay"],
                "Channel": channel,
            }
        )
    listed = {"RoutingProfileQueueConfigSummaryList": summaries, "NextToken": following}
    return listed | modified(instance, profile.updated_at_ms)


@operation("connect")
def update_routing_profile_name(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    routing_profile_id: str,
    name: str | None = None,
    description: str | None = None,
) -> Reply:
    """Give a routing profile another name or description. A member that is left out stays as it is.

    Faults: DuplicateResourceException for a name that is taken; ResourceNotFoundException; InvalidRequestException
        without either member. Source: UpdateRoutingProfileName.
    """
    columns = name_or_description(name, description)
    return ROUTING_PROFILES.update(tx, caller, instance_id, routing_profile_id, **columns)


@operation("connect")
def update_routing_profile_concurrency(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    routing_profile_id: str,
    media_concurrencies: Sequence[Document],
) -> Reply:
    """Replace how many contacts of each channel an agent of the profile may have. Nothing holds agents to it.

    Faults: ResourceNotFoundException. Source: UpdateRoutingProfileConcurrency.
    """
    concurrencies = [dict(each) for each in media_concurrencies]
    return ROUTING_PROFILES.update(
        tx, caller, instance_id, routing_profile_id, media_concurrencies=concurrencies
    )


@operation("connect")
def update_routing_profile_default_outbound_queue(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    routing_profile_id: str,
    default_outbound_queue_id: str,
) -> Reply:
    """Give a routing profile another queue for outbound contacts, which a chat is not.

    Faults: ResourceNotFoundException, also for the queue. Source: UpdateRoutingProfileDefaultOutboundQueue.
    """
    instance = require_instance(tx, caller, instance_id)
    queue = QUEUES.require(tx, instance.id, default_outbound_queue_id)
    return ROUTING_PROFILES.update(
        tx, caller, instance_id, routing_profile_id, default_outbound_queue_id=queue.id
    )


@operation("connect")
def update_routing_profile_agent_availability_timer(
    tx: Tx, caller: AccountCaller, *, instance_id: str, routing_profile_id: str, agent_availability_timer: str
) -> Reply:
    """Set from when on an agent of the profile counts as idle. Nothing routes by it.

    Faults: ResourceNotFoundException. Source: UpdateRoutingProfileAgentAvailabilityTimer.
    """
    return ROUTING_PROFILES.update(
        tx, caller, instance_id, routing_profile_id, agent_availability_timer=agent_availability_timer
    )


@operation("connect")
def update_routing_profile_queues(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    routing_profile_id: str,
    queue_configs: Sequence[Document],
) -> Reply:
    """Change priority and delay of queues that a routing profile has.

    Faults: ResourceNotFoundException, also for queues. Source: UpdateRoutingProfileQueues.
    """
    return _add_queues(tx, caller, instance_id, routing_profile_id, queue_configs)


@operation("connect", refused=("manual_assignment_queue_configs",))
def associate_routing_profile_queues(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    routing_profile_id: str,
    queue_configs: Sequence[Document] = (),
    manual_assignment_queue_configs: Sequence[Document] | None = None,
) -> Reply:
    """Add queues to a routing profile.

    Faults: ResourceNotFoundException, also for queues. Source: AssociateRoutingProfileQueues.
    """
    refuse(INVALID, ManualAssignmentQueueConfigs=manual_assignment_queue_configs)
    return _add_queues(tx, caller, instance_id, routing_profile_id, queue_configs)


def _add_queues(
    tx: Tx, caller: AccountCaller, instance_id: str, profile_id: str, added: Sequence[Document]
) -> Reply:
    instance, profile = ROUTING_PROFILES.named(tx, caller, instance_id, profile_id)
    configs = _queue_configs(tx, instance, profile.queue_configs, added)
    ROUTING_PROFILES.change(tx, profile, queue_configs=configs)
    return {}


@operation("connect", refused=("manual_assignment_queue_references",))
def disassociate_routing_profile_queues(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    routing_profile_id: str,
    queue_references: Sequence[Mapping[str, str]] = (),
    manual_assignment_queue_references: Sequence[Mapping[str, str]] | None = None,
) -> Reply:
    """Take queues from a routing profile. One that it does not have is no error.

    Faults: ResourceNotFoundException. Source: DisassociateRoutingProfileQueues.
    """
    refuse(INVALID, ManualAssignmentQueueReferences=manual_assignment_queue_references)
    instance, profile = ROUTING_PROFILES.named(tx, caller, instance_id, routing_profile_id)
    removed = {(QUEUES.id_of(instance.id, each["QueueId"]), each["Channel"]) for each in queue_references}
    kept = [each for each in profile.queue_configs if _key(each) not in removed]
    ROUTING_PROFILES.change(tx, profile, queue_configs=kept)
    return {}


@operation("connect")
def delete_routing_profile(
    tx: Tx, caller: AccountCaller, *, instance_id: str, routing_profile_id: str
) -> Reply:
    """Delete a routing profile.

    Faults: ResourceNotFoundException; ResourceInUseException while a user has it. Source: DeleteRoutingProfile.
    """
    return ROUTING_PROFILES.remove(tx, caller, instance_id, routing_profile_id)
