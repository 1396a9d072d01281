"""The ids and tokens of a workspace, by member or shape, so that mutated requests pass the first checks."""

import json
from random import Random
from typing import Any
from uuid import uuid4

from tests.aws.samples import Maker, text_time
from tests.flows.flows import content, do, on, say, wait
from threadline.aws.model import Shapes, Traits
from threadline.operations.registry import Operation
from threadline.testing import Customer, Workspace

Known = dict[str, list[Any]]
OPTIONAL = 0.35
"""How often a member is there that may be left out."""
KNOWN_MAX = 20
"""Values of each member; the newest are kept."""
HOUR_SECONDS = 3_600


def known_of(workspace: Workspace, now_ms: int, *others: str) -> Known:
    """What `workspace` has, some of it new; `others` are contacts that are not its own."""
    past = workspace.past_chat()
    casey, queued, gone = (workspace.customer(name) for name in ("Casey", "Robin", "Sam"))
    agent = workspace.agent("a1").accept(casey)
    items = [agent.say("Hello"), casey.say("Hello?")]
    gone.leave()
    instance, connect = {"InstanceId": workspace.instance_id, "MaxResults": 1}, workspace.connect
    demo = connect.describe_contact_flow(
        InstanceId=workspace.instance_id, ContactFlowId=workspace.contact_flow_id
    )["ContactFlow"]
    copy = connect.create_contact_flow(
        InstanceId=workspace.instance_id, Name=uuid4().hex, Type=demo["Type"], Content=demo["Content"]
    )
    pages = [casey.page(MaxResults=1), connect.list_users(**instance), connect.list_contact_flows(**instance)]
    flow = content(
        set=do("UpdateContactAttributes", {"Attributes": {"n": "7", "t": "$.Attributes.n"}}, "compare"),
        compare=on(
            do("Compare", {"ComparisonValue": "$.Attributes.n"}, None, NoMatchingCondition="say"),
            ("NumberGreaterThan", ["5"], "past"),
        ),
        past=do(
            "CreatePersistentContactAssociation",
            {"RehydrationType": "FROM_SEGMENT", "SourceContactId": past.c2},
            "say",
            NoMatchingError="say",
        ),
        say=say("Hello $.Attributes.t, $.Channel", "wait"),
        wait=wait("1", "end", returned="say"),
    )
    contacts = [casey.contact_id, queued.contact_id, gone.contact_id, *past, *others]
    arn = connect.describe_instance(InstanceId=workspace.instance_id)["Instance"]["Arn"]
    found = {
        "InstanceId": [workspace.instance_id] * 9 + [arn],
        "ContactFlowId": [copy["ContactFlowId"]],  # the content of a copy may be replaced
        "QueueId": [workspace.queue_id],
        "UserId": list(workspace.agents.values()),
        "ConnectionToken": [casey.connection_token] * 3 + [agent.connection_token, gone.connection_token],
        "ParticipantToken": [person.participant_token for person in (casey, queued, agent, gone)],
        "NextToken": [page["NextToken"] for page in pages],
        "Id": [item["Id"] for item in items],
        "StartTime": [now_ms // 1000 - HOUR_SECONDS],
        "EndTime": [now_ms // 1000 + HOUR_SECONDS],
        "MaxResults": [1, 2, 10, 100],
        "ParticipantRole": ["CUSTOM_BOT"],
        "SearchContactsTimeRangeType": ["INITIATION_TIMESTAMP"],
        "ConnectionTypeList": [["CONNECTION_CREDENTIALS"], ["WEBSOCKET", "CONNECTION_CREDENTIALS"]],
        "Content": ["Hello", flow, demo["Content"], json.dumps({"messageId": items[0]["Id"]})],
        "ContentType": [
            "text/plain",
            "text/markdown",
            "application/json",
            *(
                f"application/vnd.amazonaws.connect.event.{kind}"
                for kind in ("typing", "message.read", "message.delivered", "connection.acknowledged")
            ),
        ],
    } | dict.fromkeys(("ContactId", "InitialContactId", "SourceContactId", "RelatedContactId"), contacts)
    for person in (casey, queued, gone, agent):
        person.drop()
    return found


def learn(known: Known, reply: Any) -> None:
    """Add the ids and tokens of a reply, so that what it has made is used."""
    for name, value in reply.items():
        if isinstance(value, dict):
            learn(known, value)
        elif name in known and isinstance(value, str):
            known[name] = [*known[name], value][-KNOWN_MAX:]


class Requests(Maker):
    """Makes valid arguments for the operations of one model from known values."""

    def __init__(self, shapes: Shapes, random: Random, known: Known) -> None:
        super().__init__(shapes, random, time=_time, everything=False)
        self._known = known

    def make(self, name: str, depth: int = 0) -> Any:
        return self.random.choice(self._known.get(name) or [super().make(name, depth)])

    def structure(self, shape: Traits, depth: int = 0) -> dict[str, Any]:
        made = super().structure(shape, depth)
        return {name: self.random.choice(self._known.get(name) or [value]) for name, value in made.items()}

    def arguments(self, operation: Operation, input_shape: str) -> dict[str, Any]:
        """Make arguments of an operation. Most optional members are left out, above all unsupported ones."""
        needed = self.shapes[input_shape].get("required", [])
        unlikely = dict.fromkeys(operation.refused, OPTIONAL / 10)
        return {
            name: value
            for name, value in self.make(input_shape).items()
            if name in needed or self.random.random() < unlikely.get(name, OPTIONAL)
        }


def _time(ms: int, kind: str) -> Any:
    return ms // 1000 if kind == "timestamp" else text_time(ms)


def talk(workspace: Workspace, secret: str) -> Customer:
    """A chat that is nobody's business."""
    casey = workspace.customer("Witness")
    workspace.agent("a2").accept(casey).say(secret)
    casey.see(secret)
    return casey
