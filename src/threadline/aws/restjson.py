"""REST-JSON on the server: requests into arguments, and replies into bytes, by the service models.

The types and writers of an operation are compiled when it is first called. An unreadable request is a Fault with a
code that the operation lists. These rules choose the code:

* not JSON, not UTF-8, a required member missing, a wrong type: InvalidRequestException, or ValidationException;
* a bound that is broken (too long, too large, not in the enum, an empty id): InvalidParameterException, or
  InvalidRequestException, or ValidationException.

Source: the Smithy specification of restJson1, and the behaviour of botocore's serializers and parsers.

Assumed: a member that is null counts as absent; a null entry of a map or of a list is refused.
Assumed: unknown members and query parameters are ignored, and of a key that is given twice the last one counts, as in
the JSON parsers of the SDKs. A plus sign in a query string is a plus sign.
"""

import functools
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from threadline import jsontext
from threadline.aws.model import OperationModel, Shapes, Traits
from threadline.aws.names import snake
from threadline.aws.validate import Invalid, JsonPath, check, check_structure, members_of, native
from threadline.errors import Fault

ISO_8601_SHAPES = {"Instant", "ISO8601Datetime"}
"""String shapes that hold a time: an int in a reply is epoch milliseconds and becomes ISO-8601."""

_MALFORMED = ("InvalidRequestException", "ValidationException", "InvalidParameterException")
_OUT_OF_BOUNDS = ("InvalidParameterException", "InvalidRequestException", "ValidationException")


# Requests


class _Outside(NamedTuple):
    """A member outside the body. A text whose length is in `sizes` is valid without another check."""

    name: str
    key: str
    argument: str
    shape: str
    required: bool
    sizes: range


class _Input:
    """The input of one operation, compiled."""

    def __init__(self, operation: OperationModel) -> None:
        self.shapes = operation.model.shapes
        structure: Traits = self.shapes[operation.input] if operation.input else {"members": {}}
        self.body = {"type": "structure", **members_of(structure, location=None)}
        self.arguments = {name: snake(name) for name in self.body["members"]}
        kind = native(self.shapes, self.body)
        self.decode = msgspec.json.Decoder(kind).decode if kind is not None else self._check_body
        self.labels = self._outside(structure, "uri")
        self.query = self._outside(structure, "querystring")
        self.headers = [
            (member.key.lower().encode(), member) for member in self._outside(structure, "header")
        ]

    def _outside(self, structure: Traits, location: str) -> list[_Outside]:
        members = members_of(structure, location=location)
        return [
            _Outside(
                name,
                member["locationName"],
                snake(name),
                member["shape"],
                name in members["required"],
                _sizes(self.shapes[member["shape"]]),
            )
            for name, member in members["members"].items()
        ]

    def parse(
        self, labels: Mapping[str, str], query_string: bytes, headers: Mapping[bytes, bytes], body: bytes
    ) -> dict[str, Any]:
        """The arguments that a request carries. Raises Invalid."""
        arguments = {}
        for member in self.labels:
            text = labels[member.key]
            if "%" in text or not text.isascii():
                text = _unquote(text, member.name)
            if not text:
                raise Invalid(f"{member.name} must not be empty.", bound=True)
            arguments[member.argument] = text if len(text) in member.sizes else self._read(text, member)
        if self.query:
            given = _query(query_string)
            for member in self.query:
                if _is_there(member.key in given, member):
                    arguments[member.argument] = self._read_all(given[member.key], member)
        for name, member in self.headers:
            if _is_there(name in headers, member):
                arguments[member.argument] = self._read(_decode(headers[name], member.name), member)
        if self.arguments:
            for member_name, value in self._members(body).items():
                arguments[self.arguments[member_name]] = value
        return arguments

    def _read(self, text: str, member: _Outside) -> Any:
        if len(text) in member.sizes:
            return text
        kind = self.shapes[member.shape]["type"]
        return check(self.shapes, member.shape, _from_text(kind, text), JsonPath(member.name))

    def _read_all(self, texts: list[str], member: _Outside) -> Any:
        """A list has an entry for each time that its name is given. For any other type the last one counts."""
        shape = self.shapes[member.shape]
        if shape["type"] != "list":
            return self._read(texts[-1], member)
        kind = self.shapes[shape["member"]["shape"]]["type"]
        values = [_from_text(kind, text) for text in texts]
        return check(self.shapes, member.shape, values, JsonPath(member.name))

    def _members(self, body: bytes) -> dict[str, Any]:
        body = body or b"{}"
        if not body.isascii():
            _decode(body, "The request body")
        try:
            return self.decode(body)
        except (msgspec.DecodeError, RecursionError):
            return self._check_body(body)

    def _check_body(self, body: bytes) -> dict[str, Any]:
        try:
            return check_structure(self.shapes, self.body, _document(body), JsonPath(""))
        except RecursionError:
            raise Invalid("The request body is nested too deeply.", bound=False) from None


