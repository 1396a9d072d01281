"""Answers that need no application: a connection sends them when there is no request to hand on, or no room for it."""

import json
import logging
from http import HTTPStatus

from threadline.config import Settings
from threadline.errors import told

STATUS_LINES = {int(status): f"HTTP/1.1 {status} {status.phrase}\r\n".encode() for status in HTTPStatus}

log = logging.getLogger("threadline.http")


def refusal(
    settings: Settings, request_id: str, status: int, code: str, message: str, *, is_logged: bool = True
) -> bytes:
    """A whole answer in the manner of the application's, after which the connection is to be closed.

    A 503 says in Retry-After that a second may be enough.
    """
    if is_logged:
        log.info("%s: %s request=%s", code, told(message), request_id)
    body = json.dumps({"message": message, "Message": message}).encode()
    head = [
        STATUS_LINES[status] + b"content-type: application/json",
        b"content-length: %d" % len(body),
        b"x-amzn-requestid: " + request_id.encode(),
        b"x-amzn-errortype: " + code.encode(),
        b"connection: close",
    ]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        head.append(b"retry-after: 1")
    if settings.cors_origins == "*":
        head += [
            b"access-control-allow-origin: *",
            b"access-control-expose-headers: x-amzn-ErrorType, Retry-After",
        ]
    return b"\r\n".join([*head, b"", body])
