"""Errors on the server: from a Fault to a response that every SDK reads as the exception of that name."""

import msgspec

from threadline.aws.model import OperationModel
from threadline.errors import Fault

PROTOCOL_FAULTS = {
    "MissingAuthenticationTokenException": 403,
    "UnrecognizedClientException": 403,
    "InvalidSignatureException": 403,
    "AccessDeniedException": 403,
    "UnknownOperationException": 404,
    "RequestEntityTooLargeException": 413,
    "UpgradeRequiredException": 426,
    "ThrottlingException": 429,
    "TooManyRequestsException": 429,
    "NotImplementedException": 501,
    "ServiceUnavailableException": 503,
}
"""Errors of the protocol itself, by code, with their HTTP status. No operation needs to list them."""

RETRIED = (429, 503)
"""Statuses of errors after which the same call may succeed later. The reply says when."""

Header = tuple[bytes, bytes]
_INTERNAL = ("InternalServiceException", "InternalServerException")


def expected(operation: OperationModel | None, fault: Fault) -> bool:
    """Whether a client may see `fault` from `operation`. Any other fault is a defect of the server."""
    return fault.code in PROTOCOL_FAULTS or (operation is not None and fault.code in operation.statuses)


def fault_response(operation: OperationModel | None, fault: Fault) -> tuple[int, list[Header], bytes]:
    """Status, headers and body that every SDK reads as `fault`.

    A fault that is not `expected` becomes the operation's internal error (500), with a message that discloses nothing.
    Observed: clients read either `message` or `Message`, so the body has both.
    Assumed: a 429 carries Retry-After in whole seconds, and x-amz-retry-after in milliseconds, which botocore's
    standard retries wait for; no source says what Amazon Connect sends.
    """
    code, message, members = fault.code, fault.message, fault.members
    listed = operation.errors if operation else {}
    statuses = operation.statuses if operation else {}
    status = listed.get(code) or PROTOCOL_FAULTS.get(code) or statuses.get(code)
    if status is None:
        code = next((internal for internal in _INTERNAL if internal in listed), _INTERNAL[0])
        status, message, members = 500, "The server failed to answer. Its log says more.", {}
    headers = [(b"content-type", b"application/json"), (b"x-amzn-errortype", code.encode())]
    if status in RETRIED:
        headers += [
            (b"retry-after", b"%d" % max(1, -(-fault.retry_after_ms // 1000))),
            (b"x-amz-retry-after", b"%d" % fault.retry_after_ms),
        ]
    return status, headers, msgspec.json.encode({"message": message, "Message": message, **members})
