"""`threadline flow pull DIR`: writes all flows of an instance to files."""

import json
import re
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from threadline.cli import connection_options
from threadline.cli.flow.folder import MANIFEST, Entry, read_manifest
from threadline.cli.flow.names import FLOW, MODULE, Names, Referred, named
from threadline.client.client import Client, instance_of
from threadline.client.failures import Failure


def add_options(parser: ArgumentParser) -> None:
    """Add the folder and the server."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder, which is made if there is none")
    connection_options.add_server_options(parser)


def run(options: Namespace) -> int:
    """Write each flow to a file, and the manifest."""
    folder: Path = options.folder
    manifest = read_manifest(folder, missing_ok=True)
    before = {(entry["kind"], entry["name"]): entry["file"] for entry in manifest["flows"]}
    with connection_options.client(options) as client:
        instance = instance_of(client, options.instance_id)
        names = Names(client, instance)
        entries, resources = list[Entry](), dict[str, Referred]()
        for resource, (id_, _) in sorted(names.by_name.items()):
            if resource.kind in (FLOW, MODULE):
                entry, content = _described(client, instance, resource.kind, id_)
                entry["file"] = before.get((resource.kind, entry["name"])) or _file(entry, entries)
                resources |= named(content, names.by_id)
                _write(folder / entry["file"], content)
                entries.append(entry)
                print(f"{folder / entry['file']}: {entry['name']}")
    known = {id_: resource._asdict() for id_, resource in sorted(resources.items())}
    _write(folder / MANIFEST, {"flows": entries, "resources": known})
    return 0


def _described(client: Client, instance: str, kind: str, id_: str) -> tuple[Entry, Any]:
    """Describe a flow or module for the manifest, and return its content, saved or published."""
    member = "ContactFlow" if kind == FLOW else "ContactFlowModule"
    listing = {"InstanceId": instance, f"{member}Id": f"{id_}:$SAVED"}
    found = client.call("connect", f"Describe{member}", **listing)[member]
    entry: Entry = {"kind": kind, "name": found["Name"]}
    if kind == FLOW:
        entry["type"] = found["Type"]
    if found.get("Description"):
        entry["description"] = found["Description"]
    return entry, json.loads(found["Content"])


def _file(entry: Entry, entries: list[Entry]) -> str:
    """A new file name for a flow, from its name."""
    stem = re.sub(r"[^\w-]+", "-", entry["name"].lower()).strip("-") or "flow"
    taken = {other["file"] for other in entries} | {MANIFEST}
    numbered = (f"{stem}{'' if number == 1 else f'-{number}'}.json" for number in range(1, len(entries) + 3))
    return next(name for name in numbered if name not in taken)


def _write(path: Path, document: Any) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}.") from error
