"""The actions that go beyond one step: loops, modules, other flows, calls, bots, views and queues."""

from typing import Any

import pytest

from tests.flows.flows import Document, content, do, on, say
from threadline.flows.effects import (
    Announce,
    AskBot,
    Associate,
    CallService,
    CheckHours,
    Effect,
    End,
    InvokeLambda,
    LoadFlow,
    MoveToQueue,
    ReadMetric,
    SetContactData,
    SetHooks,
    SetTargetQueue,
    ShowMessage,
    ShowView,
    TagContact,
)
from threadline.flows.engine import MODULE_LEVELS_MAX, step
from threadline.flows.language import Flow, parse
from threadline.flows.references import look_up
from threadline.flows.state import (
    Answered,
    Event,
    FlowState,
    Interrupted,
    Outcome,
    Started,
    Step,
    TimerFired,
)

CONTEXT: dict[str, Any] = {"Attributes": {"name": "Ada"}, "Channel": "CHAT", "Percent": 60}
OK = Outcome()
ALIAS = "arn:aws:lex:us-east-1:123456789012:bot-alias/B/A"


class Player:
    """A run of a flow in a library; its state goes through JSON between two events."""

    def __init__(
        self, flow_type: str = "CONTACT_FLOW", library: dict[str, Flow] | None = None, /, **actions: Document
    ):
        self.library = {"": parse(content(**actions), flow_type), **(library or {})}
        self.state = FlowState()
        self.context = {**CONTEXT, "FlowType": flow_type}
        self.steps: list[Step] = []

    def give(self, event: Event) -> Effect | None:
        state = FlowState.from_json(self.state.to_json())
        self.state, effects = step(self.library, state, event, self.context, self.steps.append, always=True)
        return effects[0] if effects else None

    def answer(self, **outcome: Any) -> Effect | None:
        return self.give(Answered(self.state.turn, Outcome(**outcome)))


def loop(count: str) -> Document:
    return on(
        do("Loop", {"LoopCount": count}, then=None),
        ("Equals", ["ContinueLooping"], "again"),
        ("Equals", ["DoneLooping"], "done"),
    )


def test_a_loop_goes_round_as_often_as_it_says_and_can_be_entered_again() -> None:
    player = Player(start=loop("2"), again=say("again", "start"), done=say("done", "start"))
    seen = [player.give(Started())] + [player.give(OK) for _ in range(5)]
    round_ = [ShowMessage("again"), ShowMessage("again"), ShowMessage("done")]
    assert seen == round_ * 2


def test_a_loop_of_nothing_is_done_at_once() -> None:
    player = Player(start=loop("0"), again=say("again"), done=say("done"))
    assert player.give(Started()) == ShowMessage("done")


@pytest.mark.parametrize(
    ("percent", "said"),
    [(1, "first"), (30, "first"), (31, "second"), (60, "second"), (61, "rest"), (100, "rest")],
)
def test_percentages_are_cumulative(percent: int, said: str) -> None:
    player = Player(
        start=on(
            do("DistributeByPercentage", then=None, NoMatchingCondition="rest"),
            ("NumberLessThan", ["31"], "first"),
            ("NumberLessThan", ["61"], "second"),
        ),
        first=say("first"),
        second=say("second"),
        rest=say("rest"),
    )
    player.context["Percent"] = percent
    assert player.give(Started()) == ShowMessage(said)


def module(**actions: Document) -> Flow:
    back = {"Type": "EndFlowModuleExecution", "Parameters": {}, "Transitions": {}}
    return parse(content(**actions, back=back), "MODULE")


def test_a_module_goes_back_to_the_flow_that_invoked_it() -> None:
    player = Player(
        "CONTACT_FLOW",
        {"m/1": module(first=say("inside", "back"))},
        start=do("InvokeFlowModule", {"FlowModuleId": "m"}, "after", NoMatchingError="end"),
        after=say("after"),
    )
    assert player.give(Started()) == LoadFlow("m", module=True)
    assert player.give(Outcome(flow="m/1")) == ShowMessage("inside")
    assert player.give(OK) == ShowMessage("after")
    assert player.state.stack == ()


def test_the_result_of_a_module_is_a_branch_and_its_data_can_be_read() -> None:
    result = {
        "Type": "EndFlowModuleExecution",
        "Parameters": {"Result": "Gold", "ResultData": {"n": "$.Attributes.name"}},
    }
    invoke = on(
        do("InvokeFlowModule", {"FlowModuleId": "m", "Input": {"who": "$.Attributes.name"}}, None),
        ("Equals", ["Gold"], "gold"),
    )
    player = Player(
        "CONTACT_FLOW",
        {"m/1": parse(content(first=say("for $.Modules.Input.who", "back"), back=result), "MODULE")},
        start=invoke,
        gold=say("gold for $.Modules.ResultData.n"),
    )
    player.give(Started())
    assert player.give(Outcome(flow="m/1")) == ShowMessage("for Ada")
    assert player.give(OK) == ShowMessage("gold for Ada")