def _document(body: bytes) -> Any:
    """The JSON in `body`. Numbers beyond msgspec's range are valid JSON, and may be in a member that is ignored."""
    try:
        try:
            return msgspec.json.decode(body)
        except msgspec.ValidationError:
            return jsontext.decode(body.decode())
    except (ValueError, msgspec.DecodeError) as error:
        raise Invalid(f"The request body is not JSON: {error}.", bound=False) from None


def parse(
    operation: OperationModel,
    labels: Mapping[str, str],
    query_string: bytes,
    headers: Mapping[bytes, bytes],
    body: bytes,
) -> dict[str, Any]:
    """The arguments of an operation, by the member's name in snake_case. Members that were not sent are left out.

    Nested structures are plain dicts with the model's own names, timestamps are epoch milliseconds. `labels` come
    from `Router.route`, names in `headers` are lowercase. The body is ignored if the operation takes none.
    Faults: as the module says.
    On purpose: a text with the character U+0000 is refused, since not every store can keep it.
    """
    try:
        arguments = _input(operation).parse(labels, query_string, headers, body)
        if b"\\u0000" in body or b"%00" in query_string or "%00" in "/".join(labels.values()):
            _check_texts(arguments)
        return arguments
    except Invalid as invalid:
        codes = _OUT_OF_BOUNDS if invalid.bound else _MALFORMED
        code = next(code for code in codes if code in operation.errors)
        raise Fault(code, invalid.message) from None


_input = functools.cache(_Input)


def _check_texts(value: Any) -> None:
    if isinstance(value, str) and "\0" in value:
        raise Invalid("No text may contain the character U+0000.", bound=False)
    if isinstance(value, Mapping):
        _check_texts([*value.keys(), *value.values()])
    elif isinstance(value, list):
        for element in value:
            _check_texts(element)


def _sizes(shape: Traits) -> range:
    if shape["type"] != "string" or "enum" in shape or "pattern" in shape:
        return range(0)
    return range(shape.get("min", 0), shape.get("max", sys.maxsize - 1) + 1)


def _is_there(there: bool, member: _Outside) -> bool:
    if member.required and not there:
        raise Invalid(f"{member.name} is required.", bound=False)
    return there


def _query(query_string: bytes) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    for pair in query_string.decode("latin-1").split("&"):
        key, _, value = pair.partition("=")
        given.setdefault(_unquote(key, "The query string"), []).append(_unquote(value, "The query string"))
    return given


def _unquote(text: str, where: str) -> str:
    """Decode `%XX` once, strictly."""
    if "%" not in text and text.isascii():
        return text
    if any(len(part) < 2 or not _HEX.issuperset(part[:2]) for part in text.split("%")[1:]):
        raise Invalid(f"{where} has a % that is not followed by two hexadecimal digits.", bound=False)
    return _decode(unquote_to_bytes(text.encode("latin-1", "replace")), where)


_HEX = frozenset("0123456789abcdefABCDEF")


