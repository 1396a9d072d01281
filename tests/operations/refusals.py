"""The check that a call is refused with a code, an HTTP status and a message."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from threadline.clock import monotonic

INVALID = ("InvalidRequestException", 400)
PARAMETER = ("InvalidParameterException", 400)
NOT_FOUND = ("ResourceNotFoundException", 404)
DENIED = ("AccessDeniedException", 403)
VALIDATION = ("ValidationException", 400)
CONFLICT = ("ConflictException", 409)
UNRECOGNIZED = "UnrecognizedClientException"
QUOTA = ("ServiceQuotaExceededException", 402)


@contextmanager
def refused(what: tuple[str, int], words: str = "") -> Iterator[dict[str, Any]]:
    """Check that the call within is refused with this code and status, and a message that contains `words`.

    Yields a dict that holds the whole response afterwards.
    """
    response: dict[str, Any] = {}
    with pytest.raises(ClientError) as caught:
        yield response
    response |= caught.value.response
    code, status = what
    assert response["Error"]["Code"] == code, response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status, response
    assert words in response["Error"]["Message"], response
    assert response["Error"]["Message"], "a refusal says why"


def answer(reply: dict[str, Any]) -> dict[str, Any]:
    """A reply without the members that botocore adds."""
    return {name: value for name, value in reply.items() if name != "ResponseMetadata"}


def refusal(client: Any) -> str:
    """The code with which a call of a client of `connect` is refused; empty when it is accepted."""
    try:
        client.list_instances()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def see_refused_within_a_second(clients: Sequence[Any]) -> None:
    """Check that all clients are refused by a second from now, whatever process or node takes their calls."""
    at = monotonic()
    while True:
        began = monotonic()
        seen = {refusal(client) for client in clients}
        if seen == {UNRECOGNIZED} or began > at + 1:
            break
    assert seen == {UNRECOGNIZED}, "some process accepts it a second later"
