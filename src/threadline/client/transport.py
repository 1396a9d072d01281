"""One request over HTTP, one reply, on a connection that stays open between calls.

`http.client` would do, but loading it takes as long as the rest of a call. httptools is installed for the server.
Retries are the AWS SDKs' "standard" mode: three attempts, exponential waits with full jitter, at most 20 s each.
"""

import base64
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from httptools import HttpParserError, HttpResponseParser

from threadline.aws.restjson_client import HttpReply
from threadline.client.failures import Failure
from threadline.client.session import is_local
from threadline.clock import Clock

BUSY_STATUSES = frozenset((500, 502, 503, 504))
BUSY_CODES = frozenset(
    (
        "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException",
        "TooManyRequestsException", "ProvisionedThroughputExceededException", "TransactionInProgressException",
        "RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "RequestThrottled",
        "SlowDown", "PriorRequestNotComplete", "EC2ThrottledException", "RequestTimeout",
        "RequestTimeoutException",
    )
)  # fmt: skip
WAIT_SECONDS_MAX = 20
CHUNK_BYTES = 65_536


class TransportOptions(NamedTuple):
    """Options of connections. Times are in seconds, None is no limit. `verify` is a CA file, True or False.

    `proxied`: connect through the proxy of the environment, except to this machine.
    """

    verify: bool | str = True
    connect_seconds: float | None = 60
    read_seconds: float | None = 60
    attempts_max: int = 3
    proxied: bool = True


class Unreachable(Failure):
    """No connection to `url` could be made."""

    def __init__(self, url: str) -> None:
        super().__init__(f'Could not connect to the endpoint URL: "{url}"')
        self.url = url


class Transport:
    """One connection to one endpoint, kept open between calls. Use from one thread."""

    def __init__(self, endpoint: str, options: TransportOptions) -> None:
        parts = urlsplit(endpoint)
        self.endpoint = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        if parts.scheme not in ("http", "https"):
            raise Failure(
                f"An HTTP Client raised an unhandled exception: Not supported URL scheme {parts.scheme}"
            )
        self.host = parts.netloc.rpartition("@")[2]
        self.base_path = parts.path.rstrip("/")
        self._secure = parts.scheme == "https"
        self._address = (parts.hostname or "", parts.port or (443 if self._secure else 80))
        self._options = options
        is_direct = is_local(endpoint) or not options.proxied
        self._proxy = None if is_direct else _proxy(parts.scheme, self._address[0])
        self._socket: socket.socket | None = None

    def send(self, method: str, target: str, headers: dict[str, str], body: bytes) -> HttpReply:
        """One request, one reply. Raises Failure when there is none."""
        url = f"{self.endpoint.removesuffix(self.base_path)}{target}"
        if self._proxy and not self._secure:
            target, headers = url, {**headers, **self._proxy.headers}
        message = _head(method, target, {**headers, "Content-Length": str(len(body))}) + body
        connection = self._socket or self._open(url)
        reader = _ReplyReader()
        try:
            with suppress(BrokenPipeError):  # a server that refuses early has often replied
                connection.sendall(message)
            while not reader.complete:
                reader.feed(connection.recv(CHUNK_BYTES))
        except TimeoutError as error:
            self.close()
            raise Failure(f'Read timeout on endpoint URL: "{url}"') from error
        except (OSError, HttpParserError) as error:
            self.close()
            raise Failure(
                f'Connection was closed before we received a valid response from endpoint URL: "{url}".'
            ) from error
        if not reader.may_stay_open:
            self.close()
        return reader.reply()

    def close(self) -> None:
        """Drop the connection; the next call makes a new one."""
        if self._socket:
            self._socket.close()
        self._socket = None

    def _open(self, url: str) -> socket.socket:
        proxy = self._proxy
        wrapped = self._tls(url) if self._secure else None
        try:
            connection = self._socket = socket.create_connection(
                proxy.address if proxy else self._address, self._options.connect_seconds
            )
            if proxy and self._secure:
                _tunnel(connection, self._address, proxy)
            if wrapped:
                connection = self._socket = wrapped(connection)
        except TimeoutError as error:
            self.close()
            raise Failure(f'Connect timeout on endpoint URL: "{url}"') from error
        except (OSError, UnicodeError) as error:
            self.close()
            if self._secure and "SSL" in str(error):
                raise Failure(f"SSL validation failed for {url} {error}") from error
            if proxy:
                raise Failure(f'Failed to connect to proxy URL: "{proxy.shown}"') from error
            raise Unreachable(url) from error
        connection.settimeout(self._options.read_seconds)
        return connection

    def _tls(self, url: str) -> Callable[[socket.socket], socket.socket]:
        """Return the function that wraps a connection in TLS. Raises Failure when the CA file cannot be used."""
        import ssl

        verify = self._options.verify
        try:
            context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
        except OSError as error:
            raise Failure(f"SSL validation failed for {url} {error}") from error
        if verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return partial(context.wrap_socket, server_hostname=self._address[0])


