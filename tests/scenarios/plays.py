"""The runner of the plays: every sentence that a play may use, and the calls of the real API that it makes.

A play is a text file. A line is a sentence; an indented block belongs to the sentence above it; `#` begins a remark.
Contacts get names when they come to be (`Customer starts a chat: C1`), and later lines use those names.
`-> refused: CODE` behind a sentence says that the server refuses it with that code.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, NamedTuple, cast

import pytest
from botocore.exceptions import ClientError

from threadline.testing import Agent, Customer, Person, Threadline
from threadline.testing.people import Item

HERE = Path(__file__).parent
FLOW_NAMED = re.compile(r"FLOW\((\w+), (\w+)\)")
"""The place of another flow's id in the file of a flow, with that flow's type."""
SENTENCES: list[tuple[re.Pattern[str], Callable[..., None]]] = []


class Line(NamedTuple):
    """A sentence of a play, its line number, and the indented block below it."""

    number: int
    sentence: str
    refusal: str | None
    block: list[str]


def sentence(pattern: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register what a sentence does; its groups are the arguments."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        SENTENCES.append((re.compile(pattern), function))
        return function

    return register


def lines_of(text: str) -> list[Line]:
    lines: list[Line] = []
    for number, raw in enumerate(text.splitlines(), 1):
        stripped = raw.partition("# ")[0].rstrip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped[0] == " ":
            lines[-1].block.append(stripped.strip())
        else:
            said, _, refusal = stripped.partition(" -> refused: ")
            lines.append(Line(number, said.strip(), refusal.strip() or None, []))
    return lines


class Play:
    """A running play: its people, the contacts by their names, and what is around the server."""

    def __init__(self, threadline: Threadline, **around: object) -> None:
        self.threadline = threadline
        self.around = around
        self.contacts: dict[str, str] = {}
        self.people: dict[str, Person] = {}
        self.names: dict[str, str] = {}
        self.flows: dict[str, str] = {}
        self.bot_answers: dict[tuple[str, str], tuple[str, str | None]] = {}

    def perform(self, file: Path) -> None:
        for line in lines_of(file.read_text(encoding="utf-8")):
            try:
                self._do(line)
            except (AssertionError, ClientError, KeyError) as error:
                told = f"{file.name}:{line.number}: {line.sentence}\n{error}"
                raise pytest.fail.Exception(told, pytrace=False) from None

    def _do(self, line: Line) -> None:
        for pattern, function in SENTENCES:
            if found := pattern.fullmatch(line.sentence):
                arguments = [*found.groups(), *([line.block] if line.block else [])]
                if line.refusal is None:
                    function(self, *arguments)
                else:
                    self._refused(line.refusal, function, arguments)
                return
        raise AssertionError("no sentence reads like this; plays.py has them all")

    def _refused(self, code: str, function: Callable[..., None], arguments: list[Any]) -> None:
        with pytest.raises(ClientError) as refused:
            function(self, *arguments)
        assert refused.value.response["Error"]["Code"] == code, refused.value

    def customer(self, name: str) -> Customer:
        person = self.people[name]
        assert isinstance(person, Customer)
        return person

    def agent(self, name: str) -> Agent:
        person = self.people.get(name) or self.threadline.agent(name.removeprefix("Agent "))
        assert isinstance(person, Agent)
        self.people[name] = person
        return person

    def flow(self, name: str, kind: Any = "CONTACT_FLOW") -> str:
        """The id of the flow in flows/, made when a play first needs it."""
        if name not in self.flows:
            content = FLOW_NAMED.sub(
                lambda found: self.flow(found[1], found[2]),
                (HERE / "flows" / f"{name}.json").read_text(encoding="utf-8"),
            )
            made = self.threadline.connect.create_contact_flow(
                InstanceId=self.threadline.instance_id,
                Name=name,
                Type=kind,
                Content=content.replace("QUEUE_ID", self.threadline.queue_id),
            )
            self.flows[name] = made["ContactFlowId"]
        return self.flows[name]

    def call(self, contact_id: str, name: str) -> None:
        """Give a contact its name."""
        self.contacts[name] = contact_id
        self.names[contact_id] = name

    def contact(self, name: str) -> dict[str, Any]:
        reply = self.threadline.connect.describe_contact(
            InstanceId=self.threadline.instance_id, ContactId=self.contacts[name]
        )
        contact: dict[str, Any] = reply["Contact"]
        return contact

    def explained(self, contact: dict[str, Any]) -> str:
        """One line for a contact of a lineage: `C3 dropped: AFTER_SEGMENT`."""
        shown = "shown" if contact["Shown"] else "dropped"
        return f"{self.names[contact['ContactId']]} {shown}: {contact['Reason']}"

    def is_said(self, item: Item) -> bool:
        """Whether a person said it. The texts of flows are not compared."""
        kind, role = item["Type"], item.get("ParticipantRole")
        return kind == "MESSAGE" and role != "SYSTEM"

    def told(self, item: Item) -> str:
        """One line for an item: `(C1) Customer: hello`, and `(past C1) ...` where it comes from an older chat."""
        past = item.get("RelatedContactId")
        assert (past is None) == ("ContactId" in item), item
        where = f"past {self.names[past]}" if past else self.names[item["ContactId"]]
        return f"({where}) {self.names[item['ParticipantId']]}: {item['Content']}"


WHO = r"((?:Customer|Agent)(?: \w+)?)"
MODE = r"\((FROM_SEGMENT|ENTIRE_PAST_SESSION)\)"


def start(play: Play, who: str, name: str, **members: Any) -> None:
    customer = play.threadline.customer(who.removeprefix("Customer").strip() or "Casey", **members)
    play.people[who] = customer
    play.names[customer.participant_id] = who
    play.call(customer.contact_id, name)


@sentence(r"(Customer(?: \w+)?) starts a chat: (\w+)")
def starts(play: Play, who: str, name: str) -> None:
    start(play, who, name)


@sentence(r"(Customer(?: \w+)?) starts a chat that leaves no agent behind: (\w+)")
def starts_with_exit(play: Play, who: str, name: str) -> None:
    start(play, who, name, DisconnectOnCustomerExit=["AGENT"])


@sentence(r"(Customer(?: \w+)?) starts a chat of (\d+) minutes: (\w+)")
def starts_for(play: Play, who: str, minutes: str, name: str) -> None:
    start(play, who, name, ChatDurationInMinutes=int(minutes))


@sentence(r"Customer \w+ asks for a chat and does not come: (\w+)")
def asks_and_does_not_come(play: Play, name: str) -> None:
    play.call(play.threadline.invite().contact_id, name)


@sentence(r"Somebody stops (\w+)")
def somebody_stops(play: Play, name: str) -> None:
    play.threadline.connect.stop_contact(
        InstanceId=play.threadline.instance_id, ContactId=play.contacts[name]
    )


@sentence(rf"(Customer(?: \w+)?) returns from (\w+) {MODE}: (\w+)")
def returns(play: Play, who: str, source: str, mode: str, name: str) -> None:
    persistent = {"SourceContactId": play.contacts[source], "RehydrationType": mode}
    start(play, who, name, PersistentChat=persistent)


@sentence(r'(Customer(?: \w+)?) starts a chat in the flow "(\w+)" about (\w+): (\w+)')
def starts_in_flow(play: Play, who: str, flow: str, source: str, name: str) -> None:
    attributes = {"sourceContactId": play.contacts.get(source, source)}
    start(play, who, name, ContactFlowId=play.flow(flow), Attributes=attributes)


@sentence(r'(Customer(?: \w+)?) starts a chat in the flow "(\w+)": (\w+)')
def starts_in_plain_flow(play: Play, who: str, flow: str, name: str) -> None:
    start(play, who, name, ContactFlowId=play.flow(flow))


@sentence(r"The queue is open on weekdays from (\d+) to (\d+)")
def queue_is_open(play: Play, opens: str, closes: str) -> None:
    server = play.threadline
    config = [
        {
            "Day": day,
            "StartTime": {"Hours": int(opens), "Minutes": 0},
            "EndTime": {"Hours": int(closes), "Minutes": 0},
        }
        for day in ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY")
    ]
    made = server.connect.create_hours_of_operation(
        InstanceId=server.instance_id, Name="Weekdays", TimeZone="UTC", Config=cast("Any", config)
    )
    server.connect.update_queue_hours_of_operation(
        InstanceId=server.instance_id, QueueId=server.queue_id, HoursOfOperationId=made["HoursOfOperationId"]
    )


@sentence(r"It is (Monday|Saturday) at (\d+)")
def it_is(play: Play, day: str, hour: str) -> None:
    now = play.threadline.clock.now()
    ahead = (["Monday", "", "", "", "", "Saturday"].index(day) - now.weekday()) % 7 or 7
    play.threadline.clock.set((now + timedelta(days=ahead)).replace(hour=int(hour), minute=0))


@sentence(r'The Lambda function "(\w+)" answers (\w+) = (\w+)')
def lambda_answers(play: Play, name: str, key: str, value: str) -> None:
    play.threadline.lambda_(name, lambda event, context: {key: play.contacts[value]})


@sentence(r'The Lambda function "(\w+)" fails')
def lambda_fails(play: Play, name: str) -> None:
    def broken(event: Any, context: Any) -> Any:
        raise ValueError("out of order")

    play.threadline.lambda_(name, broken)


@sentence(r'The bot "([\w/]+)" answers "(.*)" with "(.*?)"(?: and ends with (\w+))?')
def bot_answers(play: Play, alias: str, text: str, answer: str, intent: str | None = None) -> None:
    play.bot_answers[alias, text] = answer, intent

    def answered(request: Any) -> Any:
        said, ends = play.bot_answers[alias, request["text"]]
        state = {"name": ends or "Talk", "state": "Fulfilled" if ends else "InProgress"}
        return {
            "messages": [{"contentType": "PlainText", "content": said}],
            "sessionState": {"intent": state},
        }

    play.threadline.bot(f"arn:aws:lex:us-east-1:123456789012:bot-alias/{alias}", answered)


@sentence(r'Nothing answers "([\w/]+)"')
def nothing_answers(play: Play, alias: str) -> None:
    def gone(request: Any) -> Any:
        raise ConnectionRefusedError

    play.threadline.bot(f"arn:aws:lex:us-east-1:123456789012:bot-alias/{alias}", gone)


@sentence(rf"(Customer(?: \w+)?) asks for (\w+) {MODE}")
def asks_for(play: Play, who: str, source: str, mode: str) -> None:
    play.customer(who).continue_from(mode, play.contacts[source])


@sentence(r"(Agent \w+) accepts (\w+)")
def accepts(play: Play, who: str, name: str) -> None:
    agent = play.agent(who).accept(play.contacts[name])
    play.names[agent.participant_id] = who


@sentence(r"(Agent \w+) transfers to (\w+): (\w+)")
def transfers(play: Play, who: str, to: str, name: str) -> None:
    play.call(play.agent(who).transfer(play.agent(f"Agent {to}")), name)


@sentence(r"(Agent \w+) transfers to the queue: (\w+)")
def transfers_to_queue(play: Play, who: str, name: str) -> None:
    play.call(play.agent(who).transfer(play.threadline.queue_id), name)


@sentence(r'(Agent \w+) transfers by the quick connect "(\w+)" to (the queue|\w+): (\w+)')
def transfers_by_quick_connect(play: Play, who: str, flow: str, to: str, name: str) -> None:
    """Transfer by a quick connect of the flow in flows/ to the queue or a user."""
    server = play.threadline
    if to == "the queue":
        target = {"QueueId": server.queue_id, "ContactFlowId": play.flow(flow, "QUEUE_TRANSFER")}
        config = {"QuickConnectType": "QUEUE", "QueueConfig": target}
    else:
        target = {"UserId": server.agents[to], "ContactFlowId": play.flow(flow, "AGENT_TRANSFER")}
        config = {"QuickConnectType": "USER", "UserConfig": target}
    made = server.connect.create_quick_connect(
        InstanceId=server.instance_id, Name=f"{flow} to {to}", QuickConnectConfig=cast("Any", config)
    )
    play.call(play.agent(who).transfer(quick_connect_id=made["QuickConnectId"]), name)


@sentence(rf'{WHO} sends "(.*)"')
def sends(play: Play, who: str, text: str) -> None:
    play.people[who].say(text)


@sentence(rf'{WHO} receives "(.*)"')
def receives(play: Play, who: str, text: str) -> None:
    play.people[who].see(text)


@sentence(rf'{WHO} receives "(.*)" on (\w+)')
def receives_on(play: Play, who: str, text: str, name: str) -> None:
    item = play.people[who].see(text)
    assert item["ContactId"] == play.contacts[name], f"it is on {play.names.get(item['ContactId'])}"


@sentence(rf"{WHO} receives a message on a new contact: (\w+)")
def receives_on_new(play: Play, who: str, name: str) -> None:
    def is_new(item: Item) -> bool:
        return item["Type"] == "MESSAGE" and item["ContactId"] not in play.names

    play.call(play.people[who].see_like(is_new, "a message on a contact without a name")["ContactId"], name)


@sentence(rf"{WHO} sees ([a-z]+\.[a-z.]+|typing)")
def sees(play: Play, who: str, kind: str) -> None:
    play.people[who].see_event(kind)


@sentence(rf"{WHO} has seen (no|one) ([a-z]+\.[a-z.]+)")
def has_seen(play: Play, who: str, how_many: str, kind: str) -> None:
    person = play.people[who]
    assert person.events().count(kind) == ("no", "one").index(how_many), person.events()


@sentence(rf"{WHO} is typing")
def is_typing(play: Play, who: str) -> None:
    play.people[who].typing()


@sentence(rf"{WHO} leaves")
def leaves(play: Play, who: str) -> None:
    play.people[who].leave()


@sentence(rf"{WHO} loses the connection")
def loses(play: Play, who: str) -> None:
    play.people[who].drop()


@sentence(rf"{WHO} comes back")
def comes_back(play: Play, who: str) -> None:
    play.people[who].connect()


@sentence(rf"{WHO} reads")
def reads(play: Play, who: str, block: list[str]) -> None:
    person = play.people[who]
    for page_size in (100, 3, 1):
        said = [item for item in person.history(page_size) if play.is_said(item)]
        told = [play.told(item) for item in said]
        assert told == block, "it reads\n    " + "\n    ".join(told)


@sentence(rf"{WHO} reads the contacts ((?:\w+, )*\w+)")
def reads_contacts(play: Play, who: str, names: str) -> None:
    seen: dict[str, None] = {}
    for item in filter(play.is_said, reversed(play.people[who].history())):
        seen[play.names[item.get("RelatedContactId") or item["ContactId"]]] = None
    assert list(seen) == names.split(", "), f"it reads {', '.join(seen)}"


@sentence(r"(\w+) continues from (\w+)")
def continues_from(play: Play, name: str, source: str) -> None:
    related = play.names.get(play.contact(name).get("RelatedContactId", ""), "nothing")
    assert related == source, f"it continues from {related}"


@sentence(r"(\w+) has ended: ([A-Z_]+)")
def has_ended(play: Play, name: str, reason: str) -> None:
    contact = play.contact(name)
    assert "DisconnectTimestamp" in contact, "it is still running"
    assert contact["DisconnectReason"] == reason, contact["DisconnectReason"]


@sentence(r"(\w+) is running")
def is_running(play: Play, name: str) -> None:
    assert "DisconnectTimestamp" not in play.contact(name)


@sentence(r"(\w+) came by ([A-Z_]+) after (\w+)")
def came_by(play: Play, name: str, method: str, previous: str) -> None:
    contact = play.contact(name)
    assert contact["InitiationMethod"] == method, contact["InitiationMethod"]
    assert contact["PreviousContactId"] == play.contacts[previous]


@sentence(r'(\w+) came before (\w+) by the quick connect "(.*)"')
def came_before(play: Play, name: str, following: str, quick_connect: str) -> None:
    [found] = play.contact(name)["NextContacts"]
    data = found["NextContactMetadata"]["QuickConnectContactData"]
    assert (data["ContactId"], data["QuickConnectName"]) == (play.contacts[following], quick_connect), data


@sentence(r"The lineage of (\w+) is")
def lineage_is(play: Play, name: str, block: list[str], **question: str) -> None:
    reply = play.threadline.threadline.describe_lineage(
        InstanceId=play.threadline.instance_id, ContactId=play.contacts[name], **question
    )
    told = [play.explained(contact) for contact in reply["Contacts"]]
    assert told == block, "it is\n    " + "\n    ".join(told)


@sentence(rf"The lineage of (\w+) from (\w+) {MODE} would be")
def lineage_would_be(play: Play, name: str, source: str, mode: str, block: list[str]) -> None:
    lineage_is(play, name, block, SourceContactId=play.contacts[source], RehydrationType=mode)


@sentence(r"(Customer(?: \w+)?) has (\d+) chats, each continuing the one before: (\w+?)1 to .*")
def has_chats(play: Play, who: str, how_many: str, letter: str) -> None:
    before: dict[str, Any] = {}
    for number in range(1, int(how_many) + 1):
        start(play, who, f"{letter}{number}", **before)
        customer = play.customer(who)
        customer.say(f"chat {number}")
        customer.leave()
        source = {"SourceContactId": customer.contact_id, "RehydrationType": "FROM_SEGMENT"}
        before = {"PersistentChat": source}


@sentence(rf"{WHO} reads the contacts from (\w+?)(\d+) back to \w+?(\d+)")
def reads_contacts_back(play: Play, who: str, letter: str, newest: str, oldest: str) -> None:
    names = [f"{letter}{number}" for number in range(int(newest), int(oldest) - 1, -1)]
    reads_contacts(play, who, ", ".join(names))


@sentence(r"(\d+) minutes? pass(?:es)?")
def time_passes(play: Play, minutes: str) -> None:
    play.threadline.clock.advance(minutes=int(minutes))


@sentence(r"(\d+) days pass")
def days_pass(play: Play, days: str) -> None:
    play.threadline.clock.advance(minutes=int(days) * 24 * 60)


@sentence(r"the chat (\w+) is erased with its past")
def erased_with_past(play: Play, name: str) -> None:
    server = play.threadline
    server.threadline.start_erasure(InstanceId=server.instance_id, LineageContactId=play.contacts[name])


@sentence(r"(\w+) has been erased")
def has_been_erased(play: Play, name: str) -> None:
    deadline = monotonic() + 20
    while not _is_erased(play, name):
        assert monotonic() < deadline, f"{name} has not been erased"
        Event().wait(0.02)


@sentence(r"(\w+) has not been erased")
def has_not_been_erased(play: Play, name: str) -> None:
    assert not _is_erased(play, name)


def _is_erased(play: Play, name: str) -> bool:
    here = {"InstanceId": play.threadline.instance_id, "ContactId": play.contacts[name]}
    contacts = play.threadline.threadline.describe_lineage(**here)["Contacts"]
    (own,) = (each for each in contacts if each["ContactId"] == here["ContactId"])
    return "ErasedTimestamp" in own


@sentence(r"a legal hold keeps (\w+): (.+)")
def hold_keeps(play: Play, name: str, reason: str) -> None:
    server = play.threadline
    server.threadline.put_legal_hold(
        InstanceId=server.instance_id, ContactId=play.contacts[name], Reason=reason
    )


@sentence(r"the legal holds are lifted")
def holds_are_lifted(play: Play) -> None:
    here = {"InstanceId": play.threadline.instance_id}
    for hold in play.threadline.threadline.list_legal_holds(**here)["LegalHolds"]:
        play.threadline.threadline.delete_legal_hold(**here, HoldId=hold["HoldId"])


@sentence(r"chats are kept for (\d+) days")
def chats_are_kept(play: Play, days: str) -> None:
    play.threadline.threadline.update_retention(
        InstanceId=play.threadline.instance_id, Policy="DAYS", Days=int(days)
    )
