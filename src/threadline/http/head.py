"""The rules for a request's head: its version, its host, and where its body ends.

llhttp parses the head and refuses bytes that are no HTTP. The rules here are those that RFC 9112 leaves to a server.
"""

import re
from functools import lru_cache
from typing import NamedTuple

import httptools

from threadline.config import Settings

FAST = b" HTTP/1.1\r\n"
"""The end of nearly every request line."""

HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]*)(:[0-9]{0,5})?")
"""No comma, though RFC 3986 allows one in a name: a second Host header is joined to the first by a comma."""

KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")  # 16 bytes in base64
ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]*)")
VERSION_ERRORS = (
    "Invalid HTTP version",
    "Expected dot",
    "Expected HTTP/",
    "Pause on PRI/Upgrade",
    "Invalid method for RTSP/",
    "Expected SOURCE method for ICE/",
)
"""The errors of llhttp about a version or a protocol that it does not know.

`HTTP/3` lacks the dot of a version. The whole preface of HTTP/2 is no error but a pause.
"""


class Refusal(NamedTuple):
    """The reason why a request is not taken: the status, the code and the message of its answer."""

    status: int
    code: str
    message: str


WAITING_MAX = 128
"""Requests of one connection that may wait for their turn: each takes a hundred times its bytes on the wire."""

TOO_FAR_AHEAD = Refusal(
    429,
    "TooManyRequestsException",
    f"More than {WAITING_MAX} requests were sent ahead: read their answers first.",
)
NO_ROOM = Refusal(
    503,
    "ServiceUnavailableException",
    "The server holds too much of requests that have not come whole and answers that were not read.",
)
NO_HTTP = Refusal(400, "BadRequestException", "This is no HTTP request.")
VERSION = Refusal(
    505, "HTTPVersionNotSupportedException", "This server speaks HTTP/1.1 and HTTP/1.0, nothing else."
)
NO_HANDSHAKE = Refusal(
    400,
    "BadRequestException",
    "A WebSocket begins with GET, Sec-WebSocket-Version 13 and a Sec-WebSocket-Key of 16 bytes.",
)
HANDSHAKE_WITH_BODY = Refusal(
    400, "BadRequestException", "The request that opens a WebSocket has no body: leave it out."
)

PATH_TOO_LONG = Refusal(414, "RequestUriTooLongException", "The path and query string are too long.")


def head_too_large(bounds: Settings) -> Refusal:
    """Return the refusal of a head that is larger than any client needs."""
    text = f"The headers are larger than {bounds.header_bytes_max} bytes."
    return Refusal(431, "RequestHeaderFieldsTooLargeException", text)


def body_too_large(bounds: Settings) -> Refusal:
    """Return the refusal of a body that takes too many bytes on the wire."""
    text = f"The body is larger than {bounds.body_bytes_max} bytes."
    return Refusal(413, "RequestEntityTooLargeException", text)


def misunderstood(error: httptools.HttpParserError) -> Refusal:
    """Return the refusal of bytes that llhttp does not take."""
    return VERSION if str(error.args[0] if error.args else "").startswith(VERSION_ERRORS) else NO_HTTP


def version_of(parser: httptools.HttpRequestParser, url: bytes, seen: bytes) -> str:
    """Return the version of HTTP of a request, "" when it is of another protocol, such as RTSP.

    `seen` holds its request line. llhttp also parses the other protocols that Node uses, and does not say which one it
    has found.
    """
    if b"RTSP/" not in seen and b"ICE/" not in seen:
        return parser.get_http_version()
    line = rb"(?:\A[A-Z_]*|%b) *%b +(?:RTSP|ICE)/" % (re.escape(parser.get_method()), re.escape(url))
    return "" if re.search(line, seen) else parser.get_http_version()


def size_of(headers: dict[bytes, bytes], url: bytes, seen: bytes, *, begins: bool) -> int:
    """Return the bytes of a whole head: exactly where `seen` begins with it, else about."""
    end = seen.find(b"\r\n\r\n", len(url)) if begins else -1
    return end if end >= 0 else len(url) + sum(map(len, (*headers, *headers.values())))


def add_header(headers: dict[bytes, bytes], name: bytes, value: bytes) -> None:
    """Add a header as it was sent to `headers` by lowercase name. A comma joins several values of one name."""
    name, value = name.lower(), value.strip()
    known = headers.get(name)
    headers[name] = value if known is None else b"%b,%b" % (known, value)


@lru_cache(maxsize=16)
def is_host(value: bytes) -> bool:
    """Whether this is one host, with or without a port."""
    return HOST.fullmatch(value) is not None


def refusal_of(version: str, headers: dict[bytes, bytes]) -> Refusal | None:
    """Return the refusal of a request with this head; None when it is taken.

    Source: RFC 9112, sections 2.3, 3.2, 6.1 and 7.
    """
    if version not in ("1.1", "1.0"):
        return VERSION
    host = headers.get(b"host")
    if host is None and version == "1.1":
        return Refusal(400, "BadRequestException", "A request of HTTP/1.1 must have a Host header.")
    if host is not None and not is_host(host):
        return Refusal(400, "BadRequestException", "A request must have one Host header: a name and a port.")
    coding = headers.get(b"transfer-encoding")
    if coding is None:
        return None
    if version == "1.0":
        return Refusal(400, "BadRequestException", "HTTP/1.0 has no Transfer-Encoding.")
    if coding.lower() != b"chunked":
        return Refusal(501, "NotImplementedException", "The only Transfer-Encoding that is taken is chunked.")
    return None


def parts_of(url: bytes, headers: dict[bytes, bytes]) -> tuple[bytes, bytes]:
    """Return the path and query string of a request's target that is no plain path.

    The host of a whole URL takes the place of the Host header. Source: RFC 9112, section 3.2.2.
    """
    try:
        parts = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        return url, b""
    if (whole := ABSOLUTE.match(url)) is not None and is_host(whole[1]):
        headers[b"host"] = whole[1]
    return parts.path or b"/", parts.query or b""


def asks_for_websocket(headers: dict[bytes, bytes]) -> bool:
    """Whether `websocket` is among the protocols that the client offers to change to."""
    wanted = headers.get(b"upgrade", b"").lower()
    return wanted == b"websocket" or b"websocket" in [each.strip() for each in wanted.split(b",")]


def is_handshake(method: bytes, headers: dict[bytes, bytes]) -> bool:
    """Whether a request to upgrade to a WebSocket is one by RFC 6455, section 4.2.1."""
    return (
        method == b"GET"
        and headers.get(b"sec-websocket-version") == b"13"
        and KEY.fullmatch(headers.get(b"sec-websocket-key", b"")) is not None
    )


def handshake_refusal(method: bytes, headers: dict[bytes, bytes]) -> Refusal | None:
    """Return the refusal of a request to upgrade to a WebSocket; None when it is taken."""
    if has_body(headers):
        return HANDSHAKE_WITH_BODY
    return None if is_handshake(method, headers) else NO_HANDSHAKE


def framing_of(headers: dict[bytes, bytes]) -> bytes:
    """Return the header that says where the body ends; empty when there is no body."""
    if b"transfer-encoding" in headers:
        return b"transfer-encoding: chunked"
    return b"content-length: " + headers[b"content-length"] if has_body(headers) else b""


def has_body(headers: dict[bytes, bytes]) -> bool:
    """Whether the head announces a body."""
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""
