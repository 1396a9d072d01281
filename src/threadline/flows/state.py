"""The state of a flow's run, stored as JSON, and the events that move it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple


class Phase(StrEnum):
    """The phase of a run of a flow."""

    NEW = "new"
    ACTING = "acting"
    WAITING = "waiting"
    ENDED = "ended"


class Frame(NamedTuple):
    """A flow that goes on when the module ends that its `action` has invoked."""

    flow: str
    action: str
    attributes: Mapping[str, Any]


class FlowState(NamedTuple):
    """The state of a flow's run.

    `turn` counts its actions and identifies a Wait or a call to its timer or answer; `burst` counts the actions since
    the flow last waited for somebody. `events` may end the present Wait early; SendMessage searches the stored JSON
    for their names. `flow` is the key of the flow that runs, empty for the one that the run began with; `stack` has
    the flows that invoked the present module. `loops` counts the passes of Loop actions. `values` are read by
    references: by root External, Lex, FlowAttributes and others. `logs` tells whether steps are logged. `asked` tells
    whether a bot is being asked, and `pending` are the customer's messages that it has not got yet.
    """

    phase: Phase = Phase.NEW
    action: str = ""
    turn: int = 0
    burst: int = 0
    events: tuple[str, ...] = ()
    flow: str = ""
    stack: tuple[Frame, ...] = ()
    loops: Mapping[str, int] = {}
    values: Mapping[str, Any] = {}
    logs: bool = False
    asked: bool = False
    pending: tuple[str, ...] = ()
    since_ms: int = 0

    def to_json(self) -> str:
        """Write it as text for the store, without the members that have their first value."""
        given = zip(self._fields, self, FIRST, strict=True)
        return json.dumps({name: value for name, value, first in given if value != first})

    @classmethod
    def from_json(cls, text: str) -> "FlowState":
        """Read what `to_json` wrote; an empty text is a flow that has not started."""
        if text == "":
            return FIRST
        found = json.loads(text)
        if isinstance(found, list):
            found = dict(zip(cls._fields, found, strict=False))
        found["phase"] = Phase(found.get("phase", Phase.NEW))
        for name in ("events", "pending"):
            found[name] = tuple(found.get(name, ()))
        found["stack"] = tuple(Frame(*frame) for frame in found.get("stack", ()))
        return cls(**found)


FIRST = FlowState()


@dataclass(frozen=True, slots=True)
class Started:
    """The customer has connected, or the contact has entered the queue: the flow starts."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The present effect has succeeded, or failed with `error_type`.

    `result` is compared by the action's conditions; `values` are kept for references; `flow` is the key of the flow
    that LoadFlow has found.
    """

    error_type: str | None = None
    result: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    flow: str | None = None


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The time of the Wait that began at `turn` is over."""

    turn: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """An event for which the flow may wait has happened, such as CustomerReturned. A message has a `text`."""

    event: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """The call that was made at `turn` has its outcome. An outcome without error and result leaves a talk open."""

    turn: int
    outcome: Outcome


Event = Started | Outcome | TimerFired | Interrupted | Answered


class Step(NamedTuple):
    """One action that has run: its flow's key, identifier, type and filled parameters, its result and the next action.

    `result` is an error type if it has `failed`, a branch's value, `Waiting` for an action that the flow waits in, or
    None. `logged` tells whether the logging of its flow is on. `milliseconds` is how long it has waited, which the
    runner knows.
    """

    flow: str
    identifier: str
    type: str
    parameters: Mapping[str, Any]
    result: str | None
    next_action: str | None
    failed: bool = False
    logged: bool = False
    milliseconds: int = 0
