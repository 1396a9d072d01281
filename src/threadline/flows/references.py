"""References to a chat's data inside a flow: `$.Attributes.name`, `$.SegmentAttributes['connect:Subtype']`.

A reference is a path of names from the root; the Flow language documents no other JSONPath.
Source: Admin Guide, list of available contact attributes and their JSONPath references.
"""

import re
from collections.abc import Mapping
from typing import Any

Context = Mapping[str, Any]

_REFERENCE = re.compile(
    r"""\$ (?: \.[A-Za-z_][\w-]* | \['[^'\]]+'\] | \["[^"\]]+"\] )
        (?: \.[\w-]+ | \['[^'\]]+'\] | \["[^"\]]+"\] )*""",
    re.ASCII | re.VERBOSE,
)
_STEP = re.compile(r"\['([^']+)'\]|\[\"([^\"]+)\"\]|\.([\w-]+)", re.ASCII)


def is_reference(text: str) -> bool:
    """Tell whether all of `text` is one reference."""
    return _REFERENCE.fullmatch(text) is not None


def look_up(reference: str, context: Context) -> str | None:
    """Return the value of `reference` in `context` as text; None where there is no such single value."""
    value: Any = context
    for quoted, double_quoted, plain in _STEP.findall(reference):
        if not isinstance(value, Mapping):
            return None
        value = value.get(quoted or double_quoted or plain)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def resolve(value: str, context: Context) -> str | None:
    """Return `value`, or the value that it refers to when it is a reference."""
    return look_up(value, context) if is_reference(value) else value


def fill(text: str, context: Context, characters_max: int) -> str | None:
    """Return `text` with every reference replaced; None once that has more than `characters_max` characters.

    It stops at that size, since a text of many references to long values could fill the memory.
    Assumed: an unresolved reference becomes an empty text, as AWS shows it in a message.
    """
    parts: list[str] = []
    size, end = 0, 0
    for found in _REFERENCE.finditer(text):
        part = text[end : found.start()] + (look_up(found.group(), context) or "")
        parts.append(part)
        size, end = size + len(part), found.end()
        if size > characters_max:
            return None
    parts.append(text[end:])
    return "".join(parts) if size + len(parts[-1]) <= characters_max else None