class _ReplyReader:
    """A reply being received."""

    def __init__(self) -> None:
        self.complete = False
        self.may_stay_open = False
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Parse more of it; empty data is its end. Raises HttpParserError, or ConnectionError if it is not complete."""
        if data:
            self._parser.feed_data(data)
        elif self._headers and not {"content-length", "transfer-encoding"} & set(self._headers):
            self.complete = True
        else:
            raise ConnectionError("The reply is not complete")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() >= 200:
            self.complete = True
            self.may_stay_open = self._parser.should_keep_alive()

    def reply(self) -> HttpReply:
        return HttpReply(self._parser.get_status_code(), self._headers, b"".join(self._body))


def _head(method: str, target: str, headers: dict[str, str]) -> bytes:
    """The request up to its body. Raises Failure for a value that would end a header."""
    lines = [f"{method} {target} HTTP/1.1", "Accept-Encoding: identity"]
    for name, value in headers.items():
        if "\r" in value or "\n" in value:
            raise Failure(
                f"An HTTP Client raised an unhandled exception: Invalid header value {value.encode()!r}"
            )
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode()


def _tunnel(connection: socket.socket, address: tuple[str, int], proxy: "Proxy") -> None:
    """Have the proxy connect to `address`. Raises OSError when it refuses."""
    authority = f"{address[0]}:{address[1]}"
    connection.sendall(_head("CONNECT", authority, {"Host": authority, **proxy.headers}))
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = connection.recv(1)  # the bytes after it belong to the tunnel
        if not data or len(answer) > CHUNK_BYTES:
            raise ConnectionError("The proxy does not answer")
        answer += data
    if answer.split(maxsplit=2)[1] != b"200":
        raise ConnectionError("The proxy refuses")


class Proxy(NamedTuple):
    """A proxy: its URL without the password, its host and port, and the headers that authenticate."""

    shown: str
    address: tuple[str, int]
    headers: dict[str, str]


def _proxy(scheme: str, host: str) -> Proxy | None:
    """The proxy that the environment names for `host`."""
    variable = f"{scheme}_proxy"
    if not (os.environ.get(variable) or os.environ.get(variable.upper())):
        return None
    from urllib.request import getproxies, proxy_bypass

    if proxy_bypass(host):
        return None
    url = getproxies()[scheme]
    parts = urlsplit(url if "://" in url else f"http://{url}")
    login, _, host_port = parts.netloc.rpartition("@")
    headers = {}
    if login:
        encoded = base64.b64encode(unquote(login).encode()).decode()
        headers["Proxy-Authorization"] = f"Basic {encoded}"
    shown = f"{parts.scheme}://{'***:***@' if login else ''}{host_port}"
    return Proxy(shown, (parts.hostname or "", parts.port or 80), headers)


def wait_before(attempt: int) -> None:
    """Wait before attempt number `attempt` (2 is the first that waits)."""
    jitter = int.from_bytes(Clock().random_bytes(4), "big") / 2**32
    threading.Event().wait(min(jitter * 2 ** (attempt - 2), WAIT_SECONDS_MAX))
