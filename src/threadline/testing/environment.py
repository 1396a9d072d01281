"""The environment variables by which code under test finds a test server, and none that the shell has named.

`applied` sets them for a while, takes away what would lead elsewhere, and has boto3 forget its default session.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

SEALED = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""Variables with which an AWS client reads no configuration file, and asks no metadata service of the machine."""

PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@contextmanager
def applied(wanted: Mapping[str, str], unwanted: Iterable[str]) -> Iterator[None]:
    """Set the variables `wanted` and `SEALED`, and no `unwanted` one nor a proxy, until the block ends.

    boto3 has no default session when it begins. Then each variable and the default session are as they were, so it may
    stand within moto's `mock_aws` or around it.
    """
    wanted, unwanted = {**wanted, **SEALED}, (*unwanted, *PROXIES)
    before = {name: os.environ.get(name) for name in (*unwanted, *wanted)}
    session = _replace_default_session(None)
    for name in unwanted:
        os.environ.pop(name, None)
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _replace_default_session(session)


def _replace_default_session(session: object) -> object:
    """Give boto3 another default session; returns the one that it had. Nothing happens where boto3 is not loaded."""
    boto3: Any = sys.modules.get("boto3")
    if boto3 is None:
        return None
    before, boto3.DEFAULT_SESSION = boto3.DEFAULT_SESSION, session
    return before