def test_a_module_that_invokes_itself_ends_after_five_levels() -> None:
    again = do("InvokeFlowModule", {"FlowModuleId": "m"}, "back", NoMatchingError="deep")
    player = Player(
        "CONTACT_FLOW",
        {"m/1": module(first=again, deep=say("too deep", "back"))},
        start=do("InvokeFlowModule", {"FlowModuleId": "m"}, "end"),
    )
    effect = player.give(Started())
    levels = 0
    while isinstance(effect, LoadFlow):
        levels += 1
        effect = player.give(Outcome(flow="m/1"))
    assert (levels, effect) == (MODULE_LEVELS_MAX + 1, ShowMessage("too deep"))


def test_flow_attributes_belong_to_their_flow() -> None:
    say_it = say("[$.FlowAttributes.colour]", "back")
    player = Player(
        "CONTACT_FLOW",
        {"m/1": module(first=say_it)},
        start=do(
            "UpdateFlowAttributes", {"FlowAttributes": {"colour": {"Type": "Text", "Value": "red"}}}, "show"
        ),
        show=say("$.FlowAttributes.colour", "invoke"),
        invoke=do("InvokeFlowModule", {"FlowModuleId": "m"}, "after"),
        after=say("$.FlowAttributes.colour"),
    )
    assert player.give(Started()) == ShowMessage("red")
    player.give(OK)
    assert player.give(Outcome(flow="m/1")) == ShowMessage("[]")
    assert player.give(OK) == ShowMessage("red")


def test_another_flow_goes_on_and_does_not_come_back() -> None:
    player = Player(
        "CONTACT_FLOW",
        {"f/2": parse(content(first=say("over there")))},
        start=do("TransferToFlow", {"ContactFlowId": "f"}, None, NoMatchingError="sorry"),
        sorry=say("sorry"),
    )
    assert player.give(Started()) == LoadFlow("f", module=False)
    assert player.give(Outcome(flow="f/2")) == ShowMessage("over there")
    assert player.give(OK) == End(disconnects=True)


def test_a_flow_that_is_not_there_takes_the_error_branch() -> None:
    player = Player(
        start=do("TransferToFlow", {"ContactFlowId": "f"}, "sorry", NoMatchingError="sorry"),
        sorry=say("sorry"),
    )
    player.give(Started())
    assert player.give(Outcome("NoMatchingError")) == ShowMessage("sorry")


LAMBDA = do(
    "InvokeLambdaFunction",
    {
        "LambdaFunctionARN": "arn:aws:lambda:us-east-1:123456789012:function:look-up",
        "InvocationTimeLimitSeconds": "8",
        "LambdaInvocationAttributes": {"who": "$.Attributes.name"},
        "ResponseValidation": {"ResponseType": "JSON"},
    },
    "show",
    NoMatchingError="sorry",
)


def test_the_answer_of_a_lambda_is_external_until_the_next_one() -> None:
    player = Player(
        start=LAMBDA, show=say("$.External.past.id $.External.list[1]", "start"), sorry=say("sorry")
    )
    call = player.give(Started())
    assert call == InvokeLambda(
        "arn:aws:lambda:us-east-1:123456789012:function:look-up", {"who": "Ada"}, 8, is_json=True
    )
    assert player.give(TimerFired(99)) is None
    shown = player.answer(values={"External": {"past": {"id": "c-1"}, "list": ["a", "b"]}})
    assert shown == ShowMessage("c-1 b")
    player.give(OK)
    assert player.answer(error_type="NoMatchingError") == ShowMessage("sorry")


def test_an_answer_that_comes_twice_counts_once() -> None:
    player = Player(start=LAMBDA, show=say("shown"), sorry=say("sorry"))
    player.give(Started())
    turn = player.state.turn
    assert player.give(Answered(turn, Outcome())) == ShowMessage("shown")
    assert player.give(Answered(turn, Outcome())) is None


BOT = on(
    do(
        "ConnectParticipantWithLexBot",
        {"Text": "How can I help?", "LexV2Bot": {"AliasArn": ALIAS}, "LexTimeoutSeconds": {"Text": "60"}},
        None,
        NoMatchingCondition="other",
        NoMatchingError="sorry",
        InputTimeLimitExceeded="late",
    ),
    ("Equals", ["Agent"], "agent"),
)
ENDS = {name: say(name) for name in ("agent", "other", "sorry", "late")}


