"""Write the pages of docs/ that say what the code already says: `make docs`.

operations.md comes from the service models and the operations' docstrings, settings.md from the table of
settings, deviations.md from the `Assumed:`, `On purpose:` and `Observed:` paragraphs of every docstring.
tests/test_docs.py fails when one is stale.
"""

import ast
import inspect
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import threadline
import threadline.server  # registers every operation
from threadline.aws.model import load
from threadline.config import TABLE
from threadline.operations.registry import OPERATIONS, Operation
from threadline.setting import Setting

PACKAGE = Path(threadline.__file__).parent
DOCS = PACKAGE.parents[1] / "docs"
SERVICES = {
    "connect": "Requests are signed with an access key (SigV4).",
    "connectparticipant": "Requests carry a participant's token in `X-Amz-Bearer`.",
    "threadline": "Our own model, for what Amazon does not publish. Requests are signed like `connect`'s.",
}
DEVIATIONS = {
    "Assumed": "No public source says what Amazon Connect does here; Threadline does this.",
    "On purpose": "A source says what Amazon Connect does here, and Threadline does otherwise.",
    "Observed": "No documentation says this; files, logs or clients of Amazon Connect show it.",
}
"""The labels of a docstring's paragraphs that deviations.md gathers, in its order, each with what it means."""
OTHERS = "anything but chats"
CHAT_PARTS = {
    OTHERS: r"Email|(?<!User)Phone|Task|Voice|Evaluation|(?<!Queue)Outbound(?!Queue)|FlowAssociation"
    r"|Vocabular|Traffic|Predefined|Metric|Monitor"
    r"|Rule|Screen|Calculated|DataTable|Workspace|TestCase|Attached|Case|Campaign|Hierarchy|AgentStatus|Authentication|Replicat|Federation"
    r"|Import|Notification|(?<!Profile)Default|WebRTC|Recording|Suspend|Resume|Pause|Entity|Security|ApprovedOrigin"
    r"|Proficien|PushNot|AnalyticsData",
    "flows and modules": r"ContactFlow",
    "hours of operation": r"HoursOfOperation",
    "quick connects": r"QuickConnect",
    "routing profiles": r"RoutingProfile",
    "queues": r"Queue",
    "views": r"View",
    "prompts": r"Prompt",
    "Lambda functions and bots": r"LambdaFunction|Bot",
    "tags": r"(Tag|Untag|TagsFor)Resource",
    "users": r"User",
    "instances": r"Instance|IntegrationAssociation|UseCase",
    "chats and contacts": r"Contact|Chat|Participant",
}
"""The subjects of the operations of `connect`, by a pattern in their names; the first that is found counts."""
SECTION = re.compile(
    rf"(?:^|(?<=\.\s))(Reads|Writes|Wakes|Faults|Source|{'|'.join(DEVIATIONS)}):\s+", re.MULTILINE
)
GENERATED = "<!-- Written by `make docs`; edit the code instead. -->"


class Deviation(NamedTuple):
    """One paragraph under a label of `DEVIATIONS`: the file and the function or class whose docstring holds it."""

    label: str
    file: str
    owner: str
    text: str


