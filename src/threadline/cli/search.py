"""`threadline search WORDS`: the messages of all chats that have the words, each with its place."""

import json
from collections.abc import Iterator
from typing import Any

from threadline.cli import connection_options
from threadline.cli.transcript import printable
from threadline.client.client import instance_of
from threadline.style import folded, styled


def main(arguments: list[str]) -> int:
    """Print the messages that have all the words, newest chat first."""
    parser = connection_options.parser("search", "Find messages by their words, in all chats.")
    parser.add_argument("words", metavar="WORDS", nargs="+", help="a message must have all of them")
    parser.add_argument("--contact-id", metavar="ID", help="only the chat of this contact")
    roles = ("CUSTOMER", "AGENT", "SYSTEM", "CUSTOM_BOT", "SUPERVISOR")
    parser.add_argument("--role", choices=roles, help="only messages of participants in this role")
    parser.add_argument("--max", metavar="N", type=int, default=25, help="show N messages at most (25)")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    options = parser.parse_args(arguments)

    def run() -> int:
        hits: list[dict[str, Any]] = []
        narrowed = {"ContactId": options.contact_id, "ParticipantRole": options.role}
        with connection_options.client(options) as client:
            asked = {
                "InstanceId": instance_of(client, options.instance_id),
                "SearchText": " ".join(options.words),
                **{name: value for name, value in narrowed.items() if value},
            }
            for page in client.pages("threadline", "SearchTranscripts", **asked, MaxResults=100):
                hits += page["Hits"]
                if len(hits) >= options.max:
                    break
        is_more = "NextToken" in page or len(hits) > options.max
        shown = hits[: options.max]
        if options.output == "json":
            print(json.dumps({"Hits": shown, "HasMore": is_more}, indent=4, ensure_ascii=False))
        else:
            print("\n".join(drawn(shown, is_more)))
        return 0

    return connection_options.reported(run)


def drawn(hits: list[dict[str, Any]], is_more: bool) -> Iterator[str]:
    """The lines of the hits, under the contact of each."""
    contact = ""
    for hit in hits:
        if hit["ContactId"] != contact:
            contact = hit["ContactId"]
            yield styled(printable(contact), "bold")
        moment = str(hit["AbsoluteTime"])[:16].replace("T", " ")
        sender = printable(str(hit.get("DisplayName", "")))
        margin = " " * 4
        yield f"  {styled(moment, 'grey')}  {styled(sender, 'blue')}"
        yield margin + folded(printable(hit["Snippet"]), 4, margin)
    if not hits:
        yield styled("  nothing found", "grey")
    elif is_more:
        yield styled("  there are more: raise --max", "amber")
