"""`threadline lineage CONTACT_ID`: the past contacts that a chat shows or drops, and why."""

import json
from collections.abc import Iterator
from typing import Any

from threadline.cli import connection_options
from threadline.client.client import instance_of
from threadline.style import folded, padded, styled

WAYS = {
    "API": "customer",
    "TRANSFER": "transfer",
    "QUEUE_TRANSFER": "transfer",
    "DISCONNECT": "disconnect flow",
}


def main(arguments: list[str]) -> int:
    """Draw the lineage of one contact, or the one it would have with another source contact."""
    parser = connection_options.parser(
        "lineage", "Draw the past contacts of a chat, which of them it shows or drops, and why."
    )
    parser.add_argument("contact_id", metavar="CONTACT_ID", help="any contact of the chat")
    parser.add_argument(
        "--source-contact-id",
        metavar="ID",
        help="draw the lineage as if the chat continued from this contact",
    )
    parser.add_argument(
        "--rehydration-type",
        choices=("ENTIRE_PAST_SESSION", "FROM_SEGMENT"),
        help="how much of the past; goes with --source-contact-id",
    )
    parser.add_argument("--output", choices=("text", "json"), default="text")
    options = parser.parse_args(arguments)

    def run() -> int:
        asked = {"SourceContactId": options.source_contact_id, "RehydrationType": options.rehydration_type}
        with connection_options.client(options) as client:
            parameters = {
                "InstanceId": instance_of(client, options.instance_id),
                "ContactId": options.contact_id,
                **{name: value for name, value in asked.items() if value},
            }
            first, *following = client.pages("threadline", "DescribeLineage", **parameters)
        contacts = [contact for page in (first, *following) for contact in page["Contacts"]]
        whole = {name: member for name, member in first.items() if name != "NextToken"}
        whole = {**whole, "Contacts": contacts}
        if options.output == "json":
            print(json.dumps(whole, indent=4, ensure_ascii=False))
        else:
            print("\n".join(drawn(whole)))
        return 0

    return connection_options.reported(run)


def drawn(lineage: dict[str, Any]) -> Iterator[str]:
    """The lines of a drawing: sessions newest first, each contact with its mark and its reason."""
    session = None
    for contact in lineage["Contacts"]:
        if contact["SessionNumber"] != session:
            session = contact["SessionNumber"]
            yield from _session_head(session, contact)
        shown = contact["Shown"]
        mark = styled("●", "green") if shown else styled("○", "amber")
        name = padded(contact["ContactId"], 36, "bold") if shown else padded(contact["ContactId"], 36, "grey")
        yield f"  {mark} {name}  {_about(contact)}"
        reason = ("shown: " if shown else "dropped: ") + contact.get("Explanation", contact["Reason"])
        margin = f"  {styled('│', 'grey')} "
        yield margin + folded(reason, 4, margin, "grey" if shown else "amber")
    shown_count = sum(contact["Shown"] for contact in lineage["Contacts"])
    yield ""
    yield f"  {styled('●', 'green')} shown {shown_count}   {styled('○', 'amber')} dropped " + str(
        len(lineage["Contacts"]) - shown_count
    )


def _session_head(number: int, contact: dict[str, Any]) -> Iterator[str]:
    if number:
        yield f"  {styled('┊', 'grey')}"
    title = "this chat" if number == 0 else f"{number} chat{'s' if number > 1 else ''} back"
    start = str(contact.get("InitiationTimestamp", ""))[:16].replace("T", " ")
    yield f"  {styled(title, 'teal', 'bold')} {styled(start, 'grey')}".rstrip()


def _about(contact: dict[str, Any]) -> str:
    way = WAYS.get(contact.get("InitiationMethod", ""), contact.get("InitiationMethod", ""))
    agent = contact.get("AgentName") or contact.get("AgentUserId")
    parts = [way, f"with {agent}" if agent else "", f"{contact.get('ItemCount', 0)} items"]
    return styled(", ".join(filter(None, parts)), "grey")
