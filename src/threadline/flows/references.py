"""References to a chat's data inside a flow: `$.Attributes.name`, `$.SegmentAttributes['connect:Subtype']`.

Not JSONPath at large: a path of names from the root, which is all the Flow language documents.
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
    """Return what `reference` stands for in `context`, as text; None where there is no such single value."""
    value: Any = context
    for quoted, double_quoted, plain in _STEP.findall(reference):
        if not isinstance(value, Mapping):
            return None
        value = value.get(quoted or double_quoted or plain)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def resolve(value: str, context: Context) -> str | None:
    """Return `value` itself, or what it stands for when it is a reference."""
    return look_up(value, context) if is_reference(value) else value


def fill(text: str, context: Context, characters_max: int) -> str | None:
    """Return `text` with every reference replaced, by nothing where it leads nowhere; None when that gets too long.

    It stops there: a text of references to long values would take all the memory there is.
    Assumed: an unresolved reference is an empty text, as AWS shows one in a message.
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
