"""`threadline demo`: plays the example of CreatePersistentContactAssociation's documentation on a server.

Casey chats with a1 (contact C1), is transferred to a2 (C2) and answers the survey (C3). Then Casey comes back, once
without the survey and once with everything. Every step is a call of the public API; items are read from a socket.
"""

import json
import shlex
from argparse import Namespace
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from threadline.cli import connection_options
from threadline.cli.destination import of
from threadline.cli.own_server import own_server
from threadline.client.client import Client, instance_of
from threadline.client.participants import Item, ScriptedParticipant
from threadline.config import Settings
from threadline.style import folded, padded, styled

Tell = Callable[[str], None]

FLOW = "Demo inbound"
MESSAGE = "MESSAGE"
SURVEY = "SYSTEM"
SCRIPT = {
    "C1": [("Casey", "My parcel has not come."), ("a1", "I will ask the depot.")],
    "C2": [("a2", "It left this morning."), ("Casey", "Wonderful, thank you.")],
    "C3": [("Casey", "5")],
}
CASES = (
    ("FROM_SEGMENT", "C2", "to where the agents left off, without the survey"),
    ("ENTIRE_PAST_SESSION", "C1", "to the whole past chat, the survey too"),
)
NAME_WIDTH = 10
LINE = "│ "


def main(arguments: list[str]) -> int:
    """Play the demo, or only its first part with --seed."""
    parser = connection_options.parser("demo", "Play a chat that ends and comes back.")
    parser.add_argument("--seed", action="store_true", help="only create the ended chat C1, C2, C3")
    parser.add_argument("--output", choices=("text", "json"), default="text", help="json prints only the ids")
    options = parser.parse_args(arguments)
    tell = silent if options.output == "json" else _told

    def run() -> int:
        with ExitStack() as closing:
            found = connection_options.destination(options)
            is_passing = found is None and not options.seed
            if is_passing:
                own = Settings(port=0, data=":memory:", log_level="error", quiet=True)
                found = of(closing.enter_context(own_server(own)), "demo")
                said = "No server was found: this one runs only for the demo and keeps nothing."
                tell(f"\n  {styled(said, 'grey')}")
            client = closing.enter_context(connection_options.client(options, found))
            play = Play(client, options.instance_id, tell)
            ids = play.past_chat()
            if not options.seed:
                ids |= {name: play.returns(number, ids) for number, name in enumerate(("B1", "B2"))}
                if not is_passing:
                    tell(f"\n  {styled('Look closer:', 'bold')} {_lineage_command(options, ids['B1'])}")
                tell("")
            if options.output == "json":
                print(json.dumps(ids, indent=4))
        return 0

    return connection_options.reported(run)


def _lineage_command(options: Namespace, contact_id: str) -> str:
    where = {"--endpoint-url": options.endpoint_url, "--data": options.data}
    given = [word for name, value in where.items() if value for word in (name, shlex.quote(value))]
    return " ".join(["threadline lineage", contact_id, *given])


def _told(line: str) -> None:
    print(line, flush=True)


def silent(line: str) -> None:
    """Print nothing."""


