"""A call of each operation that makes, changes or deletes what an instance has, with any InstanceId."""

from collections.abc import Callable
from itertools import count
from typing import Any

from threadline.testing import Workspace

NUMBERS = count()
Call = Callable[[Workspace, str], Any]


def fresh(what: str) -> str:
    """A name that nothing has yet."""
    return f"{what} {next(NUMBERS)}"


def hours_of(workspace: Workspace) -> str:
    """The hours that the workspace was made with: a list has those of other tests too."""
    reply = workspace.connect.describe_queue(InstanceId=workspace.instance_id, QueueId=workspace.queue_id)
    return str(reply["Queue"]["HoursOfOperationId"])


def profiles_of(workspace: Workspace) -> dict[str, Any]:
    """The profiles that the workspace was made with."""
    user = workspace.connect.describe_user(InstanceId=workspace.instance_id, UserId=workspace.agents["a1"])[
        "User"
    ]
    return {name: user[name] for name in ("RoutingProfileId", "SecurityProfileIds")}


def create_queue(workspace: Workspace, name: str = "", **members: Any) -> dict[str, Any]:
    given = {"InstanceId": workspace.instance_id, "HoursOfOperationId": hours_of(workspace)} | members
    reply: dict[str, Any] = workspace.connect.create_queue(Name=name or fresh("queue"), **given)
    return reply


def create_user(workspace: Workspace, name: str = "", **members: Any) -> dict[str, Any]:
    given = {"InstanceId": workspace.instance_id, **profiles_of(workspace)} | members
    reply: dict[str, Any] = workspace.connect.create_user(Username=name or fresh("user"), **given)
    return reply


def create_instance(workspace: Workspace, **members: Any) -> dict[str, Any]:
    given = {
        "IdentityManagementType": "CONNECT_MANAGED",
        "InstanceAlias": f"made-{next(NUMBERS)}",
        "InboundCallsEnabled": False,
        "OutboundCallsEnabled": False,
    }
    reply: dict[str, Any] = workspace.connect.create_instance(**given | members)
    return reply


def _delete_instance(workspace: Workspace, instance_id: str) -> dict[str, Any]:
    """Delete a spare instance in the place of the workspace's own."""
    is_own = instance_id.endswith(workspace.instance_id)
    target = create_instance(workspace)["Arn"] if is_own else instance_id
    reply: dict[str, Any] = workspace.connect.delete_instance(InstanceId=target)
    return reply


def call_of(operation: str, member: str, make: Callable[[Workspace], str], **members: Any) -> Call:
    """A call about something that is made for it, and whose id goes into `member`."""

    def call(workspace: Workspace, instance_id: str) -> Any:
        named = {member: make(workspace)}
        return getattr(workspace.connect, operation)(InstanceId=instance_id, **named, **members)

    return call


def _of_queue(operation: str, **members: Any) -> Call:
    return call_of(operation, "QueueId", lambda workspace: create_queue(workspace)["QueueId"], **members)


def _of_user(operation: str, **members: Any) -> Call:
    return call_of(operation, "UserId", lambda workspace: create_user(workspace)["UserId"], **members)


ADMIN_CALLS: dict[str, Call] = {
    "CreateQueue": lambda w, i: create_queue(w, InstanceId=i),
    "CreateUser": lambda w, i: create_user(w, InstanceId=i),
    "DeleteInstance": _delete_instance,
    "DeleteQueue": _of_queue("delete_queue"),
    "DeleteUser": _of_user("delete_user"),
    "ListRoutingProfiles": lambda w, i: w.connect.list_routing_profiles(InstanceId=i),
    "ListSecurityProfiles": lambda w, i: w.connect.list_security_profiles(InstanceId=i),
    "UpdateQueueHoursOfOperation": lambda w, i: w.connect.update_queue_hours_of_operation(
        InstanceId=i, QueueId=w.queue_id, HoursOfOperationId=hours_of(w)
    ),
    "UpdateQueueMaxContacts": _of_queue("update_queue_max_contacts", MaxContacts=3),
    "UpdateQueueName": _of_queue("update_queue_name", Description="Another"),
    "UpdateQueueOutboundCallerConfig": _of_queue(
        "update_queue_outbound_caller_config", OutboundCallerConfig={"OutboundCallerIdName": "Shop"}
    ),
    "UpdateQueueStatus": _of_queue("update_queue_status", Status="DISABLED"),
    "UpdateUserIdentityInfo": _of_user("update_user_identity_info", IdentityInfo={"FirstName": "Sam"}),
    "UpdateUserPhoneConfig": _of_user("update_user_phone_config", PhoneConfig={"PhoneType": "SOFT_PHONE"}),
    "UpdateUserRoutingProfile": lambda w, i: w.connect.update_user_routing_profile(
        InstanceId=i, UserId=w.agents["a1"], RoutingProfileId=profiles_of(w)["RoutingProfileId"]
    ),
    "UpdateUserSecurityProfiles": lambda w, i: w.connect.update_user_security_profiles(
        InstanceId=i, UserId=w.agents["a1"], SecurityProfileIds=profiles_of(w)["SecurityProfileIds"]
    ),
}
