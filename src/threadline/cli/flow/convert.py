"""`threadline flow convert LEGACY.json`: converts a legacy export to the Flow language."""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from threadline.cli.flow.files import EXPORTED_TYPES, read
from threadline.client.failures import Failure
from threadline.errors import Fault
from threadline.flows.language import parse
from threadline.flows.legacy import NotLegacy, convert


def add_options(parser: ArgumentParser) -> None:
    """Add the export and the converted flow."""
    parser.add_argument("file", metavar="LEGACY.json", help="a legacy export, which has modules")
    parser.add_argument("-o", "--output", metavar="FLOW.json", help="the converted flow (standard output)")


def run(options: Namespace) -> int:
    """Convert the export; 1 when the converted flow would not load. Notes go to standard error."""
    document = read(options.file).document
    try:
        converted = convert(document)
    except NotLegacy as error:
        raise Failure(f"{options.file}: {error}") from None
    text = json.dumps(converted.document, indent=2, ensure_ascii=False) + "\n"
    if options.output is None:
        sys.stdout.write(text)
    else:
        try:
            Path(options.output).write_text(text, encoding="utf-8")
        except OSError as error:
            raise Failure(f"{options.output}: {error.strerror or error}.") from error
    notes = list(converted.notes)
    named = converted.document["Metadata"].get("type")
    try:
        parse(text, EXPORTED_TYPES.get(named, "CONTACT_FLOW"))
    except Fault as fault:
        problems = [problem["message"] for problem in fault.members["problems"]]
        sys.stderr.writelines(f"{options.file}: {line}\n" for line in [*notes, *problems])
        return 1
    sys.stderr.writelines(f"{options.file}: {line}\n" for line in notes)
    return 0