class Play:
    """Plays the chats on one server and prints them line by line."""

    def __init__(self, client: Client, instance_id: str | None, tell: Tell) -> None:
        self._client = client
        self._tell = tell
        self._instance = instance_of(client, instance_id)
        self._flow = connection_options.id_of(client, self._instance, "contact flow", FLOW)
        self._agents = {
            name: connection_options.id_of(client, self._instance, "user", name) for name in ("a1", "a2")
        }
        self._labels = {"SYSTEM_MESSAGE": "survey"}

    def past_chat(self) -> dict[str, str]:
        """Play the chat up to its end. Returns the ids of C1, C2 and C3."""
        self._tell(
            f"\n  {styled('A chat', 'bold')}  {styled(self._client.target('threadline').url, 'grey')}\n"
        )
        casey = self._casey()
        with casey, self._accepted("a1", casey.contact_id) as a1:
            ids = {"C1": casey.contact_id}
            self._scene("C1", ids["C1"], "Casey writes, a1 answers", {"Casey": casey, "a1": a1})
            transfer = {"ContactId": ids["C1"], "UserId": self._agents["a2"]}
            answer = self._client.call("threadline", "TransferChat", InstanceId=self._instance, **transfer)
            ids["C2"] = answer["ContactId"]
            with self._accepted("a2", ids["C2"]) as a2:
                self._scene("C2", ids["C2"], "a1 transfers the chat to a2", {"Casey": casey, "a2": a2})
                a2.leave()
                question = casey.see(Type=MESSAGE, ParticipantRole=SURVEY)
                ids["C3"] = question["ContactId"]
                self._scene("C3", ids["C3"], "a2 leaves, the survey asks", {"Casey": casey}, question)
                casey.leave()
                casey.see_event("chat.ended")
        self._tell(f"  {styled('╰─', 'grey')} Casey leaves, the chat has ended")
        return ids

    def returns(self, number: int, ids: dict[str, str]) -> str:
        """Play one return of the customer and print the past they see. Returns the new chat's ContactId."""
        kind, source, meaning = CASES[number]
        with self._casey() as casey:
            answer = self._client.call(
                "connect",
                "CreatePersistentContactAssociation",
                InstanceId=self._instance,
                InitialContactId=casey.contact_id,
                RehydrationType=kind,
                SourceContactId=ids[source],
            )
            casey.see_event("chat.rehydrated")
            names = {contact_id: name for name, contact_id in ids.items()}
            self._tell(f"\n  {styled(f'Casey comes back, case {number + 1}', 'bold')}: {meaning}")
            anchor = names[answer["ContinuedFromContactId"]]
            self._tell(styled(f"  {kind} with source {source}: continued from {anchor}", "teal"))
            self._show(casey, names)
            casey.leave()
        return casey.contact_id

    def _show(self, casey: ScriptedParticipant, names: dict[str, str]) -> None:
        lineage = self._client.call(
            "threadline", "DescribeLineage", InstanceId=self._instance, ContactId=casey.contact_id
        )
        past = [contact for contact in reversed(lineage["Contacts"]) if contact["SessionNumber"]]
        chain = [
            styled(f"● {names[contact['ContactId']]}", "green", "bold")
            if contact["Shown"]
            else styled(f"○ {names[contact['ContactId']]}", "amber")
            for contact in past
        ]
        self._tell(f"\n  {styled(' ── ', 'grey').join(chain)}")
        for item in casey.history():
            if "RelatedContactId" in item and item["Type"] == MESSAGE:
                self._tell(self._line(names[item["RelatedContactId"]], item))
        for contact in past:
            if not contact["Shown"]:
                why = contact["Explanation"]
                for contact_id, name in names.items():
                    why = why.replace(contact_id, name)
                left_out = f"○ {names[contact['ContactId']]} is left out."
                self._tell(f"  {styled(left_out, 'amber')}")
                self._tell(f"    {folded(why, 4, '    ', 'grey')}")

    def _casey(self) -> ScriptedParticipant:
        started = self._client.call(
            "connect",
            "StartChatContact",
            InstanceId=self._instance,
            ContactFlowId=self._flow,
            ParticipantDetails={"DisplayName": "Casey"},
        )
        return self._connected("Casey", started)

    def _accepted(self, name: str, contact_id: str) -> ScriptedParticipant:
        chat = {"InstanceId": self._instance, "ContactId": contact_id, "UserId": self._agents[name]}
        answer = self._client.call("threadline", "AcceptContact", **chat)
        return self._connected(name, answer | {"ContactId": contact_id}, connect_participant=True)

    def _connected(
        self, name: str, reply: dict[str, str], *, connect_participant: bool = False
    ) -> ScriptedParticipant:
        call = partial(self._client.call, "connectparticipant")
        contact_id, token = reply["ContactId"], reply["ParticipantToken"]
        return ScriptedParticipant(
            call, name, contact_id, token, connect_participant=connect_participant
        ).connect()

    def _scene(
        self,
        name: str,
        contact_id: str,
        what: str,
        people: dict[str, ScriptedParticipant],
        first: Item | None = None,
    ) -> None:
        self._tell(f"  {styled(name, 'green', 'bold')}  {styled(contact_id, 'grey')}  {what}")
        if first:
            self._tell(self._line(LINE, first))
        for speaker, text in SCRIPT[name]:
            item = people[speaker].see(Id=people[speaker].say(text)["Id"])
            if speaker in self._agents:
                self._labels[item["DisplayName"]] = f"{item['DisplayName']} ({speaker})"
            self._tell(self._line(LINE, item))

    def _line(self, margin: str, item: Item) -> str:
        name: str = item["DisplayName"]
        speaker = self._labels.get(name, name)
        begun = f"  {styled(margin, 'grey')}  "
        column = 2 + len(margin) + 2 + NAME_WIDTH + 2
        rest = begun if margin == LINE else " " * (2 + len(margin) + 2)
        content = folded(item["Content"], column, rest + " " * (NAME_WIDTH + 2))
        return f"{begun}{padded(speaker, NAME_WIDTH, 'blue')}  {content}"