def _decode(raw: bytes, where: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Invalid(f"{where} is not valid UTF-8.", bound=False) from None


def _from_text(kind: str, text: str) -> Any:
    """The JSON value of a text of a path, query string or header; the text itself if it is no such value."""
    digits = text.removeprefix("-")
    match kind:
        case "boolean" if text in {"true", "false"}:
            return text == "true"
        case "integer" | "long" if digits.isascii() and digits.isdigit() and len(digits) < 20:
            return int(text)
        case "timestamp":
            try:
                return parsedate_to_datetime(text).timestamp()
            except (ValueError, OverflowError):
                return text
    return text


# Replies


def serialise(operation: OperationModel, reply: dict[str, Any]) -> bytes:
    """The body of a reply. Its members have the model's names. None members are left out, at any depth.

    Timestamps are epoch milliseconds in `reply`, and seconds in the body, with a fraction where there is one. A string
    that holds a time (`ISO_8601_SHAPES`) may be epoch milliseconds too, and becomes ISO-8601 with milliseconds.
    """
    if operation.output is None:
        return b""
    write = _output(operation)
    body = msgspec.json.encode(write(reply) if write else reply, enc_hook=_plain)
    if b":null" in body:
        return msgspec.json.encode(_without_none(msgspec.json.decode(body)))
    return body


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"a reply holds a {type(value).__name__}, which is no JSON")


Write = Callable[[Any], Any]

LATER_TIMES = {"AgentInfo": ("AcceptedByAgentTimestamp",), "Contact": ("NextContacts",)}
"""Times in replies that older models lack, by their shapes. With such a model a reply leaves them out, as the model has
no format for them: a client with a newer model would read milliseconds as seconds.
"""


@functools.cache
def _output(operation: OperationModel) -> Write | None:
    shapes, name = operation.model.shapes, operation.output
    return _writer(shapes, name) if name and _holds_times(shapes, name) else None


def _writer(shapes: Shapes, name: str) -> Write:
    """The function that rewrites the times in a value. The shape can hold some."""
    match shapes[name]["type"]:
        case "structure" | "list" | "map":
            return _Writer(shapes, name)
        case "timestamp" if shapes[name].get("timestampFormat") != "iso8601":
            return _as_seconds
    return _as_iso


def _holds_times(shapes: Shapes, name: str) -> bool:
    return any(
        shapes[reached]["type"] == "timestamp" or reached in ISO_8601_SHAPES
        for reached in shapes.reachable(name)
    )


def _as_seconds(value: Any) -> Any:
    return value if value is None else value / 1000


def _as_iso(value: Any) -> Any:
    return iso(value) if isinstance(value, int) else value


class _Writer:
    """Rewrites the times in values of one shape. Its parts are made on first use, as shapes may contain themselves."""

    def __init__(self, shapes: Shapes, name: str) -> None:
        self.shapes = shapes
        self.name = name

    def __call__(self, value: Any) -> Any:
        return value if value is None else self.write(value)

    @functools.cached_property
    def write(self) -> Write:
        """The same for a value that is not None."""
        shape = self.shapes[self.name]
        match shape["type"]:
            case "structure":
                return functools.partial(_write_members, self._writers(shape))
            case "list":
                inner = self._within(shape["member"])
                return lambda value: [inner(entry) for entry in value]
        inner = self._within(shape["value"])
        return lambda value: {key: inner(entry) for key, entry in value.items()}

    def _writers(self, shape: Traits) -> list[tuple[str, Write]]:
        known = shape["members"]
        times: list[tuple[str, Write]] = [
            (name, _writer(self.shapes, member["shape"]))
            for name, member in known.items()
            if _holds_times(self.shapes, member["shape"])
        ]
        later = [name for name in LATER_TIMES.get(self.name, ()) if name not in known]
        return times + [(name, lambda _: None) for name in later]

    def _within(self, member: Traits) -> Write:
        """For the entries of a list or map, of which none is None."""
        writer = _writer(self.shapes, member["shape"])
        return writer.write if isinstance(writer, _Writer) else writer


def _write_members(writers: list[tuple[str, Write]], value: dict[str, Any]) -> dict[str, Any]:
    written = value.copy()
    for name, write in writers:
        if name in written:
            written[name] = write(written[name])
    return written


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_none(inner) for inner in value]
    return value


def iso(ms: int) -> str:
    """Epoch milliseconds as `2026-11-22T14:26:49.834Z`, in constant width, so that times compare as strings."""
    minute, rest = divmod(ms, 60_000)
    return _iso_minute(minute) + _SECONDS[rest // 1000] + _FRACTIONS[rest % 1000]


_SECONDS = [f"{second:02d}" for second in range(60)]
_FRACTIONS = [f".{fraction:03d}Z" for fraction in range(1000)]


@functools.lru_cache(maxsize=1024)
def _iso_minute(minute: int) -> str:
    return datetime.fromtimestamp(60 * minute, UTC).isoformat()[:17]
