"""The event of one call, in the shape of a CloudTrail record, without any content.

Of a call's members an event has ids, numbers, switches and the values that the model lists. Every other member is only
named: names, messages, attributes, texts to search for and tokens never reach an event.

Source: Admin Guide, logging Amazon Connect API calls with CloudTrail; CloudTrail, record contents.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from threadline.audit.chain import second
from threadline.aws.model import OperationModel, Shape
from threadline.aws.names import snake
from threadline.jsontext import decode

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
"""The text that CloudTrail has in place of a value that it does not show."""
ENTRIES_MAX = 100
USER_AGENT_MAX = 256
ID_SHAPE = re.compile(r"(?!.*Customer)\w*(Id|Arn|ARN)")
ID = re.compile(r"[A-Za-z0-9._:/$-]{1,256}")
SOURCES = {
    "connect": "connect.amazonaws.com",
    "connectparticipant": "participant.connect.amazonaws.com",
}

Keep = Callable[[Any], Any]
Members = dict[str, Any]


class Who(NamedTuple):
    """The caller: members of `userIdentity`. `contact_id` is the first contact of a participant's chat."""

    identity: Members
    account_id: str | None = None
    contact_id: str | None = None


class Where(NamedTuple):
    """The instance of a call: its ARN, empty if unknown, and its region."""

    arn: str = ""
    region: str = "us-east-1"


class Seen(NamedTuple):
    """One call that was answered. `arguments` are None where the call was refused before they were read."""

    model: OperationModel
    is_read: bool
    is_data: bool
    arguments: Mapping[str, Any] | None
    reply: bytes
    error: str | None
    request_id: str
    address: str
    user_agent: str
    at_ms: int


class Redactor:
    """Makes the members of an event from those of a call, by the model. A shape is looked at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Keep] = {}
        self._plans: dict[tuple[str, str, bool], dict[str, tuple[str, Keep]]] = {}

    def arguments(self, model: OperationModel, arguments: Mapping[str, Any]) -> Members | None:
        """The request's members, by the names of the model."""
        plan = self._plan(model, model.input_shape, is_input=True)
        found = {plan[name][0]: plan[name][1](value) for name, value in arguments.items() if name in plan}
        return found or None

    def reply(self, model: OperationModel, body: bytes) -> Members | None:
        """The ids in a reply."""
        plan = self._plan(model, model.output_shape, is_input=False)
        if not plan:
            return None
        members = decode(body.decode())
        found = {plan[name][0]: plan[name][1](value) for name, value in members.items() if name in plan}
        return found or None

    def _plan(
        self, model: OperationModel, shape: Shape | None, *, is_input: bool
    ) -> dict[str, tuple[str, Keep]]:
        """How each member of a request or reply is shown: its name in the model and a function, by its name here."""
        key = model.service, model.name, is_input
        if (plan := self._plans.get(key)) is None:
            members = shape.members if shape else {}
            plan = self._plans[key] = {
                (snake(name) if is_input else member.wire_name or name): (name, self._keep(member))
                for name, member in members.items()
                if is_input or (member.type == "string" and ID_SHAPE.fullmatch(member.name))
            }
        return plan

    def _keep(self, shape: Shape) -> Keep:
        key = shape.model.name, shape.name
        if (keep := self._known.get(key)) is None:
            self._known[key] = hidden  # for a shape that holds itself
            keep = self._known[key] = self._made(shape)
        return keep

    def _made(self, shape: Shape) -> Keep:
        if shape.sensitive:
            return hidden
        if shape.type in ("integer", "long", "boolean", "float", "double"):
            return itself
        if shape.type == "timestamp":
            return lambda value: second(value // 1000) if isinstance(value, int) else hidden(value)
        if shape.type == "string":
            return _text(shape)
        if shape.type == "list":
            one = self._keep(shape.member)
            return lambda values: [one(value) for value in values[:ENTRIES_MAX]]
        if shape.type == "structure":
            inner = {name: self._keep(member) for name, member in shape.members.items()}
            return lambda value: {name: keep(value[name]) for name, keep in inner.items() if name in value}
        return hidden


def itself(value: Any) -> Any:
    """The value, which holds no content."""
    return value


def hidden(value: Any) -> Any:
    """A text in place of the value."""
    return None if value is None else HIDDEN


def _text(shape: Shape) -> Keep:
    if shape.enum:
        allowed = frozenset(shape.enum)
        return lambda value: value if value in allowed else hidden(value)
    if ID_SHAPE.fullmatch(shape.name):
        return lambda value: value if isinstance(value, str) and ID.fullmatch(value) else hidden(value)
    return hidden


def event_of(seen: Seen, who: Who, where: Where, shown: Redactor) -> Members:
    """The event of a call."""
    model = seen.model
    given = shown.arguments(model, seen.arguments) if seen.arguments is not None else None
    made = None if seen.is_read or seen.error else shown.reply(model, seen.reply)
    event: Members = {
        "eventVersion": "1.11",
        "userIdentity": who.identity,
        "eventTime": second(seen.at_ms // 1000),
        "eventSource": SOURCES.get(model.service, model.service),
        "eventName": model.name,
        "awsRegion": where.region,
        "sourceIPAddress": seen.address,
        "userAgent": seen.user_agent[:USER_AGENT_MAX],
    }
    if seen.error:
        event["errorCode"] = seen.error
    contacts = [*([who.contact_id] if who.contact_id else []), *_contacts(given), *_contacts(made)]
    return event | {
        "requestParameters": given,
        "responseElements": made,
        "requestID": seen.request_id,
        "eventID": seen.request_id,
        "readOnly": seen.is_read,
        "resources": [
            {"type": "AWS::Connect::Contact", "ARN": f"{where.arn}/contact/{contact}"}
            for contact in dict.fromkeys(contacts)
        ],
        "eventType": "AwsApiCall",
        "managementEvent": not seen.is_data,
        "recipientAccountId": who.account_id,
        "eventCategory": "Data" if seen.is_data else "Management",
    }


def _contacts(members: Mapping[str, Any] | None) -> Iterator[str]:
    """The ids of contacts among members, also within structures."""
    for name, value in (members or {}).items():
        if isinstance(value, Mapping):
            yield from _contacts(value)
        elif name.endswith("ContactId") and isinstance(value, str) and value != HIDDEN:
            yield value
