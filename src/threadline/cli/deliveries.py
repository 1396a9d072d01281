"""`threadline deliveries`: the deliveries of streams that have failed, listed and made again."""

import json
from collections.abc import Iterator
from typing import Any

from threadline.cli import connection_options
from threadline.cli.transcript import printable
from threadline.client.client import instance_of
from threadline.style import folded, padded, styled

AGAIN_MAX = 1_000
"""Deliveries that one call sends again."""


def main(arguments: list[str]) -> int:
    """List the deliveries that have failed, or send them again."""
    parser = connection_options.parser(
        "deliveries",
        "List what could not be delivered: streams that are tried again, and entries that were given up.",
    )
    parser.add_argument(
        "--contact-id", metavar="ID", help="only those of the chat that began with this contact"
    )
    parser.add_argument("--retry", action="store_true", help="send them again now")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    options = parser.parse_args(arguments)

    def run() -> int:
        with connection_options.client(options) as client:
            asked = {"InstanceId": instance_of(client, options.instance_id)}
            if options.contact_id:
                asked["ContactId"] = options.contact_id
            if options.retry:
                count = client.call("threadline", "RetryDeliveries", **asked)["Count"]
                print(
                    json.dumps({"Count": count}, indent=4) if options.output == "json" else sent_again(count)
                )
                return 0
            found = list(client.entries("threadline", "ListDeliveries", "Deliveries", **asked))
        if options.output == "json":
            print(json.dumps({"Deliveries": found}, indent=4, ensure_ascii=False))
        else:
            print("\n".join(drawn(found)))
        return 0

    return connection_options.reported(run)


def sent_again(count: int) -> str:
    """The sentence about deliveries that are sent again."""
    more = "; run it again for the rest" if count == AGAIN_MAX else ""
    return f"  {count} {'delivery is' if count == 1 else 'deliveries are'} sent again{more}"


def drawn(found: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of the list: the chat and the kind of each delivery, and below it since when it fails and why."""
    if not found:
        yield styled("  everything is delivered", "grey")
    for each in found:
        is_stream = each["Status"] == "RETRYING"
        mark = styled("●", "amber") if is_stream else styled("○", "red")
        kind = each["Type"].lower() if is_stream else f"{each['Type'].lower()}, number {each['Number']}"
        yield f"  {mark} {padded(each['ContactId'], 36, 'bold')}  {styled(kind, 'grey')}"
        since = str(each["FailedTimestamp"])[:16].replace("T", " ")
        count = each["Attempts"]
        attempts = f"{count} attempt{'s' if count > 1 else ''}"
        state = f"tried again since {since}" if is_stream else f"given up at {since}"
        to = f" to {printable(each['Endpoint'])}" if each.get("Endpoint") else ""
        line = f"{state}, {attempts}{to}: {printable(each['Reason'])}"
        yield f"    {folded(line, 4, '    ', 'grey')}"
