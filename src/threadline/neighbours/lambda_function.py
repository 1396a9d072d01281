"""Lambda functions: the event that a flow sends, and the answers that it takes.

Source: Admin Guide, AWS Lambda function block; the developer guide's event.
"""

import json
from collections.abc import Mapping
from typing import Any

from threadline.clock import monotonic
from threadline.neighbours import wire
from threadline.neighbours.wire import CallFailed, read_object

ANSWER_CHARACTERS_MAX = 32_768
"""Source: Admin Guide: an answer is less than 32 KB."""
NESTING_MAX = 20
"""Levels of lists and objects in a JSON answer. Assumed: no such limit is published."""


def event(contact_data: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event of an invocation."""
    details = {"ContactData": contact_data, "Parameters": parameters}
    return {"Details": details, "Name": "ContactFlowEvent"}


def invoke(
    endpoint: str, arn: str, document: Mapping[str, Any], seconds: float, *, waits: bool = True
) -> bytes:
    """Invoke a function by Lambda's own wire and return its answer. Raises CallFailed."""
    region = arn.split(":")[3] if arn.count(":") >= 3 else ""
    deadline = monotonic() + seconds
    try:
        made = wire.client("lambda", endpoint, region or "us-east-1", seconds)
        answer = made.invoke(
            FunctionName=arn,
            InvocationType="RequestResponse" if waits else "Event",
            Payload=json.dumps(document).encode(),
        )
        body = wire.read_body(answer["Payload"], deadline)
    except CallFailed:
        raise
    except Exception as error:  # noqa: BLE001 - botocore raises errors of many kinds
        raise wire.failure_of(error) from None
    if answer.get("FunctionError"):
        raise CallFailed("the function raised an error")
    return body


def read_answer(body: bytes, *, is_json: bool) -> dict[str, Any]:
    """Return the answer as `$.External` has it. Raises CallFailed for one that the flow cannot take.

    A STRING_MAP is a flat object; its numbers and booleans become texts. A JSON answer may be nested.
    """
    value = read_object(body)
    if len(body) > ANSWER_CHARACTERS_MAX:
        raise CallFailed(f"the answer has more than {ANSWER_CHARACTERS_MAX} bytes")
    if is_json:
        if _depth(value) > NESTING_MAX:
            raise CallFailed(f"the answer has more than {NESTING_MAX} levels")
        return value
    return {name: _text(name, entry) for name, entry in value.items() if entry is not None}


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise CallFailed(f"the answer's {name[:60]!r} is not a text, and the flow takes a STRING_MAP")


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max((_depth(entry) for entry in inner), default=0)
