"""Requests as no client sends them: right ones with something out of order, in any part and at any level."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes

from tests.aws.samples import JUNK, spoil
from threadline.aws.model import OperationModel, load
from threadline.config import Settings


class Raw(NamedTuple):
    """Bytes that stand in JSON as they are."""

    text: bytes


class Request(NamedTuple):
    """A request before it is signed. `path` and `query` are percent-encoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


BODY_BYTES_MAX = Settings().body_bytes_max
DEPTHS = (10, 500, 5_000, 100_000)
RAW = [
    *map(Raw, (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e308", b"1e308", b"1e-400", b"-0", b"-0.0", b"01")),
    *map(Raw, (b"1.0", b"1e2", b"1.5e0", b"+1", b".5", b"0x10", b"1_000", b"True", b"undefined", b"'x'", b"")),
    *(Raw(digit * size) for digit in (b"9", b"1") for size in (16, 19, 20, 39, 400, 5_000)),
    *(Raw(b"0." + b"3" * size) for size in (20, 5_000)),
    *(Raw(b"[" * depth + b"]" * depth) for depth in DEPTHS),
    *(Raw(b'{"a":' * depth + b"1" + b"}" * depth) for depth in DEPTHS),
    *(Raw(b"[" * depth) for depth in DEPTHS),
    *map(Raw, (b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"\\u000"', b'"\\x41"', b'"\xff"', b'"\xc0\x80"')),
    *map(Raw, (b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"a\nb"', b'"\x00"', b'"', b'{"a":1,"a":2}', b'{"a" 1}')),
    *map(Raw, (b'{1:2}', b'{"a":1,}', b"[1,]", b"/**/1", b'"\xe2\x80\xae"', b'"' + "\U0001f9ea".encode() * 500 + b'"')),
]  # fmt: skip
TEXTS = [
    "arn:", "arn:aws:connect:::", "..", ".", "/", "a/b", "%00", "'; --", "' OR '1'='1", "${jndi:ldap://x}",
    "{{7*7}}", "$.Attributes.x", "../../etc/passwd", "file:///etc/passwd", "x" * 256, "x" * 257, "x" * 1_025,
    "x" * 70_000, "\u202e", "é" * 600, "\U0001f9ea", "\r\nSet-Cookie: x", "9" * 400, "-1", "1e400", "NaN", "null",
    "true", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "99999-01-01T00:00:00Z", "0000-00-00T00:00:00Z",
    "\ud800", "text/plain; charset=x",
]  # fmt: skip
ANY = [*JUNK, *RAW, *TEXTS, 10**400, -(2**63), 2**64, 1e308, -1e308, 253402300800, -62135596801, [[[]]] * 50]


def request_of(operation: OperationModel, arguments: dict[str, Any]) -> Request:
    """Return the request for arguments, valid or not."""
    members = load(operation.service).shapes[operation.input or ""]["members"]
    path, query, headers, body = operation.uri, [], {}, {}
    for name, value in arguments.items():
        member = members.get(name, {})
        key = member.get("locationName", name)
        match member.get("location"):
            case "uri":
                path = path.replace(f"{{{key}}}", quoted(value))
            case "querystring":
                query += [f"{key}={quoted(each)}" for each in (value if isinstance(value, list) else [value])]
            case "header":
                headers[key] = plain(value)
            case _:
                body[name] = value
    content = written(body) if body or operation.method != "GET" else b""
    return Request(operation.method, path, "&".join(query), headers, content)


def written(value: Any) -> bytes:
    """Return `value` as JSON, with text that is no valid UTF-8 too."""
    match value:
        case Raw():
            return value.text
        case dict():
            return b"{" + b",".join(written(key) + b":" + written(value[key]) for key in value) + b"}"
        case list():
            return b"[" + b",".join(map(written, value)) + b"]"
        case _:
            return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def text_of(value: Any) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else written(value)


def quoted(value: Any) -> str:
    """A value as it stands in a path or query string."""
    return quote_from_bytes(text_of(value)[:6_000], safe="")


def plain(value: Any) -> str:
    """A value as it stands in a header: any byte but those that would end it."""
    text = text_of(value)[:6_000].decode("latin-1")
    return "".join(character for character in text if character not in "\r\n\0")


# Ways to put a request out of order


def cut(request: Request, random: Random) -> Request:
    return request._replace(body=request.body[: random.randrange(len(request.body) + 1)])


def flipped(request: Request, random: Random) -> Request:
    body = bytearray(request.body or b"{}")
    for _ in range(random.randint(1, 4)):
        body[random.randrange(len(body))] = random.randrange(256)
    return request._replace(body=bytes(body))


def inserted(request: Request, random: Random) -> Request:
    at = random.randrange(len(request.body) + 1)
    more = random.choice(
        [each.text for each in RAW] + [random.randbytes(5), b"\xef\xbb\xbf", b"{", b"]", b",", b'"']
    )
    return request._replace(body=request.body[:at] + more + request.body[at:])


def doubled(request: Request, random: Random) -> Request:
    """The same again behind it, or every member twice."""
    body = request.body
    return request._replace(
        body=random.choice([body + body, body[:-1] + b"," + body[1:], b"[" + body + b"]"])
    )


def encoded(request: Request, random: Random) -> Request:
    text = request.body.decode("utf-8", "replace")
    return request._replace(
        body=text.encode(random.choice(["utf-16", "utf-32", "utf-8-sig", "utf-7"]), "replace")
    )


def elsewhere(request: Request, random: Random) -> Request:
    """Another path."""
    segments = request.path.split("/")
    at = random.randrange(1, len(segments))
    junk = random.choice(
        [quoted(text) for text in TEXTS] + ["", ".", "..", "%", "%z1", "%2", "%ff", "%ed%a0%80", "%2f"]
    )
    match random.randrange(4):
        case 0:
            segments[at] = junk
        case 1:
            segments.insert(at, junk)
        case 2:
            del segments[at]
        case 3:
            segments[at] += junk
    return request._replace(path="/" + "/".join(segments[1:]))


def asked(request: Request, random: Random) -> Request:
    """Another query string."""
    names = [
        "maxResults",
        "nextToken",
        "contactId",
        "MaxResults",
        "x",
        "",
        "X-Amz-Signature",
        "X-Amz-Algorithm",
        "%ff",
    ]
    pairs = [f"{random.choice(names)}={quoted(random.choice(ANY))}" for _ in range(random.randint(1, 3))]
    more = random.choice(["", "", "&&&", "=", "%", "&a", "+", ";x=1", "?"])
    return request._replace(query="&".join([request.query, *pairs] if request.query else pairs) + more)


def headed(request: Request, random: Random) -> Request:
    """Another header, or another value of one."""
    names = [
        "content-type", "content-encoding", "accept", "accept-encoding", "x-amz-bearer", "x-amz-security-token",
        "x-amz-content-sha256", "x-amz-target", "x-amz-user-agent", "amz-sdk-request", "origin", "cookie", "expect",
        "authorization", "x-amz-date", "date", "x-forwarded-for", "range", "if-match", "te", "via", "x" * 100,
        *request.headers,
    ]  # fmt: skip
    values = [
        "application/json", "application/x-amz-json-1.1", "text/plain", "application/json; charset=utf-16", "gzip", "",
        "multipart/form-data; boundary=x", "UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "*", ",", "\t",
        "20261126T000000Z", "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=0",
    ]  # fmt: skip
    value = random.choice([*values, plain(random.choice(ANY))])
    name = random.choice(names)
    return request._replace(headers=request.headers | {name: "x" if name == "expect" else value})


def chunked(request: Request, random: Random) -> Request:
    return request._replace(headers=request.headers | {"transfer-encoding": "chunked"})


def large(request: Request, random: Random) -> Request:
    """At the largest size that a body may have, or above."""
    size = random.choice([BODY_BYTES_MAX - len(request.body), BODY_BYTES_MAX, 3 * BODY_BYTES_MAX])
    return request._replace(body=request.body + b" " * size)


def by_another_way(request: Request, random: Random) -> Request:
    return request._replace(method=random.choice("GET POST PUT DELETE PATCH OPTIONS HEAD".split()))


WAYS: list[Callable[[Request, Random], Request]] = [
    *(cut, flipped, inserted, doubled, encoded, elsewhere, asked, headed, chunked, by_another_way) * 8, large,
]  # fmt: skip


def mutated(operation: OperationModel, arguments: dict[str, Any], random: Random) -> Request:
    """A request of `arguments` with a thing or a few out of order; some are left as they are."""
    kind = random.random()
    if kind < 0.6:
        for _ in range(random.choice([1, 1, 1, 2, 3])):
            arguments = spoilt(operation, arguments, random)
    request = request_of(operation, arguments)
    return random.choice(WAYS)(request, random) if 0.5 < kind < 0.8 else request


def spoilt(operation: OperationModel, arguments: dict[str, Any], random: Random) -> dict[str, Any]:
    """`arguments` with one thing out of order; seldom in the path or a header, where few get any further."""
    members = load(operation.service).shapes[operation.input or ""]["members"]
    outside = {name: value for name, value in arguments.items() if members.get(name, {}).get("location")}
    inside = {name: value for name, value in arguments.items() if name not in outside}
    if not inside or random.random() < 0.15:
        inside, outside = arguments, {}
    texts = [name for name, value in inside.items() if isinstance(value, str) and value[:1] == "{"]
    if texts and random.random() < 0.7:
        name = random.choice(texts)
        return arguments | {name: within(inside[name], random)}
    bad = spoil(inside, random, ANY)
    return outside | (bad if isinstance(bad, dict) else {random.choice([*inside, "x"]): bad})


def within(text: str, random: Random) -> str:
    """JSON in a text, with one thing in it out of order."""
    try:
        return written(spoil(json.loads(text), random, ANY)).decode("utf-8", "replace")
    except (ValueError, RecursionError):  # it was put out of order before
        return text
