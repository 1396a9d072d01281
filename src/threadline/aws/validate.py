"""Validation of requests on the server, in two ways that agree: a fast one, and one that words the first error.

`native` turns a shape into a type that msgspec decodes and checks at once. `check` walks the shape over a decoded
value. It is slower, it raises an error with a sentence for a person, and it also handles shapes that msgspec cannot
express (unions, timestamps, recursion, some patterns).

The operations check rules that concern more than one value, such as a limit in bytes.

The client's validator, `client.validate`, is another walk on purpose: it has botocore's rules, which are fewer (no
maximum, no pattern, no enum), it lists all errors, it refuses unknown members, and it returns no converted values.
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Protocol, Required, TypedDict, cast

import msgspec

from threadline.aws.model import Shapes, Traits

INTEGER_RANGES = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
PATTERN_CHARACTERS_MAX = 1_024
"""A longer string is not matched against its pattern: some patterns take time that grows with its square."""

SHOWN_CHARACTERS = 40
EPOCH_SECONDS_MIN, EPOCH_SECONDS_MAX = -62_135_596_800, 253_402_300_799.999
"""The years 1 to 9999, which is what a client can hold in a date."""


class Invalid(Exception):
    """A value that the model does not allow, with a sentence that gives the reason.

    `bound` tells a value of the right type beyond what is allowed (too long, not in the enum) from one that is
    missing or of the wrong type.
    """

    def __init__(self, message: str, *, bound: bool) -> None:
        super().__init__(message)
        self.message = message
        self.bound = bound


class JsonPath(NamedTuple):
    """The path of a value in a request, as a person would write it, and whether the value must be hidden."""

    text: str
    hidden: bool = False

    def show(self, value: Any) -> str:
        """`value` for a message: shortened, or hidden."""
        if self.hidden:
            return "(not shown)"
        text = repr(value) if isinstance(value, str) else str(value)
        return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def members_of(shape: Traits, *, location: str | None) -> Traits:
    """The structure `shape` cut down to the members at `location`: None is the body, else uri, querystring, header."""
    members = {
        name: member for name, member in shape["members"].items() if member.get("location") == location
    }
    return {
        **shape,
        "members": members,
        "required": [name for name in shape.get("required", ()) if name in members],
    }


# Fast


def native(shapes: Shapes, structure: Traits) -> Any | None:
    """A type that makes msgspec check all that the model says of `structure`, or None if it cannot express that.

    A structure becomes a TypedDict with the model's member names. It refuses null, which `check` takes as absent.
    """
    try:
        return _Native(shapes).structure(structure)
    except _Inexpressible:
        return None


class _Inexpressible(Exception):
    pass


class _Native:
    """Makes the types of one operation's shapes."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.made: dict[str, Any] = {}

    def type_of(self, name: str) -> Any:
        if name in self.made:
            return self.made[name]
        shape = self.shapes[name]
        match shape["type"]:
            case "structure":
                return self.structure(shape, name)
            case "list":
                return _sized(list[self.type_of(shape["member"]["shape"])], shape)  # type: ignore[misc]
            case "map":
                key, value = self.type_of(shape["key"]["shape"]), self.type_of(shape["value"]["shape"])
                return _sized(dict[key, value], shape)  # type: ignore[valid-type]
            case "string":
                return _native_string(shape)
            case "boolean":
                return bool
            case "integer" | "long":
                low, high = _range(shape)
                return Annotated[int, msgspec.Meta(ge=low, le=high)]
            case "float" | "double":
                return Annotated[float, msgspec.Meta(ge=shape.get("min"), le=shape.get("max"))]
        raise _Inexpressible(name)

    def structure(self, shape: Traits, name: str | None = None) -> Any:
        """A TypedDict, registered by its name before its members have types, as a structure may hold itself."""
        if shape.get("union"):
            raise _Inexpressible
        required = shape.get("required", ())
        members = {
            member: (Required if member in required else NotRequired)[Any] for member in shape["members"]
        }
        made = TypedDict("Structure", members)  # type: ignore[misc]
        if name is not None:
            self.made[name] = made
        for member, reference in shape["members"].items():
            made.__annotations__[member] = self.type_of(reference["shape"])
        return made


