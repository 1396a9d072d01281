"""The test controls of one server: the faults that a test has set, and the calls that were answered. No I/O.

A server has them under `threadline serve --test-controls` and in a test's own server, and nowhere else.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from threadline.controls.calls import Calls
from threadline.controls.faults import Event, Faults, Rule
from threadline.controls.steps import Steps


class Beginning(NamedTuple):
    """The state in which a test server begins.

    With a `seed`, its clock is frozen and its ids are the same in every run. With a `snapshot`, it begins with the
    chats and at the time of that folder.
    """

    seed: int | None = None
    snapshot: Path | None = None


AS_EVER = Beginning()
"""A server without chats whose clock goes with the real time."""


class ControlRefused(Exception):
    """The server cannot do what a test control asks; the text says why and what to do."""


class ControlledServer(Protocol):
    """The server that test controls are of."""

    def save(self, to: Path) -> None:
        """Save a snapshot as the new folder `to`. Raises ControlRefused."""

    def check(self, beginning: Beginning) -> None:
        """Raise ControlRefused when the server cannot begin anew like this."""

    async def begin_anew(self, beginning: Beginning, answer: Callable[[], None]) -> None:
        """Accept no further connection, `answer` the request that asks for it, and begin anew after that."""

    async def tick(self) -> None:
        """Run all that is due by the clock, and return once it has been committed."""


class Controls:
    """The faults, the calls and the steps of flows of one server.

    `beginning` is set when it is to begin anew after the next answer.
    """

    def __init__(self, server: ControlledServer) -> None:
        self.faults = Faults()
        self.calls = Calls()
        self.steps = Steps()
        self.server = server
        self.beginning: Beginning | None = None

    def fault_of(self, name: str, contact_id: str, now_ms: int) -> Rule | None:
        """The fault of an event that is no call, such as a way into a queue. It is noted among the calls."""
        rule = self.faults.choose(Event(name, "", frozenset({contact_id})))
        if rule is not None:
            call = self.calls.add(now_ms, "", name)
            call.contact_id, call.fault, call.fault_id = contact_id, rule.fault, rule.id
        return rule
