"""`threadline chats --customer-id ID`: a customer's chats, how each ended, and whether it can be continued."""

import json
from collections.abc import Iterator
from typing import Any

from threadline.cli import connection_options
from threadline.cli.transcript import printable
from threadline.client.client import instance_of
from threadline.style import folded, padded, styled


def main(arguments: list[str]) -> int:
    """List the chats of one customer, newest first."""
    parser = connection_options.parser(
        "chats", "List a customer's chats, newest first: how each ended, and whether it can be continued."
    )
    parser.add_argument("--customer-id", metavar="ID", required=True, help="the customer, as chats name them")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    options = parser.parse_args(arguments)

    def run() -> int:
        with connection_options.client(options) as client:
            customer = {
                "InstanceId": instance_of(client, options.instance_id),
                "CustomerId": options.customer_id,
            }
            chats = list(client.entries("threadline", "ListCustomerChats", "Chats", **customer))
        if options.output == "json":
            print(json.dumps({"Chats": chats}, indent=4, ensure_ascii=False))
        else:
            print("\n".join(drawn(chats)))
        return 0

    return connection_options.reported(run)


def drawn(chats: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of the list: a mark and the first contact of each chat, and below it what is known of the chat."""
    if not chats:
        yield styled("  no chats", "grey")
    for chat in chats:
        may = chat["CanBeContinued"]
        mark = styled("●", "green") if may else styled("○", "amber")
        start = str(chat["StartTimestamp"])[:16].replace("T", " ")
        yield f"  {mark} {padded(chat['InitialContactId'], 36, 'bold')}  {styled(start, 'grey')}"
        yield f"    {folded(_about(chat), 4, '    ', 'grey')}"
        if not may:
            yield f"    {folded('not to be continued: ' + chat['Explanation'], 4, '    ', 'amber')}"


def _about(chat: dict[str, Any]) -> str:
    end = str(chat.get("EndTimestamp", ""))[:16].replace("T", " ")
    reason = str(chat.get("DisconnectReason", "")).lower().replace("_", " ")
    count = chat["ContactCount"]
    parts = [
        f"ended {end} by {reason}" if reason else f"ended {end}" if end else "running",
        f"{count} contacts" if count > 1 else "",
        "with " + ", ".join(map(printable, chat["AgentNames"])) if chat.get("AgentNames") else "",
        f"continues {chat['ContinuedFromContactId']}" if chat.get("ContinuedFromContactId") else "",
    ]
    return ", ".join(filter(None, parts))
