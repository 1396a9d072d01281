"""The flow engine: a pure step from a state and an event to the next state and its effects.

The runner carries out the effect and feeds back its `Outcome`; one action runs at a time. A state is stored as JSON, so
a flow that waits for three days survives a restart. An event that does not fit the state, such as the timer of a Wait
that has already ended, changes nothing.

    (NEW) --Started--> (ACTING) --Outcome--> (ACTING) ...
                          |  ^
          Pause or a call |  | TimerFired, Interrupted, Answered, Outcome with an error
                          v  |
                       (WAITING)                            (ENDED): after End, or once put into a queue
"""

from collections import ChainMap
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from typing import Any, cast

from threadline.flows.actions import ACTION_FUNCTIONS, ACTION_TYPES
from threadline.flows.actions.branching import WAIT_COMPLETED, holds
from threadline.flows.effects import (
    INPUT_TIME_LIMIT_EXCEEDED,
    NO_MATCHING_CONDITION,
    NO_MATCHING_ERROR,
    TIME_LIMIT_EXCEEDED,
    Announce,
    AskBot,
    CallService,
    Compared,
    Counted,
    Effect,
    End,
    Failed,
    InvokeLambda,
    Passed,
    Pause,
    Remember,
    Return,
    ShowView,
)
from threadline.flows.language import Action, Flow
from threadline.flows.readers import anything
from threadline.flows.references import Context, fill_all
from threadline.flows.state import (
    Answered,
    Event,
    FlowState,
    Frame,
    Interrupted,
    Outcome,
    Phase,
    Started,
    Step,
    TimerFired,
)
from threadline.jsontext import decode

ACTIONS_WITHOUT_WAIT_MAX = 1_000
"""Actions that a flow may run without a Wait between them. A flow that reaches it has an endless loop."""
MODULE_LEVELS_MAX = 5
"""Modules that may be inside each other. Source: Admin Guide, flow modules."""
VIEW_ANSWERED = "ViewAnswered"
"""The event for which a flow waits while it shows a view."""
HIDDEN = "AnswerHidden"
"""Beside `VIEW_ANSWERED`: the data of the answer is kept out of the transcript. It never happens by itself."""
CUSTOMER_MESSAGE = "CustomerMessage"
"""The event for which a flow waits while a bot talks with the customer."""
STEP_CHARACTERS_MAX = 65_536

Library = Mapping[str, Flow]
"""The flows by key; the empty key is the flow that the run began with."""
Watch = Callable[[Step], None]
Moved = tuple[FlowState, tuple[Effect, ...]]
_TIMED_OUT = {
    "Wait": Outcome(result=WAIT_COMPLETED),
    "ConnectParticipantWithLexBot": Outcome(INPUT_TIME_LIMIT_EXCEEDED),
    "ShowView": Outcome(TIME_LIMIT_EXCEEDED),
}


def step(
    library: Library,
    state: FlowState,
    event: Event,
    context: Context,
    watch: Watch | None = None,
    *,
    always: bool = False,
) -> Moved:
    """Return the next state and the effects to carry out: one, or none where the event changes nothing.

    `context` is the chat's data that references resolve to. After any effect but End and those that the flow waits
    in, feed back its Outcome. After one that it waits in, feed back an Outcome only when it failed. `watch` gets each
    action that has run while the flow's logging is on, or `always`.

    Assumed: a flow that has run 1,000 actions without a Wait ends; AWS publishes no such limit.
    Assumed: an error without a branch takes that of NoMatchingError, else NextAction, else the flow ends.
    """
    return _Stepper(library, context, watch, always=always).on(state, event)


