"""Decodes JSON from clients: numbers may have any length, and NaN is not JSON.

Python's decoder does the opposite: it refuses integers of more than 4,300 digits and accepts NaN. Source: RFC 8259.
"""

import json
from collections.abc import Mapping
from typing import Any

LOG_FIELDS = "threadline_fields"
"""The attribute of a log record for the fields that its line in JSON has in place of its text."""
EXACT_DIGITS_MAX = 400
"""A longer integer is beyond the range of a double, and becomes infinity."""


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= EXACT_DIGITS_MAX else float(digits)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


READER = json.JSONDecoder(parse_int=_whole, parse_constant=_no_constant)


def decode(text: str) -> Any:
    """The value of `text`. Raises ValueError for bad JSON or bad Unicode, RecursionError for too deep nesting."""
    value = READER.decode(text)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def members_in(body: bytes) -> Mapping[str, Any]:
    """The members of the JSON object in a body; none for a body that is anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
