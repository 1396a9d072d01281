"""`threadline erase`: erase what was said in a contact, in a chat with its past, or in all chats of a customer."""

import sys
import threading
from typing import Any

from threadline.cli import connection_options
from threadline.cli.progress import Live
from threadline.client.client import Client, instance_of
from threadline.client.failures import Failure
from threadline.style import styled

POLL_SECONDS = 0.1
COUNTED_CHATS_MAX = 10_000


def main(arguments: list[str]) -> int:
    """Say what will be erased, ask, and wait until it is."""
    parser = connection_options.parser(
        "erase",
        "Erase what was said in chats that have ended, with names, attributes and files. Times, ends and lineages"
        " stay. Nothing brings the content back.",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--contact-id", metavar="ID", help="one contact")
    which.add_argument("--lineage", metavar="CONTACT_ID", help="a chat and every chat that it continues from")
    which.add_argument("--customer-id", metavar="ID", help="all chats of one customer")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be erased")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)

    def run() -> int:
        named = {
            "ContactId": options.contact_id,
            "LineageContactId": options.lineage,
            "CustomerId": options.customer_id,
        }
        with connection_options.client(options) as client:
            asked = {
                "InstanceId": instance_of(client, options.instance_id),
                **{name: value for name, value in named.items() if value is not None},
            }
            found = client.call("threadline", "StartErasure", **asked, DryRun=True)
            print(f"To be erased: {counted(found)}.")
            if options.dry_run or not (options.yes or _is_confirmed()):
                return 0 if options.dry_run else 1
            started = client.call("threadline", "StartErasure", **asked)
            _wait(client, asked["InstanceId"], started["ErasureId"])
        return 0

    return connection_options.reported(run)


def counted(found: dict[str, Any]) -> str:
    """The counts of an erasure as text for people."""
    more = " or more" if found["ChatCount"] >= COUNTED_CHATS_MAX else ""
    nouns = ("chat", "contact", "item")
    return ", ".join(_number(found[f"{noun.title()}Count"], noun) + more for noun in nouns)


def _is_confirmed() -> bool:
    """Ask on the terminal. Raises Failure where there is none."""
    if not sys.stdin.isatty():
        raise Failure("Nothing was erased: add --yes, since there is no terminal to ask on.")
    sys.stdout.write("Nothing brings it back. Erase it? Type yes: ")
    sys.stdout.flush()
    is_confirmed = sys.stdin.readline().strip().lower() == "yes"
    if not is_confirmed:
        print("Nothing was erased.")
    return is_confirmed


def _wait(client: Client, instance_id: str, erasure_id: str) -> None:
    """Wait until an erasure is complete. An interrupt leaves it to the server, which goes on."""
    with Live() as progress:
        while True:
            found = client.call("threadline", "DescribeErasure", InstanceId=instance_id, ErasureId=erasure_id)
            if found["Status"] == "COMPLETED":
                break
            progress(
                f"erased {found['ErasedItemCount']:,} items of erasure {erasure_id}",
                min(found["ErasedItemCount"], found["ItemCount"]),
                found["ItemCount"] + 1,
            )
            threading.Event().wait(POLL_SECONDS)
    print(
        f"Erased: {_number(found['ErasedChatCount'], 'chat')}, {_number(found['ErasedItemCount'], 'item')}."
    )
    if found["KeptChatCount"]:
        kept = _number(found["KeptChatCount"], "chat")
        print(styled(f"A legal hold that was set meanwhile keeps {kept}.", "amber"))


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"
