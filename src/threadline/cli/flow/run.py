"""`threadline flow run FILE`: a conversation in the terminal with a flow, on a server that lives only for that."""

import json
import queue
import re
import shutil
import sys
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from threadline.cli import connection_options
from threadline.cli.destination import of
from threadline.cli.flow.files import FlowFile, read
from threadline.cli.own_server import own_server
from threadline.client.client import Client, instance_of
from threadline.client.failures import BadArguments, Failure, ServiceRefusal
from threadline.client.participants import Item, ScriptedParticipant
from threadline.client.transport import TransportOptions
from threadline.config import Settings
from threadline.flows.references import is_reference
from threadline.style import folded, padded, styled

ENDED = "application/vnd.amazonaws.connect.event.chat.ended"
POLL_SECONDS, QUIET_POLLS = 0.1, 5
"""A script on standard input ends once nothing has happened for this many polls."""
STARTS = {
    "CONTACT_FLOW": None,
    "CUSTOMER_QUEUE": "CustomerQueue",
}
"""Types of flows that can be tried, and the hook by which a chat comes to them."""
TOLD = "Write as the customer. /later 15m moves the clock on, Ctrl-C ends."
INDENT, LINE_MAX, DETAIL_MIN, IDENTIFIER_MIN = 8, 120, 12, 9
"""Columns before a message, of a block's line at most, that parameters need to be shown, and of an identifier."""
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def add_options(parser: ArgumentParser) -> None:
    """Add the file, the functions and the attributes."""
    parser.add_argument("file", metavar="FILE", help="a flow as exported, or a described one")
    parser.add_argument(
        "--lambda",
        dest="functions",
        metavar="ARN=FILE.json",
        action="append",
        default=[],
        help="answer a Lambda function, by its ARN or name, with a JSON file",
    )
    parser.add_argument(
        "--attribute",
        dest="attributes",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="an attribute that the chat begins with",
    )


def run(options: Namespace) -> int:
    """Play the flow until the chat ends or the input does."""
    file = read(options.file)
    functions = {name: partial(_answer, path) for name, path in _pairs("--lambda", options.functions).items()}
    for answer in functions.values():
        answer(None, None)
    attributes = _pairs("--attribute", options.attributes)
    with ExitStack() as closing:
        settings = Settings(port=0, data=":memory:", log_level="error", quiet=True, test_controls=True)
        found = of(closing.enter_context(own_server(settings, functions)), "flow run")
        client = closing.enter_context(Client(found, TransportOptions(proxied=False)))
        talk = Talk(client)
        casey = closing.enter_context(talk.begin(options.file, file, attributes))
        talk.play(casey)
    return 0


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    pairs = {}
    for entry in given:
        name, sign, value = entry.partition("=")
        if not sign or not name:
            raise BadArguments(f"{option} takes NAME=VALUE, not {entry!r}.")
        pairs[name] = value
    return pairs


