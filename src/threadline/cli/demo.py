"""`threadline demo`: plays the example of CreatePersistentContactAssociation's documentation, by real calls.

A customer chats with one agent (C1), is handed on to another (C2) and answers a survey (C3). Then they come back
twice, and what they read each time is what the two rehydration types promise.
"""

import argparse
import json
import sys
from typing import Any, NamedTuple

from threadline.cli import local
from threadline.cli.client import Client
from threadline.cli.failures import Failure
from threadline.cli.ink import Ink
from threadline.cli.people import Person

CUSTOMER = "Casey"
FIRST_CHAT = (
    ("customer", "Hi! My parcel was to come today, and it has not."),
    ("first", "Hello Casey, let me look. It is order 1138, isn't it?"),
    ("customer", "Yes, the red kettle."),
    ("first", "I hand you on to Robin, who can see the courier's list."),
    ("second", "Hi Casey, Robin here. It left this morning."),
    ("customer", "Wonderful, thank you!"),
    ("survey", "5"),
)
NAMES = ("C1", "C2", "C3")
MESSAGE = "MESSAGE"


class Stage(NamedTuple):
    """Where the demo plays: the instance, its inbound flow, and the two agents."""

    client: Client
    instance_id: str
    contact_flow_id: str
    agents: tuple[str, str]


class Past(NamedTuple):
    """The ids of the ended chat's three contacts."""

    c1: str
    c2: str
    c3: str


class Return(NamedTuple):
    """How the customer came back, and what they read then: past items, oldest first."""

    rehydration_type: str
    source: str
    contact_id: str
    continued_from: str
    read: list[dict[str, Any]]


def main(arguments: list[str]) -> int:
    """Play the example; with --seed only its first chat, whose ids are printed."""
    parser = local.parser("demo", "Play a chat that ends and comes back, on the running server.")
    parser.add_argument("--seed", action="store_true", help="only make the ended chat, and print its ids")
    parser.add_argument("--output", choices=("text", "json"), default="text", help="text (default) or json")
    options = parser.parse_args(arguments)
    return local.reported(lambda: run(options))


def run(options: argparse.Namespace) -> int:
    """Play and print."""
    client = local.client(options)
    stage = _stage(client, local.instance(client, options))
    past = play(stage)
    if options.seed:
        _print_seed(past, as_json=options.output == "json")
        return 0
    returns = [
        come_back(stage, past, "FROM_SEGMENT", "C2"),
        come_back(stage, past, "ENTIRE_PAST_SESSION", "C1"),
    ]
    if options.output == "json":
        print(json.dumps(_as_json(past, returns), indent=2))
    else:
        _print_story(Ink(sys.stdout), past, returns)
    return 0


def play(stage: Stage) -> Past:
    """Play the first chat to its end."""
    client, instance_id = stage.client, stage.instance_id
    started = client.call(
        "connect",
        "StartChatContact",
        InstanceId=instance_id,
        ContactFlowId=stage.contact_flow_id,
        ParticipantDetails={"DisplayName": CUSTOMER},
    )
    c1 = started["ContactId"]
    people = {"customer": Person(client, started["ParticipantToken"])}
    people["survey"] = people["customer"]
    people["first"] = Person.accepting(client, instance_id, c1, stage.agents[0])
    c2 = ""
    for who, text in FIRST_CHAT:
        if who == "second" and not c2:
            reply = client.call(
                "threadline", "TransferChat", InstanceId=instance_id, ContactId=c1, UserId=stage.agents[1]
            )
            c2 = reply["ContactId"]
            people["first"].close()
            people["second"] = Person.accepting(client, instance_id, c2, stage.agents[1])
        if who == "survey":
            people["second"].leave()
        people[who].say(text)
    c3 = people["customer"].contact_id()
    people["customer"].leave()
    return Past(c1, c2, c3)


