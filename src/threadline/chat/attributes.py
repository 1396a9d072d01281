"""Contact attributes: how they change, which of a past chat a new chat inherits, and how large they may be together.

Segment attributes are separate: a chat has them from its start, each has one of several kinds of value, and some are
set by the system only.
"""

import re
from collections.abc import Mapping
from typing import Any

from threadline.chat.limits import ATTRIBUTES_BYTES_MAX
from threadline.errors import Fault

NAME = re.compile(r"[A-Za-z0-9_-]+")
SUBTYPE = "connect:Subtype"
SUBTYPES = ("connect:Chat", "connect:Guide", "connect:SMS", "connect:Apple", "connect:WhatsApp")
"""The subtypes of a chat. Source: Agent Workspace guide, getChannelType; StartOutboundChatContact."""

SYSTEM_KINDS = ("ValueList", "ValueArn")
"""Kinds of value that only the system sets in segment attributes. Source: model shape SegmentAttributeValue."""


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
    """UTF-8 bytes of all names and values. An attribute with an empty value does not exist and is not counted."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in attributes.items() if value)


def update(attributes: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """`attributes` after `changes`; an empty value removes its attribute. Faults: as `check`.

    Source: UpdateContactAttributes, Attributes: an attribute is removed by setting its value to empty.
    """
    changed = {**attributes, **changes}
    check(changed)
    return _without_empty(changed)


def inherit(own: Mapping[str, str], past: Mapping[str, str]) -> dict[str, str]:
    """`own` attributes and those of the past chat whose names `own` does not have. An empty own value leaves one out.

    Assumed: past attributes with which all would be more than 32,768 bytes are left out, in order; own ones never are.
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


def segment_attributes(given: Mapping[str, Any]) -> dict[str, Any]:
    """The segment attributes of a chat that was started with `given`.

    Source: Admin Guide, contact records: connect:Subtype of a chat is connect:Chat unless another was given.
    """
    return {SUBTYPE: {"ValueString": "connect:Chat"}, **given}


def check_segment(given: Mapping[str, Any], code: str = "InvalidRequestException") -> None:
    """Refuse segment attributes that a caller cannot set.

    Source: StartChatContact, SegmentAttributes: names have letters, digits, `-` and `_`, and connect:Subtype may be
    set; model shape SegmentAttributeValue: only the system sets lists and ARNs.
    Assumed: connect:Subtype is one of the documented subtypes of a chat.
    """
    for name, value in given.items():
        if name != SUBTYPE and NAME.fullmatch(name) is None:
            raise Fault(
                code,
                f"SegmentAttributes name {name[:60]!r} is not allowed: use letters, digits, hyphens and underscores"
                f" only, or {SUBTYPE}.",
            )
        _check_value(name, value, code)
    subtype = given[SUBTYPE].get("ValueString") if SUBTYPE in given else SUBTYPES[0]
    if subtype not in SUBTYPES:
        raise Fault(
            code,
            f"SegmentAttributes {SUBTYPE} {str(subtype or '')[:60]!r} is not allowed: give a ValueString that is one of"
            f" {', '.join(SUBTYPES)}.",
        )


def _check_value(name: str, value: Mapping[str, Any], code: str) -> None:
    kinds = [kind for kind, given in value.items() if given is not None]
    if len(kinds) != 1:
        raise Fault(code, f"SegmentAttributes {name[:60]!r} must have exactly one kind of value.")
    if kinds[0] in SYSTEM_KINDS:
        raise Fault(
            code,
            f"SegmentAttributes {name[:60]!r} has a {kinds[0]}, which only attributes of the system have."
            " Give ValueString, ValueMap or ValueInteger.",
        )
    if kinds[0] == "ValueMap":
        for inner, nested in value["ValueMap"].items():
            _check_value(f"{name}.{inner}", nested, code)
