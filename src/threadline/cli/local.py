"""What the commands around the local server share: their options, the client, the instance, and one-line errors."""

import argparse
import os
import sys
from collections.abc import Callable

from threadline.cli.client import Client
from threadline.cli.endpoint import Surroundings
from threadline.cli.failures import Failure


def parser(name: str, description: str, *, calls: bool = True) -> argparse.ArgumentParser:
    """A parser for `threadline NAME`; with the options that find the server when the command `calls` it."""
    made = argparse.ArgumentParser(prog=f"threadline {name}", description=description)
    if calls:
        add_server_options(made)
    return made


def add_server_options(made: argparse.ArgumentParser) -> None:
    """The options that say which server; each falls back on environment, profile and data folder, in this order."""
    group = made.add_argument_group("which server (else: environment, profile, data folder)")
    group.add_argument("--endpoint-url", metavar="URL", help="address of the server")
    group.add_argument("--instance-id", metavar="ID", help="instance; THREADLINE_INSTANCE_ID")
    group.add_argument("--region", metavar="NAME", help="region that signatures name")
    group.add_argument("--profile", metavar="NAME", help="profile of the AWS configuration files")
    group.add_argument("--data", metavar="DIR", help="data folder of a local server (./data)")


def client(options: argparse.Namespace) -> Client:
    """The client that `options` ask for."""
    return Client(surroundings(options))


def surroundings(options: argparse.Namespace) -> Surroundings:
    """What `options` say, before environment, profile and data folder are asked."""
    return Surroundings(
        environment=os.environ,
        endpoint_url=options.endpoint_url,
        profile_name=options.profile,
        region_name=options.region,
        data=options.data,
    )


def instance(client: Client, chosen: str | None) -> str:
    """The instance id that is `chosen`, else of environment or data folder, else the server's only one.

    Raises Failure when there are several.
    """
    found = chosen or client.surroundings.environment.get("THREADLINE_INSTANCE_ID")
    if found:
        return str(found)
    target, workspace = client.target("threadline"), client.surroundings.workspace
    if workspace and target.url == workspace.url:
        return str(workspace.ids["instance_id"])
    instances = client.call("connect", "ListInstances")["InstanceSummaryList"]
    if len(instances) == 1:
        return str(instances[0]["Id"])
    raise Failure(f"The server has {len(instances)} instances: say which with --instance-id.")


def reported(command: Callable[[], int]) -> int:
    """Run `command`; a failure becomes one line on standard error and its exit status."""
    try:
        return command()
    except Failure as failure:
        sys.stdout.flush()
        sys.stderr.write(f"threadline: {' '.join(str(failure).split())}\n")
        return failure.status
