"""The text of a first start: how to point clients at the server, and commands to try."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from threadline.datadir import MEMORY

DEFAULT_DATA = "./data"

_SCREEN = """
{ready}
  In another terminal, see a customer come back, and the past chat with them:

      {bold}{demo}{plain}

  Point every AWS client of that terminal here:

      {bold}{env}{plain}

  Then the AWS CLI works as it is, or {command} in its place:

      aws connect list-users --instance-id "$THREADLINE_INSTANCE_ID"

  And boto3, without a line of yours changed:

      boto3.client("connect").start_chat_contact(
          InstanceId=os.environ["THREADLINE_INSTANCE_ID"],
          ContactFlowId=os.environ["THREADLINE_CONTACT_FLOW_ID"],
          ParticipantDetails={{"DisplayName": "Ann"}},
      )"""
"""Fits a terminal of 80 columns and 24 lines, below the line with the server's URL. A long path has its own lines."""

_COLUMNS = 80
_INDENT = " " * 6


def screen(data: str) -> str:
    """The text for a server whose data folder is `data`, with bold commands on a terminal."""
    is_terminal = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    bold, plain = ("\x1b[1m", "\x1b[0m") if is_terminal else ("", "")
    ready = "  A demo workspace is ready in {}: two agents, a queue, three flows."
    place = "memory" if data == MEMORY else data
    if len(ready.format(place)) > _COLUMNS:
        ready = f"  A demo workspace, two agents, a queue and three flows, is ready in\n{_INDENT}{{}}"
    command = _command()
    return _SCREEN.format(
        ready=ready.format(place),
        demo=_with_data(f"{command} demo", data),
        env=_with_data(f'eval "$({command} env', data, ')"'),
        command=command,
        bold=bold,
        plain=plain,
    )


def _with_data(command: str, data: str, end: str = "") -> str:
    """A command for the data folder `data`, on two lines if one would be too long."""
    if Path(data) == Path(DEFAULT_DATA):
        return command + end
    options = f"--data {shlex.quote(data)}"
    line = f"{command} {options}{end}"
    if len(_INDENT + line) <= _COLUMNS:
        return line
    return f"{command} \\\n{_INDENT}    {options}{end}"


def _command() -> str:
    """The command that starts this program: its bare name where the shell finds it, else its path."""
    called = Path(sys.argv[0])
    found = shutil.which("threadline")
    if found is not None and Path(found).resolve() == called.resolve():
        return "threadline"
    if called.name != "threadline":
        return f"{shlex.quote(sys.executable)} -m threadline"
    with_path = called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called
    return shlex.quote(str(with_path))
