"""`threadline flow check FILE..`: says whether flows load, and which of their blocks do nothing on a chat."""

import sys
from argparse import ArgumentParser, Namespace

from threadline.cli.flow.files import TYPES, read
from threadline.client.failures import Failure
from threadline.errors import Fault
from threadline.flows.declaration import OnChat
from threadline.flows.language import Flow, parse
from threadline.flows.remarks import Remark, remarks
from threadline.style import styled

HEADINGS = {
    OnChat.VOICE_ONLY: "For voice calls only",
    OnChat.OF_SERVICE: "Of other services",
    OnChat.NOTHING_VISIBLE: "Nothing visible on a chat",
    OnChat.NEVER: "Never run",
    OnChat.UNGUARDED: "Without a branch for an error",
}


def add_options(parser: ArgumentParser) -> None:
    """Add the files and the type of flow."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="a flow as exported, or a described one")
    parser.add_argument(
        "--type", choices=TYPES, help="type of the flows (what the file says, or else CONTACT_FLOW)"
    )


def run(options: Namespace) -> int:
    """Check each file; 1 when one has a problem."""
    return max([_check(name, options.type) for name in options.files])


def _check(name: str, type_: str | None) -> int:
    try:
        file = read(name)
        type_ = type_ or file.type or "CONTACT_FLOW"
        flow = parse(file.content, type_)
    except Failure as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    except Fault as fault:
        problems = [problem["message"] for problem in fault.members["problems"]]
        for problem in problems:
            print(f"{name}: {problem}")
        count = fault.message.partition(": ")[0].removeprefix("The flow has ")
        print(f"{name}: {styled(count, 'red', 'bold')}: it does not load as a flow of type {type_}.")
        return 1
    found = list(remarks(flow, type_))
    print(f"{name}: {styled('it loads', 'green', 'bold')} as a flow of type {type_}: {_counted(flow)}.")
    for on_chat, heading in HEADINGS.items():
        _tell(heading, [remark for remark in found if remark.on_chat is on_chat])
    return 0


def _counted(flow: Flow) -> str:
    return "1 action" if len(flow.actions) == 1 else f"{len(flow.actions)} actions"


def _tell(heading: str, found: list[Remark]) -> None:
    """Print the remarks of one kind, one line for all actions with the same text."""
    if not found:
        return
    print(f"  {styled(heading, 'bold')}:")
    for text in dict.fromkeys(remark.text for remark in found):
        same = [remark.action for remark in found if remark.text == text]
        for type_ in dict.fromkeys(action.type for action in same):
            names = ", ".join(repr(action.identifier) for action in same if action.type == type_)
            print(f"    {type_} {text}: {styled(names, 'grey')}")
