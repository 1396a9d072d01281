"""The one exception that becomes an error response.

    Exception
    └── Fault            any refusal that reaches a client: a code of the service model and a message for a person

It has no subclasses on purpose: the code distinguishes two refusals, and the codes are the model's.
"""

import re
import traceback
from typing import Any

TOLD_MAX = 400
_RUN = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Fault(Exception):
    """A refusal with the exception name of the service model (`InvalidRequestException`) and a message.

    `members` are further members of the reply body, such as `problems` of InvalidContactFlowException.
    `retry_after_ms` is the time a client should wait before it repeats a call that was refused with 429 or 503.
    The HTTP status is the model's. That of the protocol's own faults, such as a bad signature, is in `aws.faults`.
    """

    def __init__(self, code: str, message: str, *, retry_after_ms: int = 1_000, **members: Any) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.members = members
        self.retry_after_ms = retry_after_ms

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def told(message: str) -> str:
    """The message of a refusal for a log: on one line, shortened, and without tokens and secrets.

    A message may quote a value of the request, and a client may have sent a token in place of an id.
    """
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in message[:TOLD_MAX])
    return _RUN.sub(lambda run: "(not shown)" if _is_secret(run[0]) else run[0], shown) + (
        "…" if len(message) > TOLD_MAX else ""
    )


def _is_secret(run: str) -> bool:
    """Whether a run of characters may be random: it is not only letters and not made of UUIDs."""
    rest = _UUID.sub("", run)
    return len(rest) >= 32 and not rest.isalpha()


def where(error: BaseException) -> str:
    """The type of an error and its traceback's lines, without its message, which may quote a customer."""
    frames = traceback.extract_tb(error.__traceback__)
    return "\n".join([type(error).__name__, *(f"  {f.filename}:{f.lineno} {f.name}" for f in frames)])
