"""Legacy exports, converted. The shapes are those of public exports; the flows are our own."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadline.flows.language import parse
from threadline.flows.legacy import ERRORS, MAKERS, METRICS, ONWARD, RESULTS, NotLegacy, convert

QUEUE = "arn:aws:connect:us-east-1:1:instance/i/queue/q"
Module = dict[str, Any]


def module(name: str, kind: str, branches: dict[str, str] | None = None, /, **parameters: Any) -> Module:
    given = [{"name": key, "value": value} for key, value in parameters.items()]
    ways = [{"condition": condition, "transition": to} for condition, to in (branches or {}).items()]
    place = {"position": {"x": 15, "y": 30}}
    return {"id": name, "type": kind, "branches": ways, "parameters": given, "metadata": place}


def when(value: Any, to: str, kind: str = "Equals", condition: str = "Evaluate") -> Module:
    return {"condition": condition, "conditionType": kind, "conditionValue": value, "transition": to}


def export(*modules: Module) -> Module:
    end = [] if any(entry["id"] == "end" for entry in modules) else [module("end", "Disconnect")]
    return {
        "modules": [*modules, *end],
        "version": "1",
        "start": modules[0]["id"],
        "metadata": {"name": "Old", "type": "contactFlow", "status": "published"},
    }


def actions(*modules: Module) -> dict[str, Any]:
    """The converted actions by identifier; the flow loads."""
    document, notes = convert(export(*modules))
    assert notes == []
    parse(json.dumps(document))
    return {action["Identifier"]: action for action in document["Actions"]}


ON, BAD = {"Success": "end", "Error": "end"}, {"ErrorType": "NoMatchingError", "NextAction": "end"}
KINDS: dict[str, tuple[Module, str, dict[str, Any]]] = {
    "text": (module("m", "PlayPrompt", {"Success": "end"}, Text="Hi", TextToSpeechType="text"),
             "MessageParticipant", {"Text": "Hi"}),
    "ssml": (module("m", "PlayAudio", {"Success": "end"}, Text="<speak>Hi</speak>", TextToSpeechType="ssml"),
             "MessageParticipant", {"SSML": "<speak>Hi</speak>"}),
    "queue": (module("m", "SetQueue", ON, Queue=QUEUE), "UpdateContactTargetQueue", {"QueueId": QUEUE}),
    "to flow": ({**module("m", "Transfer", {"Error": "end"}, ContactFlowId="f"), "target": "Flow"},
                "TransferToFlow", {"ContactFlowId": "f"}),
    "to queue": ({**module("m", "Transfer", {"AtCapacity": "end", "Error": "end"}), "target": "Queue"},
                 "TransferContactToQueue", {}),
    "hook": (module("m", "SetEventHook", ON, Type="CustomerRemaining", ContactFlowId="f"),
             "UpdateContactEventHooks", {"EventHooks": {"CustomerRemaining": "f"}}),
    "queue flow": (module("m", "SetContactFlow", {"Success": "end"}, ContactFlowId="f", Type="CustomerQueue"),
                   "UpdateContactEventHooks", {"EventHooks": {"CustomerQueue": "f"}}),
    "screen pop": (module("m", "SetScreenPop", ON, key="note", value="hello"),
                   "UpdateContactAttributes", {"Attributes": {"note": "hello"}}),
    "resume": (module("m", "Resume"), "EndFlowExecution", {}),
    "logging": (module("m", "SetLoggingBehavior", {"Success": "end"}, LoggingBehavior="Disable"),
                "UpdateFlowLoggingBehavior", {"FlowLoggingBehavior": "Disabled"}),
    "priority": (module("m", "UpdateRoutingPriority", {"Success": "end"}, AbsolutePosition=1),
                 "UpdateContactRoutingBehavior", {"QueuePriority": "1"}),
    "age": (module("m", "UpdateRoutingPriority", {"Success": "end"}, TimeOffset=600),
            "UpdateContactRoutingBehavior", {"QueueTimeAdjustmentSeconds": "600"}),
    "digits": ({**module("m", "StoreUserInput", ON | {"InvalidNumber": "end"}, Text="Number?", Timeout="6"),
                "target": "Digits"},
               "GetParticipantInput", {"Text": "Number?", "InputTimeLimitSeconds": "6", "StoreInput": "True"}),
}  # fmt: skip


@pytest.mark.parametrize(("exported", "kind", "parameters"), KINDS.values(), ids=KINDS)
def test_a_module_becomes_an_action(exported: Module, kind: str, parameters: dict[str, Any]) -> None:
    found = actions(exported)["m"]
    assert (found["Type"], found["Parameters"]) == (kind, parameters)


def test_a_resource_without_an_id_keeps_its_name_and_is_noted() -> None:
    queue = module("m", "SetQueue", ON)
    queue["parameters"] = [
        {"name": "Queue", "value": "", "namespace": None, "resourceName": "Billing"},
        {"name": "Queue", "value": None, "resourceName": None},
    ]
    document, notes = convert(export(queue))
    parse(json.dumps(document))
    assert document["Actions"][0]["Parameters"] == {"QueueId": "Billing"}
    assert notes == ["m: SetQueue names 'Billing', and no id; put the id in its place."]


def test_contact_data_keeps_its_references() -> None:
    data = module("m", "SetContactData", ON, Description="A refund")
    link = {"key": "Order", "value": "order_url", "type": "URL"}
    data["parameters"].append({"name": "ContactData", "namespace": "External", "contactReference": link})
    found = actions(data)["m"]
    assert found["Type"] == "UpdateContactData"
    assert found["Parameters"] == {
        "Description": "A refund",
        "References": {"Order": {"Type": "URL", "Value": "$.External.order_url"}},
    }
    _, notes = convert(export(module("m", "SetContactData", ON)))
    assert notes == ["m: SetContactData has no counterpart; the flow goes on there."]


def test_values_keep_their_namespace() -> None:
    exported = module("m", "SetAttributes", ON)
    exported["parameters"] = [
        {"name": "Attribute", "key": "fixed", "value": "yes", "namespace": None},
        {"name": "Attribute", "key": "state", "value": "State", "namespace": "External"},
        {"name": "Attribute", "key": "mine", "value": "a b", "namespace": "User Defined"},
        {"name": "Attribute", "key": "input", "value": "Stored customer input", "namespace": "System"},
    ]
    assert actions(exported)["m"]["Parameters"]["Attributes"] == {
        "fixed": "yes",
        "state": "$.External.State",
        "mine": "$.Attributes['a b']",
        "input": "$.StoredCustomerInput",
    }


def test_branches_become_conditions_and_errors() -> None:
    check = module("m", "CheckAttribute", {"NoMatch": "end"}, Attribute="Channel", Namespace="System")
    check["branches"] += [when("CHAT", "say"), when("3", "say", "LessThanOrEqualTo")]
    found = actions(check, module("say", "PlayPrompt", {"Success": "end"}, Text="Hi"))["m"]
    assert found["Parameters"] == {"ComparisonValue": "$.Channel"}
    assert found["Transitions"]["Errors"] == [{"NextAction": "end", "ErrorType": "NoMatchingCondition"}]
    assert [entry["Condition"] for entry in found["Transitions"]["Conditions"]] == [
        {"Operator": "Equals", "Operands": ["CHAT"]},
        {"Operator": "NumberLessOrEqualTo", "Operands": ["3"]},
    ]


def operands(found: dict[str, Any]) -> list[tuple[str, str]]:
    entries = [entry["Condition"] for entry in found["Transitions"]["Conditions"]]
    return [(entry["Operator"], entry["Operands"][0]) for entry in entries]


def test_results_of_hours_loops_queues_and_percentages() -> None:
    hours = actions(module("m", "CheckHoursOfOperation", {"True": "end", "False": "end", "Error": "end"}))
    assert operands(hours["m"]) == [("Equals", "True"), ("Equals", "False")]
    loop = actions(module("m", "Loop", {"Looping": "m", "Complete": "end"}, LoopCount="3"))
    assert operands(loop["m"]) == [("Equals", "ContinueLooping"), ("Equals", "DoneLooping")]
    share = module("m", "PercentileBranching")
    share["branches"] = [when("30", "end"), when("20", "end"), when("50", "end", condition="NoMatch")]
    assert operands(actions(share)["m"]) == [("NumberLessThan", "31"), ("NumberLessThan", "51")]
    status = module("m", "CheckQueueStatus", {"NoMatch": "end", "Error": "end"})
    status["branches"].append(when(300_000, "end", "LessThan", "CheckQueueTime"))
    found = actions(status)["m"]
    assert found["Parameters"] == {"MetricType": "OldestContactInQueueAgeSeconds"}
    assert operands(found) == [("NumberLessThan", "300000")]
    staffing = actions(
        module("m", "CheckStaffing", {"True": "end", "False": "m", "Error": "end"}, Status="Staffed")
    )["m"]
    assert (staffing["Type"], staffing["Parameters"]) == (
        "CheckMetricData",
        {"MetricType": "NumberOfAgentsStaffed"},
    )
    assert operands(staffing) == [("NumberGreaterThan", "0")]
    assert {"ErrorType": "NoMatchingCondition", "NextAction": "m"} in staffing["Transitions"]["Errors"]
    returned = {"CustomerReturn": "m", "Timeout": "end", "Error": "end"}
    wait = actions(module("m", "Wait", returned, TimeoutSeconds="28800", InterruptOnCustomerReturn="true"))[
        "m"
    ]
    assert wait["Parameters"] == {"TimeLimitSeconds": "28800", "Events": ["CustomerReturned"]}
    assert operands(wait) == [("Equals", "CustomerReturned"), ("Equals", "WaitCompleted")]
    prompts = module("m", "LoopPrompts", {"Timeout": "end"}, Text="Please wait.", InterruptSeconds=60)
    prompts["parameters"] += [
        {"name": "AudioPrompt", "value": "music", "namespace": None, "resourceName": "Music.wav"},
        {"name": "Text", "value": "<speak>Still here.</speak>", "key": "ssml"},
    ]
    document, _ = convert(export(prompts))
    parse(json.dumps(document), "CUSTOMER_QUEUE")
    assert operands(document["Actions"][0]) == [("Equals", "MessagesInterrupted")]
    spoken = {"SSML": "<speak>Still here.</speak>"}
    told = document["Actions"][0]["Parameters"]["Messages"]
    assert told == [{"Text": "Please wait."}, {"PromptId": "music"}, spoken]


def test_an_unknown_module_and_an_unconnected_branch_are_noted_and_the_flow_loads() -> None:
    document, notes = convert(
        export(module("m", "Hologram", {"Success": "n"}), module("n", "PlayPrompt", Text="Hi"))
    )
    parse(json.dumps(document))
    assert notes == [
        "m: Hologram has no counterpart; the flow goes on there.",
        "n: PlayPrompt has a branch that leads nowhere; the flow ends there.",
    ]


VALUES = st.one_of(st.none(), st.integers(), st.text(max_size=4), st.lists(st.integers(), max_size=2))
BRANCHES = st.lists(
    st.fixed_dictionaries(
        {
            "condition": st.one_of(
                VALUES, st.sampled_from([*ERRORS, *RESULTS, *METRICS, *ONWARD, "Evaluate"])
            ),
            "transition": st.one_of(VALUES, st.sampled_from(["a", "b"])),
            "conditionValue": VALUES,
        }
    ),
    max_size=4,
)
PARAMETERS = st.lists(
    st.dictionaries(st.sampled_from(["name", "value", "key", "namespace"]), VALUES), max_size=4
)


@given(st.sampled_from(sorted(MAKERS)), BRANCHES, PARAMETERS, VALUES)
def test_no_module_breaks_the_conversion(kind: str, branches: Any, parameters: Any, metadata: Any) -> None:
    made = {"id": "a", "type": kind, "branches": branches, "parameters": parameters, "metadata": metadata}
    document, _ = convert({"modules": [made, module("b", "Disconnect")], "metadata": metadata})
    assert [action["Identifier"] for action in document["Actions"]][:2] == ["a", "b"]


@pytest.mark.parametrize("document", [{}, [], {"modules": "x"}, {"modules": [1]}, None])
def test_anything_else_is_no_legacy_export(document: Any) -> None:
    with pytest.raises(NotLegacy, match="no list of modules"):
        convert(document)
