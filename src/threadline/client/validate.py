"""Validation of parameters on the client, before a request is sent: botocore's rules, in the AWS CLI's sentences.

The server's validator, `aws.validate`, has more rules. It is another walk on purpose: see there.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from threadline.aws.model import Shape
from threadline.aws.restjson_client import moment
from threadline.client.failures import BadArguments

TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "list": (list, tuple),
    "map": (dict,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (float, Decimal, int),
    "double": (float, Decimal, int),
}


def check(shape: Shape, parameters: dict[str, Any]) -> None:
    """Raise BadArguments with a line for each thing that is wrong with the members of a structure."""
    complaints = list(_structure(shape, parameters, ""))
    if complaints:
        raise BadArguments("\n".join(["Parameter validation failed:", *complaints]))


def _complaints(shape: Shape, value: Any, name: str) -> Iterator[str]:
    if shape.type == "timestamp":
        yield from _timestamp(value, name)
    elif not _fits(shape.type, value):
        yield _wrong_type(value, name, ", ".join(str(kind) for kind in TYPES[shape.type]))
    elif shape.type == "structure":
        yield from _structure(shape, value, name)
    elif shape.type == "list":
        yield from _length(shape, value, name)
        for index, item in enumerate(value):
            yield from _complaints(shape.member, item, f"{name}[{index}]")
    elif shape.type == "map":
        for key, item in value.items():
            yield from _complaints(shape.key, key, f"{name} (key: {key})")
            yield from _complaints(shape.value, item, f"{name}.{key}")
    elif shape.type == "string":
        yield from _length(shape, value, name)
    elif shape.type != "boolean":
        least = shape.traits.get("min")
        if least is not None and value < least:
            yield f"Invalid value for parameter {name}, value: {value}, valid min value: {least}"


def _fits(kind: str, value: Any) -> bool:
    if isinstance(value, bool) and kind != "boolean":
        return False
    return isinstance(value, TYPES[kind])


def _structure(shape: Shape, value: dict[str, Any], name: str) -> Iterator[str]:
    if shape.traits.get("union"):
        chosen = [key for key, item in value.items() if item is not None]
        if len(chosen) > 1:
            yield (
                f"Invalid number of parameters set for tagged union structure {name}. "
                f"Can only set one of the following keys: {'. '.join(shape.members)}."
            )
        elif not chosen:
            yield (
                f"Must set one of the following keys for tagged union structure {name}: "
                f"{', '.join(shape.members)}."
            )
    for member in shape.required:
        if member not in value:
            yield f'Missing required parameter in {name or "input"}: "{member}"'
    known = shape.members
    for member in value:
        if member not in known:
            choices = ", ".join(known)
            yield f'Unknown parameter in {name or "input"}: "{member}", must be one of: {choices}'
    for member, member_shape in known.items():
        if member in value:
            yield from _complaints(member_shape, value[member], f"{name}.{member}" if name else member)


def _length(shape: Shape, value: Any, name: str) -> Iterator[str]:
    least = shape.traits.get("min")
    if least is not None and len(value) < least:
        yield f"Invalid length for parameter {name}, value: {len(value)}, valid min length: {least}"


def _timestamp(value: Any, name: str) -> Iterator[str]:
    try:
        moment(value)
    except (TypeError, ValueError, OverflowError):
        yield _wrong_type(value, name, "<class 'datetime.datetime'>, timestamp-string")


def _wrong_type(value: Any, name: str, valid: str) -> str:
    return f"Invalid type for parameter {name}, value: {value}, type: {type(value)}, valid types: {valid}"
