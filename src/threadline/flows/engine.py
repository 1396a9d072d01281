"""The flow engine: a pure step from a state and an event to the next state and its effects.

The runner carries out the effect and feeds back its `Outcome`; one action runs at a time. A state is stored as JSON, so
a flow that waits for three days survives a restart. An event that does not fit the state, such as the timer of a Wait
that has already ended, changes nothing.

    (NEW) --Started--> (ACTING) --Outcome--> (ACTING) ...
                          |  ^
                    Pause |  | TimerFired, Interrupted, Outcome with an error
                          v  |
                       (WAITING)                            (ENDED): after End, or once put into a queue
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from threadline.flows.actions import (
    ACTION_FUNCTIONS,
    ACTION_TYPES,
    NO_MATCHING_CONDITION,
    NO_MATCHING_ERROR,
    WAIT_COMPLETED,
    Compared,
    Effect,
    End,
    Failed,
    Pause,
    holds,
)
from threadline.flows.language import Action, Flow
from threadline.flows.references import Context

ACTIONS_WITHOUT_WAIT_MAX = 1_000
"""Actions that a flow may run without a Wait between them. A flow that reaches it has an endless loop."""


class Phase(StrEnum):
    """The phase of a run of a flow."""

    NEW = "new"
    ACTING = "acting"
    WAITING = "waiting"
    ENDED = "ended"


class FlowState(NamedTuple):
    """The state of a flow's run.

    `turn` counts its actions and identifies a Wait to its timer; `burst` counts the actions since the last Wait.
    `events` may end the present Wait early. SendMessage searches the stored JSON for their names.
    """

    phase: Phase = Phase.NEW
    action: str = ""
    turn: int = 0
    burst: int = 0
    events: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Write it as text for the store."""
        return json.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> "FlowState":
        """Read what `to_json` wrote; an empty text is a flow that has not started."""
        if text == "":
            return cls()
        phase, action, turn, burst, events = json.loads(text)
        return cls(Phase(phase), action, turn, burst, tuple(events))


@dataclass(frozen=True, slots=True)
class Started:
    """The customer has connected: the flow starts."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The present effect has succeeded, or failed with `error_type`."""

    error_type: str | None = None


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The time of the Wait that began at `turn` is over."""

    turn: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """An event for which a Wait may wait has happened, such as CustomerReturned."""

    event: str


Event = Started | Outcome | TimerFired | Interrupted


def step(
    flow: Flow, state: FlowState, event: Event, context: Context
) -> tuple[FlowState, tuple[Effect, ...]]:
    """Return the next state and the effects to carry out: one, or none where the event changes nothing.

    `context` is the chat's data that references resolve to. After any effect but Pause and End, feed back its
    Outcome. After a Pause, feed back an Outcome only when it failed.

    Assumed: a flow that has run 1,000 actions without a Wait ends; AWS publishes no such limit.
    Assumed: an error without a branch takes that of NoMatchingError, else NextAction, else the flow ends.
    """
    action = flow.actions.get(state.action)
    match state.phase, event:
        case Phase.NEW, Started():
            return _run(flow, state, flow.start, context)
        case ((Phase.ACTING | Phase.WAITING), _) if action is None:
            return _end(state)
        case Phase.ACTING, Outcome(None) if action and ACTION_TYPES[action.type].ends_in_queue:
            return state._replace(phase=Phase.ENDED), ()
        case Phase.ACTING, Outcome(error_type) if action:
            target = action.next_action if error_type is None else _on_error(action, error_type)
        case Phase.WAITING, Outcome(str(error_type)) if action:
            target = _on_error(action, error_type)
        case Phase.WAITING, TimerFired(turn) if action and turn == state.turn:
            target = _on_result(action, WAIT_COMPLETED)
        case Phase.WAITING, Interrupted(name) if action and name in state.events:
            target = _on_result(action, name)
        case _:
            return state, ()
    return _run(flow, state, target, context)


def _run(
    flow: Flow, state: FlowState, target: str | None, context: Context
) -> tuple[FlowState, tuple[Effect, ...]]:
    """Run actions from `target` on until one has an effect."""
    turn, burst = state.turn, 0 if state.phase is Phase.WAITING else state.burst
    while target is not None and target in flow.actions and burst < ACTIONS_WITHOUT_WAIT_MAX:
        action = flow.actions[target]
        turn, burst = turn + 1, burst + 1
        match ACTION_FUNCTIONS[action.type](action.parameters, context):
            case Failed(error_type):
                target = _on_error(action, error_type)
            case Compared(value):
                target = _on_comparison(action, value, context)
            case End():
                break
            case Pause() as pause:
                return FlowState(Phase.WAITING, target, turn, burst, pause.events), (pause,)
            case effect:
                return FlowState(Phase.ACTING, target, turn, burst), (effect,)
    return _end(state._replace(turn=turn, burst=burst))


def _end(state: FlowState) -> tuple[FlowState, tuple[Effect, ...]]:
    return FlowState(Phase.ENDED, "", state.turn, state.burst), (End(),)


def _on_error(action: Action, error_type: str) -> str | None:
    branches = action.errors
    return branches.get(error_type) or branches.get(NO_MATCHING_ERROR) or action.next_action


def _on_result(action: Action, result: str) -> str | None:
    taken = (condition.next_action for condition in action.conditions if result in condition.operands)
    return next(taken, action.next_action)


def _on_comparison(action: Action, value: str | None, context: Context) -> str | None:
    for condition in action.conditions:
        if holds(condition.operator, value, condition.operands, context):
            return condition.next_action
    return _on_error(action, NO_MATCHING_CONDITION)
