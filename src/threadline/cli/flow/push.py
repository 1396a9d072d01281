"""`threadline flow push DIR`: creates or updates the flows of an instance from files."""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, NamedTuple

from threadline.cli import connection_options
from threadline.cli.flow.files import read
from threadline.cli.flow.folder import Entry, read_manifest
from threadline.cli.flow.names import FLOW, MODULE, Names, Referred, moved, named
from threadline.client.client import Client, instance_of
from threadline.client.failures import Failure
from threadline.errors import Fault
from threadline.flows.language import VERSION, parse


class Pushed(NamedTuple):
    """A flow to push: its entry in the manifest, and its content."""

    entry: Entry
    resource: Referred
    content: Any


def add_options(parser: ArgumentParser) -> None:
    """Add the folder and the server."""
    parser.add_argument(
        "folder", metavar="DIR", type=Path, help="a folder that `threadline flow pull` has written"
    )
    connection_options.add_server_options(parser)


def run(options: Namespace) -> int:
    """Check all flows, then create those that the instance has not, then update those that differ.

    Nothing is written when a flow has a problem or names something that the instance has not.
    """
    folder: Path = options.folder
    manifest = read_manifest(folder)
    sources = {id_: Referred(entry["kind"], entry["name"]) for id_, entry in manifest["resources"].items()}
    flows, problems = [], list[str]()
    for entry in manifest["flows"]:
        flow = _read(folder, entry, problems)
        if flow is not None:
            flows.append(flow)
    with connection_options.client(options) as client:
        instance = instance_of(client, options.instance_id)
        names = Names(client, instance)
        own = {flow.resource for flow in flows}
        for flow in flows:
            for resource in named(flow.content, sources).values():
                if resource not in names.by_name and resource not in own:
                    kind = resource.kind.replace("-", " ")
                    problems.append(
                        f"{folder / flow.entry['file']}: the instance has no {kind} {resource.name!r}."
                    )
        if problems:
            sys.stderr.writelines(f"{problem}\n" for problem in problems)
            return 1
        created = {flow.resource for flow in flows if flow.resource not in names.by_name}
        for flow in flows:
            if flow.resource in created:
                _create(client, instance, flow, names)
        for flow in flows:
            done = _update(client, instance, flow, names, sources)
            print(f"{'created' if flow.resource in created else done}: {flow.resource.name}")
    return 0


def _read(folder: Path, entry: Entry, problems: list[str]) -> Pushed | None:
    """Read a flow's file; None when it has a problem."""
    name = str(folder / entry["file"])
    try:
        file = read(name)
        parse(file.content, "MODULE" if entry["kind"] == MODULE else entry.get("type", "CONTACT_FLOW"))
    except Failure as failure:
        problems.append(str(failure))
        return None
    except Fault as fault:
        problems += [f"{name}: {problem['message']}" for problem in fault.members["problems"]]
        return None
    return Pushed(entry, Referred(entry["kind"], entry["name"]), file.document)


def _create(client: Client, instance: str, flow: Pushed, names: Names) -> None:
    """Create a flow that ends at once, so that flows which name each other can be given their content after that."""
    is_flow = flow.resource.kind == FLOW
    member = "ContactFlow" if is_flow else "ContactFlowModule"
    members = {"Name": flow.resource.name, "InstanceId": instance}
    if is_flow:
        members["Type"] = flow.entry.get("type", "CONTACT_FLOW")
    if description := flow.entry.get("description"):
        members["Description"] = description
    end = {"Identifier": "end", "Type": "EndFlowExecution" if is_flow else "EndFlowModuleExecution"}
    actions = [{**end, "Parameters": {}, "Transitions": {}}]
    content = {"Version": VERSION, "StartAction": "end", "Actions": actions}
    reply = client.call("connect", f"Create{member}", Content=json.dumps(content), **members)
    id_ = reply["ContactFlowId" if is_flow else "Id"]
    names.add(flow.resource, id_, reply["ContactFlowArn" if is_flow else "Arn"])


def _update(client: Client, instance: str, flow: Pushed, names: Names, sources: dict[str, Referred]) -> str:
    """Give a flow its content, unless it has it already. Returns what was done."""
    member = "ContactFlow" if flow.resource.kind == FLOW else "ContactFlowModule"
    id_ = names.by_name[flow.resource][0]
    keys = {"InstanceId": instance, f"{member}Id": id_}
    content = moved(flow.content, sources, names)
    found = client.call("connect", f"Describe{member}", **keys | {f"{member}Id": f"{id_}:$SAVED"})[member]
    if json.loads(found["Content"]) == content and found.get("Status") != "SAVED":
        return "unchanged"
    client.call("connect", f"Update{member}Content", Content=json.dumps(content, ensure_ascii=False), **keys)
    return "updated"
