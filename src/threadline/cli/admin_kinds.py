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

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add it to the parser of an action. A flag without dashes is a positional argument."""
        if self.flag.startswith("--"):
            parser.add_argument(self.flag, metavar=self.metavar, help=self.help, required=self.is_required)
        else:
            parser.add_argument(self.flag, metavar=self.metavar, help=self.help)

    def value_of(self, options: argparse.Namespace) -> str | None:
        """The value that was given."""
        value: str | None = getattr(options, self.flag.lstrip("-").replace("-", "_"))
        return value


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


class Kind(NamedTuple):
    """Something that a server has, and the operations about it.

    `created` and `described` are the members with the entry in the replies of `create` and `describe`; `listed` is the
    one with the list, whose entries have the id in `listed_id` and the name in `listed_name`. `id_member` is the id's
    name in requests. Without `describe`, an entry of the list is all that can be shown.
    """

    word: str
    noun: str
    sentence: str
    which: str
    service: ServiceName
    create: str
    list: str
    delete: str
    created: str
    listed: str
    listed_id: str
    listed_name: str
    id_member: str
    columns: tuple[Column, ...]
    options: tuple[Option, ...]
    actions: tuple[KindAction, ...] = ()
    describe: str = ""
    described: str = ""
    is_of_instance: bool = True
    after_create: str = ""

    @property
    def article(self) -> str:
        """The noun's article."""
        return "an" if self.noun[0] in "aeio" else "a"

    def completed(
        self, client: Client, instance: Mapping[str, str], members: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The members of `create`, with those that were left out and that the operation requires."""
        return members


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

KINDS = {kind.word: kind for kind in (KEY,)}
