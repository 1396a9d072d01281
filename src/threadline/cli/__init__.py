"""The command `threadline`: the server, the commands around it, and every operation in the AWS CLI's grammar.

A command's module is imported only when that command runs, which keeps one call of an operation fast.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module

from threadline.commands import COMMANDS, module_of

YIELDING, NICE = ("backup", "restore", "check", "import"), 10
"""Commands that run at a lower priority, so that a busy server on the same machine keeps the processor."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    _open_missing_streams()
    arguments = sys.argv[1:] if arguments is None else arguments
    name = arguments[0] if arguments else ""
    if name in YIELDING:
        os.nice(NICE)  # first, since importing the command is work too
    try:
        run: Callable[[list[str]], int] = import_module(module_of(name)).main
        status = run(arguments[1:] if name in COMMANDS else arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return 130
    except BrokenPipeError:
        _write_no_more()
        return 141
    except OSError as error:  # such as a full disk; a command catches the errors that it expects
        _write_no_more()
        sys.stderr.write(f"\nthreadline: [ERROR]: {error}\n")
        return 255


def _open_missing_streams() -> None:
    """Open the null device for each closed standard stream, so that no file of ours gets its descriptor."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - for as long as we run


def _write_no_more() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
