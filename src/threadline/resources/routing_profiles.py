"""The operations about routing profiles. They are kept for tools that set up an instance, and route no chat."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from threadline.errors import Fault
from threadline.operations.instances import Instance, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation, refuse
from threadline.resources.queues import QUEUES
from threadline.resources.resource_type import Resource, ResourceType
from threadline.resources.search import Search, matches, texts_of
from threadline.store import Tx

INVALID = "InvalidRequestException"
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


ROUTING_PROFILES = ResourceType(
    RoutingProfile,
    kind="routing-profile",
    noun="Routing profile",
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
    return {"RoutingProfileArn": ROUTING_PROFILES.arn(instance, made.id), "RoutingProfileId": made.id}


@operation("connect", writes=False)
def describe_routing_profile(
    tx: Tx, caller: AccountCaller, *, instance_id: str, routing_profile_id: str
) -> Reply:
    """Describe a routing profile.

    Faults: ResourceNotFoundException. Source: DescribeRoutingProfile.
    """
    instance = require_instance(tx, caller, instance_id)
    profile = ROUTING_PROFILES.require(tx, instance.id, routing_profile_id)
    return {"RoutingProfile": _members(tx, instance, profile)}


def _members(tx: Tx, instance: Instance, profile: RoutingProfile) -> Reply:
    """A routing profile, as DescribeRoutingProfile and SearchRoutingProfiles have it."""
    return {
        "InstanceId": instance.id,
        "Name": profile.name,
        "RoutingProfileArn": ROUTING_PROFILES.arn(instance, profile.id),
        "RoutingProfileId": profile.id,
        "Description": profile.description,
        "MediaConcurrencies": profile.media_concurrencies,
        "DefaultOutboundQueueId": profile.default_outbound_queue_id,
        "Tags": profile.tags,
        "NumberOfAssociatedQueues": len(profile.queue_ids),
        "NumberOfAssociatedUsers": sum(1 for _ in ROUTING_PROFILES.users_of(tx, profile)),
        "AgentAvailabilityTimer": profile.agent_availability_timer,
        "LastModifiedTime": profile.updated_at_ms,
        "LastModifiedRegion": instance.region,
        "AssociatedQueueIds": profile.queue_ids,
    }


@operation("connect", writes=False)
def search_routing_profiles(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    next_token: str | None = None,
    max_results: int = 500,
    search_filter: Document | None = None,
    search_criteria: Document | None = None,
) -> Reply:
    """Find routing profiles by name, description, id, queue or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchRoutingProfiles.
    On purpose: the reply has all that DescribeRoutingProfile has, also what Amazon leaves out.
    """
    instance = require_instance(tx, caller, instance_id)
    searched = Search(search_criteria, search_filter, next_token, max_results)
    return searched.reply(
        "RoutingProfiles",
        ROUTING_PROFILES.all(tx, instance.id),
        lambda each: _members(tx, instance, each),
        _matches,
    )


def _matches(profile: RoutingProfile, kind: str, condition: Any) -> bool:
    texts = {**texts_of(profile), "associatedQueueIds": profile.queue_ids}
    return matches(kind, condition, profile.tags, texts)


@operation("connect", writes=False)
def list_routing_profiles(
    tx: Tx, caller: AccountCaller, *, instance_id: str, next_token: str | None = None, max_results: int = 100
) -> Reply:
    """List the routing profiles of an instance.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListRoutingProfiles.
    On purpose: an instance begins with one, Basic Routing Profile.
    """
    instance = require_instance(tx, caller, instance_id)
    kept, following = ROUTING_PROFILES.page(tx, instance.id, next_token, max_results)
    summaries = [ROUTING_PROFILES.summary(instance, profile) for profile in kept]
    return {"RoutingProfileSummaryList": summaries, "NextToken": following}


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
    instance = require_instance(tx, caller, instance_id)
    profile = ROUTING_PROFILES.require(tx, instance.id, routing_profile_id)
    keys = ["/".join(_key(each)) for each in profile.queue_configs]
    if next_token and next_token not in keys:
        raise Fault(INVALID, "NextToken is not one that this operation has given.")
    start = keys.index(next_token) + 1 if next_token else 0
    summaries: list[Reply] = []
    for config in profile.queue_configs[start : start + max_results]:
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
    end = start + max_results
    return {
        "RoutingProfileQueueConfigSummaryList": summaries,
        "NextToken": keys[end - 1] if end < len(keys) else None,
        "LastModifiedTime": profile.updated_at_ms,
        "LastModifiedRegion": instance.region,
    }


def _change(tx: Tx, caller: AccountCaller, instance_id: str, profile_id: str, **columns: Any) -> Reply:
    """Change columns of a routing profile. Faults: ResourceNotFoundException; DuplicateResourceException."""
    instance = require_instance(tx, caller, instance_id)
    ROUTING_PROFILES.change(tx, ROUTING_PROFILES.require(tx, instance.id, profile_id), **columns)
    return {}


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
    given = {"name": name, "description": description}
    columns = {member: value for member, value in given.items() if value is not None}
    if not columns:
        raise Fault(INVALID, "Give a Name, a Description, or both.")
    return _change(tx, caller, instance_id, routing_profile_id, **columns)


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
    return _change(tx, caller, instance_id, routing_profile_id, media_concurrencies=concurrencies)


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
    return _change(tx, caller, instance_id, routing_profile_id, default_outbound_queue_id=queue.id)


@operation("connect")
def update_routing_profile_agent_availability_timer(
    tx: Tx, caller: AccountCaller, *, instance_id: str, routing_profile_id: str, agent_availability_timer: str
) -> Reply:
    """Set from when on an agent of the profile counts as idle. Nothing routes by it.

    Faults: ResourceNotFoundException. Source: UpdateRoutingProfileAgentAvailabilityTimer.
    """
    return _change(
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
    instance = require_instance(tx, caller, instance_id)
    profile = ROUTING_PROFILES.require(tx, instance.id, profile_id)
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
    instance = require_instance(tx, caller, instance_id)
    profile = ROUTING_PROFILES.require(tx, instance.id, routing_profile_id)
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
    instance = require_instance(tx, caller, instance_id)
    profile = ROUTING_PROFILES.require(tx, instance.id, routing_profile_id)
    ROUTING_PROFILES.refuse_used(tx, profile, "ResourceInUseException")
    ROUTING_PROFILES.delete(tx, profile)
    return {}
