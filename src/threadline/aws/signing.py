"""Signature version 4, as a client makes it. Source: the AWS General Reference, "Signing AWS API requests"."""

import hashlib
import hmac
from typing import NamedTuple
from urllib.parse import quote, unquote_plus

UNRESERVED = "-._~"


class Credentials(NamedTuple):
    """A key that signs. `token` is that of a temporary key. `source` says where it was found."""

    access_key_id: str
    secret_access_key: str
    token: str | None = None
    source: str = ""


def sign(
    method: str,
    path: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
    credentials: Credentials,
    region: str,
    service: str,
    stamp: str,
) -> dict[str, str]:
    """`headers` (host among them) and those that sign them.

    `path` and `query` are as sent, percent-encoded; `stamp` is the time as 20261122T142649Z.
    """
    signed = {**headers, "X-Amz-Date": stamp}
    if credentials.token:
        signed["X-Amz-Security-Token"] = credentials.token
    lowered = {name.lower(): " ".join(value.split()) for name, value in signed.items()}
    names = ";".join(sorted(lowered))
    canonical = "\n".join(
        (
            method,
            quote(path, safe="/" + UNRESERVED) or "/",
            _canonical_query(query),
            *(f"{name}:{lowered[name]}" for name in sorted(lowered)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    signed["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return signed


def _canonical_query(query: str) -> str:
    pairs = []
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        pairs.append(
            (quote(unquote_plus(name), safe=UNRESERVED), quote(unquote_plus(value), safe=UNRESERVED))
        )
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))
