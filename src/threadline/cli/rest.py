"""Requests and replies of the rest-json protocol, from the client's side and by the model alone.

The server's side is `threadline.wire.restjson`; both are held against botocore in the tests.
"""

import base64
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from threadline.cli.catalog import Operation, Shape
from threadline.clock import Clock


class Request(NamedTuple):
    """What is to be sent, but for host and signature. `path` and `query` are percent-encoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """What came back. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class ServiceError(NamedTuple):
    """An error reply: the exception's name, its sentence, and further members of its shape."""

    code: str
    message: str
    members: dict[str, Any]


def with_tokens(operation: Operation, parameters: dict[str, Any]) -> dict[str, Any]:
    """`parameters` with a fresh value for each idempotency token that the caller left out."""
    if operation.input is None:
        return parameters
    missing = [
        name
        for name, shape in operation.input.members.items()
        if shape.traits.get("idempotencyToken") and name not in parameters
    ]
    return {**parameters, **{name: Clock().contact_id() for name in missing}}


def request(operation: Operation, parameters: dict[str, Any]) -> Request:
    """The request that carries `parameters`, which are valid."""
    labels: dict[str, str] = {}
    query: list[tuple[str, str]] = []
    headers: dict[str, str] = {}
    body: dict[str, Any] = {}
    members = operation.input.members if operation.input else {}
    payload = operation.input.traits.get("payload") if operation.input else None
    for name, value in parameters.items():
        shape = members[name]
        wire_name = shape.wire_name or name
        if value is None:
            continue
        if shape.location == "uri":
            labels[wire_name] = _text(shape, value)
        elif shape.location == "querystring":
            query.extend(_query_pairs(shape, wire_name, value))
        elif shape.location == "header":
            headers[wire_name] = _text(shape, value)
        elif shape.location == "headers":
            headers.update({f"{wire_name}{key}": str(item) for key, item in value.items()})
        else:
            body[wire_name] = value if name == payload and shape.type == "blob" else _json(shape, value)
    content = b""
    if payload and members[payload].type == "blob":
        content = _bytes(body.get(members[payload].wire_name or payload, b""))
    elif payload:
        content = json.dumps(body.get(members[payload].wire_name or payload, {})).encode()
    elif any(shape.location is None for shape in members.values()):
        content = json.dumps(body).encode()
    if content:
        headers.setdefault("Content-Type", "application/json")
    uri, _, fixed = operation.model.uri.partition("?")
    pairs = [f"{quote(k, safe='-._~')}={quote(v, safe='-._~')}" for k, v in query]
    return Request(
        operation.model.method,
        _path(uri, labels),
        "&".join([*filter(None, [fixed]), *pairs]),
        headers,
        content,
    )


def _path(uri: str, labels: dict[str, str]) -> str:
    for name, value in labels.items():
        uri = uri.replace(f"{{{name}}}", quote(value, safe="-._~"))
        uri = uri.replace(f"{{{name}+}}", quote(value, safe="/-._~"))
    return uri


def _query_pairs(shape: Shape, name: str, value: Any) -> list[tuple[str, str]]:
    if shape.type == "list":
        return [(name, _text(shape.member, item)) for item in value]
    if shape.type == "map":
        return [
            (key, _text(shape.value, item))
            for key, items in value.items()
            for item in (items if isinstance(items, list) else [items])
        ]
    return [(name, _text(shape, value))]


def _text(shape: Shape, value: Any) -> str:
    if shape.type == "boolean":
        return "true" if value else "false"
    if shape.type == "timestamp":
        return str(_timestamp(value, shape.traits.get("timestampFormat", "iso8601")))
    if shape.type == "list":
        return ",".join(_text(shape.member, item) for item in value)
    return str(value)


def _json(shape: Shape, value: Any) -> Any:
    if value is None or shape.is_document:
        return value
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
    if shape.type == "blob":
        return base64.b64encode(_bytes(value)).decode()
    return float(value) if shape.type in ("float", "double") else value


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def moment(value: Any) -> datetime:
    """The time a person wrote: epoch seconds, or ISO-8601 (UTC when it names no zone). Raises ValueError."""
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except ValueError:
        pass
    text = str(value).strip()
    parsed = datetime.fromisoformat(text.replace("Z", "+00:00") if text.endswith("Z") else text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _timestamp(value: Any, form: str) -> str | int | float:
    at = moment(value).astimezone(UTC)
    if form == "iso8601":
        return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if at.microsecond else "%Y-%m-%dT%H:%M:%SZ")
    if form == "rfc822":
        return at.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return int(at.timestamp())


def result(operation: Operation, reply: Reply) -> dict[str, Any]:
    """The members of a good reply, in the model's order; what the model does not know is left out.

    Raises ValueError when the body is not what the model says.
    """
    shape = operation.output
    if shape is None:
        return {}
    payload = shape.traits.get("payload")
    if payload and shape.members[payload].type == "blob":
        return {payload: reply.body}
    content = _decoded(reply.body)
    if payload:
        return {payload: _value(shape.members[payload], content)}
    answer = {}
    for name, member in shape.members.items():
        if member.location == "statusCode":
            answer[name] = reply.status
        elif member.location == "header" and (member.wire_name or name).lower() in reply.headers:
            answer[name] = _value(member, reply.headers[(member.wire_name or name).lower()])
        elif member.location is None and content.get(member.wire_name or name) is not None:
            answer[name] = _value(member, content[member.wire_name or name])
    return answer


def _decoded(body: bytes) -> Any:
    if not body:
        return {}
    return json.loads(body.decode("utf-8"))


def _value(shape: Shape, value: Any) -> Any:
    if value is None or shape.is_document:
        return value
    if shape.type == "structure":
        return {
            name: _value(member, value[member.wire_name or name])
            for name, member in shape.members.items()
            if value.get(member.wire_name or name) is not None
        }
    if shape.type == "list":
        return [_value(shape.member, item) for item in value]
    if shape.type == "map":
        return {key: _value(shape.value, item) for key, item in value.items()}
    if shape.type == "timestamp":
        return moment(value).astimezone()
    if shape.type == "blob":
        return base64.b64decode(value)
    return value


def error(operation: Operation, reply: Reply) -> ServiceError:
    """What an error reply says; the status stands for a code when the reply has none."""
    try:
        content = _decoded(reply.body)
    except ValueError:
        content = {}
    if not isinstance(content, dict):
        content = {}
    code = reply.headers.get("x-amzn-errortype") or content.get("__type") or content.get("code")
    name = str(code or reply.status).split(":", 1)[0].rsplit("#", 1)[-1]
    message = content.get("message", content.get("Message", ""))
    members: dict[str, Any] = {}
    if name in operation.model.errors:
        members = {
            key: _value(member, content[member.wire_name or key])
            for key, member in Shape(operation.service, name).members.items()
            if key.lower() != "message" and content.get(member.wire_name or key) is not None
        }
    return ServiceError(name, str(message or ""), members)