def come_back(stage: Stage, past: Past, rehydration_type: str, source: str) -> Return:
    """Start another chat of the same customer, continue the past one in it, read, and leave."""
    client = stage.client
    started = client.call(
        "connect",
        "StartChatContact",
        InstanceId=stage.instance_id,
        ContactFlowId=stage.contact_flow_id,
        ParticipantDetails={"DisplayName": CUSTOMER},
    )
    customer = Person(client, started["ParticipantToken"])
    reply = client.call(
        "connect",
        "CreatePersistentContactAssociation",
        InstanceId=stage.instance_id,
        InitialContactId=started["ContactId"],
        RehydrationType=rehydration_type,
        SourceContactId=past[NAMES.index(source)],
    )
    items = [item for page in customer.pages() for item in page if "RelatedContactId" in item]
    customer.leave()
    contact_id, anchor = started["ContactId"], reply["ContinuedFromContactId"]
    return Return(rehydration_type, source, contact_id, anchor, items[::-1])


def _stage(client: Client, instance_id: str) -> Stage:
    users = client.call("connect", "ListUsers", InstanceId=instance_id)["UserSummaryList"]
    ids = {user["Username"]: user["Id"] for user in users}
    flow_id = client.surroundings.environment.get("THREADLINE_CONTACT_FLOW_ID")
    if flow_id is None:
        flows = client.call("connect", "ListContactFlows", InstanceId=instance_id)["ContactFlowSummaryList"]
        flow_id = next((flow["Id"] for flow in flows if flow["Name"] == "Demo inbound"), None)
    if flow_id is None or not {"a1", "a2"} <= ids.keys():
        raise Failure(
            f"Instance {instance_id} is no demo workspace: it has no flow 'Demo inbound', user a1 or a2."
        )
    return Stage(client, instance_id, flow_id, (ids["a1"], ids["a2"]))


def _print_seed(past: Past, *, as_json: bool) -> None:
    ids = dict(zip(NAMES, past, strict=True))
    print(
        json.dumps(ids) if as_json else "\n".join(f"{name} {contact_id}" for name, contact_id in ids.items())
    )


def _as_json(past: Past, returns: list[Return]) -> dict[str, Any]:
    return {
        **dict(zip(NAMES, past, strict=True)),
        "Returns": [
            {
                "RehydrationType": back.rehydration_type,
                "SourceContactId": past[NAMES.index(back.source)],
                "ContactId": back.contact_id,
                "ContinuedFromContactId": back.continued_from,
                "Transcript": back.read,
            }
            for back in returns
        ],
    }


def _print_story(ink: Ink, past: Past, returns: list[Return]) -> None:
    names = dict(zip(past, NAMES, strict=True))
    everything = returns[-1].read
    print(ink.title("The first chat: two agents and a survey"))
    _print_items(ink, everything, names)
    print(f"\n  {ink.bold('C1')} ── handed on ──▶ {ink.bold('C2')} ── survey ──▶ {ink.bold('C3')}\n")
    for contact_id, name in names.items():
        print(f"  {ink.bold(name)} {ink.dim(contact_id)}")
    for back in returns:
        shown = {names[item["RelatedContactId"]] for item in back.read}
        print("\n" + ink.title(f"Casey comes back: {back.rehydration_type}, SourceContactId {back.source}"))
        chain = " ── ".join(_mark(ink, name, name in shown) for name in NAMES)
        print(f"  ContinuedFromContactId {ink.bold(names[back.continued_from])}   {chain}\n")
        _print_items(ink, back.read, names)
    print(
        f"\n{ink.dim('Explained contact by contact:')} threadline lineage {returns[0].contact_id}"
        f"\n{ink.dim('A past chat for your own test:')} threadline demo --seed --output json"
    )


def _mark(ink: Ink, name: str, shown: bool) -> str:
    return ink.good(f"● {name} shown") if shown else ink.dim(f"○ {name} left out")


def _print_items(ink: Ink, items: list[dict[str, Any]], names: dict[str, str]) -> None:
    """Messages only, with the contact's name where it begins."""
    before = ""
    for item in items:
        if item["Type"] != MESSAGE:
            continue
        name = names[item["RelatedContactId"]]
        margin = ink.bold(name) if name != before else "  "
        speaker = "survey" if item["ParticipantRole"] == "SYSTEM" else item["DisplayName"]
        print(f"  {margin}  {ink.voice(speaker.ljust(7), item['ParticipantRole'])} {item['Content']}")
        before = name
