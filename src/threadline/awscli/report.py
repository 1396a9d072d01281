"""Writes failures to standard error, in the format that `--cli-error-format` asks for."""

import sys
from typing import Any

from threadline.awscli import output
from threadline.awscli.arguments import ERROR_FORMATS
from threadline.client.failures import PROGRAM, USAGE, BadArguments, Failure, ServiceRefusal, UnknownOptions
from threadline.client.session import ClientSession

INLINE_MAX = 4


def warn(text: str) -> None:
    """Write a warning to standard error."""
    sys.stderr.write(f"warning: {text}\n")


def write(failure: Failure, session: ClientSession, chosen: str | None) -> None:
    """Write `failure` to standard error, in the format `chosen` by the option, or else the configured one."""
    form = chosen or _configured(session)
    if form in ("json", "yaml", "text", "table") and failure.details:
        output.write(form, "error", failure.details, output.unchanged, sys.stderr, coloured=False)
        return
    if isinstance(failure, UnknownOptions):
        sys.stderr.write(f"\n{USAGE}\n\n{PROGRAM}: [ERROR]: {failure}\n")
        return
    service = isinstance(failure, ServiceRefusal)
    head = f"An error occurred ({failure.code}): " if failure.code and form and not service else ""
    sys.stderr.write(f"\n{PROGRAM}: [ERROR]: {head}{failure}\n")
    if isinstance(failure, BadArguments) and failure.usage:
        sys.stderr.write(f"\n{USAGE}")
    if isinstance(failure, ServiceRefusal) and failure.members and form != "legacy":
        sys.stderr.write("\nAdditional error details:\n")
        for name, value in failure.members.items():
            sys.stderr.write(f"{name}: {_inline(value)}\n")


def _configured(session: ClientSession) -> str | None:
    """The format of the environment or the profile; None when the profile cannot be read."""
    try:
        form = (session.setting("AWS_CLI_ERROR_FORMAT", "cli_error_format") or "").lower()
    except Failure:
        return None
    return form if form in ERROR_FORMATS else "enhanced"


def _inline(value: Any) -> str:
    """A value on one line, or a hint where it would be long."""
    items = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return str(value)
    if len(value) > INLINE_MAX or any(isinstance(item, dict | list) for item in items):
        return (
            '<complex value>\nUse "--cli-error-format json" or another error format to see the full details.'
        )
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return f"{{{', '.join(f'{key}: {item}' for key, item in value.items())}}}"
