"""The screen of a first start: how to point clients at the server, and what to try."""

import os
import shlex
import shutil
import sys
from pathlib import Path

DEFAULT_DATA = "./data"

_SCREEN = """
  A demo workspace is ready in {data}: an instance, two agents, a queue, three flows, an access key.

  In another terminal, point every AWS client at it:

      {bold}eval "$({command} env{options})"{plain}

  The AWS CLI speaks to it then, and so does {command}, which has the same grammar:

      aws connect list-users --instance-id "$THREADLINE_INSTANCE_ID"
      {command} connect list-users --instance-id "$THREADLINE_INSTANCE_ID"

  boto3 too, without a line of yours changed:

      boto3.client("connect").start_chat_contact(
          InstanceId=os.environ["THREADLINE_INSTANCE_ID"],
          ContactFlowId=os.environ["THREADLINE_CONTACT_FLOW_ID"],
          ParticipantDetails={{"DisplayName": "Ann"}},
      )

  See a customer come back, and the past chat with them:

      {bold}{command} demo{demo_options}{plain}
"""


def screen(data: str) -> str:
    """The text for a server whose data folder is `data`; with bold commands on a terminal."""
    options = "" if Path(data) == Path(DEFAULT_DATA) else f" --data {shlex.quote(data)}"
    is_terminal = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    bold, plain = ("\x1b[1m", "\x1b[0m") if is_terminal else ("", "")
    return _SCREEN.format(
        data=data, command=_command(), options=options, demo_options=options, bold=bold, plain=plain
    )


def _command() -> str:
    """How the reader calls this program: its bare name where the shell finds it, else its path."""
    called = Path(sys.argv[0])
    found = shutil.which("threadline")
    if found is not None and Path(found).resolve() == called.resolve():
        return "threadline"
    if called.name != "threadline":
        return f"{shlex.quote(sys.executable)} -m threadline"
    with_path = called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called
    return shlex.quote(str(with_path))
