"""`threadline flow draw FILE`: draws a flow as SVG."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from threadline.cli.flow.files import read
from threadline.client.failures import Failure
from threadline.errors import Fault
from threadline.flows.drawing import draw
from threadline.flows.language import Flow, parse

SCALE = 1.35
"""The boxes here are larger than those of the console's editor."""


def add_options(parser: ArgumentParser) -> None:
    """Add the file, the picture and the layout."""
    parser.add_argument("file", metavar="FILE", help="a flow as exported, or a described one")
    parser.add_argument("-o", "--output", metavar="OUT.svg", help="the picture (standard output)")
    parser.add_argument(
        "--positions", action="store_true", help="place the blocks as they stand in the console's editor"
    )


def run(options: Namespace) -> int:
    """Draw the flow; 1 when it does not load."""
    file = read(options.file)
    try:
        flow = parse(file.content, None)
    except Fault as fault:
        raise Failure(f"{options.file}: {fault.message} See: threadline flow check {options.file}") from None
    places = _positions(options.file, file.document, flow) if options.positions else None
    picture = draw(flow, places)
    if options.output is None:
        sys.stdout.write(picture)
        return 0
    try:
        Path(options.output).write_text(picture, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{options.output}: {error.strerror or error}.") from error
    return 0


def _positions(name: str, document: dict[str, Any], flow: Flow) -> dict[str, tuple[float, float]]:
    """The positions of all actions in the editor. Raises Failure when one has none."""
    metadata = document.get("Metadata")
    entries = metadata.get("ActionMetadata") if isinstance(metadata, dict) else None
    places: dict[str, tuple[float, float]] = {}
    for identifier in flow.actions:
        entry = entries.get(identifier) if isinstance(entries, dict) else None
        found = entry.get("position") if isinstance(entry, dict) else None
        x, y = (found.get("x"), found.get("y")) if isinstance(found, dict) else (None, None)
        if not isinstance(x, int | float) or not isinstance(y, int | float):
            raise Failure(f"{name}: the action {identifier!r} has no position. Leave out --positions.")
        places[identifier] = (float(x) * SCALE, float(y) * SCALE)
    return places
