"""References to a chat's data inside a flow: `$.Attributes.name`, `$.SegmentAttributes['connect:Subtype']`.

A reference is a path of names from the root, with the places of a list's entries for a nested JSON answer.
Source: Admin Guide, list of available contact attributes and their JSONPath references.
Observed: exported flows write a dot before a bracket too, and one before the place in a list: `$.Attributes.['name']`,
`$.Views.ViewResultData.size.0`.
"""

import re
from collections.abc import Mapping
from typing import Any

Context = Mapping[str, Any]

_REFERENCE = re.compile(
    r"""\$ (?: \.[A-Za-z_][\w-]* | \.?\['[^'\]]+'\] | \.?\["[^"\]]+"\] )
        (?: \.[\w-]+ | \.?\['[^'\]]+'\] | \.?\["[^"\]]+"\] | \[\d{1,6}\] )*""",
    re.ASCII | re.VERBOSE,
)
_STEP = re.compile(r"\['([^']+)'\]|\[\"([^\"]+)\"\]|\.([\w-]+)|\[(\d+)\]", re.ASCII)
PLACE_DIGITS_MAX = 6


def is_reference(text: str) -> bool:
    """Tell whether all of `text` is one reference."""
    return _REFERENCE.fullmatch(text) is not None


def find(reference: str, context: Context) -> Any:
    """Return the value of `reference` in `context`, which may be a list or an object; None where there is none."""
    value: Any = context
    for quoted, double_quoted, plain, index in _STEP.findall(reference):
        if index or (isinstance(value, list) and plain.isdigit()):
            place = int((index or plain)[:PLACE_DIGITS_MAX])
            value = value[place] if isinstance(value, list) and place < len(value) else None
        elif isinstance(value, Mapping):
            value = value.get(quoted or double_quoted or plain)
        else:
            return None
    return value


def look_up(reference: str, context: Context) -> str | None:
    """Return the value of `reference` in `context` as text; None where there is no such single value."""
    value = find(reference, context)
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


def fill_all(value: Any, context: Context, characters_max: int) -> Any:
    """Return JSON with the references in its texts replaced; None once its texts have too many characters together.

    A text that is exactly one reference becomes the value that it refers to, a list or an object included.
    """
    left = [characters_max]
    filled = _fill_all(value, context, left)
    return None if left[0] < 0 else filled


def _fill_all(value: Any, context: Context, left: list[int]) -> Any:
    if isinstance(value, Mapping):
        return {name: _fill_all(entry, context, left) for name, entry in value.items()}
    if isinstance(value, list):
        return [_fill_all(entry, context, left) for entry in value]
    if not isinstance(value, str) or left[0] < 0:
        return value
    if is_reference(value):
        found = find(value, context)
        left[0] -= len(str(found))
        return "" if found is None else found
    text = fill(value, context, left[0])
    left[0] -= left[0] + 1 if text is None else len(text)
    return text