def _answer(path: str, event: Any, context: Any) -> Any:
    """Answer an invocation with the file's JSON, read anew each time. Raises Failure when it has none."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            return json.load(file)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}.") from error
    except ValueError as error:
        raise Failure(f"{path}: the file is not JSON: {error}.") from None


class Talk:
    """One chat with a flow."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._instance = instance_of(client, None)
        self._shown = 0
        self._steps = 0
        self._last = ""

    def begin(self, name: str, file: FlowFile, attributes: Mapping[str, str]) -> ScriptedParticipant:
        """Create the flow and start a chat in it. Raises Failure with the flow's problems."""
        type_ = file.type or "CONTACT_FLOW"
        if type_ not in STARTS:
            kinds = ", ".join(STARTS)
            raise Failure(
                f"{name}: a chat does not come to a flow of type {type_} alone. Try one of: {kinds}."
            )
        self._replace(file.document)
        flow_id = self._create(name, "Tried", type_, json.dumps(file.document))
        if hook := STARTS[type_]:
            flow_id = self._create(name, "Start", "CONTACT_FLOW", self._entrance(hook, flow_id))
        started = self._client.call(
            "connect",
            "StartChatContact",
            InstanceId=self._instance,
            ContactFlowId=flow_id,
            ParticipantDetails={"DisplayName": "Casey"},
            **({"Attributes": dict(attributes)} if attributes else {}),
        )
        print(styled(f"  {TOLD}\n", "grey"), flush=True)
        call = partial(self._client.call, "connectparticipant")
        contact_id, token = started["ContactId"], started["ParticipantToken"]
        return ScriptedParticipant(call, "Casey", contact_id, token).connect()

    def play(self, casey: ScriptedParticipant) -> None:
        """Show all that happens and send all that is written, until the chat ends."""
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_read, args=(lines.put,), daemon=True).start()
        is_over, quiet = False, 0
        while not is_over:
            happened, is_over = self._show(casey)
            quiet = 0 if happened else quiet + 1
            try:
                line = lines.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            if line is None:
                lines.put(None)
                is_over = is_over or quiet > QUIET_POLLS
                threading.Event().wait(POLL_SECONDS)
            elif line.startswith("/later"):
                self._later(line)
            elif line.strip():
                self._settle(casey)
                casey.say(line)

    def _settle(self, casey: ScriptedParticipant) -> None:
        """Show what has happened, so that it stands before the customer's next message."""
        while self._show(casey)[0]:
            pass

    def _show(self, casey: ScriptedParticipant) -> tuple[bool, bool]:
        """Print new blocks and messages by their time; return whether there are any, and whether the chat is over."""
        items, steps = self._news(casey)
        told = []
        for number, step in enumerate(steps):
            told.append(
                ((step["Timestamp"], number, 0), _block(step, again=step["Identifier"] == self._last))
            )
            self._last = step["Identifier"]
        told += [(_place(item, steps), text) for item in items if (text := _message(item))]
        for _, text in sorted(told, key=lambda entry: entry[0]):
            print(text, flush=True)
        return bool(items or steps), any(item["ContentType"] == ENDED for item in items)

    def _news(self, casey: ScriptedParticipant) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The new items and blocks. They are read until there are no more, since a block may run between the reads."""
        items: list[dict[str, Any]] = []
        steps: list[dict[str, Any]] = []
        while True:
            more_items = casey.catch_up()[self._shown :]
            asked = {"MaxResults": 1_000, "NextToken": str(self._steps)}
            more_steps = self._client.call("threadline", "ListFlowSteps", **asked)["Steps"]
            if not more_items and not more_steps:
                return items, steps
            self._shown += len(more_items)
            self._steps += len(more_steps)
            items += more_items
            steps += more_steps

    def _later(self, line: str) -> None:
        given = line.removeprefix("/later").strip()
        number, unit = given[:-1], UNITS.get(given[-1:])
        if not number.isascii() or not number.isdigit() or unit is None:
            print(
                styled("  Write /later with a time, such as /later 90s, 15m, 2h or 1d.", "amber"), flush=True
            )
            return
        self._client.call("threadline", "MoveClock", Seconds=float(int(number) * unit))

    def _replace(self, document: dict[str, Any]) -> None:
        """Put the one queue of this server in the place of those that the flow names by id."""
        queue_id = connection_options.id_of(self._client, self._instance, "queue", "Support")
        for action in document.get("Actions") or []:
            parameters = action.get("Parameters") if isinstance(action, dict) else None
            if not isinstance(parameters, dict):
                continue
            given = parameters.get("QueueId")
            if isinstance(given, str) and given and not is_reference(given):
                parameters["QueueId"] = queue_id
                print(styled(f"  {action.get('Identifier')!r}: the queue is Support here.", "grey"))

    def _entrance(self, hook: str, flow_id: str) -> str:
        """A flow by which a chat comes to the queue flow that is tried."""
        queue_id = connection_options.id_of(self._client, self._instance, "queue", "Support")
        on = {"NextAction": "end", "ErrorType": "NoMatchingError"}
        steps: list[tuple[str, str, dict[str, Any], str | None]] = [
            ("hook", "UpdateContactEventHooks", {"EventHooks": {hook: flow_id}}, "queue"),
            ("queue", "UpdateContactTargetQueue", {"QueueId": queue_id}, "transfer"),
            ("transfer", "TransferContactToQueue", {}, None),
        ]
        actions: list[dict[str, Any]] = [
            {
                "Identifier": name,
                "Type": type_,
                "Parameters": parameters,
                "Transitions": {"Errors": [on], **({"NextAction": then} if then else {})},
            }
            for name, type_, parameters, then in steps
        ]
        actions.append(
            {"Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}}
        )
        return json.dumps({"Version": "2019-10-30", "StartAction": "hook", "Actions": actions})

    def _create(self, file: str, name: str, type_: str, content: str) -> str:
        members = {"InstanceId": self._instance, "Name": name, "Type": type_, "Content": content}
        try:
            flow_id: str = self._client.call("connect", "CreateContactFlow", **members)["ContactFlowId"]
        except ServiceRefusal as refusal:
            if "problems" not in refusal.members:
                raise
            raise Failure(f"{file}: {refusal.message} See: threadline flow check {file}") from None
        return flow_id


def _read(put: Callable[[str | None], None]) -> None:
    for line in sys.stdin:
        put(line.rstrip("\n"))
    put(None)


def _place(item: Item, steps: Sequence[Mapping[str, Any]]) -> tuple[str, int, int]:
    """The place of a message: after the block that has shown it, else after all blocks of its time."""
    for number, step in enumerate(steps):
        if item.get("Content") in [text for _, text in _texts(json.loads(step["Parameters"]))]:
            return step["Timestamp"], number, 1
    return item["AbsoluteTime"], len(steps), 1


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The texts in parameters, each after the last name that leads to it."""
    if isinstance(value, Mapping):
        for part, entry in value.items():
            yield from _texts(entry, part)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry, name)
    else:
        yield name, str(value)


