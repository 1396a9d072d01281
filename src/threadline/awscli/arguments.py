"""The grammar of `threadline [options] <service> <operation> [parameters]`, made from the models.

Three parsers read the words in turn: global options, the operation, its parameters. Each passes on the words that it
does not know. The AWS CLI works the same way, so abbreviations, order and error messages match.
"""

import argparse
from collections.abc import Iterable
from functools import partial
from typing import Any, NoReturn

from threadline.aws.model import OperationModel
from threadline.aws.names import kebab
from threadline.client.failures import BadArguments

OUTPUTS = ("json", "text", "table", "yaml", "yaml-stream", "off")
ERROR_FORMATS = ("legacy", "json", "yaml", "text", "table", "enhanced")
SKELETONS = ("input", "output", "yaml-input")
INPUTS = ("cli-input-json", "cli-input-yaml")
BINARY_FORMATS = ("base64", "raw-in-base64-out")
MATCH_RATIO = 0.8


class VersionAsked(Exception):
    """`--version` is among the options, which overrides everything else."""


class _Version(argparse.Action):
    def __call__(self, *_: Any) -> None:
        raise VersionAsked


GLOBAL_OPTIONS: dict[str, dict[str, Any]] = {
    "debug": {"action": "store_true", "help": "log requests and replies, with sensitive values redacted"},
    "endpoint-url": {"metavar": "URL", "help": "URL to call instead of the configured one"},
    "no-verify-ssl": {"action": "store_false", "dest": "verify_ssl", "help": "accept any TLS certificate"},
    "no-paginate": {"action": "store_false", "dest": "paginate", "help": "get the first page only"},
    "output": {"choices": OUTPUTS, "help": "format of the output"},
    "query": {"metavar": "JMESPATH", "help": "JMESPath expression that selects from the output"},
    "profile": {"metavar": "NAME", "help": "profile of the AWS configuration files"},
    "region": {"metavar": "NAME", "help": "region to call, which signatures name"},
    "version": {"action": _Version, "nargs": 0, "help": "print the version"},
    "color": {"choices": ("on", "off", "auto"), "default": "auto", "help": "colour of tables"},
    "no-sign-request": {"action": "store_false", "dest": "sign", "help": "send requests without signature"},
    "ca-bundle": {"metavar": "FILE", "help": "certificates to trust"},
    "cli-read-timeout": {"metavar": "SECONDS", "help": "longest wait for data; 0 waits for ever (60)"},
    "cli-connect-timeout": {
        "metavar": "SECONDS",
        "help": "longest wait for a connection; 0 waits for ever (60)",
    },
    "cli-binary-format": {
        "choices": BINARY_FORMATS,
        "help": "encoding of binary parameters; no operation here has any",
    },
    "no-cli-pager": {"action": "store_true", "help": "write long output without pager"},
    "cli-auto-prompt": {"action": "store_true", "help": "complete the command in a prompt"},
    "no-cli-auto-prompt": {"action": "store_true", "help": "never prompt, even if the configuration says so"},
    "cli-error-format": {"choices": ERROR_FORMATS, "help": "format of service errors"},
}


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of exiting, and suggests similar choices."""

    def __init__(self) -> None:
        super().__init__(
            add_help=False,
            conflict_handler="resolve",
            usage=argparse.SUPPRESS,
            formatter_class=partial(
                argparse.HelpFormatter, width=80
            ),  # argparse would query the terminal's width
        )

    @property
    def options(self) -> list[str]:
        """Every option that the parser reads, with its dashes."""
        return list(self._option_string_actions)

    def error(self, message: str) -> NoReturn:
        raise BadArguments(message, usage=True)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            near = "".join(f"\n  * {word}" for word in nearest(value, action.choices))
            hint = f"\n\nMaybe you meant:\n{near}" if near else ""
            raise argparse.ArgumentError(action, f"Found invalid choice '{value}'{hint}")


def nearest(word: str, choices: Iterable[str]) -> list[str]:
    """Up to three of `choices` that are similar to `word`, best first."""
    from difflib import get_close_matches

    return get_close_matches(word, list(choices), cutoff=MATCH_RATIO)


def global_parser(commands: Iterable[str]) -> Parser:
    """A parser of the global options, at any position, and of the first word."""
    parser = Parser()
    for name, settings in GLOBAL_OPTIONS.items():
        parser.add_argument(f"--{name}", **settings)
    parser.add_argument("command", choices=list(commands))
    return parser


def service_parser(operations: Iterable[str]) -> Parser:
    """A parser of the operation's name."""
    parser = Parser()
    parser.add_argument("operation", choices=list(operations))
    return parser


def operation_parser(operation: OperationModel, words: list[str]) -> Parser:
    """A parser of the parameters of `operation`. With a skeleton or an input file it requires none."""
    parser = Parser()
    needed = set() if _requires_nothing(words) else set(required(operation))
    for name, shape in (operation.input_shape.members if operation.input_shape else {}).items():
        option = f"--{kebab(name)}"
        if shape.type == "boolean":
            parser.add_argument(option, action="store_true", default=None, dest=name)
            parser.add_argument(f"--no-{kebab(name)}", action="store_false", default=None, dest=name)
        else:
            settings: dict[str, Any] = {"nargs": "*"} if shape.type == "list" else {}
            parser.add_argument(option, dest=name, required=name in needed, **settings)
    for name in INPUTS:
        parser.add_argument(f"--{name}")
    for name, kind in paging_options(operation).items():
        parser.add_argument(f"--{name}", type=kind)
    parser.add_argument("--generate-cli-skeleton", nargs="?", const="input", choices=SKELETONS)
    return parser


def required(operation: OperationModel) -> list[str]:
    """The members that the command line must give. Idempotency tokens are generated, so they are not among them."""
    if operation.input_shape is None:
        return []
    members = operation.input_shape.members
    return [
        name for name in operation.input_shape.required if not members[name].traits.get("idempotencyToken")
    ]


def paging_options(operation: OperationModel) -> dict[str, type]:
    """The paging options that the command line adds to a paginated operation, and the type of each."""
    rule = operation.paginator
    if not rule or not operation.input_shape:
        return {}
    options: dict[str, type] = {"starting-token": str}
    if "limit_key" in rule:
        options["page-size"] = (
            str if operation.input_shape.members[rule["limit_key"]].type == "string" else int
        )
    return {**options, "max-items": int}


def _requires_nothing(words: list[str]) -> bool:
    if any(f"--{name}" in words for name in INPUTS):
        return True
    if "--generate-cli-skeleton" not in words:
        return False
    after = words[words.index("--generate-cli-skeleton") + 1 :]
    return not after or after[0] != "output"
