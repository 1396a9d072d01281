"""Contact attributes: how they are changed, how those of a past chat come along, how large they may be together."""

import re
from collections.abc import Mapping

from threadline.chat.limits import ATTRIBUTES_BYTES_MAX
from threadline.errors import Fault

NAME = re.compile(r"[A-Za-z0-9_-]+")


def check(attributes: Mapping[str, str], code: str = "InvalidRequestException") -> None:
    """Refuse names other than letters, digits, `-` and `_`, and more than 32,768 UTF-8 bytes in all.

    Source: StartChatContact, Attributes.
    """
    for name in attributes:
        if NAME.fullmatch(name) is None:
            raise Fault(
                code,
                f"Attribute name {name[:60]!r} is not allowed: use letters, digits, hyphens and underscores only.",
            )
    size = size_of(attributes)
    if size > ATTRIBUTES_BYTES_MAX:
        raise Fault(code, f"Attributes are {size} bytes; at most {ATTRIBUTES_BYTES_MAX} are allowed.")


def size_of(attributes: Mapping[str, str]) -> int:
    """UTF-8 bytes of all names and values. An empty value means that there is no such attribute, and counts nothing."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in attributes.items() if value)


def update(attributes: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """`attributes` after `changes`; an empty value removes its attribute. Faults: as `check`.

    Source: UpdateContactAttributes, Attributes: one gets rid of an attribute by setting its value to empty.
    """
    changed = {**attributes, **changes}
    check(changed)
    return _without_empty(changed)


def inherit(own: Mapping[str, str], past: Mapping[str, str]) -> dict[str, str]:
    """`own` attributes and those of the past chat whose names `own` does not have; an empty own value keeps one out.

    Assumed: past attributes that would bring the whole over 32,768 bytes are left out, in order; own ones never are.
    """
    merged = dict(own)
    room = ATTRIBUTES_BYTES_MAX - size_of(own)
    for name, value in past.items():
        size = len(name.encode()) + len(value.encode())
        if name not in merged and size <= room:
            merged[name] = value
            room -= size
    return _without_empty(merged)


def _without_empty(attributes: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value}