class _Stepper:
    """The state of one step."""

    def __init__(self, library: Library, context: Context, watch: Watch | None, *, always: bool) -> None:
        self.library = library
        self.context = context
        self.watch = watch
        self.always = always

    def on(self, state: FlowState, event: Event) -> Moved:
        """Give `state` the event."""
        action = self._action(state)
        match state.phase, event:
            case Phase.NEW, Started():
                return self._run(state, self.library[state.flow].start)
            case ((Phase.ACTING | Phase.WAITING), _) if action is None:
                return self._end(state, End())
            case Phase.ACTING, Outcome() if action:
                return self._go_on(state, action, event)
            case Phase.WAITING, Outcome(str()) if action:
                return self._go_on(state, action, event)
            case Phase.WAITING, TimerFired(turn) if (
                action and turn == state.turn and action.type in _TIMED_OUT
            ):
                return self._go_on(state._replace(burst=0), action, _TIMED_OUT[action.type])
            case Phase.WAITING, Interrupted(name) if action and name in state.events:
                if name == CUSTOMER_MESSAGE:
                    return self._ask(state._replace(pending=(*state.pending, event.text), burst=0), action)
                if name == VIEW_ANSWERED:
                    outcome = _answer_of_view(event.text)
                    return self._go_on(state._replace(burst=0), action, outcome) if outcome else (state, ())
                return self._go_on(state._replace(burst=0), action, Outcome(result=name))
            case Phase.WAITING, Answered(turn, outcome) if action and turn == state.turn:
                state = state._replace(asked=False)
                if CUSTOMER_MESSAGE in state.events and outcome.error_type is outcome.result is None:
                    return self._ask(self._keep(state, outcome.values), action)
                return self._go_on(state, action, outcome)
        return state, ()

    def _context(self, state: FlowState) -> Context:
        """The chat's data, with the values that the run keeps before it."""
        if not state.values:
            return self.context
        kept = cast("MutableMapping[str, Any]", state.values)
        return ChainMap(kept, cast("MutableMapping[str, Any]", self.context))

    def _action(self, state: FlowState) -> Action | None:
        flow = self.library.get(state.flow)
        return flow.actions.get(state.action) if flow else None

    def _keep(self, state: FlowState, values: Mapping[str, Any]) -> FlowState:
        return state._replace(values={**state.values, **values}) if values else state

    def _ask(self, state: FlowState, action: Action) -> Moved:
        """Send the bot the next message that waits, or wait for one. A bot is asked one message at a time."""
        if state.asked:
            return state, ()
        found = ACTION_FUNCTIONS[action.type](action.parameters, self._context(state))
        if not isinstance(found, AskBot):
            return self._go_on(state, action, Outcome(NO_MATCHING_ERROR))
        message, pending = (state.pending[0], state.pending[1:]) if state.pending else (None, ())
        attributes = {} if state.values.get("Lex") else found.attributes
        state = state._replace(turn=state.turn + 1, asked=message is not None, pending=pending)
        return state, (replace(found, text=None, message=message, attributes=attributes),)

    def _go_on(self, state: FlowState, action: Action, outcome: Outcome) -> Moved:
        """Leave `action` with its outcome."""
        state = self._keep(state, outcome.values)._replace(asked=False, pending=(), events=())
        if outcome.error_type is not None:
            target = _on_error(action, outcome.error_type)
        elif outcome.flow is not None:
            return self._enter(state, action, outcome.flow)
        elif ACTION_TYPES[action.type].ends_in_queue:
            self._note(state, action, "Success", None)
            return state._replace(phase=Phase.ENDED), ()
        elif outcome.result is not None:
            target = self._on_result(state, action, outcome.result)
        else:
            target = action.next_action
        failed = outcome.error_type is not None
        self._note(state, action, outcome.error_type or outcome.result, target, failed=failed)
        return self._run(state, target)

    def _enter(self, state: FlowState, action: Action, key: str) -> Moved:
        """Begin the flow or module that LoadFlow has found."""
        kept = state.values.get("FlowAttributes", {})
        if action.type == "InvokeFlowModule":
            if len(state.stack) >= MODULE_LEVELS_MAX:
                return self._go_on(state, action, Outcome(NO_MATCHING_ERROR))
            given = fill_all(action.parameters.get("Input") or {}, self._context(state), STEP_CHARACTERS_MAX)
            state = self._keep(state, {"Modules": {"Input": given}})
            state = state._replace(stack=(*state.stack, Frame(state.flow, state.action, kept)))
        else:
            state = state._replace(stack=(), loops={})
        self._note(state, action, "Success", None)
        if kept:
            state = self._keep(state, {"FlowAttributes": {}})
        flow = self.library.get(key)
        return self._run(state._replace(flow=key), flow.start if flow else None)

    def _return(self, state: FlowState, returned: Return) -> tuple[FlowState, str | None]:
        """Go back to the flow that invoked the module; return the action that follows there."""
        *rest, frame = state.stack
        state = state._replace(flow=frame.flow, action=frame.action, stack=tuple(rest))
        values = {
            "Modules": {"Result": returned.result, "ResultData": returned.data},
            "FlowAttributes": frame.attributes,
        }
        state, action = self._keep(state, values), self._action(state)
        if action is None:
            return state, None
        if returned.result is None:
            return state, action.next_action or _on_error(action, NO_MATCHING_CONDITION)
        return state, self._on_result(state, action, returned.result)

    def _run(self, state: FlowState, target: str | None) -> Moved:
        """Run actions from `target` on until one has an effect."""
        flow = self.library.get(state.flow)
        while flow and target is not None and state.burst < ACTIONS_WITHOUT_WAIT_MAX:
            if target not in flow.actions:
                break
            action = flow.actions[target]
            state = state._replace(action=target, turn=state.turn + 1, burst=state.burst + 1)
            context = self._context(state)
            result: str | None = None
            match ACTION_FUNCTIONS[action.type](action.parameters, context):
                case Failed(error_type):
                    self._note(state, action, error_type, _on_error(action, error_type), failed=True)
                    target = _on_error(action, error_type)
                    continue
                case Passed():
                    target = action.next_action
                case Remember(values, logs):
                    state = self._keep(state, values)
                    state = state if logs is None else state._replace(logs=logs)
                    target = action.next_action
                case Compared(value):
                    result, target = value, self._on_comparison(action, value, context)
                case Counted(limit):
                    state, result = _count(state, limit)
                    target = self._on_result(state, action, result)
                case Return() as returned if state.stack:
                    self._note(state, action, returned.result, None)
                    state, target = self._return(state, returned)
                    flow = self.library.get(state.flow)
                    continue
                case (End() | Return()) as end:
                    self._note(state, action, None, None)
                    return self._end(state, end if isinstance(end, End) else End())
                case effect:
                    return self._wait(state, action, effect)
            self._note(state, action, result, target)
        return self._end(state, End())

    def _wait(self, state: FlowState, action: Action, effect: Effect) -> Moved:
        """Hand `effect` to the runner."""
        events: tuple[str, ...] = ()
        asked = False
        match effect:
            case Pause():
                events = effect.events
            case AskBot():
                events, asked = (CUSTOMER_MESSAGE,), effect.message is not None
                state = self._keep(state, {"Lex": {}})
            case ShowView():
                events = (VIEW_ANSWERED, *((HIDDEN,) if effect.hides_answer else ()))
            case InvokeLambda(waits=True) | CallService() | Announce():
                pass
            case _:
                return state._replace(phase=Phase.ACTING), (effect,)
        self._note(state, action, "Waiting", None)
        return state._replace(phase=Phase.WAITING, events=events, asked=asked), (effect,)

    def _end(self, state: FlowState, end: End) -> Moved:
        return state._replace(phase=Phase.ENDED, action="", events=()), (end,)

    def _on_result(self, state: FlowState, action: Action, result: str) -> str | None:
        return self._on_comparison(action, result, self._context(state))

    def _on_comparison(self, action: Action, value: str | None, context: Context) -> str | None:
        for condition in action.conditions:
            if holds(condition.operator, value, condition.operands, context):
                return condition.next_action
        return (
            action.errors.get(NO_MATCHING_CONDITION)
            or action.next_action
            or action.errors.get(NO_MATCHING_ERROR)
        )

    def _note(
        self,
        state: FlowState,
        action: Action,
        result: str | None,
        target: str | None,
        *,
        failed: bool = False,
    ) -> None:
        if self.watch is not None and (state.logs or self.always):
            filled = fill_all(dict(action.parameters), self._context(state), STEP_CHARACTERS_MAX)
            step = Step(
                state.flow, action.identifier, action.type, filled or {}, result, target, failed, state.logs
            )
            self.watch(step)


def _answer_of_view(text: str) -> Outcome | None:
    """The outcome of a customer's answer to a view: its action, and its data for `$.Views`. None for anything else.

    Observed: Amazon's chat widget sends the action, the data and the template type, and the action " " for a text.
    """
    try:
        answer = anything(decode(text))
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or answer.get("templateType") != "ViewResource":
        return None
    action = answer.get("action")
    if not isinstance(action, str) or not action:
        return None
    return Outcome(result=action, values={"Views": {"Action": action, "ViewResultData": answer.get("data")}})


def _count(state: FlowState, limit: int) -> tuple[FlowState, str]:
    """Count one pass through the loop at which the flow is."""
    key = f"{len(state.stack)}/{state.flow}/{state.action}"
    passes = state.loops.get(key, 0)
    if passes < limit:
        return state._replace(loops={**state.loops, key: passes + 1}), "ContinueLooping"
    return state._replace(loops={name: n for name, n in state.loops.items() if name != key}), "DoneLooping"


def _on_error(action: Action, error_type: str) -> str | None:
    branches = action.errors
    return branches.get(error_type) or branches.get(NO_MATCHING_ERROR) or action.next_action
