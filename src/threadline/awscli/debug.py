"""The log of `--debug` on standard error: requests and replies, with sensitive values redacted."""

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

from threadline.aws import restjson_client
from threadline.aws.model import OperationModel, Shape

HIDDEN = "*** redacted ***"
SECRET_MEMBERS = frozenset(("ParticipantToken", "ConnectionToken", "Url"))
"""Members that give access to a chat. The models mark only some of them as sensitive."""
SECRET_HEADERS = frozenset(("x-amz-security-token", "x-amz-bearer"))


def say(text: str) -> None:
    """Write one line of the log."""
    sys.stderr.write(f"DEBUG - {text}\n")


def redacted(shape: Shape, value: Any) -> Any:
    """`value` with its sensitive parts replaced."""
    if shape.sensitive:
        return HIDDEN
    if shape.type == "structure" and isinstance(value, dict):
        known = shape.members
        return {
            key: redacted(known[key], item) if key in known and key not in SECRET_MEMBERS else HIDDEN
            for key, item in value.items()
        }
    if shape.type == "map" and isinstance(value, dict):
        return {key: redacted(shape.value, item) for key, item in value.items()}
    if shape.type == "list" and isinstance(value, list):
        return [redacted(shape.member, item) for item in value]
    return value


def parameters(operation: OperationModel, given: dict[str, Any]) -> None:
    """Log the parameters of a call."""
    shown = redacted(operation.input_shape, given) if operation.input_shape else given
    say(f"Calling {operation.service}:{operation.name} with {json.dumps(shown, default=str)}")


def trace(
    operation: OperationModel,
    request: restjson_client.HttpRequest,
    endpoint: str,
    reply: restjson_client.HttpReply | None,
) -> None:
    """Log a request, or the reply to it."""
    if reply is None:
        say(f"{request.method} {endpoint}{_visible_path(operation)} {json.dumps(_headers(request.headers))}")
        return
    say(f"Status {reply.status}, {len(reply.body)} bytes, {json.dumps(_headers(reply.headers))}")
    if reply.status < 300 and operation.output_shape:
        try:
            answer = redacted(operation.output_shape, restjson_client.result(operation, reply))
        except (ValueError, TypeError, AttributeError):
            answer = HIDDEN
        say(f"Reply {json.dumps(answer, default=str)}")
    else:
        fault = restjson_client.error(operation, reply)
        say(f"Refused: {fault.code}: {fault.message}")


def _visible_path(operation: OperationModel) -> str:
    """The path of the model, with labels: their values are among the logged parameters, redacted where sensitive."""
    return operation.uri


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    shown = {}
    for name, value in headers.items():
        hidden = name.lower() in SECRET_HEADERS
        shown[name] = HIDDEN if hidden else re.sub(r"Signature=\w+", f"Signature={HIDDEN}", value)
    return shown