def _block(step: Mapping[str, Any], *, again: bool) -> str:
    """A block in one line: its type, its identifier, and as much of its parameters as there is room for.

    An id that the console has made is shown by its beginning, since people see it nowhere else.
    A block that comes `again` after it has waited is shown without its parameters.
    """
    results = step.get("Error") or step.get("Results")
    result = f" → {results}" if results else ""
    if step["Milliseconds"] >= 1_000:
        result += f" after {step['Milliseconds'] / 1_000:,.0f} s"
    columns = min(shutil.get_terminal_size().columns or 80, LINE_MAX)
    line = f"  · {step['Type']} "
    room = max(columns - len(line) - len(result) - len("''"), IDENTIFIER_MIN)
    line += repr(
        _shortened(step["Identifier"], IDENTIFIER_MIN if UUID.fullmatch(step["Identifier"]) else room)
    )
    room = columns - len(line) - len(result) - 2
    if room >= DETAIL_MIN and not again and not step["Type"].startswith("Message"):
        line += f"  {_shortened(_given(step), room)}".rstrip()
    return styled(line + result, "red" if "Error" in step else "grey")


def _given(step: Mapping[str, Any]) -> str:
    """The parameters of a block in words; of an ARN the last part."""
    given = [
        (name, text.rpartition(":")[2].rpartition("/")[2] if text.startswith("arn:") else text)
        for name, text in _texts(json.loads(step["Parameters"]))
        if text != step.get("Results")
    ]
    return ", ".join(f"{name}={text}" for name, text in given)


def _shortened(text: str, characters_max: int) -> str:
    """`text` in one line of at most `characters_max` characters."""
    line = " ".join(text.split())
    return line if len(line) <= characters_max else line[: characters_max - 1] + "…"


def _message(item: Item) -> str:
    """A message of anyone but the customer, or the end of the chat; empty for all else."""
    if item["ContentType"] == ENDED:
        return styled("  The chat has ended.", "grey")
    if item["Type"] != "MESSAGE" or item.get("ParticipantRole") == "CUSTOMER":
        return ""
    name = "Flow" if item.get("ParticipantRole") == "SYSTEM" else item.get("DisplayName", "")
    column = max(len(name) + 4, INDENT)
    return f"  {padded(name, column - 2, 'blue', 'bold')}{folded(item['Content'], column, ' ' * column)}"