def test_a_bot_gets_the_messages_one_by_one_until_an_intent_ends_the_talk() -> None:
    player = Player(start=BOT, **ENDS)
    assert player.give(Started()) == AskBot(ALIAS, "How can I help?", None, {}, 60)
    assert player.give(Interrupted("CustomerMessage", "one")) == AskBot(ALIAS, None, "one", {}, 60)
    assert player.give(Interrupted("CustomerMessage", "two")) is None
    assert player.give(Interrupted("CustomerMessage", "three")) is None
    assert player.answer() == AskBot(ALIAS, None, "two", {}, 60)
    assert player.answer() == AskBot(ALIAS, None, "three", {}, 60)
    assert player.answer() == AskBot(ALIAS, None, None, {}, 60)
    assert player.give(Interrupted("CustomerMessage", "four")) == AskBot(ALIAS, None, "four", {}, 60)
    assert player.answer(result="Agent", values={"Lex": {"IntentName": "Agent"}}) == ShowMessage("agent")
    assert player.state.pending == ()


@pytest.mark.parametrize(
    ("outcome", "said"),
    [({"result": "Weather"}, "other"), ({"error_type": "NoMatchingError"}, "sorry")],
)
def test_a_bot_ends_by_another_intent_or_an_error(outcome: dict[str, str], said: str) -> None:
    player = Player(start=BOT, **ENDS)
    player.give(Started())
    player.give(Interrupted("CustomerMessage", "one"))
    assert player.answer(**outcome) == ShowMessage(said)


def test_a_bot_whose_customer_stays_silent_runs_out_of_time() -> None:
    player = Player(start=BOT, **ENDS)
    player.give(Started())
    early = player.state.turn
    player.give(Interrupted("CustomerMessage", "one"))
    player.answer()
    assert player.give(TimerFired(early)) is None
    assert player.give(TimerFired(player.state.turn)) == ShowMessage("late")


def test_a_view_is_answered_by_the_action_that_the_customer_chooses() -> None:
    view = on(
        do(
            "ShowView",
            {"ViewResource": {"Id": "form"}, "ViewData": {"Heading": "Dear $.Attributes.name"}},
            None,
        ),
        ("Equals", ["Next"], "next"),
    )
    player = Player(start=view, next=say("next"))
    assert player.give(Started()) == ShowView("form", None, {"Heading": "Dear Ada"}, 400)
    assert player.answer(result="Next", values={"Views": {"Action": "Next"}}) == ShowMessage("next")


def test_texts_of_a_customer_queue_flow_are_announced_and_it_waits() -> None:
    announce = do(
        "MessageParticipantIteratively",
        {
            "Messages": [
                {"Text": "Hello $.Attributes.name"},
                {"PromptId": "music"},
                {"SSML": "<speak>Soon</speak>"},
            ]
        },
        None,
        NoMatchingError="sorry",
    )
    player = Player("CUSTOMER_QUEUE", None, start=announce, sorry=say("sorry"))
    assert player.give(Started()) == Announce(("Hello Ada", "Soon"))
    assert player.give(TimerFired(1)) is None
    elsewhere = Player(start=announce, sorry=say("sorry"))
    assert elsewhere.give(Started()) == ShowMessage("sorry")


