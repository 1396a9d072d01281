"""Generated flows: of every action, with modules, loops, calls and any events, they end or wait, and never raise."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.flows.flows import END, Document, content, do, on
from threadline.flows.actions import ACTION_TYPES
from threadline.flows.effects import End, LoadFlow, Waiting
from threadline.flows.engine import ACTIONS_WITHOUT_WAIT_MAX, step
from threadline.flows.language import ACTIONS_MAX, CONTENT_CHARACTERS_MAX, Flow, parse
from threadline.flows.state import (
    Answered,
    Event,
    FlowState,
    Interrupted,
    Outcome,
    Phase,
    Started,
    Step,
    TimerFired,
)

TEXTS = st.sampled_from(
    ["Hello", "$.Attributes.name", "$.External.x", "a $.Lex.IntentName b", "$.FlowAttributes['n']"]
)
ONES = st.sampled_from(["fixed", "$.Attributes.name", "$.Modules.Result", "$.Nothing.at.all"])
COUNTS = st.sampled_from(["0", "1", "3", "$.Attributes.count", "$.Attributes.name"])
SECONDS = st.sampled_from(["1", "60", "$.Attributes.count"])
ANYTHING = st.dictionaries(st.sampled_from(["A", "B"]), TEXTS, max_size=2)
PARAMETERS: dict[str, st.SearchStrategy[Document]] = {
    "MessageParticipant": st.one_of(
        st.fixed_dictionaries({"Text": TEXTS}),
        st.fixed_dictionaries({"SSML": st.just("<speak>Hi $.Attributes.name</speak>")}),
        st.fixed_dictionaries({"PromptId": ONES}),
    ),
    "MessageParticipantIteratively": st.fixed_dictionaries(
        {"Messages": st.lists(st.fixed_dictionaries({"Text": TEXTS}), min_size=1, max_size=2)}
    ),
    "ShowView": st.fixed_dictionaries(
        {"ViewResource": st.fixed_dictionaries({"Id": ONES}), "ViewData": ANYTHING}
    ),
    "UpdateContactTextToSpeechVoice": st.just({"TextToSpeechVoice": "Joanna"}),
    "CreatePersistentContactAssociation": st.fixed_dictionaries(
        {"RehydrationType": st.just("FROM_SEGMENT"), "SourceContactId": ONES}
    ),
    "UpdateContactAttributes": st.fixed_dictionaries({"Attributes": st.fixed_dictionaries({"a": TEXTS})}),
    "UpdateFlowAttributes": st.fixed_dictionaries(
        {"FlowAttributes": st.fixed_dictionaries({"n": st.fixed_dictionaries({"Value": TEXTS})})}
    ),
    "TagContact": st.fixed_dictionaries({"Tags": st.fixed_dictionaries({"t": TEXTS})}),
    "UntagContact": st.just({"TagKeys": ["t"]}),
    "UnTagContact": st.just({"TagKeys": ["t"]}),
    "UpdateContactEventHooks": st.fixed_dictionaries(
        {
            "EventHooks": st.sampled_from(
                [{"CustomerQueue": "f"}, {"CustomerHold": "f"}, {"CustomerRemaining": "$.External.f"}]
            )
        }
    ),
    "UpdateContactRoutingBehavior": st.fixed_dictionaries({"QueuePriority": COUNTS}),
    "UpdateContactRoutingCriteria": st.fixed_dictionaries({"RoutingCriteria": ANYTHING}),
    "UpdateRoutingCriteria": st.fixed_dictionaries({"RoutingCriteria": st.just("$.External")}),
    "UpdateFlowLoggingBehavior": st.sampled_from(
        [{"FlowLoggingBehavior": "Enabled"}, {"FlowLoggingBehavior": "Disabled"}]
    ),
    "Compare": st.fixed_dictionaries(
        {"ComparisonValue": st.sampled_from(["$.Attributes.name", "$.Attributes.count", "$.No"])}
    ),
    "Loop": st.fixed_dictionaries({"LoopCount": COUNTS}),
    "CheckMetricData": st.fixed_dictionaries({"MetricType": st.just("NumberOfContactsInQueue")}),
    "CheckStaffing": st.fixed_dictionaries({"MetricType": st.just("NumberOfAgentsOnline")}),
    "Wait": st.one_of(
        st.fixed_dictionaries({"TimeLimitSeconds": SECONDS}),
        st.fixed_dictionaries({"TimeoutSeconds": SECONDS, "Events": st.just(["CustomerReturned"])}),
    ),
    "UpdateContactTargetQueue": st.one_of(
        st.fixed_dictionaries({"QueueId": ONES}), st.fixed_dictionaries({"AgentId": ONES})
    ),
    "TransferToFlow": st.fixed_dictionaries({"ContactFlowId": ONES}),
    "InvokeFlowModule": st.fixed_dictionaries({"FlowModuleId": ONES, "Input": ANYTHING}),
    "InvokeLambdaFunction": st.fixed_dictionaries(
        {"LambdaFunctionARN": ONES, "InvocationType": st.sampled_from(["SYNCHRONOUS", "ASYNCHRONOUS"])}
    ),
    "ConnectParticipantWithLexBot": st.fixed_dictionaries(
        {"LexV2Bot": st.fixed_dictionaries({"AliasArn": ONES}), "Text": TEXTS}
    ),
    "EndFlowModuleExecution": st.one_of(
        st.just({}), st.fixed_dictionaries({"Result": ONES, "ResultData": ANYTHING})
    ),
}
"""Parameters of the actions that need some; the others take any, or none."""
VALUES = ["CHAT", "1", "True", "$.Attributes.name", "result"]
KEYS = ["m", "f"]


@st.composite
def actions(draw: st.DrawFn, types: list[str]) -> dict[str, Document]:
    """Actions of the given types with random parameters and branches."""
    names = [f"a{number}" for number in range(len(types))]
    target = st.sampled_from([*names, "end"])

    def conditions(kind: Any, parameters: Document) -> list[tuple[str, list[str], str]]:
        if kind.results is not None:
            return [("Equals", [result], draw(target)) for result in kind.results(parameters)]
        if not kind.operators or draw(st.booleans()):
            return []
        operator = draw(st.sampled_from(kind.operators))
        operand = "1" if operator.startswith("Number") else draw(st.sampled_from(VALUES))
        return [(operator, [operand], draw(target))]

    flow: dict[str, Document] = {}
    for name, type_ in zip(names, types, strict=True):
        kind = ACTION_TYPES[type_]
        parameters = draw(PARAMETERS.get(type_, ANYTHING if kind.open else st.just({})))
        if kind.terminal:
            flow[name] = {"Type": type_, "Parameters": parameters, "Transitions": {}}
            continue
        errors = {error: draw(target) for error in kind.all_errors if draw(st.booleans())}
        then = draw(target) if kind.needs_next or draw(st.booleans()) else None
        made = do(type_, parameters, then, **errors)
        flow[name] = on(made, *conditions(kind, parameters))
    return flow


def of_types(draw: st.DrawFn, type_: str) -> Flow:
    allowed = sorted(name for name, kind in ACTION_TYPES.items() if kind.allows(type_))
    types = draw(st.lists(st.sampled_from(allowed), min_size=1, max_size=6))
    return parse(content(**draw(actions(types)), end=END), type_)


@st.composite
def libraries(draw: st.DrawFn) -> dict[str, Flow]:
    """A flow, a module and another flow, which may all lead to each other."""
    types = {"": "CONTACT_FLOW", "m": "MODULE", "f": "CONTACT_FLOW"}
    return {key: of_types(draw, type_) for key, type_ in types.items()}


RESULTS = st.sampled_from([None, "1", "True", "result", "ContinueLooping"])
OUTCOMES = st.one_of(
    st.builds(
        Outcome, st.sampled_from(["NoMatchingError", "QueueAtCapacity", "TimeLimitExceeded", "Whatever"])
    ),
    st.builds(lambda result: Outcome(result=result, values={"External": {"x": "1"}}), RESULTS),
    st.just(Outcome(values={"Lex": {"IntentName": "Help"}})),
)
ANSWERS = st.lists(st.tuples(OUTCOMES, st.sampled_from(KEYS), st.integers(0, 3)), min_size=40, max_size=40)
CONTEXT = {
    "Attributes": {"name": "Ada", "count": "2"},
    "Channel": "CHAT",
    "Percent": 30,
    "FlowType": "CONTACT_FLOW",
}


def test_every_type_of_action_can_be_generated() -> None:
    needs = {name for name, kind in ACTION_TYPES.items() if kind.required or kind.one_of or kind.any_of}
    assert needs - {"UpdateContactData"} <= set(PARAMETERS)


@given(libraries(), ANSWERS)
def test_a_flow_of_any_actions_ends_or_waits_and_never_raises(
    library: dict[str, Flow], answers: list[tuple[Outcome, str, int]]
) -> None:
    state, event, steps = FlowState(), Started(), list[Step]()
    pending: Event = event
    for outcome, key, choice in answers:
        state = FlowState.from_json(state.to_json())
        state, effects = step(library, state, pending, CONTEXT, steps.append, always=True)
        assert len(effects) <= 1
        json.dumps([one.parameters for one in steps])
        if state.phase is Phase.ENDED:
            assert step(library, state, Started(), CONTEXT) == (state, ())
            return
        effect = effects[0] if effects else None
        if effect is not None:
            assert not isinstance(effect, End)
            assert (state.phase is Phase.WAITING) == (
                isinstance(effect, Waiting) and getattr(effect, "waits", True)
            )
        if state.phase is Phase.ACTING:
            found = Outcome(flow=key) if isinstance(effect, LoadFlow) and choice else outcome
            pending = found
        else:
            events: list[Event] = [
                TimerFired(state.turn),
                Answered(state.turn, outcome),
                Interrupted("CustomerReturned", "Hello"),
                Interrupted("CustomerMessage", "Hello"),
            ]
            pending = events[choice]


def test_the_largest_flow_with_the_most_conditions_ends() -> None:
    conditions = [("Equals", ["x"], "a0")] * 12
    flow: dict[str, Document] = {}
    for number in range(ACTIONS_MAX - 1):
        then = f"a{(number + 1) % (ACTIONS_MAX - 1)}"
        flow[f"a{number}"] = on(do("Compare", {"ComparisonValue": "$.Attributes.name"}, then), *conditions)
    text = content(**flow, end=END).replace(" ", "")
    assert CONTENT_CHARACTERS_MAX * 0.9 < len(text) <= CONTENT_CHARACTERS_MAX, len(text)
    steps: list[Step] = []
    state, effects = step({"": parse(text)}, FlowState(), Started(), CONTEXT, steps.append, always=True)
    assert effects == (End(),)
    assert len(steps) == ACTIONS_WITHOUT_WAIT_MAX
    assert state.phase is Phase.ENDED
