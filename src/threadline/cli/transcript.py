"""`threadline transcript CONTACT_ID`: a chat that runs or has ended, with the past that it shows above dividers."""

import argparse
import json
from collections.abc import Iterator
from typing import Any

from threadline.cli import connection_options
from threadline.client.client import Client, instance_of
from threadline.style import folded, padded, styled

PAGE_ITEMS = 100
NAME_WIDTH = 14
EVENT_PREFIX = "application/vnd.amazonaws.connect.event."
EVENTS = {
    "participant.joined": "joins",
    "participant.left": "leaves",
    "participant.invited": "is invited",
    "chat.ended": "the chat ends",
    "transfer.succeeded": "the chat is transferred",
    "transfer.failed": "a transfer fails",
    "item.erased": "erased",
}
COLOURS = {"CUSTOMER": "blue", "AGENT": "teal", "SUPERVISOR": "teal"}
Item = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Print one transcript, oldest item first."""
    parser = connection_options.parser(
        "transcript", "Print a chat, running or ended, with the past that it shows above dividers."
    )
    parser.add_argument("contact_id", metavar="CONTACT_ID", help="any contact of the chat")
    parser.add_argument("--last", metavar="N", type=_count, help="only the newest N items (all)")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    options = parser.parse_args(arguments)

    def run() -> int:
        with connection_options.client(options) as client:
            chat = {
                "InstanceId": instance_of(client, options.instance_id),
                "ContactId": options.contact_id,
            }
            whole = read(client, chat, options.last)
        if options.output == "json":
            print(json.dumps(whole, indent=4, ensure_ascii=False))
        else:
            print("\n".join(drawn(whole["Transcript"], whole["HasMore"])))
        return 0

    return connection_options.reported(run)


def read(client: Client, chat: dict[str, str], count: int | None) -> dict[str, Any]:
    """The newest `count` items of a chat and its past, or all, oldest first, and whether there are older ones."""
    newest_first: list[Item] = []
    page: dict[str, Any] = {}
    while count is None or len(newest_first) < count:
        wanted = PAGE_ITEMS if count is None else min(PAGE_ITEMS, count - len(newest_first))
        token = {"NextToken": page["NextToken"]} if page else {}
        page = client.call("threadline", "GetContactTranscript", **chat, MaxResults=wanted, **token)
        newest_first += page["Transcript"]
        if not page.get("NextToken"):
            break
    return {
        "InitialContactId": page["InitialContactId"],
        "Transcript": newest_first[::-1],
        "HasMore": "NextToken" in page,
    }


def drawn(items: list[Item], has_more: bool) -> Iterator[str]:
    """The lines of a transcript. A divider stands before the items of each contact."""
    if has_more:
        yield styled("  older items are left out: raise --last", "amber")
    if not items:
        yield styled("  no items yet", "grey")
    contact = ""
    for item in items:
        past = item.get("RelatedContactId")
        here = str(past or item["ContactId"])
        if here != contact:
            contact = here
            title = "past chat" if past else "this chat"
            day = str(item["AbsoluteTime"])[:10]
            yield f"{styled('──', 'grey')} {styled(title, 'teal' if past else 'green', 'bold')} " + styled(
                f"{day} {printable(here)} ──", "grey"
            )
        yield line(item)


def line(item: Item) -> str:
    """One item: its time, sender and text; an event in words."""
    clock = str(item["AbsoluteTime"])[11:19]
    name = printable(str(item.get("DisplayName", "")))
    kind = str(item.get("ContentType", ""))
    margin = " " * (len(clock) + NAME_WIDTH + 6)
    if kind.startswith(EVENT_PREFIX):
        event = kind.removeprefix(EVENT_PREFIX)
        words = " ".join(filter(None, (name, EVENTS.get(event, event))))
        return f"  {styled(clock, 'grey')}  {styled(words, 'grey')}"
    shown = name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 1]}…"
    sender = padded(shown, NAME_WIDTH, COLOURS.get(str(item.get("ParticipantRole")), "grey"))
    text = folded(_text(item), len(margin), margin) or ""
    return f"  {styled(clock, 'grey')}  {sender}  {text}"


def _text(item: Item) -> str:
    """The text of a message on one line, or the names of its files."""
    files = [
        str(file.get("AttachmentName", file.get("AttachmentId"))) for file in item.get("Attachments", ())
    ]
    parts = [str(item.get("Content", "")), *(f"[file {name}]" for name in files)]
    return printable(" ".join(filter(None, parts)))


def printable(text: str) -> str:
    """`text` without control characters, which would steer the terminal: a customer has written it."""
    return "".join(
        c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1_000_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of items: give 1 or more.")
    return int(text)
