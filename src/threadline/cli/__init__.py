"""The command `threadline`: the server, the commands around it, and every operation in the AWS CLI's grammar.

Each command's module is imported when it is called for, so that one call of an operation costs no more than it needs.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module

COMMANDS = {
    "serve": "start the server",
    "env": "print the settings that point AWS clients at the local server",
    "demo": "play a chat that ends and comes back, and show what the returning customer sees",
    "lineage": "draw what a contact's history shows, what it drops, and why",
    "agent": "accept or transfer a chat as an agent",
    "completion": "print the completion script of a shell",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    name = arguments[0] if arguments else ""
    module = f"threadline.cli.{name}" if name in COMMANDS else "threadline.cli.aws"
    try:
        run: Callable[[list[str]], int] = import_module(module).main
        status = run(arguments[1:] if name in COMMANDS else arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