EFFECTS: dict[str, tuple[Document, Effect]] = {
    "SSML without its tags": (
        do("MessageParticipant", {"SSML": "<speak>Hi <break time='1s'/>$.Attributes.name &amp; co</speak>"}),
        ShowMessage("Hi Ada & co"),
    ),
    "an input of keys into a buffer is for voice": (
        do("GetParticipantInput", {"EnableDTMFBuffer": "True"}, NoMatchingError="sorry"),
        ShowMessage("sorry"),
    ),
    "an association in the words of the console": (
        do(
            "CreatePersistentContactAssociation",
            {"RehydrationType": "From Segment", "SourceContactId": "c-1"},
            NoMatchingError="sorry",
        ),
        Associate("FROM_SEGMENT", "c-1"),
    ),
    "a prompt is for voice": (
        do("MessageParticipant", {"PromptId": "p"}, NoMatchingError="sorry"),
        ShowMessage("sorry"),
    ),
    "an agent's own queue": (
        do("UpdateContactTargetQueue", {"AgentId": "a"}),
        SetTargetQueue("a", agent=True),
    ),
    "a queue flow": (
        do("UpdateContactEventHooks", {"EventHooks": {"CustomerQueue": "f"}}),
        SetHooks({"CustomerQueue": "f"}),
    ),
    "a whisper that is switched off": (
        do(
            "UpdateContactEventHooks",
            {"EventHooksConfiguration": {"AgentWhisper": {"DisableExecution": "True"}}},
        ),
        SetHooks({"AgentWhisper": None}),
    ),
    "a hold flow": (
        do("UpdateContactEventHooks", {"EventHooks": {"CustomerHold": "f"}}, NoMatchingError="sorry"),
        ShowMessage("sorry"),
    ),
    "contact data": (
        do(
            "UpdateContactData",
            {"Name": "$.Attributes.name", "LanguageCode": "de-DE", "VoiceIdSettings": "x"},
        ),
        SetContactData({"Name": "Ada", "LanguageCode": "de-DE"}),
    ),
    "tags": (do("TagContact", {"Tags": {"tier": "$.Attributes.name"}}), TagContact({"tier": "Ada"})),
    "fewer tags": (do("UntagContact", {"TagKeys": ["tier"]}), TagContact({}, ("tier",))),
    "priority": (
        do("UpdateContactRoutingBehavior", {"QueuePriority": "1"}),
        SetContactData({"QueuePriority": "1"}),
    ),
    "hours": (
        on(
            do("CheckHoursOfOperation", {}, None, NoMatchingError="sorry"),
            ("Equals", ["True"], "end"),
            ("Equals", ["False"], "end"),
        ),
        CheckHours(None),
    ),
    "a metric": (
        on(
            do("CheckMetricData", {"MetricType": "NumberOfContactsInQueue", "QueueId": "q"}, None),
            ("NumberGreaterThan", ["3"], "end"),
        ),
        ReadMetric("NumberOfContactsInQueue", "q"),
    ),
    "another queue": (do("DequeueContactAndTransferToQueue", {"QueueId": "q"}, None), MoveToQueue("q")),
    "a case": (
        do("CreateCase", {"CaseTemplateId": "$.Attributes.name"}),
        CallService("CreateCase", {"CaseTemplateId": "Ada"}),
    ),
    "digits": (
        do("GetParticipantInput", {"Text": "?", "StoreInput": "True"}, NoMatchingError="sorry"),
        ShowMessage("sorry"),
    ),
    "a voice": (
        do("UpdateContactTextToSpeechVoice", {"TextToSpeechVoice": "Joanna"}, "sorry"),
        ShowMessage("sorry"),
    ),
    "a callback number": (
        do(
            "UpdateContactCallbackNumber",
            {"CallbackNumber": "$.CallbackNumber"},
            InvalidCallbackNumber="sorry",
        ),
        ShowMessage("sorry"),
    ),
    "a bracket after a dot": (say("Dear $.Attributes.['name']"), ShowMessage("Dear Ada")),
}


@pytest.mark.parametrize(("action", "effect"), EFFECTS.values(), ids=EFFECTS)
def test_effect(action: Document, effect: Effect) -> None:
    player = Player(start=action, sorry=say("sorry"))
    assert player.give(Started()) == effect


def test_every_action_that_has_run_is_seen_with_its_values_and_branch() -> None:
    player = Player(
        start=on(
            do("Compare", {"ComparisonValue": "$.Channel"}, None, NoMatchingCondition="end"),
            ("Equals", ["CHAT"], "hi"),
        ),
        hi=say("Hi $.Attributes.name"),
    )
    player.give(Started())
    player.give(OK)
    seen = [(one.type, one.parameters, one.result, one.next_action) for one in player.steps]
    assert seen == [
        ("Compare", {"ComparisonValue": "CHAT"}, "CHAT", "hi"),
        ("MessageParticipant", {"Text": "Hi Ada"}, None, "end"),
        ("DisconnectParticipant", {}, None, None),
    ]


def test_null_counts_as_an_empty_list_and_a_byte_order_mark_is_skipped() -> None:
    action = {"Type": "MessageParticipant", "Parameters": {"Text": "a"}}
    nulls = {"NextAction": "end", "Errors": None, "Conditions": None}
    end = {"Type": "DisconnectParticipant", "Parameters": None, "Transitions": None}
    parse("\ufeff" + content(first={**action, "Transitions": nulls}, end=end))


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("$.Views.Answer.size.0", "small"),
        ("$.Views.Answer.size[1]", "large"),
        ("$.Views.Answer['size'].1", "large"),
        ("$.Views.Answer.size.2", None),
        ("$.Views.Answer.size.9999999999", None),
        ("$.Views.Answer.7", "seven"),
        ("$.Views.Answer.size", None),
    ],
)
def test_a_place_in_a_list_is_written_with_a_dot_or_in_brackets(reference: str, value: str | None) -> None:
    assert look_up(reference, {"Views": {"Answer": {"size": ["small", "large"], "7": "seven"}}}) == value
