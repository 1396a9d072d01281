"""The steps of flows, kept for tests: one entry of the flow log for each block that has run."""

from collections.abc import Mapping
from typing import Any

STEPS_MAX = 100_000
"""Steps that are kept; the oldest are forgotten first."""


class Steps:
    """The steps of all flows of one server since its start or its last reset."""

    def __init__(self) -> None:
        self._steps: list[Mapping[str, Any]] = []
        self._first = 1

    def add(self, step: Mapping[str, Any]) -> None:
        """Keep a step."""
        self._steps.append(step)
        if len(self._steps) > STEPS_MAX:
            del self._steps[: STEPS_MAX // 10]
            self._first += STEPS_MAX // 10

    def after(self, number: int, limit: int) -> list[tuple[int, Mapping[str, Any]]]:
        """The first `limit` steps whose number is above `number`, with their numbers."""
        begin = max(0, number - self._first + 1)
        found = self._steps[begin : begin + limit]
        return [(self._first + begin + place, step) for place, step in enumerate(found)]
