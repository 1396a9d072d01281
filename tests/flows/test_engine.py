"""The engine: the effects of sequences of events."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flows.flows import END, Document, content, do, on, say, wait
from threadline.flows.effects import (
    Associate,
    Effect,
    End,
    EnterQueue,
    Pause,
    SetAttributes,
    SetHooks,
    SetTargetQueue,
    ShowMessage,
)
from threadline.flows.engine import ACTIONS_WITHOUT_WAIT_MAX, step
from threadline.flows.language import parse
from threadline.flows.state import (
    Event,
    FlowState,
    Interrupted,
    Outcome,
    Phase,
    Started,
    TimerFired,
)

CONTEXT: dict[str, Any] = {
    "Attributes": {
        "name": "Ada",
        "n": "7",
        "a b": "spaced",
        "x": "$.Attributes.name",
        "empty": "",
        "long": "y" * 7_000,
        "wide": "\U0001f600" * 5_000,
    },
    "ContactId": "c-2",
    "Channel": "CHAT",
    "Queue": {"Name": "Support"},
    "SegmentAttributes": {"connect:Subtype": "connect:Chat"},
    "PreviousContactId": None,
}
OK, FAILED = Outcome(), Outcome("NoMatchingError")
Play = tuple[dict[str, Document], list[tuple[Event, Effect | None]]]


def play(flow: dict[str, Document], events: list[Event]) -> list[Effect | None]:
    """The effect of each event, or None. The state is written to JSON and read again in between."""
    parsed, state, seen = parse(content(**flow)), FlowState(), list[Effect | None]()
    for event in events:
        state, effects = step({"": parsed}, FlowState.from_json(state.to_json()), event, CONTEXT)
        assert len(effects) <= 1
        seen.append(effects[0] if effects else None)
    return seen


def branching(action: Document, *errors: str) -> dict[str, Document]:
    """A flow of one action that then shows the message `on` after a success, or the error."""
    branches = [{"ErrorType": error, "NextAction": error} for error in errors]
    transitions = {**action["Transitions"], "NextAction": "on", "Errors": branches}
    said = {name: say(name) for name in ("on", *errors)}
    return {"first": {**action, "Transitions": transitions}, **said}


def effect_of(action: Document) -> Effect | None:
    """The effect of a flow whose first action is this: its own, or that of its branch."""
    return play(branching(action, "NoMatchingError"), [Started()])[0]


def associate(source: str) -> Document:
    return do(
        "CreatePersistentContactAssociation", {"RehydrationType": "FROM_SEGMENT", "SourceContactId": source}
    )


def attributes(target: str | None = None, **values: object) -> Document:
    return do(
        "UpdateContactAttributes", {"Attributes": values, **({"TargetContact": target} if target else {})}
    )


EFFECTS: dict[str, tuple[Document, Effect]] = {
    "a message": (say("Hello"), ShowMessage("Hello")),
    "references in a message": (
        say("$.Attributes.name at $.Queue['Name'], $['Channel']: $.Attributes[\"a b\"]."),
        ShowMessage("Ada at Support, CHAT: spaced."),
    ),
    "a reference that leads nowhere": (say("Dear $.Attributes.title!"), ShowMessage("Dear !")),
    "a price is no reference": (say("$5, $.50 or US$."), ShowMessage("$5, $.50 or US$.")),
    "a value is not looked into again": (say("$.Attributes.x"), ShowMessage("$.Attributes.name")),
    "a message of nothing": (say("$.Attributes.title"), ShowMessage("NoMatchingError")),
    "a message of blanks": (say("$.Attributes.title $.Attributes.empty"), ShowMessage("NoMatchingError")),
    "a message that becomes too long": (say("$.Attributes.long"), ShowMessage("NoMatchingError")),
    "a message that becomes too large": (say("$.Attributes.wide"), ShowMessage("NoMatchingError")),
    "a queue": (do("UpdateContactTargetQueue", {"QueueId": "q-1"}), SetTargetQueue("q-1")),
    "a queue by reference": (
        do("UpdateContactTargetQueue", {"QueueId": "$.Attributes.n"}),
        SetTargetQueue("7"),
    ),
    "no queue": (
        do("UpdateContactTargetQueue", {"QueueId": "$.Attributes.q"}),
        ShowMessage("NoMatchingError"),
    ),
    "an empty queue": (
        do("UpdateContactTargetQueue", {"QueueId": "$.Attributes.empty"}),
        ShowMessage("NoMatchingError"),
    ),
    "a disconnect flow": (
        do("UpdateContactEventHooks", {"EventHooks": {"CustomerRemaining": "f-1"}}),
        SetHooks({"CustomerRemaining": "f-1"}),
    ),
    "no disconnect flow": (
        do("UpdateContactEventHooks", {"EventHooks": {"CustomerRemaining": "$.Attributes.f"}}),
        ShowMessage("NoMatchingError"),
    ),
    "an association": (associate("c-1"), Associate("FROM_SEGMENT", "c-1")),
    "an association by reference": (associate("$.ContactId"), Associate("FROM_SEGMENT", "c-2")),
    "an association with nothing": (associate("$.Attributes.past"), ShowMessage("NoMatchingError")),
    "an association with what is null": (associate("$.PreviousContactId"), ShowMessage("NoMatchingError")),
    "an association with an object": (associate("$.Queue"), ShowMessage("NoMatchingError")),
    "an association with an empty text": (associate("$.Attributes.empty"), ShowMessage("NoMatchingError")),
    "attributes": (attributes(a="b", n=5), SetAttributes({"a": "b", "n": "5"}, related=False)),
    "dynamic attributes": (
        attributes("Current", **{"$.Attributes.name": "is $.Attributes.n", "gone": "$.Attributes.title"}),
        SetAttributes({"Ada": "is 7", "gone": ""}, related=False),
    ),
    "attributes that become too long": (
        attributes(**{f"a{number}": "$.Attributes.long" for number in range(5)}),
        ShowMessage("NoMatchingError"),
    ),
    "attributes of the related contact": (
        attributes("Related", a="b"),
        SetAttributes({"a": "b"}, related=True),
    ),
    "a wait": (wait("90"), Pause(90, ())),
    "a wait by number": (wait(90), Pause(90, ())),
    "a wait by reference": (wait("$.Attributes.n"), Pause(7, ())),
    "a wait for nobody knows how long": (wait("$.Attributes.name"), ShowMessage("NoMatchingError")),
    "the end": (END, End(disconnects=True)),
    "the end of the flow": ({**END, "Type": "EndFlowExecution"}, End()),
}


@pytest.mark.parametrize(("action", "effect"), EFFECTS.values(), ids=EFFECTS)
def test_effect(action: Document, effect: Effect) -> None:
    if isinstance(effect, End):
        assert play({"first": action}, [Started()]) == [effect]
    else:
        assert effect_of(action) == effect


OUTCOMES: dict[str, tuple[Document, tuple[str, ...]]] = {
    "MessageParticipant": (say("Hello"), ("NoMatchingError",)),
    "UpdateContactTargetQueue": (do("UpdateContactTargetQueue", {"QueueId": "q"}), ("NoMatchingError",)),
    "UpdateContactEventHooks": (
        do("UpdateContactEventHooks", {"EventHooks": {"CustomerRemaining": "f"}}),
        ("NoMatchingError",),
    ),
    "CreatePersistentContactAssociation": (associate("c"), ("NoMatchingError",)),
    "UpdateContactAttributes": (attributes(a="b"), ("NoMatchingError",)),
    "TransferContactToQueue": (do("TransferContactToQueue"), ("QueueAtCapacity", "NoMatchingError")),
    "Wait": (wait("5"), ("ParticipantNotFound", "NoMatchingError")),
}


@pytest.mark.parametrize(("action", "errors"), OUTCOMES.values(), ids=OUTCOMES)
def test_every_outcome_has_its_branch(action: Document, errors: tuple[str, ...]) -> None:
    flow = branching(action, *errors)
    for error in errors:
        assert play(flow, [Started(), Outcome(error)])[1] == ShowMessage(error)
    if action["Type"] not in {"TransferContactToQueue", "Wait"}:
        assert play(flow, [Started(), OK])[1] == ShowMessage("on")


QUEUE = do("TransferContactToQueue", None, "sorry", NoMatchingError="sorry")
RETURNING = {"first": wait("60", "late", "back"), "late": say("late"), "back": say("back")}
PLAYBOOKS: dict[str, Play] = {
    "one action after another": (
        {"a": say("1", "b"), "b": say("2", "c"), "c": say("3")},
        [
            (Started(), ShowMessage("1")),
            (OK, ShowMessage("2")),
            (OK, ShowMessage("3")),
            (OK, End(disconnects=True)),
            (OK, None),
        ],
    ),
    "a flow in a queue is over": (
        {"first": QUEUE, "sorry": say("sorry")},
        [(Started(), EnterQueue()), (OK, None), (OK, None), (Started(), None), (FAILED, None)],
    ),
    "an error takes the branch of NoMatchingError when it has none": (
        {"first": QUEUE, "sorry": say("sorry")},
        [
            (Started(), EnterQueue()),
            (Outcome("QueueAtCapacity"), ShowMessage("sorry")),
            (OK, End(disconnects=True)),
        ],
    ),
    "an error without any branch goes on": (
        {"first": say("1", "b"), "b": say("2")},
        [(Started(), ShowMessage("1")), (FAILED, ShowMessage("2"))],
    ),
    "an error without any way on ends the flow": (
        {"first": do("TransferContactToQueue", then=None)},
        [(Started(), EnterQueue()), (FAILED, End())],
    ),
    "the time of a wait is over": (
        RETURNING,
        [
            (Started(), Pause(60, ("CustomerReturned",))),
            (TimerFired(1), ShowMessage("late")),
            (OK, End(disconnects=True)),
        ],
    ),
    "the customer writes again": (
        RETURNING,
        [
            (Started(), Pause(60, ("CustomerReturned",))),
            (Interrupted("CustomerReturned"), ShowMessage("back")),
            (TimerFired(1), None),
            (Interrupted("CustomerReturned"), None),
            (OK, End(disconnects=True)),
        ],
    ),
    "a customer nobody waits for": (
        {"first": wait("60", "late"), "late": say("late")},
        [
            (Started(), Pause(60, ())),
            (Interrupted("CustomerReturned"), None),
            (Interrupted("BotParticipantDisconnected"), None),
            (OK, None),
            (TimerFired(1), ShowMessage("late")),
        ],
    ),
    "the bot leaves": (
        {
            "first": on(
                do("Wait", {"TimeLimitSeconds": "9", "Events": ["BotParticipantDisconnected"]}),
                ("Equals", ["WaitCompleted"], "end"),
                ("Equals", ["BotParticipantDisconnected"], "gone"),
            ),
            "gone": say("gone"),
        },
        [
            (Started(), Pause(9, ("BotParticipantDisconnected",))),
            (Interrupted("CustomerReturned"), None),
            (Interrupted("BotParticipantDisconnected"), ShowMessage("gone")),
        ],
    ),
    "a timer belongs to its wait": (
        {"first": wait("60", "second"), "second": wait("60", "late"), "late": say("late")},
        [
            (Started(), Pause(60, ())),
            (TimerFired(1), Pause(60, ())),
            (TimerFired(1), None),
            (TimerFired(3), None),
            (TimerFired(2), ShowMessage("late")),
        ],
    ),
    "events before the start": (
        {"first": say("1")},
        [
            (OK, None),
            (TimerFired(0), None),
            (Interrupted("CustomerReturned"), None),
            (Started(), ShowMessage("1")),
        ],
    ),
    "a flow starts once": (
        {"first": say("1", "first")},
        [(Started(), ShowMessage("1")), (Started(), None), (OK, ShowMessage("1"))],
    ),
}


@pytest.mark.parametrize(("flow", "moves"), PLAYBOOKS.values(), ids=PLAYBOOKS)
def test_playbook(flow: dict[str, Document], moves: list[tuple[Event, Effect | None]]) -> None:
    assert play(flow, [event for event, _ in moves]) == [effect for _, effect in moves]


def test_pauses_only_resume_by_their_own_time() -> None:
    """The survey of the demo waits 300 seconds; messages of the customer do not end the wait."""
    flow = {"ask": say("How?", "wait"), "wait": wait("300", "thank"), "thank": say("Thanks")}
    events: list[Event] = [Started(), OK, Interrupted("CustomerReturned"), TimerFired(2), OK]
    assert play(flow, events) == [
        ShowMessage("How?"),
        Pause(300, ()),
        None,
        ShowMessage("Thanks"),
        End(disconnects=True),
    ]


COMPARISONS: list[tuple[str, str, list[str], bool]] = [
    ("$.Attributes.name", "Equals", ["Ada"], True),
    ("$.Attributes.name", "Equals", ["ada"], False),
    ("$.Attributes.name", "Equals", ["Bob", "Ada"], True),
    ("$.Attributes.name", "Equals", ["$.Attributes.name"], True),
    ("$.Attributes.name", "Equals", ["$.Attributes.title"], False),
    ("$.Attributes.name", "TextStartsWith", ["A"], True),
    ("$.Attributes.name", "TextStartsWith", ["da"], False),
    ("$.Attributes.name", "TextEndsWith", ["da"], True),
    ("$.Attributes.name", "TextEndsWith", ["A"], False),
    ("$.Attributes.name", "TextContains", ["d"], True),
    ("$.Attributes.name", "TextContains", ["D"], False),
    ("$.Attributes.n", "NumberGreaterThan", ["6.9"], True),
    ("$.Attributes.n", "NumberGreaterThan", ["7"], False),
    ("$.Attributes.n", "NumberGreaterOrEqualTo", ["7.0"], True),
    ("$.Attributes.n", "NumberGreaterOrEqualTo", ["8"], False),
    ("$.Attributes.n", "NumberLessThan", ["10"], True),
    ("$.Attributes.n", "NumberLessThan", ["7"], False),
    ("$.Attributes.n", "NumberLessOrEqualTo", ["7"], True),
    ("$.Attributes.n", "NumberLessOrEqualTo", ["-7"], False),
    ("$.Attributes.name", "NumberLessThan", ["10"], False),
    ("$.Attributes.n", "NumberLessThan", ["$.Attributes.name"], False),
    ("$.SegmentAttributes['connect:Subtype']", "Equals", ["connect:Chat"], True),
    ("$.Attributes.name", "KeyExists", [], True),
    ("$.Attributes.empty", "KeyExists", ["any"], True),
    ("$.Attributes.title", "KeyExists", ["any"], False),
    ("$.PreviousContactId", "KeyExists", [], False),
    ("$.Attributes.title", "Equals", ["Ada"], False),
    ("$.Nothing.at.all", "TextContains", ["a"], False),
]


@pytest.mark.parametrize(("value", "operator", "operands", "holds"), COMPARISONS)
def test_comparison(value: str, operator: str, operands: list[str], holds: bool) -> None:
    compare = do("Compare", {"ComparisonValue": value}, "no", NoMatchingCondition="no")
    flow = {"first": on(compare, (operator, operands, "yes")), "yes": say("yes"), "no": say("no")}
    assert play(flow, [Started()]) == [ShowMessage("yes" if holds else "no")]


def test_the_first_condition_that_holds_decides() -> None:
    compare = do("Compare", {"ComparisonValue": "$.Attributes.n"}, "c")
    conditions = [
        ("NumberGreaterThan", ["60"], "a"),
        ("NumberGreaterThan", ["2"], "b"),
        ("KeyExists", ["n"], "c"),
    ]
    said = {name: say(name) for name in "abc"}
    assert play({"first": on(compare, *conditions), **said}, [Started()]) == [ShowMessage("b")]


def test_a_flow_that_goes_round_in_circles_ends() -> None:
    silent = {"first": on(do("Compare", {"ComparisonValue": "$.Attributes.n"}, "first"))}
    assert play(silent, [Started()]) == [End()]
    loud = play({"first": say("again", "first")}, [Started(), *[OK] * ACTIONS_WITHOUT_WAIT_MAX])
    assert loud == [ShowMessage("again")] * ACTIONS_WITHOUT_WAIT_MAX + [End()]


def test_a_flow_that_waits_goes_round_for_as_long_as_it_likes() -> None:
    flow = parse(content(first=wait("1", "first")))
    state, effects = step({"": flow}, FlowState(), Started(), CONTEXT)
    for _ in range(2 * ACTIONS_WITHOUT_WAIT_MAX):
        state, effects = step({"": flow}, state, TimerFired(state.turn), CONTEXT)
        assert effects == (Pause(1, ()),)


def test_a_flow_that_was_replaced_goes_on_where_it_was_or_ends() -> None:
    before = parse(content(here=wait("60", "old"), old=say("old")))
    state, _ = step({"": before}, FlowState(), Started(), CONTEXT)
    after = parse(content(start=say("start"), here=wait("60", "new"), new=say("new")))
    assert step({"": after}, state, TimerFired(state.turn), CONTEXT)[1] == (ShowMessage("new"),)
    other = parse(content(start=say("start")))
    assert step({"": other}, state, TimerFired(state.turn), CONTEXT) == (
        FlowState(Phase.ENDED, "", 1, 1),
        (End(),),
    )


ACTIONS: list[Document] = [
    *(action for action, _ in EFFECTS.values()),
    *(
        on(do("Compare", {"ComparisonValue": value}), (name, operands, "end"))
        for value, name, operands, _ in COMPARISONS
    ),
    QUEUE,
    RETURNING["first"],
]
EVENTS = st.one_of(
    st.just(Started()),
    st.builds(Outcome, st.sampled_from([None, "NoMatchingError", "QueueAtCapacity", "Whatever"])),
    st.builds(TimerFired, st.integers(0, 9)),
    st.builds(Interrupted, st.sampled_from(["CustomerReturned", "BotParticipantDisconnected", "Whatever"])),
)


@st.composite
def flows(draw: st.DrawFn) -> dict[str, Document]:
    """Random actions with random branches."""
    chosen = draw(st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=8))
    names = [f"a{number}" for number in range(len(chosen))]

    def joined(value: Any) -> Any:
        if isinstance(value, dict):
            to = "NextAction"
            return {
                k: draw(st.sampled_from([*names, "end"])) if k == to else joined(v) for k, v in value.items()
            }
        return [joined(member) for member in value] if isinstance(value, list) else value

    return {
        name: {**action, "Transitions": joined(action["Transitions"])}
        for name, action in zip(names, chosen, strict=True)
    }


@given(flows(), st.lists(EVENTS, max_size=30))
def test_a_flow_that_was_accepted_always_gets_somewhere(
    flow: dict[str, Document], events: list[Event]
) -> None:
    effects = play(flow, [Started(), *events])
    ends = [place for place, effect in enumerate(effects) if isinstance(effect, End)]
    assert len(ends) <= 1
    assert effects[0] is not None
    if ends:
        assert not any(effects[ends[0] + 1 :])
