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


class MadeCalls(list[MadeCall]):
    """Calls in their order."""

    def of(self, operation: str, *, fault: str | None = None, **members: Any) -> MadeCalls:
        """The calls of an operation: those with this fault (empty: none), and with these members in their request."""
        return MadeCalls(
            call
            for call in self
            if call.operation == operation
            and fault in (None, call.fault)
            and all(call.request.get(name) == value for name, value in members.items())
        )

    def __str__(self) -> str:
        lines = (
            f"{call.number:>4} {call.operation} {call.status}{' ' * bool(call.error)}{call.error}"
            f"{f' [{call.fault}]' if call.fault else ''} {json.dumps(call.request, sort_keys=True)}"
            for call in self
        )
        return "\n".join(lines) or "  none"


FlowStep = dict[str, Any]
"""An entry of the flow log, with the members of ListFlowSteps; Parameters are an object."""


class MessageVerdict(NamedTuple):
    """How many messages senders were told of, which of them are lost, and which stand in a transcript too often."""

    acknowledged: int
    lost: list[dict[str, str]]
    doubled: list[dict[str, str]]


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
    def calls(self) -> MadeCalls:
        """The calls since the server's start, oldest first."""
        pages = self.threadline.get_paginator("list_calls").paginate(PaginationConfig={"PageSize": 1000})
        return MadeCalls(_made(call) for page in pages for call in page["Calls"])

    @property
    def steps(self) -> list[FlowStep]:
        """The blocks of flows that have run since the server's start, oldest first."""
        pages = self.threadline.get_paginator("list_flow_steps").paginate(PaginationConfig={"PageSize": 1000})
        return [
            {**step, "Parameters": json.loads(step["Parameters"])} for page in pages for step in page["Steps"]
        ]

    def assert_called(
        self, operation: str, *, times: int | None = None, fault: str | None = None, **members: Any
    ) -> MadeCalls:
        """Assert that an operation was called, `times` times if given; see `MadeCalls.of`. Returns these calls."""
        calls = self.calls
        found = calls.of(operation, fault=fault, **members)
        wanted = "at least once" if times is None else _times(times)
        if (not found) if times is None else len(found) != times:
            asked = ", ".join(
                [operation, *([fault] if fault else []), *(f"{k}={v!r}" for k, v in members.items())]
            )
            raise AssertionError(
                f"{asked}: wanted {wanted}, found {_times(len(found))}. The calls were:\n{calls}"
            )
        return found

    def verdict(self) -> MessageVerdict:
        """Compare the messages that senders were told of with the transcripts."""
        reply = self.threadline.check_messages()
        return MessageVerdict(reply["AcknowledgedCount"], reply["Lost"], reply["Doubled"])

    def assert_no_message_lost_or_doubled(self) -> None:
        """Assert that each acknowledged message stands in its transcript, once."""
        verdict = self.verdict()
        said = [f"lost: {message}" for message in verdict.lost]
        said += [f"doubled: {message}" for message in verdict.doubled]
        if said:
            raise AssertionError("\n".join([f"of {verdict.acknowledged} acknowledged messages", *said]))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


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
