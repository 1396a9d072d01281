"""Help pages, made from the models' documentation."""

import json
import textwrap
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from html.parser import HTMLParser
from typing import Any

from threadline.aws.model import OperationModel, Shape, find_cached
from threadline.aws.names import ServiceName, kebab
from threadline.awscli import inputs
from threadline.awscli.arguments import GLOBAL_OPTIONS, paging_options, required
from threadline.commands import COMMANDS
from threadline.commands import SERVICES as MEANINGS

WIDTH = 78
INDENT = "       "
STATUSES = {
    0: "the command succeeded",
    130: "it was interrupted",
    252: "the command line is wrong",
    253: "region, credentials or address are missing",
    254: "the service refused the call",
    255: "any other failure, such as a server that does not answer",
}
PAGING = {
    "starting-token": "the NextToken at which an earlier command stopped",
    "page-size": "items per call; the result is the same",
    "max-items": "the most items to print; the output then holds a NextToken",
}


def overview() -> str:
    """The text of `threadline` without arguments: every command and service in a line or two."""
    return "\n".join(
        (
            "usage: threadline <command> [options]",
            "       threadline [options] <service> <operation> [parameters]",
            "",
            "Commands:",
            *_entries(COMMANDS, indent="  ", column=22),
            "Services, in the grammar of the AWS CLI:",
            *_entries(MEANINGS, indent="  ", column=22),
            "More:",
            *_entries(
                {
                    "threadline <command> --help": "the options of a command",
                    "threadline <service> help": "the operations of a service",
                    "threadline <service> <operation> help": "the parameters of an operation",
                    "threadline help": "global options and exit statuses",
                },
                indent="  ",
                column=42,
            ),
        )
    )


def page(service: ServiceName | None = None, operation: OperationModel | None = None) -> str:
    """The help page of the program, of a service, or of an operation."""
    if operation:
        lines = _operation(operation)
    elif service:
        lines = _service(service)
    else:
        lines = _program()
    return "\n".join(lines) + "\n"


def _section(title: str, *paragraphs: str) -> Iterator[str]:
    yield title
    for paragraph in paragraphs:
        yield from _wrapped(paragraph, INDENT)
        yield ""


def _program() -> Iterator[str]:
    yield from _section("NAME", "threadline - a chat contact server, and a command line for its services")
    yield from _section(
        "SYNOPSIS",
        "threadline <command> [options]",
        "threadline [options] <service> <operation> [parameters]",
    )
    yield "COMMANDS"
    yield from _entries(COMMANDS)
    yield "SERVICES"
    yield from _entries(MEANINGS)
    yield from _global_options()
    yield "EXIT STATUS"
    yield from _entries({str(status): meaning for status, meaning in STATUSES.items()})
    yield from _section("SEE ALSO", "threadline <service> help; threadline <service> <operation> help")


def _service(name: ServiceName) -> Iterator[str]:
    service = find_cached(name)
    yield from _section("NAME", f"{name} - {service.metadata['serviceFullName']}")
    ours = plain_text(service.documentation) if name == "threadline" else [MEANINGS[name]]
    yield from _section("DESCRIPTION", *ours)
    yield "OPERATIONS"
    yield from _entries(
        {
            command: summary(service.operations[operation].documentation)
            for command, operation in sorted(service.commands.items())
        }
    )


def _operation(operation: OperationModel) -> Iterator[str]:
    members = operation.input_shape.members if operation.input_shape else {}
    needed = required(operation)
    yield from _section("NAME", f"{kebab(operation.name)} - {summary(operation.documentation)}")
    yield from _section("DESCRIPTION", *plain_text(operation.documentation))
    yield "SYNOPSIS"
    yield f"{INDENT}threadline {operation.service} {kebab(operation.name)}"
    for name in sorted(members, key=lambda name: name not in needed):
        usage = _usage(name, members[name])
        yield f"{INDENT}  {usage if name in needed else f'[{usage}]'}"
    for name in paging_options(operation):
        yield f"{INDENT}  [--{name} <value>]"
    yield f"{INDENT}  [--cli-input-json | --cli-input-yaml <value>]"
    yield f"{INDENT}  [--generate-cli-skeleton [input | yaml-input | output]]"
    yield ""
    yield "OPTIONS"
    for name, shape in members.items():
        yield from _option(name, shape, name in needed)
    yield from _entries({f"--{name}": PAGING[name] for name in paging_options(operation)})
    yield from _global_options()
    if operation.output_shape:
        yield "OUTPUT"
        for name, shape in operation.output_shape.members.items():
            yield f"{INDENT}{name} -> ({shape.type})"
            for paragraph in plain_text(shape.documentation):
                yield from _wrapped(paragraph, INDENT + "  ")
            yield ""


def _usage(name: str, shape: Shape) -> str:
    option = f"--{kebab(name)}"
    return f"{option} | --no-{kebab(name)}" if shape.type == "boolean" else f"{option} <value>"


def _option(name: str, shape: Shape, needed: bool) -> Iterator[str]:
    yield f"{INDENT}{_usage(name, shape)} ({shape.type}){' [required]' if needed else ''}"
    for paragraph in plain_text(shape.documentation):
        yield from _wrapped(paragraph, INDENT + "  ")
    if values := shape.enum or (shape.member.enum if shape.type == "list" else []):
        yield from _wrapped(f"Possible values: {', '.join(values)}", INDENT + "  ")
    if shape.type in ("structure", "map") or (shape.type == "list" and shape.member.type == "structure"):
        text = json.dumps(inputs.example(shape), indent=2, default=datetime.isoformat)
        yield f"{INDENT}  JSON:"
        yield from (f"{INDENT}    {line}" for line in text.splitlines())
    yield ""


def _global_options() -> Iterator[str]:
    yield "GLOBAL OPTIONS"
    yield from _entries({f"--{name}": _global_option(option) for name, option in GLOBAL_OPTIONS.items()})


def _global_option(option: dict[str, Any]) -> str:
    choices = f": {', '.join(option['choices'])}" if "choices" in option else ""
    return f"{option['help']}{choices}"


def _entries(entries: dict[str, str], *, indent: str = INDENT, column: int = 32) -> Iterator[str]:
    """Names with their meanings, which begin at `column`."""
    for name, text in entries.items():
        head = f"{indent}{name}  "
        rest = " " * column
        yield from textwrap.wrap(text, WIDTH, initial_indent=f"{head:<{column}}", subsequent_indent=rest) or [
            head.rstrip()
        ]
    yield ""


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


@cache
def summary(documentation: str) -> str:
    """The first sentence of a model's documentation."""
    paragraphs = plain_text(documentation)
    return paragraphs[0].removeprefix("- ").split(". ")[0].rstrip(".") if paragraphs else ""


def plain_text(documentation: str) -> list[str]:
    """The paragraphs of a model's HTML, each on one line, list items with a dash."""
    reader = _Reader()
    reader.feed(documentation)
    reader.close()
    return [text for paragraph in [*reader.paragraphs, reader.text] if (text := " ".join(paragraph.split()))]


class _Reader(HTMLParser):
    BREAKS = frozenset(("p", "li", "ul", "ol", "dl", "dt", "dd", "note", "important", "br"))

    def __init__(self) -> None:
        super().__init__()
        self.paragraphs: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.BREAKS:
            if self.text.strip() not in ("", "-"):
                self.paragraphs.append(self.text)
                self.text = ""
            if tag == "li":
                self.text = "- "

    def handle_endtag(self, tag: str) -> None:
        if tag in self.BREAKS:
            self.paragraphs.append(self.text)
            self.text = ""

    def handle_data(self, data: str) -> None:
        self.text += data
