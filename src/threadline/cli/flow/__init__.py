"""`threadline flow`: tools for those who write flows, most of them without a server."""

import argparse
from importlib import import_module

from threadline.cli.connection_options import reported

ACTIONS = {
    "run": "talk with a flow in the terminal, without a server",
    "pull": "write all flows of an instance to files",
    "push": "create or update the flows of an instance from files",
    "draw": "draw a flow as SVG",
    "convert": "convert a legacy export to the Flow language",
    "check": "say whether flows load, and which blocks do nothing on a chat",
}
"""The actions, with a line about each. Each has a module of its name, with `add_options` and `run`."""


def main(arguments: list[str]) -> int:
    """Run one action; its exit status is 1 when a flow has a problem."""
    parser = argparse.ArgumentParser(prog="threadline flow", description="Work with flows.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="|".join(ACTIONS))
    named = arguments[0] if arguments and arguments[0] in ACTIONS else None
    for name, line in ACTIONS.items():
        one = actions.add_parser(name, help=line, description=f"{line[0].upper()}{line[1:]}.")
        if name == named:
            import_module(f"{__name__}.{name}").add_options(one)
    options = parser.parse_args(arguments)
    run = import_module(f"{__name__}.{options.action}").run
    return reported(lambda: int(run(options)))