def sections(docstring: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the first paragraphs of a docstring, and its sections as (name, text) in their order."""
    first, *rest = SECTION.split(inspect.cleandoc(docstring))
    return first.strip(), [
        (name, " ".join(text.split("\n\n")[0].split()))
        for name, text in zip(rest[::2], rest[1::2], strict=True)
    ]


def operations_page() -> str:
    """docs/operations.md."""
    lines = [
        "# Operations",
        GENERATED,
        "",
        "Every other operation of the two AWS models answers 501 and its name.",
        "",
        *coverage(),
        "",
    ]
    for service, entrance in SERVICES.items():
        supported = sorted((o for o in OPERATIONS.values() if o.service == service), key=lambda o: o.name)
        lines += [f"## {service}", "", entrance, ""]
        for operation in supported:
            lines += describe(operation)
    return "\n".join(lines).rstrip() + "\n"


def coverage() -> list[str]:
    """The table of how many operations of each model are supported, `connect`'s by what they are about."""
    rows: dict[str, list[tuple[str, bool]]] = {}
    for service in SERVICES:
        for name in sorted(load(service).operations):
            part = part_of(name) if service == "connect" else "all"
            rows.setdefault(f"{service}: {part}", []).append((name, (service, name) in OPERATIONS))
    of_chats = [pair for row, pairs in rows.items() if not row.endswith(OTHERS) for pair in pairs]
    lines = [
        f"Of the {len(of_chats)} operations of the models that are about chats, or what an instance needs for them,",
        f"{sum(supported for _, supported in of_chats)} are supported:",
        "",
        "| model: operations about | supported | of | not supported |",
        "|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: (list(SERVICES).index(row.partition(":")[0]), order_of(row))):
        missing = [name for name, supported in rows[row] if not supported]
        shown = f"{len(missing)} operations" if row.endswith(OTHERS) else ", ".join(missing)
        lines.append(f"| {row} | {len(rows[row]) - len(missing)} | {len(rows[row])} | {shown} |")
    return lines


def part_of(name: str) -> str:
    """The first of `CHAT_PARTS` whose pattern is in an operation's name."""
    return next((part for part, pattern in CHAT_PARTS.items() if re.search(pattern, name)), OTHERS)


def order_of(row: str) -> int:
    """The place of a row among those of its service."""
    parts = [*CHAT_PARTS, OTHERS, "all"]
    return parts.index(row.partition(": ")[2])


def describe(operation: Operation) -> list[str]:
    """The part of one operation."""
    model = load(operation.service).operations[operation.name]
    first, said = sections(operation.call.__doc__ or "")
    faults = ", ".join(f"{code} ({status})" for code, status in sorted(model.errors.items()))
    lines = [f"### {operation.name}", "", f"`{model.method} {model.uri}`", "", first, ""]
    lines += [f"- **{name}** {text}" for name, text in said]
    refused = ["".join(word.capitalize() for word in member.split("_")) for member in operation.refused]
    lines += [f"- **Not supported** {', '.join(refused)}"] if refused else []
    return [*lines, f"- **The model lists** {faults}", ""]


def settings_page() -> str:
    """docs/settings.md."""
    rows = [f"| `{row.env}` | {default_of(row)} | {row.sentence}{bounds_of(row)} |" for row in TABLE]
    return "\n".join(
        [
            "# Settings",
            GENERATED,
            "",
            "Environment variables, read when the server starts; a bad one stops the start and is named.",
            "",
            "| variable | default | what it does |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def default_of(row: Setting) -> str:
    """A setting's default and unit for a table cell."""
    text = str(row.default).lower() if row.type is bool else str(row.default)
    return f"`{text}`{f' {row.unit}' if row.unit not in {'', 'port'} else ''}" if text else "empty"


def bounds_of(row: Setting) -> str:
    """Return a sentence about the values of a setting; an empty text when it takes any."""
    if row.choices:
        return f" One of {', '.join(f'`{choice}`' for choice in row.choices)}."
    if row.low is not None and row.high is not None:
        return f" From {row.low} to {row.high}."
    return f" At least {row.low}." if row.low is not None else ""


def deviations() -> Iterator[Deviation]:
    """Every paragraph under a label of `DEVIATIONS` in the package, in the order of files and lines."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                owner = "" if isinstance(node, ast.Module) else node.name
                for name, text in sections(ast.get_docstring(node) or "")[1]:
                    if name in DEVIATIONS:
                        yield Deviation(name, str(file.relative_to(PACKAGE)), owner, text)


def deviations_page() -> str:
    """docs/deviations.md."""
    found = list(deviations())
    lines = ["# Deviations and assumptions", GENERATED, ""]
    for label, meaning in DEVIATIONS.items():
        lines += [f"## {label}", "", meaning, ""]
        for file, members in itertools.groupby((d for d in found if d.label == label), key=lambda d: d.file):
            lines += [
                f"### {file}",
                "",
                *(f"- {f'`{d.owner}`: ' if d.owner else ''}{d.text}" for d in members),
                "",
            ]
    return "\n".join(lines).rstrip() + "\n"


PAGES = {"operations.md": operations_page, "settings.md": settings_page, "deviations.md": deviations_page}


def main() -> None:
    """Write the pages, naming those that changed."""
    DOCS.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        target, text = DOCS / name, page()
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
            sys.stdout.write(f"docs/{name} written\n")


if __name__ == "__main__":
    main()
