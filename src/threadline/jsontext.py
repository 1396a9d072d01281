"""JSON that a client wrote: a number may have any length, and NaN is none.

Python's own reader refuses a whole number of more than 4,300 digits and takes NaN. RFC 8259 has it the other way round.
"""

import json
from typing import Any

EXACT_DIGITS_MAX = 400
"""A longer whole number is beyond the range of a double, and is read as one: as infinity."""


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= EXACT_DIGITS_MAX else float(digits)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


READER = json.JSONDecoder(parse_int=_whole, parse_constant=_no_constant)


def decode(text: str) -> Any:
    """The value of `text`. Raises ValueError for what is no JSON or no Unicode, RecursionError for too deep nesting."""
    value = READER.decode(text)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()
    return value
