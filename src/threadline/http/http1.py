"""The receiving side of HTTP/1.1 as a state machine: bytes in, events out. It knows no socket, no clock and no task.

llhttp reads the bytes; the rules that it leaves to a server are in `head`. This module orders both, bounds the size of
a request, and says where it begins and ends. `connection` sends the answers.
"""

from enum import Enum, auto
from typing import NamedTuple

import httptools

from threadline.config import Settings
from threadline.http import head as heads
from threadline.http.head import Refusal

UPLOADS = b"/attachments/"
"""The paths that take bodies of `attachment_bytes_max`, which their application reads piece by piece."""

BODY_OVERHEAD = 4
"""A chunked body may take this many times `body_bytes_max` on the wire: chunk sizes, extensions and trailers count.

As much is read of a body that nobody wants, so that the connection can go on."""


class RequestHead(NamedTuple):
    """A request has begun. `headers` are by lowercase name, values of one sent more than once joined by commas."""

    method: str
    raw_path: bytes
    query_string: bytes
    headers: dict[bytes, bytes]
    keeps_alive: bool
    """Whether another request may follow it."""
    is_handshake: bool
    """Whether it asks to go on as a WebSocket."""


class BodyData(NamedTuple):
    """The next bytes of the body of the last RequestHead."""

    data: bytes | bytearray


class EndOfMessage(NamedTuple):
    """The last request has come whole."""


Event = RequestHead | BodyData | EndOfMessage | Refusal
"""A Refusal is the last event. It answers the request that is still coming."""

END = EndOfMessage()


class Http1State(Enum):
    """How far the client's bytes have been read."""

    IDLE = auto()
    """Between requests."""
    HEAD = auto()
    """A part of a request's head has come."""
    BODY = auto()
    """The head has come, and perhaps a part of the body."""
    ENDED = auto()
    """The last request said that no other would follow."""
    SWITCHED = auto()
    """The handshake of a WebSocket has come. The bytes after it are no HTTP."""
    REFUSED = auto()
    """The bytes were no request that is taken."""
    CLOSED = auto()
    """The connection reads no further."""


IDLE, HEAD, BODY = Http1State.IDLE, Http1State.HEAD, Http1State.BODY
"""By a name of their own: Python 3.11 takes 60 ns to look up a member, and a request compares states twenty times."""


