"""Shared by the commands that call a server: their options, the client, ids by name, and one-line errors."""

import argparse
import os
import re
import sys
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from threadline.cli.destination import Destination, find, none_found
from threadline.client.client import Client
from threadline.client.failures import Failure
from threadline.client.session import DATA_FOLDER
from threadline.client.transport import TransportOptions
from threadline.style import folded, say

ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|arn:.+")
SHOWN_MAX = 10


class Listing(NamedTuple):
    """An operation that lists named resources: the member with its list, and the member with each name."""

    operation: str
    members: str
    name: str


LISTINGS = {
    "contact flow": Listing("ListContactFlows", "ContactFlowSummaryList", "Name"),
    "queue": Listing("ListQueues", "QueueSummaryList", "Name"),
    "quick connect": Listing("ListQuickConnects", "QuickConnectSummaryList", "Name"),
    "user": Listing("ListUsers", "UserSummaryList", "Username"),
}


class CommandParser(argparse.ArgumentParser):
    """A parser whose errors are wrapped on a terminal."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the error on standard error, and exit with status 2."""
        self.print_usage(sys.stderr)
        self.exit(2, folded(f"{self.prog}: error: {message}", 0, "  ", stream=sys.stderr) + "\n")


def parser(name: str, description: str, *, calls: bool = True) -> argparse.ArgumentParser:
    """A parser for `threadline NAME`, with the options that select the server if the command `calls` one."""
    made = CommandParser(prog=f"threadline {name}", description=description)
    if calls:
        add_server_options(made)
    return made


def add_server_options(made: argparse.ArgumentParser) -> None:
    """Add the options that select the server; the module `destination` says in which order they count."""
    group = made.add_argument_group(
        "which server",
        "Selected in this order: --endpoint-url, --data, THREADLINE_URL as `threadline env` sets it, and a server "
        "that runs on ./data. AWS's configuration and environment are not read.",
    )
    group.add_argument(
        "--endpoint-url",
        metavar="URL",
        help="address of the server; its key is that of --data, or THREADLINE_ACCESS_KEY_ID and "
        "THREADLINE_SECRET_ACCESS_KEY",
    )
    group.add_argument("--data", metavar="DIR", help="data folder of the server (THREADLINE_DATA, ./data)")
    group.add_argument("--instance-id", metavar="ID", help="instance (the server's only one)")


def destination(options: argparse.Namespace) -> Destination | None:
    """The server that the options, the environment or ./data select; None when there is none."""
    return find(options, os.environ)


def client(options: argparse.Namespace, found: Destination | None = None) -> Client:
    """A client of `found`, or else of the server that `options` select. Raises BadConfiguration without one."""
    found = found or destination(options)
    if found is None:
        raise none_found(os.environ.get("THREADLINE_DATA") or DATA_FOLDER)
    options.instance_id = options.instance_id or found.instance_id
    return Client(found, TransportOptions(proxied=not found.is_direct))


def listed(client: Client, instance_id: str, listing: Listing) -> list[dict[str, str]]:
    """All entries of a listing."""
    return list(client.entries("connect", listing.operation, listing.members, InstanceId=instance_id))


def id_of(client: Client, instance_id: str, kind: str, given: str) -> str:
    """The id of a user, queue or contact flow, `given` as its name or its id. Raises Failure when there is none."""
    if ID.fullmatch(given):
        return given
    listing = LISTINGS[kind]
    entries = listed(client, instance_id, listing)
    for entry in entries:
        if given in (entry.get(listing.name), entry["Id"]):
            return entry["Id"]
    names = sorted(entry[listing.name] for entry in entries if listing.name in entry)
    known = ", ".join(names[:SHOWN_MAX]) + (
        f" and {len(names) - SHOWN_MAX} more" if names[SHOWN_MAX:] else ""
    )
    raise Failure(f"Instance {instance_id} has no {kind} {given!r}. It has {known or 'none'}.")


def reported(command: Callable[[], int]) -> int:
    """Run `command`; report a failure on standard error and return its exit status."""
    try:
        return command()
    except Failure as failure:
        sys.stdout.flush()
        say(" ".join(str(failure).split()))
        return failure.status
