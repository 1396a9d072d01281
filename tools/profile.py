"""`make profile CALL=SendMessage`: the functions that one request of an operation runs, listed and as a flame graph.

A server as `threadline serve` runs it serves in this process, on a database in a temporary folder: without test
controls, and with signatures verified. Each request is made in a chat of its own, between a
customer and an agent who both have a socket, and with a past chat to continue. The recording begins before the request
and ends after its answer, so it holds the parsing, the operation, its commit and the pushes to other participants.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

import threadline
from threadline.config import Settings
from threadline.server import Server
from threadline.testing import PastChat
from threadline.testing.served import Served
from threadline.testing.workspace import Workspace, environment
from tools.flame import draw
from tools.stacks import Call, Stacks, part_of

PACKAGE = Path(threadline.__file__).parent
FOLDER = PACKAGE.parents[1] / "build"
SERVICES = ("connect", "connectparticipant", "threadline")
WARM_UP = 20
FLOW = {
    "Version": "2019-10-30",
    "StartAction": "end",
    "Actions": [{"Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}}],
}


class NotProfiled(Exception):
    """Why an operation cannot be measured."""


class Plain(Workspace):
    """A running server with its data in `folder`, and its first workspace; a context manager that stops it."""

    def __init__(self, folder: str) -> None:
        self._served = Served(lambda: Server(Settings(port=0, data=folder)), bound=None)
        server = self._served.server
        super().__init__(server.url, environment(server.url, server.workspace))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._served.close()


def members(server: Workspace, operation: str, past: PastChat) -> dict[str, Any]:
    """Begin a chat; returns what the members of a request about it may be, by the model's names."""
    casey = server.customer()
    a1, a2 = server.agent("a1"), server.agent("a2")
    if operation not in {"AcceptContact", "CreateParticipant"}:
        a1.accept(casey)
        casey.say("My parcel has not come.")
        a1.say("I will ask the depot.")
    hours = server.connect.describe_queue(InstanceId=server.instance_id, QueueId=server.queue_id)
    now = int(datetime.now(UTC).timestamp())
    common = {
        "InstanceId": server.instance_id,
        "ContactId": casey.contact_id,
        "InitialContactId": casey.contact_id,
        "SourceContactId": past.c2,
        "RehydrationType": "FROM_SEGMENT",
        "ContactFlowId": server.contact_flow_id,
        "QueueId": server.queue_id,
        "HoursOfOperationId": hours["Queue"]["HoursOfOperationId"],
        "UserId": a2.user_id,
        "ParticipantToken": casey.participant_token,
        "ConnectionToken": casey.connection_token,
        "ContentType": "text/plain",
        "Content": "Hello?",
        "ParticipantDetails": {"DisplayName": "Casey"},
        "Attributes": {"order": "7"},
        "TimeRange": {"Type": "INITIATION_TIMESTAMP", "StartTime": now - 3600, "EndTime": now + 60},
    }
    flow = {"Name": f"Flow of {casey.contact_id}", "Type": "CONTACT_FLOW", "Content": json.dumps(FLOW)}
    special: dict[str, dict[str, Any]] = {
        "CreateContactFlow": flow,
        "CreateParticipant": {"ParticipantDetails": {"ParticipantRole": "CUSTOM_BOT", "DisplayName": "Bot"}},
        "CreateParticipantConnection": {"Type": ["WEBSOCKET", "CONNECTION_CREDENTIALS"]},
        "SendEvent": {"ContentType": "application/vnd.amazonaws.connect.event.typing"},
        "UpdateContactFlowContent": {"Content": flow["Content"], "ContactFlowId": server.survey_flow_id},
    }
    return common | special.get(operation, {})


OPTIONAL = {"CreateParticipantConnection": ["Type"], "TransferChat": ["UserId"]}
"""Members that the model does not require, and the operation does."""


def record(operation: str, given: dict[str, Any], requests: int, warm_up: int = WARM_UP) -> list[Call]:
    """Return the calls of `requests` requests of `operation`, a root for each thread. `given` are members of each.

    `warm_up` requests go before those that are recorded.
    """
    stacks = Stacks("threadline")
    stacks.install()
    with TemporaryDirectory() as folder, Plain(folder) as server:
        clients = map(server.client, SERVICES)
        client = next((c for c in clients if operation in c.meta.service_model.operation_names), None)
        if client is None:
            raise NotProfiled(f"No model has an operation {operation}.")
        shape = client.meta.service_model.operation_model(operation).input_shape
        past = server.past_chat()
        for number in range(warm_up + requests):
            known = members(server, operation, past)
            wanted = [*(shape.required_members if shape else ()), *OPTIONAL.get(operation, [])]
            if missing := [name for name in wanted if name not in {**known, **given}]:
                raise NotProfiled(f"Say what {', '.join(missing)} are: INPUT='{{..}}', as JSON.")
            arguments = {name: known[name] for name in wanted if name in known} | given
            if number >= warm_up:
                stacks.start()
            try:
                client._make_api_call(operation, arguments)
            except (ClientError, BotoCoreError) as error:
                raise NotProfiled(str(error)) from None
            finally:
                stacks.stop()
            for person in server.people:
                person.drop()
            server.people.clear()
    return list(stacks.threads.values())


def close(call: Call) -> None:
    """Give a root the time of the calls below it."""
    call.ns = sum(below.ns for below in call.calls.values())


def listed(call: Call, requests: int, depth: int = 0) -> Iterator[tuple[float, float, str, str]]:
    """The package's own functions in the order of calls: microseconds and calls a request, name, file and line."""
    file = Path(call.function.file)
    if call.function.line and file.is_relative_to(PACKAGE):
        where = f"{file.relative_to(PACKAGE)}:{call.function.line}"
        yield call.ns / requests / 1000, call.count / requests, "  " * depth + call.function.name, where
        depth += 1
    for below in call.calls.values():
        yield from listed(below, requests, depth)


def main() -> int:
    """Read the command line, record, print, draw; the exit status."""
    words = argparse.ArgumentParser(prog="python -m tools.profile", description=__doc__)
    words.add_argument("operation", help="such as SendMessage")
    words.add_argument("--requests", type=int, default=200)
    words.add_argument("--input", type=json.loads, default={}, help="members of the request, as JSON")
    chosen = words.parse_args()
    try:
        roots = record(chosen.operation, chosen.input, chosen.requests)
    except NotProfiled as error:
        print(f"make profile: {error}", file=sys.stderr)
        return 1
    for root in roots:
        close(root)
        print(f"\n{root.ns / chosen.requests / 1000:8,.0f} us  in the thread {root.function.name}")
        for us, count, name, where in listed(root, chosen.requests):
            print(f"{us:8,.1f} us {count:7.3g}  {name:<70} {where}")
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"profile-{chosen.operation}.svg"
    title = f"{chosen.operation}, one request of {chosen.requests}"
    below = "Time goes from left to right, calls from top to bottom. A box says more when pointed at."
    svg = draw(roots, title, below, chosen.requests, lambda function: part_of(function, PACKAGE))
    file.write_text(svg, encoding="utf-8")
    print(f"\nDrawn in build/{file.name}. Times include the profiler's own, about a microsecond a call.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
