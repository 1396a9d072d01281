"""The operations about users and their profiles. A user accepts chats as an agent."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import msgspec

from threadline.errors import Fault
from threadline.operations.instances import Instance, require_instance
from threadline.operations.registry import AccountCaller, Reply, operation, refuse
from threadline.resources.declaration import WireNames
from threadline.resources.resource_type import Resource, ResourceType
from threadline.resources.routing_profiles import ROUTING_PROFILES
from threadline.resources.search import SearchRequest
from threadline.store import Tx

SOFT_PHONE: Mapping[str, Any] = {"PhoneType": "SOFT_PHONE", "AutoAccept": False}


class User(Resource, kw_only=True, frozen=True):
    """A user. Users accept chats as agents. The name of the resource is the Username."""

    identity_info: dict[str, str]
    phone_config: dict[str, Any] = msgspec.field(default_factory=lambda: dict(SOFT_PHONE))
    routing_profile_id: str
    security_profile_ids: list[str]

    @property
    def username(self) -> str:
        """The Username."""
        return self.name

    @property
    def first_name(self) -> str:
        """The first name; empty where there is none."""
        return self.identity_info.get("FirstName", "")

    @property
    def last_name(self) -> str:
        """The last name; empty where there is none."""
        return self.identity_info.get("LastName", "")

    def own_members(self, tx: Tx, instance: Instance) -> Reply:
        """See `Resource`."""
        return {
            "IdentityInfo": self.identity_info,
            "PhoneConfig": self.phone_config,
            "SecurityProfileIds": self.security_profile_ids,
            "RoutingProfileId": self.routing_profile_id,
        }

    def texts(self) -> dict[str, str | Sequence[str] | None]:
        """See `Resource`."""
        return {
            "Username": self.username,
            "FirstName": self.first_name,
            "LastName": self.last_name,
            "RoutingProfileId": self.routing_profile_id,
            "SecurityProfileId": self.security_profile_ids,
            "resourceId": self.id,
        }


class UserProfile(Resource, kw_only=True, frozen=True):
    """A security profile. An instance has one, which no operation changes."""


USERS = ResourceType(
    User,
    kind="agent",
    noun="User",
    names=WireNames(name="Username", described="User", listed="UserSummaryList", found="Users"),
    refers={"routing_profile_id": ROUTING_PROFILES},
)
SECURITY_PROFILES = ResourceType(
    UserProfile,
    kind="security-profile",
    noun="Security profile",
    names=WireNames(listed="SecurityProfileSummaryList", found="SecurityProfiles"),
)


def require_user(tx: Tx, instance_id: str, user_id: str) -> User:
    """The user, by id or ARN. Faults: ResourceNotFoundException."""
    return USERS.require(tx, instance_id, user_id)


@operation(
    "connect",
    refused=(
        "directory_user_id",
        "hierarchy_group_id",
        "auto_accept_configs",
        "after_contact_work_configs",
        "phone_number_configs",
        "persistent_connection_configs",
        "voice_enhancement_configs",
    ),
)
def create_user(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    username: str,
    password: str | None = None,
    identity_info: Mapping[str, str] | None = None,
    phone_config: Mapping[str, Any] | None = None,
    directory_user_id: str | None = None,
    security_profile_ids: Sequence[str],
    routing_profile_id: str,
    hierarchy_group_id: str | None = None,
    auto_accept_configs: Sequence[Mapping[str, Any]] | None = None,
    after_contact_work_configs: Sequence[Mapping[str, Any]] | None = None,
    phone_number_configs: Sequence[Mapping[str, Any]] | None = None,
    persistent_connection_configs: Sequence[Mapping[str, Any]] | None = None,
    voice_enhancement_configs: Sequence[Mapping[str, Any]] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Reply:
    """Create a user. The user can accept chats as an agent from then on.

    Faults: DuplicateResourceException for a Username that is taken; ResourceNotFoundException, also for profiles.
    Source: CreateUser.
    On purpose: Password is not kept and not required, since nobody signs in to this server with it.
    """
    refuse(
        "InvalidRequestException",
        DirectoryUserId=directory_user_id,
        HierarchyGroupId=hierarchy_group_id,
        AutoAcceptConfigs=auto_accept_configs,
        AfterContactWorkConfigs=after_contact_work_configs,
        PhoneNumberConfigs=phone_number_configs,
        PersistentConnectionConfigs=persistent_connection_configs,
        VoiceEnhancementConfigs=voice_enhancement_configs,
    )
    instance = require_instance(tx, caller, instance_id)
    user = USERS.create(
        tx,
        instance.id,
        username,
        tags=tags,
        identity_info=dict(identity_info or {}),
        phone_config={**SOFT_PHONE, **(phone_config or {})},
        routing_profile_id=ROUTING_PROFILES.require(tx, instance.id, routing_profile_id).id,
        security_profile_ids=_security_profiles(tx, instance, security_profile_ids),
    )
    return {"UserId": user.id, "UserArn": USERS.arn(instance, user.id)}


def _security_profiles(tx: Tx, instance: Instance, ids: Sequence[str]) -> list[str]:
    return [SECURITY_PROFILES.require(tx, instance.id, each).id for each in ids]


@operation("connect", writes=False)
def list_users(
    tx: Tx, caller: AccountCaller, *, instance_id: str, next_token: str | None = None, max_results: int = 100
) -> Reply:
    """List the users of an instance.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid. Source: ListUsers.
    """
    return USERS.summaries(tx, caller, instance_id, next_token, max_results)


@operation("connect", writes=False)
def describe_user(tx: Tx, caller: AccountCaller, *, user_id: str, instance_id: str) -> Reply:
    """Describe a user.

    Faults: ResourceNotFoundException. Source: DescribeUser.
    On purpose: AfterContactWorkTimeLimit is left out unless it was set, since after-contact work clears by itself and
        0 would mean unlimited time.
    """
    return USERS.describe(tx, caller, instance_id, user_id)


@operation("connect", writes=False)
def search_users(tx: Tx, caller: AccountCaller, **request: Unpack[SearchRequest]) -> Reply:
    """Find users by Username, names, profiles, id or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchUsers.
    """
    return USERS.search(tx, caller, request, max_results=500, members=_found_user)


def _found_user(tx: Tx, instance: Instance, user: User) -> Reply:
    """The members of a user that a search finds: fewer than DescribeUser has."""
    names = ("FirstName", "LastName")
    members = USERS.members(tx, instance, user) | {
        "IdentityInfo": {name: user.identity_info[name] for name in names if name in user.identity_info}
    }
    del members["LastModifiedTime"], members["LastModifiedRegion"]
    return members


@operation("connect")
def update_user_identity_info(
    tx: Tx, caller: AccountCaller, *, identity_info: Mapping[str, str], user_id: str, instance_id: str
) -> Reply:
    """Replace a user's names and addresses. Participants of chats keep the name that they joined with.

    Faults: ResourceNotFoundException. Source: UpdateUserIdentityInfo.
    Assumed: a member that is left out is removed.
    """
    return USERS.update(tx, caller, instance_id, user_id, identity_info=dict(identity_info))


@operation("connect")
def update_user_phone_config(
    tx: Tx, caller: AccountCaller, *, phone_config: Mapping[str, Any], user_id: str, instance_id: str
) -> Reply:
    """Replace a user's phone settings, which have no effect on chats.

    Faults: ResourceNotFoundException. Source: UpdateUserPhoneConfig.
    """
    return USERS.update(tx, caller, instance_id, user_id, phone_config={**SOFT_PHONE, **phone_config})


@operation("connect")
def update_user_routing_profile(
    tx: Tx, caller: AccountCaller, *, routing_profile_id: str, user_id: str, instance_id: str
) -> Reply:
    """Give a user another routing profile.

    Faults: ResourceNotFoundException. Source: UpdateUserRoutingProfile.
    """
    instance = require_instance(tx, caller, instance_id)
    profile = ROUTING_PROFILES.require(tx, instance.id, routing_profile_id)
    return USERS.update(tx, caller, instance_id, user_id, routing_profile_id=profile.id)


@operation("connect")
def update_user_security_profiles(
    tx: Tx, caller: AccountCaller, *, security_profile_ids: Sequence[str], user_id: str, instance_id: str
) -> Reply:
    """Give a user other security profiles.

    Faults: ResourceNotFoundException. Source: UpdateUserSecurityProfiles.
    """
    instance = require_instance(tx, caller, instance_id)
    profiles = _security_profiles(tx, instance, security_profile_ids)
    return USERS.update(tx, caller, instance_id, user_id, security_profile_ids=profiles)


@operation("connect")
def delete_user(tx: Tx, caller: AccountCaller, *, instance_id: str, user_id: str) -> Reply:
    """Delete a user. Past contacts keep the user's id.

    Faults: ResourceNotFoundException; InvalidRequestException while the user has a chat or is offered one.
    Source: DeleteUser. Assumed: a user who has a chat cannot be deleted.
    """
    instance, user = USERS.named(tx, caller, instance_id, user_id)
    contact_id = tx.row("open_contact_of_user", str, instance_id=instance.id, user_id=user.id)
    if contact_id is not None:
        raise Fault(
            "InvalidRequestException",
            f"User {user.username!r} has a chat: contact {contact_id}. Let it end, or transfer it, first.",
        )
    USERS.delete(tx, user)
    return {}


@operation("connect", writes=False)
def list_security_profiles(
    tx: Tx, caller: AccountCaller, *, instance_id: str, next_token: str | None = None, max_results: int = 100
) -> Reply:
    """List the security profiles of an instance.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListSecurityProfiles.
    On purpose: an instance has one, Agent. It has no effect: permissions are those of the access key.
    """
    return SECURITY_PROFILES.summaries(tx, caller, instance_id, next_token, max_results)


@operation("connect", writes=False)
def search_security_profiles(tx: Tx, caller: AccountCaller, **request: Unpack[SearchRequest]) -> Reply:
    """Find security profiles by name or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchSecurityProfiles.
    """
    return SECURITY_PROFILES.search(tx, caller, request, members=_found_profile)


def _found_profile(tx: Tx, instance: Instance, profile: UserProfile) -> Reply:
    return {
        "Id": profile.id,
        "OrganizationResourceId": instance.id,
        "Arn": SECURITY_PROFILES.arn(instance, profile.id),
        "SecurityProfileName": profile.name,
        "Tags": profile.tags,
    }
