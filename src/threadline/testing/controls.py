"""Test controls, as a test in Python uses them: `fail`, `faults`, `calls`. They are operations of the server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from datetime import datetime

    from threadline.testing.people import Person


class FaultHandle:
    """A fault that was set, until `clear`; as a context manager, until its block ends."""

    def __init__(self, client: Any, fault_id: str) -> None:
        self._client = client
        self._fired = 0
        self.id = fault_id

    @property
    def fired(self) -> int:
        """How often it has happened, until it was cleared."""
        self._is_set()
        return self._fired

    def clear(self) -> None:
        """Have it happen no more."""
        if self._is_set():
            self._client.clear_faults(FaultId=self.id)

    def _is_set(self) -> bool:
        for fault in self._client.list_faults()["Faults"]:
            if fault["FaultId"] == self.id:
                self._fired = fault["Fired"]
                return True
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()


class MadeCall(NamedTuple):
    """A call that the server was asked; see the operation ListCalls."""

    number: int
    at: datetime
    operation: str
    participant_id: str
    contact_id: str
    request: dict[str, Any]
    status: int
    error: str
    response: dict[str, Any]
    acknowledged: bool
    fault: str
    fault_id: str


class Controllable:
    """A workspace of a server with test controls."""

    threadline: Any

    def fail(
        self,
        operation: str | None,
        fault: str,
        *,
        times: int | None = None,
        probability: float | None = None,
        seed: int | None = None,
        participant: Person | str | None = None,
        contact: Person | str | None = None,
        seconds: float | None = None,
        message: str | None = None,
    ) -> FaultHandle:
        """Have calls of `operation` fail from now on, with an error code or in another way; see docs/faults.md.

        `operation` is also `WebSocket` (a handshake), `Frame` (an item that is pushed) or None (every operation).
        """
        members = {
            "Operation": operation,
            "Fault": fault,
            "Times": times,
            "Probability": probability,
            "Seed": seed,
            "ParticipantId": getattr(participant, "participant_id", participant),
            "ContactId": getattr(contact, "contact_id", contact),
            "Seconds": seconds,
            "Message": message,
        }
        given = {name: value for name, value in members.items() if value is not None}
        return FaultHandle(self.threadline, self.threadline.set_fault(**given)["FaultId"])

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.threadline.clear_faults()

    @property
    def calls(self) -> list[MadeCall]:
        """The calls since the server's start, oldest first."""
        pages = self.threadline.get_paginator("list_calls").paginate(PaginationConfig={"PageSize": 1000})
        return [_made(call) for page in pages for call in page["Calls"]]


def _made(call: dict[str, Any]) -> MadeCall:
    return MadeCall(
        call["Number"],
        call["Timestamp"],
        call["Operation"],
        call.get("ParticipantId", ""),
        call.get("ContactId", ""),
        json.loads(call["Request"]),
        call["Status"],
        call.get("Error", ""),
        json.loads(call["Response"]),
        call["Acknowledged"],
        call.get("Fault", ""),
        call.get("FaultId", ""),
    )
