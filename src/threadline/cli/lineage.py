"""`threadline lineage`: draws what a chat shows of its past, what it leaves out, and why."""

import argparse
import json
import sys
from datetime import datetime
from typing import Any

from threadline.cli import local
from threadline.cli.ink import Ink


def main(arguments: list[str]) -> int:
    """Draw the lineage of a contact, or what an association not made yet would show."""
    parser = local.parser("lineage", "Draw what a chat shows of its past, what it leaves out, and why.")
    parser.add_argument("contact_id", metavar="CONTACT_ID")
    parser.add_argument("--source-contact-id", metavar="ID", help="what if it continued from this contact")
    parser.add_argument(
        "--rehydration-type", choices=("ENTIRE_PAST_SESSION", "FROM_SEGMENT"), help="and how much of it"
    )
    parser.add_argument("--output", choices=("text", "json"), default="text", help="text (default) or json")
    options = parser.parse_args(arguments)
    return local.reported(lambda: run(options))


def run(options: argparse.Namespace) -> int:
    """Ask and draw."""
    client = local.client(options)
    asked = {"InstanceId": local.instance(client, options), "ContactId": options.contact_id}
    if options.source_contact_id:
        asked["SourceContactId"] = options.source_contact_id
    if options.rehydration_type:
        asked["RehydrationType"] = options.rehydration_type
    ink = Ink(sys.stdout)
    contacts: list[dict[str, Any]] = []
    number, token = -1, None
    while token != "":
        reply = client.call(
            "threadline", "DescribeLineage", **asked, **({"NextToken": token} if token else {})
        )
        token = reply.get("NextToken", "")
        contacts += reply["Contacts"]
        if options.output == "text":
            for contact in reply["Contacts"]:
                _draw(ink, contact, begins=contact["SessionNumber"] != number)
                number = contact["SessionNumber"]
    if options.output == "json":
        print(json.dumps(contacts, indent=2, default=str))
    return 0


def _draw(ink: Ink, contact: dict[str, Any], *, begins: bool) -> None:
    """One contact; a heading where its chat begins."""
    if begins:
        _draw_heading(ink, contact)
    dot = ink.good("●") if contact["Shown"] else ink.dim("○")
    state = ink.good("shown   ") if contact["Shown"] else ink.dim("left out")
    name = ink.bold(contact["ContactId"]) if contact["Shown"] else ink.dim(contact["ContactId"])
    with_whom = f"with {contact['AgentName']}" if contact.get("AgentName") else _without_agent(contact)
    count = contact["ItemCount"]
    print(f"  {dot} {state} {name}  {with_whom}, {count} {'entry' if count == 1 else 'entries'}")
    print(f"  {ink.dim('│')}          {ink.dim(contact['Explanation'])}")


def _draw_heading(ink: Ink, contact: dict[str, Any]) -> None:
    back = contact["SessionNumber"]
    chats = "chat" if back == 1 else "chats"
    text = "This chat" if back == 0 else f"{back} {chats} back"
    began = contact.get("InitiationTimestamp")
    when = f", {began:%Y-%m-%d %H:%M}" if isinstance(began, datetime) else ""
    if back:
        print(f"  {ink.dim('╵ continues from')}")
    print(f"{ink.bold(text)}{ink.dim(when)}")


def _without_agent(contact: dict[str, Any]) -> str:
    return "disconnect flow" if contact.get("InitiationMethod") == "DISCONNECT" else "no agent"
