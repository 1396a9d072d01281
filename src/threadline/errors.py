"""The one exception that answers a caller.

    Exception
    └── Fault            any refusal that reaches a client: a code of the service model and a sentence for a person

There is no tree below it on purpose: what tells two refusals apart is the code, and the codes are the model's.
"""

from typing import Any


class Fault(Exception):
    """A refusal with the exception name of the service model (`InvalidRequestException`) and a sentence.

    `members` are further members of the reply body, such as `problems` of InvalidContactFlowException.
    `retry_after_ms` is how long a client should wait before it repeats a call that was refused with 429 or 503.
    The HTTP status is the model's; faults of the wire itself (a bad signature, an unknown path) have theirs in `wire`.
    """

    def __init__(self, code: str, message: str, *, retry_after_ms: int = 1_000, **members: Any) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.members = members
        self.retry_after_ms = retry_after_ms

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
