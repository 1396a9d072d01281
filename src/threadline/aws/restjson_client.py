"""REST-JSON on the client: parameters into requests, and replies into members, by the service models.

The server's side is `threadline.aws.restjson`. The tests compare both with botocore.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import quote

from threadline.aws.model import OperationModel, Shape
from threadline.clock import Clock


class HttpRequest(NamedTuple):
    """A request without host and signature. `path` and `query` are percent-encoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class HttpReply(NamedTuple):
    """A response. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class ServiceError(NamedTuple):
    """An error reply: the exception's name, its sentence, and further members of its shape."""

    code: str
    message: str
    members: dict[str, Any]


def with_tokens(operation: OperationModel, parameters: dict[str, Any]) -> dict[str, Any]:
    """`parameters` with a fresh value for each idempotency token that the caller omitted."""
    if operation.input_shape is None:
        return parameters
    missing = [
        name
        for name, shape in operation.input_shape.members.items()
        if shape.traits.get("idempotencyToken") and name not in parameters
    ]
    return {**parameters, **{name: Clock().contact_id() for name in missing}}


def request(operation: OperationModel, parameters: dict[str, Any]) -> HttpRequest:
    """The request that carries `parameters`, which are valid."""
    labels: dict[str, str] = {}
    query: list[tuple[str, str]] = []
    headers: dict[str, str] = {}
    body: dict[str, Any] = {}
    members = operation.input_shape.members if operation.input_shape else {}
    for name, value in parameters.items():
        shape = members[name]
        wire_name = shape.wire_name or name
        if shape.location == "uri":
            labels[wire_name] = str(value)
        elif shape.location == "querystring":
            values = value if shape.type == "list" else [value]
            query.extend((wire_name, _text(shape, item, "iso8601")) for item in values)
        elif shape.location == "header":
            headers[wire_name] = _text(shape, value, "rfc822")
        else:
            body[wire_name] = _json(shape, value)
    content = b""
    if any(shape.location is None for shape in members.values()):
        content = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    path = operation.uri
    for name, text in labels.items():
        path = path.replace(f"{{{name}}}", quote(text, safe="-._~"))
    pairs = (f"{quote(name, safe='-._~')}={quote(text, safe='-._~')}" for name, text in query)
    return HttpRequest(operation.method, path, "&".join(pairs), headers, content)


def _text(shape: Shape, value: Any, timestamps: str) -> str:
    if shape.type == "boolean":
        return "true" if value else "false"
    return str(_timestamp(value, timestamps) if shape.type == "timestamp" else value)


def _json(shape: Shape, value: Any) -> Any:
    if shape.type == "structure":
        members = shape.members
        return {
            members[name].wire_name or name: _json(members[name], item)
            for name, item in value.items()
            if item is not None
        }
    if shape.type == "list":
        return [_json(shape.member, item) for item in value]
    if shape.type == "map":
        return {key: _json(shape.value, item) for key, item in value.items()}
    if shape.type == "timestamp":
        return _timestamp(value, shape.traits.get("timestampFormat", "unixTimestamp"))
    return float(value) if isinstance(value, Decimal) else value


def moment(value: Any) -> datetime:
    """The time that a text or number means: epoch seconds or a date in nearly any form, local if it has no zone.

    Raises ValueError, TypeError or OverflowError when it is none.
    """
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(value).astimezone()
    except ValueError:
        from dateutil.parser import parse  # type: ignore[import-untyped]

        found: datetime = parse(value)
        return found.astimezone()


def _timestamp(value: Any, form: str) -> str | int:
    at = moment(value).astimezone(UTC)
    if form == "iso8601":
        return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if at.microsecond else "%Y-%m-%dT%H:%M:%SZ")
    if form == "rfc822":
        return at.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return int(at.timestamp())


def result(operation: OperationModel, reply: HttpReply, *, raw_times: bool = False) -> dict[str, Any]:
    """The members of a good reply, in the model's order. Unknown members are left out.

    Times are ISO-8601 texts in local time, or unchanged with `raw_times`.
    Raises ValueError, TypeError or AttributeError when the body does not fit the model.
    """
    if operation.output_shape is None:
        return {}
    answer: dict[str, Any] = _value(operation.output_shape, _decoded(reply.body), raw_times)
    return answer


def _decoded(body: bytes) -> Any:
    return json.loads(body.decode("utf-8")) if body else {}


def _value(shape: Shape, value: Any, raw_times: bool) -> Any:
    if value is None:
        return None
    if shape.type == "structure":
        members = shape.members
        found = {
            name: _value(member, value[member.wire_name or name], raw_times)
            for name, member in members.items()
            if value.get(member.wire_name or name) is not None
        }
        if shape.traits.get("union") and value and not found:
            return {"SDK_UNKNOWN_MEMBER": {"name": next(iter(value))}}
        return found
    if shape.type == "list":
        return [_value(shape.member, item, raw_times) for item in value]
    if shape.type == "map":
        return {key: _value(shape.value, item, raw_times) for key, item in value.items()}
    if shape.type == "timestamp" and not raw_times:
        return moment(value).astimezone().isoformat()
    return int(value) if shape.type in ("integer", "long") else value


def error(operation: OperationModel, reply: HttpReply) -> ServiceError:
    """Read an error reply. Its code is the status if the reply has none."""
    try:
        content = _decoded(reply.body)
    except ValueError:
        content = {"message": reply.body.decode("utf-8", "replace")}
    if not isinstance(content, dict):
        content = {}
    code = reply.headers.get("x-amzn-errortype") or content.get("__type") or content.get("code")
    name = str(code or reply.status).split(":", 1)[0].rsplit("#", 1)[-1]
    message = content.get("message", content.get("Message", ""))
    members: dict[str, Any] = {}
    if name in operation.errors:
        members = {
            key: _value(member, content[member.wire_name or key], False)
            for key, member in Shape(operation.model, name).members.items()
            if key.lower() != "message" and content.get(member.wire_name or key) is not None
        }
    return ServiceError(name, str(message or ""), members)