class Http1:
    """Reads the requests of one connection.

    `bytes_so_far` counts the bytes of a request that has not come whole; it is 0 where none has begun. `rest` holds the
    bytes that came after a handshake, in one piece with it.
    """

    def __init__(self, bounds: Settings) -> None:
        self.state = IDLE
        self.bytes_so_far = 0
        self.rest = b""
        self._bounds = bounds
        self._parser = self._new_parser()
        self._events: list[Event] = []
        self._ahead = 0
        self._seen = b""  # the bytes of a head that has not come whole
        self._begins = True  # whether `_seen` begins with the request that is read
        self._host: bytes | None = None  # the Host header that was last checked
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: bytes | bytearray = b""
        self._upload_bytes = 0  # that the body may have beside those of any other
        self._framing = b""  # after an offer to upgrade: the header that says where the body ends
        self._last_state: Http1State | None = None  # the state after this request, if it is the last

    @property
    def held_bytes(self) -> int:
        """The memory for a head that has not come whole: its bytes, and the headers made of them."""
        return 2 * len(self._seen)

    def receive(self, data: bytes, ahead: int = 0) -> list[Event]:
        """Read the client's next bytes. `ahead` is the number of earlier requests that still wait for their turn."""
        state = self.state
        if state is IDLE:
            self.state = HEAD
            self._begins = True
            self._seen = data
        elif state is HEAD:
            self._seen += data
        elif state is BODY:
            self._seen = data
        else:
            raise RuntimeError(f"Http1.receive in state {state.name}: expected IDLE, HEAD or BODY")
        self.bytes_so_far += len(data)
        self._ahead = ahead
        events: list[Event] = []
        self._events = events
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError) as error:
            self._feed_rest(data, error)
        if self._body:
            self._flush()
        if self.state is IDLE and not self._url:  # all requests have come whole
            self._seen = b""
        else:
            self._check_size()
        return events

    def close(self) -> None:
        """Read no further: the connection has ended, or its client has said all it has to say."""
        self.state = Http1State.CLOSED
        self.bytes_so_far = 0
        self._seen = b""
        self._parser = None  # type: ignore[assignment]  # it refers to this object

    # In one call llhttp calls `on_..` first. Then the size of a request that is not complete is checked.

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        parser.set_dangerous_leniencies(lenient_data_after_close=True)  # such data is not looked at
        return parser

    def _feed_rest(self, data: bytes, error: httptools.HttpParserUpgrade | httptools.HttpParserError) -> None:
        """Parse on after the head of an upgrade; refuse everything else at which the parser stops.

        The only upgrade that is taken up is a WebSocket's. After another one a new parser goes on, with a head that
        holds no more than the framing of the body.
        """
        while isinstance(error, httptools.HttpParserUpgrade):
            data = data[error.args[0] :]
            if not self._is_reading():
                self.rest = data
                return
            self._parser = self._new_parser()
            try:
                if self._framing:
                    self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % self._framing)
                if data:
                    self._parser.feed_data(data)
                return
            except (httptools.HttpParserUpgrade, httptools.HttpParserError) as next_error:
                error = next_error
        self._refuse(heads.misunderstood(error))

    def _check_size(self) -> None:
        """Bound the size of a request that is not complete. Its bytes are kept only as long as it is a head."""
        bounds = self._bounds
        if self.state is IDLE:  # another request has begun after one that has ended
            self.state = HEAD
            self.bytes_so_far = len(self._url)
        elif self.state is HEAD:
            if self.bytes_so_far > bounds.header_bytes_max:
                self._refuse(heads.head_too_large(bounds))
        elif self.state is BODY:
            self._seen = b""
            self.bytes_so_far = self.bytes_so_far or 1
            most = BODY_OVERHEAD * bounds.body_bytes_max + self._upload_bytes + bounds.header_bytes_max
            if self.bytes_so_far > most:
                self._refuse(heads.body_too_large(bounds))
        else:
            self._seen = b""

    def _is_reading(self) -> bool:
        return self.state is IDLE or self.state is HEAD or self.state is BODY

    def _refuse(self, refusal: Refusal) -> None:
        if self._is_reading():
            self._flush()
            self.state = Http1State.REFUSED
            self._events.append(refusal)

    def _flush(self) -> None:
        """Hand out the bytes of the body that have come in this call."""
        if self._body:
            self._events.append(BodyData(self._body))
            self._body = b""

    # Called by llhttp

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.state is HEAD or self.state is IDLE:  # trailers go nowhere
            name = name.lower()
            if name in self._headers:
                heads.add_header(self._headers, name, value)
            else:
                self._headers[name] = value.strip()

    def on_headers_complete(self) -> None:
        url, headers = self._url, self._headers
        self._url, self._headers = b"", {}
        if self._framing:
            self._framing = b""
            self.state = BODY
            return
        if self.state is not HEAD and self.state is not IDLE:
            return
        self.state = BODY
        bounds, parser, seen = self._bounds, self._parser, self._seen
        method = parser.get_method()
        if self._begins and seen.startswith(heads.FAST, len(method) + 1 + len(url)):
            version = "1.1"
        else:
            version = heads.version_of(parser, url, seen)
        if self._ahead >= heads.WAITING_MAX:
            self._refuse(heads.TOO_FAR_AHEAD)
        elif len(seen) > bounds.header_bytes_max < heads.size_of(headers, url, seen, begins=self._begins):
            self._refuse(heads.head_too_large(bounds))
        elif len(url) > bounds.path_bytes_max:
            self._refuse(heads.PATH_TOO_LONG)
        elif (
            version == "1.1"
            and headers.get(b"host") == self._host is not None
            and b"transfer-encoding" not in headers
        ):
            self._take(parser, method, url, headers, version)
        elif refusal := heads.refusal_of(version, headers):
            self._refuse(refusal)
        else:
            self._host = headers.get(b"host")
            self._take(parser, method, url, headers, version)

    def _take(
        self,
        parser: httptools.HttpRequestParser,
        method: bytes,
        url: bytes,
        headers: dict[bytes, bytes],
        version: str,
    ) -> None:
        """Hand out a request's head, unless it asks for an upgrade in a way that is refused."""
        raw_path, _, query_string = url.partition(b"?")
        if not raw_path.startswith(b"/") or b"#" in url:
            raw_path, query_string = heads.parts_of(url, headers)
        is_upload = method == b"PUT" and raw_path.startswith(UPLOADS)
        self._upload_bytes = self._bounds.attachment_bytes_max if is_upload else 0
        keeps_alive, is_handshake = parser.should_keep_alive(), False
        if parser.should_upgrade():
            if method == b"CONNECT":
                keeps_alive = False
            elif version == "1.1" and heads.asks_for_websocket(headers):
                if refusal := heads.handshake_refusal(method, headers):
                    self._refuse(refusal)
                    return
                keeps_alive, is_handshake = False, True
            else:
                self._framing = heads.framing_of(headers)
        if not keeps_alive:
            self._last_state = Http1State.SWITCHED if is_handshake else Http1State.ENDED
        self._ahead += 1
        self._events.append(
            RequestHead(method.decode(), raw_path, query_string, headers, keeps_alive, is_handshake)
        )

    def on_body(self, data: bytes) -> None:
        if self.state is BODY:
            if not self._body:
                self._body = data
                return
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += data

    def on_message_complete(self) -> None:
        if self.state is not BODY:
            return
        if self._framing:  # this was the head alone: the body comes by a parser of its own
            self.state = HEAD
            return
        events = self._events
        if self._body:
            events.append(BodyData(self._body))
            self._body = b""
        events.append(END)
        self.state = self._last_state or IDLE
        self.bytes_so_far = 0
        self._begins = False