def _native_string(shape: Traits) -> Any:
    if "enum" in shape:
        return Literal[tuple(shape["enum"])]
    if "pattern" not in shape:
        return _sized(str, shape)
    if shape.get("max", PATTERN_CHARACTERS_MAX + 1) > PATTERN_CHARACTERS_MAX:
        raise _Inexpressible
    if not isinstance(pattern := compiled_pattern(shape["pattern"]), re.Pattern):
        raise _Inexpressible
    return Annotated[
        str, msgspec.Meta(min_length=shape.get("min"), max_length=shape["max"], pattern=pattern.pattern)
    ]


def _sized(kind: Any, shape: Traits) -> Any:
    if "min" not in shape and "max" not in shape:
        return kind
    return Annotated[kind, msgspec.Meta(min_length=shape.get("min"), max_length=shape.get("max"))]


def _range(shape: Traits) -> tuple[int, int]:
    low, high = INTEGER_RANGES[shape["type"]]
    return shape.get("min", low), shape.get("max", high)


# With sentences


def check(shapes: Shapes, name: str, value: Any, path: JsonPath) -> Any:
    """`value`, decoded from JSON, as operations receive it: only members of the model, timestamps in epoch ms.

    Raises Invalid for the first error.
    """
    shape = shapes[name]
    if shape.get("sensitive"):
        path = path._replace(hidden=True)
    return _CHECKS[shape["type"]](shapes, shape, value, path)


def check_structure(shapes: Shapes, shape: Traits, value: Any, path: JsonPath) -> dict[str, Any]:
    """As `check`, for a structure without a name. Null members count as absent, unknown ones are left out."""
    _expect(value, dict, "an object", path)
    prefix = f"{path.text}." if path.text else ""
    required = shape.get("required", ())
    checked = {}
    for name, member in shape["members"].items():
        inner = value.get(name)
        if inner is not None:
            checked[name] = check(shapes, member["shape"], inner, JsonPath(prefix + name, path.hidden))
        elif name in required:
            raise Invalid(f"{prefix}{name} is required.", bound=False)
    if shape.get("union") and len(checked) != 1:
        raise Invalid(f"{path.text} must have exactly one of {', '.join(shape['members'])}.", bound=False)
    return checked


def _check_list(shapes: Shapes, shape: Traits, value: Any, path: JsonPath) -> list[Any]:
    _expect(value, list, "a list", path)
    _check_size(shape, len(value), "entries", path)
    inner = shape["member"]["shape"]
    return [
        check(shapes, inner, entry, JsonPath(f"{path.text}[{i}]", path.hidden))
        for i, entry in enumerate(value)
    ]


def _check_map(shapes: Shapes, shape: Traits, value: Any, path: JsonPath) -> dict[str, Any]:
    _expect(value, dict, "an object", path)
    _check_size(shape, len(value), "entries", path)
    key_shape, inner_shape = shape["key"]["shape"], shape["value"]["shape"]
    hidden = path.hidden or shapes[key_shape].get("sensitive", False)
    checked = {}
    for key, inner in value.items():
        check(shapes, key_shape, key, JsonPath(f"A key of {path.text}", hidden))
        inner_path = JsonPath(f"{path.text}[{JsonPath('', hidden).show(key)}]", path.hidden)
        checked[key] = check(shapes, inner_shape, inner, inner_path)
    return checked


def _check_string(shapes: Shapes, shape: Traits, value: Any, path: JsonPath) -> str:
    _expect(value, str, "a string", path)
    if "enum" in shape:
        if value not in shape["enum"]:
            allowed = ", ".join(shape["enum"])
            raise Invalid(
                f"Invalid value for {path.text}: {path.show(value)} is none of {allowed}.", bound=True
            )
        return str(value)
    _check_size(shape, len(value), "characters", path)
    if (
        "pattern" in shape
        and len(value) <= PATTERN_CHARACTERS_MAX
        and not compiled_pattern(shape["pattern"]).search(value)
    ):
        raise Invalid(
            f"Invalid value for {path.text}: {path.show(value)} does not match {shape['pattern']}",
            bound=True,
        )
    return str(value)


