"""Calls to neighbours: AWS's own wire through botocore, or JSON to a plain HTTP URL. They block; threads run them.

botocore is imported at the first call. A call reads a bounded answer in a bounded time.
"""

import json
import re
import threading
from collections.abc import Mapping
from typing import Any, Protocol

from threadline.clock import monotonic
from threadline.jsontext import decode

ANSWER_BYTES_MAX = 262_144
"""Bytes of an answer that are read. A larger one fails the call."""
CHUNK_BYTES = 16_384
RETRY_SECONDS = 0.1
"""Time until the first retry of a call that was throttled or failed; it doubles with each one."""
TEST_KEYS = ("test", "test")
"""Credentials for an endpoint of one's own, where the environment has none."""


class CallFailed(Exception):
    """A neighbour gave no usable answer. The text says why; `again` tells whether a retry may help."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


class Rejected(CallFailed):
    """A neighbour refused this one call because of its content, so that the same call will be refused again."""


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in an answer. Raises CallFailed."""
    try:
        value = decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise CallFailed("the answer is not JSON") from None
    if not isinstance(value, dict):
        raise CallFailed("the answer is not an object")
    return value


class Body(Protocol):
    """The body of an answer, as botocore and urllib3 give it."""

    def read(self, amt: int) -> bytes:
        """Read `amt` bytes, fewer at the end."""


def read_body(body: Body, deadline: float) -> bytes:
    """Read an answer until its end. Raises CallFailed when it is too large or too slow."""
    parts: list[bytes] = []
    size = 0
    read = getattr(
        body, "read1", body.read
    )  # returns what has come, so that a slow answer is seen to be slow
    while part := read(CHUNK_BYTES):
        parts.append(part)
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            raise CallFailed(f"the answer has more than {ANSWER_BYTES_MAX} bytes")
        if monotonic() > deadline:
            raise CallFailed("the answer came too slowly")
    return b"".join(parts)


def post(url: str, document: Mapping[str, Any], call_id: str, seconds: float) -> bytes:
    """Send JSON to a URL and return the body of a 200. Raises CallFailed."""
    headers = {"Content-Type": "application/json", "X-Threadline-Call-Id": call_id}
    status, body = send(url, headers, json.dumps(document).encode(), seconds)
    if status != 200:
        again = status == 429 or status >= 500
        raise CallFailed(f"the URL answered status {status}", again=again)
    return body


def client(service: str, endpoint: str, region: str, seconds: float) -> Any:
    """Make a botocore client of `service` at `endpoint`, with the credentials of the environment if it has any."""
    import botocore.session
    from botocore.config import Config

    session = botocore.session.get_session()
    found = session.get_credentials()
    keys = {} if found else dict(zip(("aws_access_key_id", "aws_secret_access_key"), TEST_KEYS, strict=True))
    config = Config(
        connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 1}, proxies={}
    )
    return session.create_client(service, region_name=region, endpoint_url=endpoint, config=config, **keys)


def failure_of(error: Exception) -> CallFailed:
    """Return the failure of a botocore call, without the text of the service, which may have data in it."""
    response = getattr(error, "response", None) or {}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = response.get("Error", {}).get("Code") or type(error).__name__
    return CallFailed(f"the service answered {str(code)[:100]}", again=status in (0, 429) or status >= 500)


REFUSED_STATUS = (400, 410, 413, 415, 422)
"""Status codes by which a URL refuses what it was sent; any other failure may pass."""
REFUSED_CODES = (
    "InvalidParameter",
    "InvalidParameterValue",
    "ParameterValueInvalid",
    "InvalidArgumentException",
    "ValidationException",
    "ValidationError",
)
"""Codes by which an AWS service refuses what it was sent. Others, such as those of access, an operator can mend."""
ERROR_CODE = re.compile(
    rb'<Code>([A-Za-z0-9._]{1,100})</Code>|"__type"\s*:\s*"(?:[^"]*#)?([A-Za-z0-9._]{1,100})"'
)


def send(url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> tuple[int, bytes]:
    """Post a body and return the status and the body of the answer, which are bounded. Raises CallFailed."""
    import urllib3

    deadline = monotonic() + seconds
    try:
        with urllib3.PoolManager() as pool:
            response = pool.request(
                "POST",
                url,
                body=body,
                headers=dict(headers),
                timeout=seconds,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            return response.status, read_body(response, deadline)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise CallFailed(f"{type(error).__name__} at the URL", again=True) from None


def deliver(url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> None:
    """Post a body to a URL, which takes it by a status from 200 to 299. Raises CallFailed."""
    status, _ = send(url, headers, body, seconds)
    if not 200 <= status <= 299:
        failure = Rejected if status in REFUSED_STATUS else CallFailed
        raise failure(f"the URL answered status {status}")


class AwsCaller:
    """Calls AWS services by their wire, signed with the credentials of the environment if it has any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._credentials: Any = None

    def post(
        self,
        service: str,
        endpoint: str,
        region: str,
        headers: Mapping[str, str],
        body: bytes,
        seconds: float,
    ) -> bytes:
        """Send a signed request and return the body of a 200. Raises CallFailed."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        url = endpoint if endpoint.count("/") > 2 else f"{endpoint}/"
        request = AWSRequest("POST", url, headers=dict(headers), data=body)
        SigV4Auth(self._keys(), service, region).add_auth(request)
        status, answer = send(url, dict(request.headers.items()), body, seconds)
        if status == 200:
            return answer
        found = ERROR_CODE.search(answer)
        code = (found[1] or found[2]).decode() if found else ""
        failure = Rejected if status == 413 or code in REFUSED_CODES else CallFailed
        raise failure(f"the service answered {code or 'status'} ({status})")

    def post_json(
        self, service: str, endpoint: str, region: str, target: str, document: Any, *, seconds: float
    ) -> dict[str, Any]:
        """Call an operation of a service that has the protocol JSON 1.1. Raises CallFailed."""
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
        answer = self.post(service, endpoint, region, headers, json.dumps(document).encode(), seconds)
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError):
            raise CallFailed("the answer of the service is not JSON", again=True) from None
        return found if isinstance(found, dict) else {}

    def _keys(self) -> Any:
        """The credentials now. botocore refreshes those that expire."""
        from botocore.credentials import Credentials
        from botocore.session import get_session

        with self._lock:
            if self._credentials is None:
                self._credentials = get_session().get_credentials() or Credentials(*TEST_KEYS)
            return self._credentials.get_frozen_credentials()
