"""The Flow language: the flows that are accepted, and the problems of those that are not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flows.flows import content, do, document, on, say, wait
from threadline.aws.model import load
from threadline.errors import Fault
from threadline.flows.language import demo_content, parse


def problems(text: str) -> list[str]:
    """The problems that `parse` lists, none for a valid flow."""
    try:
        parse(text)
    except Fault as fault:
        return [problem["message"] for problem in fault.members["problems"]]
    return []


ASSOCIATION = do(
    "CreatePersistentContactAssociation",
    {"RehydrationType": "FROM_SEGMENT", "SourceContactId": "$.Attributes.past"},
    NoMatchingError="end",
)


@pytest.mark.parametrize(
    ("action", "refused"),
    [
        (say("Hello"), {"CUSTOMER_HOLD", "AGENT_HOLD"}),
        (
            do("DisconnectParticipant", then=None),
            {"CUSTOMER_HOLD", "AGENT_HOLD", "CUSTOMER_WHISPER", "AGENT_WHISPER", "OUTBOUND_WHISPER"},
        ),
        (ASSOCIATION, {"CAMPAIGN"}),
    ],
)
def test_an_action_cannot_stand_in_every_type_of_flow(action: dict[str, Any], refused: set[str]) -> None:
    """Source: the block pages of the Administrator Guide; refusals of CreateContactFlow."""
    types = load("connect").shapes["ContactFlowType"]["enum"]
    assert types
    text = content(start=action, end=do("EndFlowExecution", then=None))
    for flow_type in types:
        if flow_type in refused:
            with pytest.raises(Fault, match=f"it is not allowed in a flow of type {flow_type}"):
                parse(text, flow_type)
        else:
            parse(text, flow_type)


ACCEPTED: dict[str, Any] = {
    "a message": say("Hello $.Attributes.name, this is $.Channel."),
    "a message without error branch, as the console exports them": do(
        "MessageParticipant", {"Text": "Hello"}
    ),
    "a number where the console writes a string": wait(300),
    "a fixed wait": wait("604800"),
    "a wait of dynamic length": wait("$.Attributes.patience"),
    "a wait as the documentation spells it": on(
        do("Wait", {"TimeoutSeconds": "5"}), ("Equals", ["WaitCompleted"], "end")
    ),
    "a wait with both events": on(
        do(
            "Wait",
            {"TimeLimitSeconds": "5", "Events": ["CustomerReturned", "BotParticipantDisconnected"]},
            NoMatchingError="end",
            ParticipantNotFound="end",
        ),
        ("Equals", ["BotParticipantDisconnected"], "end"),
        ("Equals", ["CustomerReturned"], "end"),
        ("Equals", ["WaitCompleted"], "end"),
    ),
    "a queue by reference": do("UpdateContactTargetQueue", {"QueueId": "$.Attributes['queue id']"}),
    "a transfer without NextAction": do(
        "TransferContactToQueue", then=None, QueueAtCapacity="end", NoMatchingError="end"
    ),
    "a disconnect flow": do("UpdateContactEventHooks", {"EventHooks": {"CustomerRemaining": "arn:aws:x/y"}}),
    "an association": do(
        "CreatePersistentContactAssociation",
        {
            "RehydrationType": "ENTIRE_PAST_SESSION",
            "SourceContactId": "$.Attributes.past",
            "ClientToken": "once",
        },
        NoMatchingError="end",
    ),
    "attributes": do(
        "UpdateContactAttributes", {"Attributes": {"n": 1, "t": True}, "TargetContact": "Related"}
    ),
    "a comparison": on(
        do(
            "Compare",
            {"ComparisonValue": "$.SegmentAttributes['connect:Subtype']"},
            NoMatchingCondition="end",
        ),
        ("Equals", ["connect:Chat"], "end"),
        ("NumberLessOrEqualTo", ["-1.5"], "end"),
        ("TextContains", ["$.Attributes.part"], "end"),
        ("KeyExists", [], "end"),
    ),
    "operands that are numbers, as code writes them": on(
        do("DistributeByPercentage", then="end", NoMatchingCondition="end"), ("NumberLessThan", [51], "end")
    ),
    "several hooks": do(
        "UpdateContactEventHooks", {"EventHooks": {"CustomerRemaining": "f", "CustomerQueue": "g"}}
    ),
    "no hook": do("UpdateContactEventHooks", {"EventHooks": {}}),
    "a transfer with an empty NextAction": do(
        "DequeueContactAndTransferToQueue", {"QueueId": "q"}, "", QueueAtCapacity="end", NoMatchingError="end"
    ),
    "an error of another service": do("RenderMessageTemplate", {"A": "b"}, TemplateRenderingError="end"),
    "an agent of another service": on(
        do(
            "ConnectParticipantWithAgenticCX",
            {"AgentConfiguration": {"WorkspaceId": "w", "ContextVariables": {"id": "$.Attributes.id"}}},
            InputTimeLimitExceeded="end",
            NoMatchingCondition="end",
        ),
        ("Equals", ["Escalation"], "end"),
    ),
    "an action without parameters and transitions": {"Type": "DisconnectParticipant"},
    "the end of the flow": {"Type": "EndFlowExecution", "Parameters": {}, "Transitions": {}},
    "empty lists at a terminal action": {
        "Type": "DisconnectParticipant",
        "Parameters": {},
        "Transitions": {"Errors": [], "Conditions": []},
    },
}


@pytest.mark.parametrize("action", ACCEPTED.values(), ids=ACCEPTED)
def test_accepts(action: Any) -> None:
    assert problems(content(first=action)) == []


def test_accepts_an_action_that_nothing_leads_to_and_names_with_spaces() -> None:
    actions = {"Say hello to all": say("Hello"), "nobody leads here": say("Bye")}
    assert problems(content(**actions)) == []


NAME = "Action 'first' "
REFUSED: dict[str, tuple[Any, str]] = {
    "no parameter that is required": (do("TransferToFlow"), "parameter ContactFlowId is required."),
    "an empty text": (say(""), "parameter Text must be a string that is not empty."),
    "a text that is a list": (
        do("MessageParticipant", {"Text": ["a"]}),
        "must be a string that is not empty.",
    ),
    "a text that is too long": (say("x" * 6_001), "must have at most 6000 characters and 16384 bytes."),
    "a text of too many bytes": (say("\U0001f600" * 5_000), "must have at most 6000 characters"),
    "no message at all": (
        do("MessageParticipant"),
        "exactly one of the parameters Text and SSML and PromptId and Media is required.",
    ),
    "both a text and SSML": (
        do("MessageParticipant", {"Text": "a", "SSML": "b"}),
        "exactly one of the parameters Text and SSML",
    ),
    "an unknown parameter": (do("MessageParticipant", {"Text": "a", "Txt": "b"}), "'Txt' is not a parameter"),
    "a parameter where there is none": (do("EndFlowExecution", {"QueueId": "q"}, None), "It takes none."),
    "a queue and an agent": (
        do("UpdateContactTargetQueue", {"QueueId": "q", "AgentId": "a"}),
        "exactly one of the parameters QueueId and AgentId is required.",
    ),
    "a broken reference": (
        do("UpdateContactTargetQueue", {"QueueId": "$.Attributes."}),
        "must be a fixed value or one reference",
    ),
    "another hook": (
        do("UpdateContactEventHooks", {"EventHooks": {"AgentShout": "f"}}),
        "has the entry 'AgentShout', which is none of AgentHold, AgentWhisper,",
    ),
    "a hook that is empty": (
        do("UpdateContactEventHooks", {"EventHooks": {"CustomerRemaining": ""}}),
        "has an entry 'CustomerRemaining' that must be a string that is not empty.",
    ),
    "hooks that are a list": (
        do("UpdateContactEventHooks", {"EventHooks": ["f"]}),
        "must be an object with a hook's name and its flow",
    ),
    "seven tags": (
        do("TagContact", {"Tags": {f"key{n}": "v" for n in range(7)}}),
        "parameter Tags must have at most 6 tags, not 7.",
    ),
    "no tag to remove": (
        do("UntagContact", {"TagKeys": []}),
        "parameter TagKeys must have at least one key.",
    ),
    "an operand that is a boolean": (
        on(do("Compare", {"ComparisonValue": "$.Channel"}), ("Equals", [True], "end")),
        "must be a list of strings that are not empty.",
    ),
    "an unknown rehydration type": (
        do("CreatePersistentContactAssociation", {"RehydrationType": "ALL", "SourceContactId": "c"}),
        "parameter RehydrationType must be ENTIRE_PAST_SESSION or FROM_SEGMENT",
    ),
    "no attributes": (do("UpdateContactAttributes", {"Attributes": {}}), "at least one entry"),
    "an attribute without name": (do("UpdateContactAttributes", {"Attributes": {"": "x"}}), "an empty name"),
    "an attribute that is an object": (
        do("UpdateContactAttributes", {"Attributes": {"a": {}}}),
        "has an entry 'a' that must be a string that is not empty.",
    ),
    "another target": (
        do("UpdateContactAttributes", {"Attributes": {"a": "b"}, "TargetContact": "Next"}),
        "parameter TargetContact must be Current or Related or",
    ),
    "a fixed value to compare": (
        do("Compare", {"ComparisonValue": "text"}, NoMatchingCondition="end"),
        "must be one reference such as $.Attributes.name.",
    ),
    "an unknown operator": (
        on(do("Compare", {"ComparisonValue": "$.Channel"}), ("NotEquals", ["x"], "end")),
        "the Operator of a condition must be Equals or",
    ),
    "a comparison with nothing": (
        on(do("Compare", {"ComparisonValue": "$.Channel"}), ("Equals", [], "end")),
        "the Operands of Equals must have a value to compare with.",
    ),
    "an empty operand": (
        on(do("Compare", {"ComparisonValue": "$.Channel"}), ("Equals", [""], "end")),
        "must be a list of strings that are not empty.",
    ),
    "a number that is none": (
        on(do("Compare", {"ComparisonValue": "$.Channel"}), ("NumberLessThan", ["ten"], "end")),
        "the Operands of NumberLessThan must be numbers or references.",
    ),
    "comparisons without end": (
        on(
            do("Compare", {"ComparisonValue": "$.Channel"}),
            ("Equals", ["x"] * 200, "end"),
            ("Equals", ["x"] * 51, "end"),
        ),
        "its Conditions have 251 Operands; at most 250 are allowed.",
    ),
    "conditions without a result": (
        on(say("a"), ("Equals", ["x"], "end")),
        "no result to put Conditions on.",
    ),
    "no time to wait": (
        on(do("Wait"), ("Equals", ["WaitCompleted"], "end")),
        "exactly one of the parameters TimeLimitSeconds and TimeoutSeconds is required.",
    ),
    "a wait of nothing": (wait("0"), "must be a whole number from 1 to 604800, or one reference."),
    "a wait of more than seven days": (wait("604801"), "must be a whole number from 1 to 604800"),
    "an unknown event": (
        on(
            do("Wait", {"TimeLimitSeconds": "5", "Events": ["LambdaReturned"]}),
            ("Equals", ["WaitCompleted"], "end"),
        ),
        "must be a list of CustomerReturned and BotParticipantDisconnected, each at most once.",
    ),
    "a wait without its condition": (
        do("Wait", {"TimeLimitSeconds": "5"}),
        "Conditions must be exactly one Equals for each of WaitCompleted.",
    ),
    "a wait without the condition of its event": (
        on(
            do("Wait", {"TimeLimitSeconds": "5", "Events": ["CustomerReturned"]}),
            ("Equals", ["WaitCompleted"], "end"),
        ),
        "for each of CustomerReturned, WaitCompleted.",
    ),
    "a terminal action that goes on": (do("DisconnectParticipant"), "nothing follows this action."),
    "no NextAction": (do("MessageParticipant", {"Text": "a"}, None), "NextAction is required"),
    "a NextAction that is a number": (do("MessageParticipant", {"Text": "a"}, 7), "NextAction must be"),
    "a NextAction that is not there": (
        say("a", "nowhere"),
        "NextAction leads to 'nowhere', which is not an action",
    ),
    "an empty NextAction": (say("a", ""), "NextAction leads to ''"),
    "an error branch that is not there": (
        say("a", NoMatchingError="nowhere"),
        "the branch of NoMatchingError leads to 'nowhere'",
    ),
    "a condition that is not there": (
        wait("5", returned="nowhere"),
        "Equals CustomerReturned leads to 'nowhere'",
    ),
    "an error that the action does not have": (
        say("a", QueueAtCapacity="end"),
        "ErrorType must be NoMatchingCondition or NoMatchingError, not 'QueueAtCapacity'",
    ),
    "errors that are no list": (
        {
            "Type": "MessageParticipant",
            "Parameters": {"Text": "a"},
            "Transitions": {"NextAction": "end", "Errors": {}},
        },
        "Errors must be a list of objects",
    ),
    "parameters that are no object": ({"Type": "Wait", "Parameters": []}, "must be JSON objects."),
    "no type": ({"Parameters": {}}, "Type must be the name of an action."),
    "an unknown type": (do("MessageParticipent"), "Did you mean MessageParticipant?"),
}


@pytest.mark.parametrize("number", ["1" * 5_000, "-" + "1" * 5_000, "1e999", "0." + "1" * 5_000])
def test_reads_numbers_of_any_length(number: str) -> None:
    text = content(first=do("MessageParticipant", {"Text": "hello"})).replace(
        '"Version"', f'"X": {number}, "Version"', 1
    )
    assert f'"X": {number}' in text
    parse(text)


@pytest.mark.parametrize("number", ["1" * 5_000, "-1e999"])
def test_a_number_beyond_all_numbers_is_no_text(number: str) -> None:
    (problem,) = problems(content(first=say("NUMBER")).replace('"NUMBER"', number))
    assert "must be a string, or a number that is not so large" in problem


@pytest.mark.parametrize(("action", "words"), REFUSED.values(), ids=REFUSED)
def test_refuses(action: Any, words: str) -> None:
    problem, *listed = problems(content(first=action))
    assert len(listed) == ("is not an action of the Flow language" in problem)
    assert problem.startswith(NAME)
    assert words in problem


DOCUMENTS: dict[str, tuple[Any, str]] = {
    "not JSON": ("{", "must be JSON text"),
    "NaN": ('{"Version": NaN}', "must be JSON text"),
    "half a character": ('{"Version": "\\ud800"}', "must be JSON text"),
    "too deep": ("[" * 100_000, "must be JSON text"),
    "a number of ten thousand digits": ("9" * 10_000, "must be a JSON object"),
    "too large": (" " * 256_001, "more than 256000 characters"),
    "a list": ("[]", "must be a JSON object"),
    "another version": ({**document(), "Version": "2020-01-01"}, 'Version must be "2019-10-30"'),
    "no start": ({**document(), "StartAction": "x"}, "StartAction must be the Identifier"),
    "no actions": ({**document(), "Actions": []}, "a list of 1 to 250 actions"),
    "too many actions": ({**document(), "Actions": [{}] * 251}, "a list of 1 to 250 actions"),
    "an action that is none": (
        {**document(), "Actions": [*document()["Actions"], 5]},
        "Action number 2 must be",
    ),
    "two of a name": (
        {**document(), "Actions": document()["Actions"] * 2},
        "2 actions have the Identifier 'end'.",
    ),
}


@pytest.mark.parametrize(("text", "words"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_refuses_a_document(text: Any, words: str) -> None:
    (problem,) = problems(text if isinstance(text, str) else json.dumps(text))
    assert words in problem


@pytest.mark.parametrize("identifier", ["", "x" * 51, "a:b", "{a}", "constructor", "__proto__"])
def test_refuses_an_identifier(identifier: str) -> None:
    assert any("Identifier" in problem for problem in problems(content(**{identifier: say("a")})))


def test_all_problems_are_listed() -> None:
    text = content(a=say(""), b=do("Loups"), c=say("x", "nowhere"))
    *_, listed = found = problems(text)
    assert len(found) == 4
    assert listed.startswith(
        "The Flow language has these actions: AssociateContactToCustomerProfile, Authenticate"
    )
    many = {f"a{number}": say("") for number in range(200)}
    assert len(problems(content(**many))) == 100
    with pytest.raises(Fault, match="The flow has 200 problems: Action 'a0'") as refused:
        parse(content(**many))
    assert refused.value.code == "InvalidContactFlowException"


@pytest.mark.parametrize("name", ["demo-inbound", "demo-returning", "demo-survey"])
def test_the_demo_flows_can_run(name: str) -> None:
    assert "${" not in demo_content(name, queue_id="q", survey_flow_id="s")


def test_a_demo_flow_needs_its_ids() -> None:
    with pytest.raises(Fault, match="needs an id for"):
        demo_content("demo-inbound")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)


@given(st.text(max_size=40) | JSON.map(json.dumps))
def test_anything_gets_an_answer(text: str) -> None:
    problems(text)


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A flow of which some members are replaced by random JSON."""

    def spoil(value: Any) -> Any:
        if draw(st.integers(0, 19)) == 0:
            return draw(JSON)
        if isinstance(value, dict):
            return {name: spoil(member) for name, member in value.items()}
        return [spoil(member) for member in value] if isinstance(value, list) else value

    return json.dumps(spoil(document(**ACCEPTED)))


@given(broken())
def test_anything_like_a_flow_gets_an_answer(text: str) -> None:
    for problem in problems(text):
        assert problem.endswith(".")
