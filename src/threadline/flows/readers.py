"""Readers of an action's parameters: each turns JSON into a checked value, or says in words what it must be."""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from threadline.flows.references import is_reference

TEXT_CHARACTERS_MAX = 6_000
"""Characters of a message, after its references are replaced. Source: Admin Guide, play prompt block."""
TEXT_BYTES_MAX = 16_384
"""UTF-8 bytes of any message. Source: feature limits."""
WAIT_SECONDS_MAX = 604_800
"""The longest Wait: seven days. Source: Wait action page."""
NESTING_MAX = 20
"""Levels of lists and objects in a parameter that a service or a view reads. Assumed: no such limit is published."""

Reader = Callable[[Any], Any]
"""Reads a parameter out of JSON; raises ValueError with what it must be."""


def scalar(value: Any) -> str:
    """Read a text that is not empty. A JSON number or boolean becomes the text that the console exports."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("must be a string, or a number that is not so large")
    if isinstance(value, str | int | float) and value != "":
        return str(value)
    raise ValueError("must be a string that is not empty")


def fits(text: str) -> bool:
    """Tell whether a text is a message that a chat can show."""
    return len(text) <= TEXT_CHARACTERS_MAX and len(text.encode()) <= TEXT_BYTES_MAX


def message(value: Any) -> str:
    """Read the text of a message. References in it are replaced when it is shown."""
    text = scalar(value)
    if not fits(text):
        raise ValueError(f"must have at most {TEXT_CHARACTERS_MAX} characters and {TEXT_BYTES_MAX} bytes")
    return text


def reference(value: Any) -> str:
    """Read exactly one reference."""
    text = scalar(value)
    if not is_reference(text):
        raise ValueError("must be one reference such as $.Attributes.name")
    return text


def static_or_reference(value: Any) -> str:
    """Read a fixed value, or exactly one reference."""
    text = scalar(value)
    if text.startswith("$.") and not is_reference(text):
        raise ValueError(f"must be a fixed value or one reference such as $.Attributes.name, not {text!r}")
    return text


def one_value_of(*values: str) -> Reader:
    """Make a reader of one of fixed values, or of one reference."""

    def read(value: Any) -> str:
        text = scalar(value)
        if text not in values:
            raise ValueError(f"must be {' or '.join(values)}")
        return text

    return read


def whole(least: int, most: int, unit: str = "") -> Reader:
    """Make a reader of a whole number in a range, or of exactly one reference to it."""

    def read(value: Any) -> str:
        text = static_or_reference(value)
        if not is_reference(text) and as_whole(text, least, most) is None:
            raise ValueError(f"must be a whole number from {least} to {most}{unit}, or one reference")
        return text

    return read


def as_whole(text: str | None, least: int, most: int) -> int | None:
    """Return the number that `text` writes, or None outside the range."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 9):
        return None
    return int(text) if least <= int(text) <= most else None


def texts(value: Any) -> dict[str, str]:
    """Read names and values, either of which may hold references. A value may be empty."""
    if not isinstance(value, Mapping) or not value:
        raise ValueError("must be an object with at least one entry")
    if "" in value:
        raise ValueError("must not have an empty name")
    return {name: "" if entry in ("", None) else _entry(name, entry, scalar) for name, entry in value.items()}


def texts_or_none(value: Any) -> dict[str, str]:
    """Read names and values as `texts` does; the object may be empty."""
    return {} if value == {} else texts(value)


def names(value: Any) -> tuple[str, ...]:
    """Read a list of texts that are not empty. An object counts by its names, and one text as a list of it."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | Mapping):
        raise ValueError("must be a list of strings")
    return tuple(scalar(entry) for entry in value)


def anything(value: Any) -> Any:
    """Read any JSON of at most NESTING_MAX levels."""
    if _is_deeper(value, NESTING_MAX):
        raise ValueError(f"must not have more than {NESTING_MAX} levels of lists and objects")
    return value


def wait_events(*events: str) -> Reader:
    """Make a reader of a list of events that may end a Wait early, each named once."""

    def read(value: Any) -> tuple[str, ...]:
        if (
            not isinstance(value, list)
            or any(event not in events for event in value)
            or len(set(value)) < len(value)
        ):
            raise ValueError(f"must be a list of {' and '.join(events)}, each at most once")
        return tuple(value)

    return read


def without_tags(ssml: str) -> str:
    """Return the text of an SSML document: its tags are left out, and its few entities are replaced."""
    text = re.sub(r"<[^<>]{0,2000}>", " ", ssml)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(entity, character)
    return " ".join(text.split())


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return levels < 0 or any(_is_deeper(entry, levels - 1) for entry in inner)


def _entry(name: str, value: Any, read: Reader) -> str:
    try:
        return str(read(value))
    except ValueError as error:
        raise ValueError(f"has an entry {name[:60]!r} that {error}") from None
