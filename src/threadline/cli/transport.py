"""Sends one request over HTTP and tries again when that can help.

Source: the AWS SDKs' "standard" retry mode: three attempts, exponential waits with full jitter, at most 20 s each.
"""

import http.client
import os
import socket
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from threadline.cli.failures import Failure
from threadline.cli.rest import Reply
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How connections are made. Times are seconds, None waits for ever; `verify` is a CA file, True or False."""

    verify: bool | str = True
    connect_seconds: float | None = 60
    read_seconds: float | None = 60
    attempts_max: int = 3


class Unreachable(Failure):
    """No connection to `url` could be made."""

    def __init__(self, url: str) -> None:
        super().__init__(f'Could not connect to the endpoint URL: "{url}"')
        self.url = url


class Transport:
    """One connection to one place, kept open between calls. Use from one thread."""

    def __init__(self, endpoint: str, wire: Wire) -> None:
        self.endpoint = endpoint.rstrip("/")
        parts = urlsplit(self.endpoint)
        self.host = parts.netloc.rpartition("@")[2]
        self.base_path = parts.path.rstrip("/")
        self._secure = parts.scheme == "https"
        self._address = (parts.hostname or "", parts.port or (443 if self._secure else 80))
        self._wire = wire
        self._connection: http.client.HTTPConnection | None = None

    def send(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        """One request, one reply. Raises Failure when there is none."""
        url = f"{self.endpoint.removesuffix(self.base_path)}{target}"
        connection = self._connection or self._open(url)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            reply = Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        except TimeoutError as error:
            self.close()
            raise Failure(f'Read timeout on endpoint URL: "{url}"') from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Failure(
                f'Connection was closed before we received a valid response from endpoint URL: "{url}".'
            ) from error
        if answer.will_close:
            self.close()
        return reply

    def close(self) -> None:
        """Drop the connection; the next call makes a new one."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _open(self, url: str) -> http.client.HTTPConnection:
        host, port = self._address
        proxy = _proxy(self._secure, host)
        try:
            connection = _connection(self._secure, proxy or (host, port), self._wire)
        except OSError as error:
            raise Failure(f"SSL validation failed for {url} {error}") from error
        if proxy and self._secure:
            connection.set_tunnel(host, port)
        try:
            connection.connect()
        except TimeoutError as error:
            raise Failure(f'Connect timeout on endpoint URL: "{url}"') from error
        except OSError as error:
            if self._secure and "SSL" in str(error):
                raise Failure(f"SSL validation failed for {url} {error}") from error
            raise Unreachable(url) from error
        assert isinstance(connection.sock, socket.socket)
        connection.sock.settimeout(self._wire.read_seconds)
        self._connection = connection
        return connection


def _connection(secure: bool, address: tuple[str, int], wire: Wire) -> http.client.HTTPConnection:
    options: dict[str, Any] = {"timeout": wire.connect_seconds}
    if not secure:
        return http.client.HTTPConnection(*address, **options)
    import ssl

    context = ssl.create_default_context(cafile=wire.verify if isinstance(wire.verify, str) else None)
    if wire.verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(*address, context=context, **options)


def _proxy(secure: bool, host: str) -> tuple[str, int] | None:
    """Address of the proxy the environment names for HTTPS; plain HTTP here is nearly always this machine."""
    if not secure or not (os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")):
        return None
    from urllib.request import getproxies, proxy_bypass

    if proxy_bypass(host):
        return None
    parts = urlsplit(getproxies()["https"])
    return (parts.hostname or "", parts.port or 80)


def wait_before(attempt: int) -> None:
    """Wait before attempt number `attempt` (2 is the first that waits)."""
    jitter = int.from_bytes(Clock().random_bytes(4), "big") / 2**32
    threading.Event().wait(min(jitter * 2 ** (attempt - 2), WAIT_SECONDS_MAX))
