"""`threadline admin KIND ACTION`: make, list, show and delete what a server has, over the operations of its models.

Each kind is a row of `KINDS`: its operations, the options of `create`, and the columns of its table. On a terminal
the output is for people; with `--output json`, or through a pipe, it is the reply of the operation.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from threadline import style
from threadline.cli import connection_options
from threadline.cli.admin_kinds import KINDS, Kind, KindAction
from threadline.client.client import Client, instance_of
from threadline.client.failures import Failure

Reply = dict[str, Any]
GAP = 2
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")


class AdminCall(NamedTuple):
    """One command line: the kind, the client and the members that select the instance."""

    kind: Kind
    client: Client
    instance: Mapping[str, str]
    options: argparse.Namespace

    def call(self, operation: str, **members: Any) -> Reply:
        """Call an operation of the kind's service. Raises Failure."""
        return self.client.call(self.kind.service, operation, **self.instance, **members)


def main(arguments: list[str]) -> int:
    """Run one action. Returns the exit status."""
    options = _parser().parse_args(arguments)
    kind = KINDS[options.kind]

    def run() -> int:
        with connection_options.client(options) as client:
            instance = {}
            if kind.is_of_instance:
                instance = {"InstanceId": instance_of(client, options.instance_id)}
            ACTIONS.get(options.action, _act)(AdminCall(kind, client, instance, options))
        return 0

    return connection_options.reported(run)


def _parser() -> argparse.ArgumentParser:
    parser = connection_options.parser(
        "admin", "Make, list, show and delete what the server has.", calls=False
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="|".join(KINDS))
    for kind in KINDS.values():
        of_kind = kinds.add_parser(
            kind.word, help=kind.sentence, description=f"{kind.sentence.capitalize()}."
        )
        actions = of_kind.add_subparsers(dest="action", required=True, metavar="ACTION")
        made = {
            "create": actions.add_parser("create", help=f"make {kind.article} {kind.noun}"),
            "list": actions.add_parser("list", help=f"list the {kind.noun}s"),
            "show": actions.add_parser("show", help=f"show one {kind.noun}"),
            "delete": actions.add_parser("delete", help=f"delete one {kind.noun}"),
        }
        for action in kind.actions:
            made[action.word] = actions.add_parser(action.word, help=action.sentence)
        for word, action_parser in made.items():
            if word not in ("create", "list"):
                action_parser.add_argument("which", metavar=kind.which, help=f"the {kind.noun}")
            if word == "create":
                for option in kind.options:
                    option.add_to(action_parser)
            for action in kind.actions:
                for option in action.options if action.word == word else ():
                    option.add_to(action_parser)
            action_parser.add_argument(
                "--output", choices=("table", "json"), help="table on a terminal, otherwise json"
            )
            connection_options.add_server_options(action_parser)
    return parser


def _create(line: AdminCall) -> None:
    kind = line.kind
    given = {option.member: option.value_of(line.options) for option in kind.options}
    members = {name: value for name, value in given.items() if value is not None}
    reply = line.call(kind.create, **kind.completed(line.client, line.instance, members))
    created = reply[kind.created] if kind.created else reply
    if not _wants_table(line.options):
        _print_json(reply)
        return
    _print_members(created)
    if kind.after_create:
        print(f"\n{kind.after_create}")


def _list(line: AdminCall) -> None:
    entries = list_all(line)
    if not _wants_table(line.options):
        _print_json({line.kind.listed: entries})
        return
    columns = line.kind.columns
    rows = [[text_of(entry.get(column.member)) for column in columns] for entry in entries]
    print_table([column.title for column in columns], rows)


def _show(line: AdminCall) -> None:
    entry = find(line)
    kind = line.kind
    if kind.describe:
        reply = line.call(kind.describe, **{kind.id_member: entry[kind.listed_id]})
        entry = reply[kind.described]
    _print_members(entry) if _wants_table(line.options) else _print_json(entry)


def _delete(line: AdminCall) -> None:
    kind = line.kind
    identifier = find(line)[kind.listed_id]
    line.call(kind.delete, **{kind.id_member: identifier})
    _say_done(line, identifier, "deleted")


def _act(line: AdminCall) -> None:
    kind = line.kind
    action: KindAction = next(action for action in kind.actions if action.word == line.options.action)
    identifier = find(line)[kind.listed_id]
    given = {option.member: option.value_of(line.options) for option in action.options}
    members = {name: value for name, value in given.items() if value is not None}
    line.call(action.operation, **{kind.id_member: identifier}, **action.members, **members)
    _say_done(line, identifier, action.done)


ACTIONS: dict[str, Callable[[AdminCall], None]] = {
    "create": _create,
    "list": _list,
    "show": _show,
    "delete": _delete,
}


def list_all(line: AdminCall) -> list[Reply]:
    """Every entry of the kind's list, page after page."""
    kind = line.kind
    return list(line.client.entries(kind.service, kind.list, kind.listed, **line.instance))


def find(line: AdminCall) -> Reply:
    """The entry of the list that has the given id, ARN or name. Raises Failure when none has, or several have."""
    kind, given = line.kind, line.options.which
    entries = list_all(line)
    members = [member for member in (kind.listed_id, "Arn", kind.listed_name) if member]
    found = [entry for entry in entries if given in [entry.get(member) for member in members]]
    if len(found) == 1:
        return found[0]
    if found:
        raise Failure(f"{len(found)} {kind.noun}s are called {given!r}: give the id of one of them.")
    names = [str(entry.get(kind.listed_name) or entry[kind.listed_id]) for entry in entries[:10]]
    known = ", ".join(names) or "none"
    raise Failure(f"There is no {kind.noun} {given!r}. There is: {known}.")


def _wants_table(options: argparse.Namespace) -> bool:
    return (options.output or ("table" if sys.stdout.isatty() else "json")) == "table"


def _say_done(line: AdminCall, identifier: str, done: str) -> None:
    if _wants_table(line.options):
        print(f"{line.kind.noun.capitalize()} {identifier} {done}.")
    else:
        _print_json({})


def _print_json(value: Reply) -> None:
    print(json.dumps(value, indent=4, default=str, ensure_ascii=False))


def text_of(value: Any) -> str:
    """A member's value as one cell: times in UTC to the minute, lists in one line."""
    if value is None or value in ({}, []):
        return "-"
    if isinstance(value, str) and TIME.fullmatch(value):
        return f"{value[:10]} {value[11:16]}Z"
    if isinstance(value, (list, tuple)):
        return ", ".join(text_of(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={text_of(each)}" for name, each in value.items())
    return str(value) if value != "" else "-"


def print_table(titles: list[str], rows: list[list[str]]) -> None:
    """Print rows under their titles, each column as wide as its longest cell."""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for number, row in enumerate([titles, *rows]):
        cells = [
            style.padded(cell, width + GAP, *(() if number else ("bold",)))
            for cell, width in zip(row, widths, strict=True)
        ]
        print("".join(cells).rstrip())


def _print_members(entry: Reply) -> None:
    width = max(map(len, entry), default=0)
    for name, value in entry.items():
        print(f"{style.padded(name, width + GAP, 'bold')}{text_of(value)}")
