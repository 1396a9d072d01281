"""The event of one call, in the shape of a CloudTrail record, without any content.

Of a call's members an event has ids, numbers that are no value of an attribute, switches, times and values that the
model lists. Every other member is only named: names, messages, attributes, texts to search for and tokens never reach
an event.

Source: Admin Guide, logging Amazon Connect API calls with CloudTrail; CloudTrail, record contents.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from threadline.audit.chain import encode, second
from threadline.aws.model import OperationModel, Shape
from threadline.aws.names import snake
from threadline.jsontext import decode

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
"""The text that CloudTrail has in place of a value that it does not show."""
ENTRIES_MAX = 100
EVENT_BYTES_MAX = 102_400
"""An event with more bytes omits its parameters. Source: CloudTrail, record contents: 100 KB a field."""
OMITTED = {"omitted": True}
"""CloudTrail's value of a field that is too large."""
USER_AGENT_MAX = 256
ID_SHAPE = re.compile(r"(?!.*Customer)\w*(Id|Arn|ARN)")
ID = re.compile(
    r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(:[A-Za-z0-9$]{1,16})?"
    r"|arn:[a-z0-9-]{1,20}:[a-z0-9-]{1,30}:[a-z0-9-]{0,30}:[0-9]{0,12}:[A-Za-z0-9._:/$-]{1,256}"
    r"|A[KS]IA[A-Z0-9]{4,28}|[0-9]{12}"
)
"""A UUID, perhaps with a version, an ARN, an access key's or an account's id. Any other text may be content."""
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
    """Something done that was answered: a call, a sign-in, a socket that opens, the bytes of a file.

    `parameters` and `response` are as `Redactor` makes them.
    """

    name: str
    source: str
    is_read: bool
    is_data: bool
    parameters: Members | None
    response: Members | None
    error: str | None
    request_id: str
    address: str
    user_agent: str
    at_ms: int
    type: str = "AwsApiCall"


class AuditedAction(NamedTuple):
    """A request that is no operation of a model, as the application describes it for the audit.

    `type` is CloudTrail's eventType, `response` that of an action that fails; `done` replaces it by that of one that
    succeeds.
    """

    name: str
    source: str
    is_read: bool
    who: Who
    where: Where = Where()
    parameters: Members | None = None
    response: Members | None = None
    type: str = "AwsApiCall"


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

    def reply(self, model: OperationModel, body: bytes, wrapped_in: Sequence[str] = ()) -> Members | None:
        """The ids in a reply, which is perhaps wrapped in members of other names."""
        plan = self._plan(model, model.output_shape, is_input=False)
        if not plan:
            return None
        members = decode(body.decode())
        for name in wrapped_in:
            members = members[name]
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
            return hidden if "Value" in shape.name else itself
        if shape.type == "timestamp":
            return _time
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


def _time(value: Any) -> Any:
    try:
        return second(value // 1000)
    except (TypeError, ValueError, OverflowError, OSError):  # as for a year after 9999
        return hidden(value)


def _text(shape: Shape) -> Keep:
    if shape.enum:
        allowed = frozenset(shape.enum)
        return lambda value: value if value in allowed else hidden(value)
    if ID_SHAPE.fullmatch(shape.name):
        return lambda value: value if isinstance(value, str) and ID.fullmatch(value) else hidden(value)
    return hidden


def shown_id(value: str) -> str:
    """An id that a client gave, or a text in its place where it may be anything."""
    return value if ID.fullmatch(value) else HIDDEN


def event_of(seen: Seen, who: Who, where: Where) -> msgspec.Raw:
    """The event of something done, as JSON."""
    event: Members = {
        "eventVersion": "1.11",
        "userIdentity": who.identity,
        "eventTime": second(seen.at_ms // 1000),
        "eventSource": seen.source,
        "eventName": seen.name,
        "awsRegion": where.region,
        "sourceIPAddress": seen.address,
        "userAgent": seen.user_agent[:USER_AGENT_MAX],
    }
    if seen.error:
        event["errorCode"] = seen.error
    contacts = [
        *([who.contact_id] if who.contact_id else []),
        *_contacts(seen.parameters),
        *_contacts(seen.response),
    ]
    event |= {
        "requestParameters": seen.parameters,
        "responseElements": seen.response,
        "requestID": seen.request_id,
        "eventID": seen.request_id,
        "readOnly": seen.is_read,
        "resources": resources_of(where.arn, contacts),
        "eventType": seen.type,
        "managementEvent": not seen.is_data,
        "recipientAccountId": who.account_id,
        "eventCategory": "Data" if seen.is_data else "Management",
    }
    return _within(event)


def service_event(done: Mapping[str, Any]) -> msgspec.Raw:
    """The event of something that the server did by itself, from the payload of its task."""
    return msgspec.Raw(
        encode(
            {
                "eventVersion": "1.11",
                "userIdentity": {"type": "AWSService", "invokedBy": "threadline"},
                "eventTime": second(done["at_ms"] // 1000),
                "eventSource": "threadline",
                "eventName": done["name"],
                "awsRegion": done["region"],
                "sourceIPAddress": "threadline",
                "userAgent": "threadline",
                "requestParameters": None,
                "responseElements": None,
                "eventID": done["id"],
                "readOnly": False,
                "resources": resources_of(done["arn"], done["contacts"]),
                "eventType": "AwsServiceEvent",
                "managementEvent": True,
                "recipientAccountId": done["account_id"],
                "serviceEventDetails": done["details"],
                "eventCategory": "Management",
            }
        )
    )


def resources_of(arn: str, contacts: Sequence[str]) -> list[Members]:
    """The ARNs of contacts, each once, within the instance of `arn`."""
    return [
        {"type": "AWS::Connect::Contact", "ARN": f"{arn}/contact/{contact}"}
        for contact in dict.fromkeys(contacts)
    ]


def _within(event: Members) -> msgspec.Raw:
    """The event as JSON, without its parameters when it is too large with them."""
    line = encode(event)
    if len(line) > EVENT_BYTES_MAX:
        line = encode(event | {"requestParameters": OMITTED})
    return msgspec.Raw(line)


def _contacts(members: Mapping[str, Any] | None) -> Iterator[str]:
    """The ids of contacts among members, also within structures and lists."""
    for name, value in (members or {}).items():
        if isinstance(value, Mapping):
            yield from _contacts(value)
        elif isinstance(value, list):
            for each in value:
                if isinstance(each, Mapping):
                    yield from _contacts(each)
                elif name.endswith("ContactIds") and each != HIDDEN:
                    yield each
        elif name.endswith("ContactId") and isinstance(value, str) and value != HIDDEN:
            yield value
