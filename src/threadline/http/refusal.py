"""Answers without an application: for a request that cannot be handed to it, and where there is no room for one."""

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
    """Return a whole answer in the form of the application's. The connection is to be closed after it.

    A 503 asks the client in Retry-After to wait for a second.
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
