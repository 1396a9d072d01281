"""The kinds of `threadline admin`, as data: the operations, options and columns of each."""

import argparse
from collections.abc import Mapping
from typing import Any, NamedTuple

from threadline.aws.names import ServiceName
from threadline.client.client import Client


class Option(NamedTuple):
    """An option of an action: the member that it sets, its placeholder and its help."""

    flag: str
    member: str
    metavar: str
    help: str
    is_required: bool = False
    is_number: bool = False
    is_list: bool = False

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add it to the parser of an action. A flag without dashes is a positional argument."""
        more: dict[str, Any] = {"required": self.is_required} if self.flag.startswith("--") else {}
        if self.is_number:
            more["type"] = int
        if self.is_list:
            more["nargs"] = "+"
        parser.add_argument(self.flag, metavar=self.metavar, help=self.help, **more)

    def value_of(self, options: argparse.Namespace) -> Any:
        """The value that was given, or None."""
        return getattr(options, self.flag.lstrip("-").replace("-", "_"))


class Column(NamedTuple):
    """A column of a kind's table: its title, and the member of a list's entry."""

    title: str
    member: str


class KindAction(NamedTuple):
    """A further action on one entry: the operation, and the members that it always sends."""

    word: str
    sentence: str
    operation: str
    done: str
    members: Mapping[str, Any] = {}
    options: tuple[Option, ...] = ()


class Default(NamedTuple):
    """The value of a required member that `create` was not given: the first entry that an operation lists."""

    member: str
    operation: str
    listed: str
    is_list: bool = False


class Kind(NamedTuple):
    """Something that a server has, and the operations about it.

    `created` and `described` are the members with the entry in the replies of `create` and `describe`; `listed` is the
    one with the list. Its entries have the id in `listed_id` and the name in `listed_name`. `id_member` is the id's
    name in requests. Without `describe`, an entry of the list is all that can be shown. `create` always sends `fixed`,
    and `defaults` where the members were not given.
    """

    word: str
    noun: str
    sentence: str
    which: str
    create: str
    list: str
    delete: str
    listed: str
    id_member: str
    columns: tuple[Column, ...]
    options: tuple[Option, ...]
    service: ServiceName = "connect"
    created: str = ""
    listed_id: str = "Id"
    listed_name: str = "Name"
    actions: tuple[KindAction, ...] = ()
    describe: str = ""
    described: str = ""
    is_of_instance: bool = True
    after_create: str = ""
    defaults: tuple[Default, ...] = ()
    fixed: Mapping[str, Any] = {}

    @property
    def article(self) -> str:
        """The noun's article."""
        return "an" if self.noun[0] in "aeio" else "a"

    def completed(
        self, client: Client, instance: Mapping[str, str], members: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The members of `create`, those that were left out and that the operation requires among them.

        A member with a full stop is one of a structure. A default is the id of the first entry in a list.
        """
        whole: dict[str, Any] = dict(self.fixed)
        for name, value in members.items():
            outer, _, inner = name.partition(".")
            if inner:
                whole.setdefault(outer, {})[inner] = value
            else:
                whole[name] = value
        for default in self.defaults:
            if default.member not in whole:
                first = client.call("connect", default.operation, **instance, MaxResults=1)[default.listed]
                found = [entry["Id"] for entry in first]
                whole[default.member] = found if default.is_list else found[0]
        return whole


KEY = Kind(
    word="key",
    noun="access key",
    sentence="access keys, with which clients sign their requests",
    which="ACCESS_KEY_ID",
    service="threadline",
    create="CreateAccessKey",
    list="ListAccessKeys",
    delete="DeleteAccessKey",
    created="AccessKey",
    listed="AccessKeyMetadata",
    listed_id="AccessKeyId",
    listed_name="Description",
    id_member="AccessKeyId",
    columns=(
        Column("ACCESS KEY ID", "AccessKeyId"),
        Column("STATUS", "Status"),
        Column("CREATED", "CreateDate"),
        Column("LAST USED", "LastUsedDate"),
        Column("DESCRIPTION", "Description"),
    ),
    options=(Option("--description", "Description", "TEXT", "a note of what the key is for"),),
    actions=(
        KindAction(
            "deactivate",
            "refuse its requests until it is activated again",
            "UpdateAccessKey",
            "is inactive: its requests are refused",
            {"Status": "Inactive"},
        ),
        KindAction(
            "activate",
            "accept its requests again",
            "UpdateAccessKey",
            "is active",
            {"Status": "Active"},
        ),
    ),
    is_of_instance=False,
    after_create="Keep the secret: it is not shown again.",
)

USER = Kind(
    word="user",
    noun="user",
    sentence="users, who accept chats as agents",
    which="USER",
    create="CreateUser",
    list="ListUsers",
    delete="DeleteUser",
    listed="UserSummaryList",
    listed_name="Username",
    id_member="UserId",
    describe="DescribeUser",
    described="User",
    columns=(
        Column("USERNAME", "Username"),
        Column("ID", "Id"),
        Column("CHANGED", "LastModifiedTime"),
    ),
    options=(
        Option(
            "username", "Username", "USERNAME", "the user's name, which no other user of the instance has"
        ),
        Option("--first-name", "IdentityInfo.FirstName", "NAME", "the first name, which customers see"),
        Option("--last-name", "IdentityInfo.LastName", "NAME", "the last name"),
        Option("--email", "IdentityInfo.Email", "ADDRESS", "the address for e-mail"),
        Option("--routing-profile-id", "RoutingProfileId", "ID", "the routing profile (the first)"),
        Option(
            "--security-profile-ids",
            "SecurityProfileIds",
            "ID",
            "the security profiles (the first)",
            is_list=True,
        ),
    ),
    defaults=(
        Default("RoutingProfileId", "ListRoutingProfiles", "RoutingProfileSummaryList"),
        Default("SecurityProfileIds", "ListSecurityProfiles", "SecurityProfileSummaryList", is_list=True),
    ),
)

QUEUE = Kind(
    word="queue",
    noun="queue",
    sentence="queues, in which chats wait for an agent",
    which="QUEUE",
    create="CreateQueue",
    list="ListQueues",
    delete="DeleteQueue",
    listed="QueueSummaryList",
    id_member="QueueId",
    describe="DescribeQueue",
    described="Queue",
    columns=(Column("NAME", "Name"), Column("ID", "Id"), Column("CHANGED", "LastModifiedTime")),
    options=(
        Option("name", "Name", "NAME", "the queue's name, which no other queue of the instance has"),
        Option("--description", "Description", "TEXT", "a note of what the queue is for"),
        Option("--max-contacts", "MaxContacts", "N", "the most chats that wait in it", is_number=True),
        Option("--hours-of-operation-id", "HoursOfOperationId", "ID", "its hours of operation (the first)"),
    ),
    actions=(
        KindAction(
            "disable",
            "take no more chats",
            "UpdateQueueStatus",
            "is disabled: it takes no more chats",
            {"Status": "DISABLED"},
        ),
        KindAction("enable", "take chats again", "UpdateQueueStatus", "is enabled", {"Status": "ENABLED"}),
        KindAction(
            "rename",
            "give it another name",
            "UpdateQueueName",
            "is renamed",
            options=(Option("name", "Name", "NAME", "the new name"),),
        ),
        KindAction(
            "limit",
            "bound the chats that wait in it; without a number there is no bound",
            "UpdateQueueMaxContacts",
            "is changed",
            options=(
                Option(
                    "--max-contacts", "MaxContacts", "N", "the most chats that wait in it", is_number=True
                ),
            ),
        ),
    ),
    defaults=(Default("HoursOfOperationId", "ListHoursOfOperations", "HoursOfOperationSummaryList"),),
)

INSTANCE = Kind(
    word="instance",
    noun="instance",
    sentence="instances, each with its own chats, flows, users and queues",
    which="INSTANCE",
    create="CreateInstance",
    list="ListInstances",
    delete="DeleteInstance",
    listed="InstanceSummaryList",
    listed_name="InstanceAlias",
    id_member="InstanceId",
    describe="DescribeInstance",
    described="Instance",
    columns=(
        Column("ALIAS", "InstanceAlias"),
        Column("ID", "Id"),
        Column("STATUS", "InstanceStatus"),
        Column("CREATED", "CreatedTime"),
    ),
    options=(Option("alias", "InstanceAlias", "ALIAS", "the instance's name, which no other instance has"),),
    fixed={
        "IdentityManagementType": "CONNECT_MANAGED",
        "InboundCallsEnabled": False,
        "OutboundCallsEnabled": False,
    },
    is_of_instance=False,
)

KINDS = {kind.word: kind for kind in (KEY, USER, QUEUE, INSTANCE)}
