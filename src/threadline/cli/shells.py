"""Writes variables for shells and for programs that read them from a file."""

import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping

Variables = Mapping[str, str]
Names = Iterable[str]

PLAIN = re.compile(r"[\w@%+=:,./~\[\]-]*", re.ASCII)
"""Values that a file of variables holds without quotes, which not every reader removes (`docker run --env-file`)."""

EMPTIABLE = ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION")
"""Variables that an AWS SDK takes for unset when they are empty. It looks for a profile with an empty name."""


def export(variables: Variables, unset: Names) -> str:
    """Lines for bash, dash, zsh and every other POSIX shell."""
    return _lines(
        f"unset {' '.join(unset)}", (f"export {name}={shlex.quote(text)}" for name, text in variables.items())
    )


def fish(variables: Variables, unset: Names) -> str:
    """Lines for fish."""

    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    return _lines(
        f"set -e {' '.join(unset)}", (f"set -gx {name} {quoted(text)}" for name, text in variables.items())
    )


def powershell(variables: Variables, unset: Names) -> str:
    """Lines for PowerShell."""

    def quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    paths = ", ".join(f"Env:{name}" for name in unset)
    return _lines(
        f"Remove-Item -ErrorAction SilentlyContinue -Path {paths}",
        (f"$env:{name} = {quoted(text)}" for name, text in variables.items()),
    )


def dotenv(variables: Variables, unset: Names) -> str:
    """A file `.env`. It can empty variables, and cannot unset any."""
    emptied = [f"{name}=" for name in unset if name in EMPTIABLE]
    return _lines(*emptied, (f"{name}={_quoted(text)}" for name, text in variables.items()))


def github(variables: Variables, unset: Names) -> str:
    """Lines for the file GITHUB_ENV, which later steps of a job read. It can empty variables, and cannot unset any."""
    emptied = [f"{name}=" for name in unset if name in EMPTIABLE]
    return _lines(*emptied, (f"{name}={text}" for name, text in variables.items()))


def as_json(variables: Variables, unset: Names) -> str:
    """One JSON object of texts. Those to unset are empty texts where that does it."""
    return json.dumps({**{name: "" for name in unset if name in EMPTIABLE}, **variables}, indent=4) + "\n"


FORMATS: dict[str, Callable[[Variables, Names], str]] = {
    "export": export,
    "dotenv": dotenv,
    "json": as_json,
    "github": github,
    "fish": fish,
    "powershell": powershell,
}
CANNOT_UNSET = ("dotenv", "json", "github")


def _quoted(text: str) -> str:
    if PLAIN.fullmatch(text):
        return text
    if "'" not in text:
        return f"'{text}'"
    return '"' + re.sub(r'([\\"$`])', r"\\\1", text) + '"'


def _lines(*parts: str | Iterable[str]) -> str:
    lines = [line for part in parts for line in ([part] if isinstance(part, str) else part)]
    return "".join(f"{line}\n" for line in lines)
