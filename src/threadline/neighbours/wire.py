"""Calls to neighbours: AWS's own wire through botocore, or JSON to a plain HTTP URL. They block; threads run them.

botocore is imported at the first call. A call reads a bounded answer in a bounded time.
"""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from threadline.clock import monotonic

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


class Body(Protocol):
    """The body of an answer, as botocore and urllib3 give it."""

    def read(self, amt: int) -> bytes:
        """Read up to `amt` bytes, none at the end."""


def read_body(body: Body, deadline: float) -> bytes:
    """Read an answer until its end. Raises CallFailed when it is too large or too slow."""
    parts: list[bytes] = []
    size = 0
    while part := body.read(CHUNK_BYTES):
        parts.append(part)
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            raise CallFailed(f"the answer has more than {ANSWER_BYTES_MAX} bytes")
        if monotonic() > deadline:
            raise CallFailed("the answer came too slowly")
    return b"".join(parts)


def post(url: str, document: Mapping[str, Any], call_id: str, seconds: float) -> bytes:
    """Send JSON to a URL and return the body of a 200. Raises CallFailed."""
    import urllib3

    deadline = monotonic() + seconds
    headers = {"Content-Type": "application/json", "X-Threadline-Call-Id": call_id}
    try:
        with urllib3.PoolManager() as pool:
            response = pool.request(
                "POST",
                url,
                body=json.dumps(document).encode(),
                headers=headers,
                timeout=seconds,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = read_body(response, deadline)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise CallFailed(f"{type(error).__name__} at the URL", again=True) from None
    if response.status != 200:
        again = response.status == 429 or response.status >= 500
        raise CallFailed(f"the URL answered status {response.status}", again=again)
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