def _check_boolean(shapes: Shapes, shape: Traits, value: Any, path: JsonPath) -> bool:
    _expect(value, bool, "true or false", path)
    return bool(value)


def _check_integer(shapes: Shapes, shape: Traits, value: Any, path: JsonPath) -> int:
    _expect(value, int, "a whole number", path)
    low, high = _range(shape)
    if not low <= value <= high:
        raise Invalid(
            f"Invalid value for {path.text}: {path.show(value)} is not from {low} to {high}.", bound=True
        )
    return int(value)


def _check_float(shapes: Shapes, shape: Traits, value: Any, path: JsonPath) -> float:
    number = _number(value, path)
    low, high = shape.get("min", number), shape.get("max", number)
    if not low <= number <= high:
        raise Invalid(
            f"Invalid value for {path.text}: {path.show(value)} is not from {low} to {high}.", bound=True
        )
    return number


def _check_timestamp(shapes: Shapes, shape: Traits, value: Any, path: JsonPath) -> int:
    """Epoch seconds, with or without a fraction, as epoch milliseconds."""
    seconds = _number(value, path)
    if not EPOCH_SECONDS_MIN <= seconds <= EPOCH_SECONDS_MAX:
        raise Invalid(f"Invalid value for {path.text}: {path.show(value)} is no time in seconds.", bound=True)
    return round(seconds * 1000)


def _number(value: Any, path: JsonPath) -> float:
    if isinstance(value, float):
        return value
    _expect(value, int, "a number", path)
    try:
        return float(value)
    except OverflowError:
        raise Invalid(f"Invalid value for {path.text}: the number is too large.", bound=True) from None


def _expect(value: Any, kind: type, wanted: str, path: JsonPath) -> None:
    if type(value) is not kind:
        given = _JSON_TYPES.get(type(value), "something else")
        hint = " Leave it out instead." if value is None and path.text else ""
        raise Invalid(f"{path.text or 'The request body'} must be {wanted}, not {given}.{hint}", bound=False)


def _check_size(shape: Traits, size: int, unit: str, path: JsonPath) -> None:
    low, high = shape.get("min", 0), shape.get("max", size)
    if size < low and size == 0:
        raise Invalid(f"{path.text} must not be empty.", bound=True)
    if not low <= size <= high:
        allowed = f"at least {low}" if size < low else f"at most {high}"
        raise Invalid(f"{path.text} has {size} {unit}; {allowed} are allowed.", bound=True)


_JSON_TYPES = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}
_CHECKS: Mapping[str, Callable[[Shapes, Traits, Any, JsonPath], Any]] = {
    "structure": check_structure,
    "list": _check_list,
    "map": _check_map,
    "string": _check_string,
    "boolean": _check_boolean,
    "integer": _check_integer,
    "long": _check_integer,
    "float": _check_float,
    "double": _check_float,
    "timestamp": _check_timestamp,
}


# Patterns


class _Searchable(Protocol):
    def search(self, string: str, /) -> object | None: ...


@functools.cache
def compiled_pattern(text: str) -> re.Pattern[str] | _Searchable:
    r"""The pattern of a shape, compiled by `re`, or by `regex` if it needs `\p{..}`.

    Source: Smithy 2.0, pattern trait: a pattern is searched for, not matched against the whole string.
    On purpose: patterns that the models escape twice (`\\S` for `\S`), or write with slashes as JavaScript does, are
    corrected: read literally, they match no name. So is one of a single character, which a hash of 64 does not match.
    """
    text = text.replace(r"\\", "\\")
    if text.startswith("/^") and text.endswith("$/"):
        text = text[1:-1]
    if re.fullmatch(r"\^\[[^]]+\]\$", text):
        text = f"{text[:-1]}+$"
    if "|" not in text:
        text = text.removeprefix(".*").removesuffix(".*")
    try:
        return re.compile(text)
    except re.error:
        import regex  # here, as most runs never meet such a pattern

        return cast(_Searchable, regex.compile(text))
