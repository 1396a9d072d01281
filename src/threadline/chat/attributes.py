"""Contact attributes: how those of a past chat come along, and how large they may be together."""

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
    """UTF-8 bytes of all names and values."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in attributes.items())


def inherit(own: Mapping[str, str], past: Mapping[str, str]) -> dict[str, str]:
    """`own` attributes and those of the past chat whose names are not taken.

    Assumed: past attributes that would bring the whole over 32,768 bytes are left out, in order; own ones never are.
    """
    merged = dict(own)
    room = ATTRIBUTES_BYTES_MAX - size_of(own)
    for name, value in past.items():
        size = len(name.encode()) + len(value.encode())
        if name not in merged and size <= room:
            merged[name] = value
            room -= size
    return merged
