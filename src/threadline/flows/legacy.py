"""Legacy exports: flows as the console exported them before the Flow language, converted to it.

A legacy export has `modules`, each with a type, parameters that are a list of names and values, and branches by a
condition. `convert` maps each type to an action. A type without a counterpart becomes an action that goes on, with a
note. Observed: exports in public repositories, also of AWS's own sample flows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from threadline.flows.actions import ACTION_TYPES
from threadline.flows.actions.contact import DATA
from threadline.flows.language import VERSION
from threadline.flows.legacy_parameters import Entry, Parameters, entries_of, reference_to

ERRORS = {
    "Error": "NoMatchingError",
    "NoMatch": "NoMatchingCondition",
    "Default": "NoMatchingCondition",
    "Timeout": "InputTimeLimitExceeded",
    "AtCapacity": "QueueAtCapacity",
    "InvalidNumber": "InvalidCallbackNumber",
    "NotDialable": "CallbackNumberNotDialable",
}
OPERATORS = {
    "Equals": "Equals",
    "StartsWith": "TextStartsWith",
    "EndsWith": "TextEndsWith",
    "Contains": "TextContains",
    "GreaterThan": "NumberGreaterThan",
    "GreaterThanOrEqualTo": "NumberGreaterOrEqualTo",
    "LessThan": "NumberLessThan",
    "LessThanOrEqualTo": "NumberLessOrEqualTo",
}
RESULTS = {
    "True": "True",
    "False": "False",
    "Looping": "ContinueLooping",
    "Complete": "DoneLooping",
    "CustomerReturn": "CustomerReturned",
}
ONWARD = ("Success", "Continue", "Evaluate")
HOOKS = {
    "CustomerQueue": "CustomerQueue",
    "CustomerHold": "CustomerHold",
    "CustomerWhisper": "CustomerWhisper",
    "AgentHold": "AgentHold",
    "AgentWhisper": "AgentWhisper",
    "CustomerRemaining": "CustomerRemaining",
    "Disconnect": "CustomerRemaining",
}
END = "end of the converted flow"
"""The identifier of the action to which branches lead that were not connected."""
METRICS = {
    "CheckQueueTime": "OldestContactInQueueAgeSeconds",
    "CheckQueueCapacity": "NumberOfContactsInQueue",
}
"""The metrics of CheckQueueStatus by the condition of its branches. Both languages have milliseconds for the time."""
STAFFED: Mapping[str, Entry] = {
    "True": {"condition": "Evaluate", "conditionType": "GreaterThan", "conditionValue": "0"},
    "False": {"condition": "NoMatch"},
}
"""The branches of CheckStaffing as those of a comparison with the number of agents."""


class Converted(NamedTuple):
    """A flow in the Flow language, and a note for each module that lost something."""

    document: Entry
    notes: list[str]


class NotLegacy(ValueError):
    """The document is no legacy export. The text says what it lacks."""


def convert(document: Any) -> Converted:
    """Convert a legacy export. Raises NotLegacy."""
    modules = document.get("modules") if isinstance(document, Mapping) else None
    if not isinstance(modules, list) or not all(isinstance(module, Mapping) for module in modules):
        raise NotLegacy("The document has no list of modules, which every legacy export has.")
    notes: list[str] = []
    known = {str(module.get("id")) for module in modules}
    actions = [_action(module, known, notes) for module in modules]
    if any(target == END for action in actions for target in _targets(action)):
        actions.append({"Identifier": END, "Type": "EndFlowExecution", "Parameters": {}, "Transitions": {}})
    metadata = document.get("metadata")
    kept = (
        {name: metadata[name] for name in ("name", "description", "type") if metadata.get(name)}
        if isinstance(metadata, Mapping)
        else {}
    )
    return Converted(
        {
            "Version": VERSION,
            "StartAction": str(document.get("start") or (modules[0].get("id") if modules else "")),
            "Metadata": {
                "entryPointPosition": {"x": 20, "y": 20},
                **kept,
                "ActionMetadata": {str(module.get("id")): _position(module) for module in modules},
            },
            "Actions": actions,
        },
        notes,
    )


def _position(module: Mapping[str, Any]) -> Entry:
    metadata = module.get("metadata")
    position = metadata.get("position") if isinstance(metadata, Mapping) else None
    return {"position": position or {"x": 0, "y": 0}}


def _targets(action: Entry) -> Iterable[str]:
    transitions = action["Transitions"]
    yield transitions.get("NextAction", "")
    yield from (
        entry["NextAction"] for name in ("Errors", "Conditions") for entry in transitions.get(name, [])
    )


def _action(module: Mapping[str, Any], known: set[str], notes: list[str]) -> Entry:
    kind, identifier = str(module.get("type")), str(module.get("id"))
    given = Parameters(entries_of(module.get("parameters")))
    branches = [
        (str(entry.get("condition")), entry, str(entry.get("transition")))
        for entry in _branches(module, kind)
        if str(entry.get("transition")) in known
    ]
    make = MAKERS.get(kind)
    type_, parameters = make(given, str(module.get("target") or "")) if make else ("", {})
    if not type_:
        notes.append(f"{identifier}: {kind} has no counterpart; the flow goes on there.")
        type_, parameters = "UpdateFlowLoggingBehavior", {"FlowLoggingBehavior": "Enabled"}
        branches = [("Success", {}, target) for _, _, target in branches[:1]]
    if kind == "CheckQueueStatus":
        parameters = _metric(branches, parameters)
    transitions = _transitions(branches, type_)
    notes += [
        f"{identifier}: {kind} names {name!r}, and no id; put the id in its place." for name in given.named
    ]
    if END in _targets({"Transitions": transitions}):
        notes.append(f"{identifier}: {kind} has a branch that leads nowhere; the flow ends there.")
    return {"Identifier": identifier, "Type": type_, "Parameters": parameters, "Transitions": transitions}


def _branches(module: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    entries = entries_of(module.get("branches"))
    if kind != "CheckStaffing":
        return entries
    return [{**entry, **STAFFED.get(str(entry.get("condition")), {})} for entry in entries]


Branch = tuple[str, Mapping[str, Any], str]
"""The condition of a branch, the branch itself, and the module that follows."""


def _metric(branches: Sequence[Branch], parameters: Entry) -> Entry:
    """The metric that the branches of CheckQueueStatus ask for."""
    found = [METRICS[condition] for condition, _, _ in branches if condition in METRICS]
    return {"MetricType": found[0] if found else "NumberOfContactsInQueue", **parameters}


def _transitions(branches: Sequence[Branch], type_: str) -> Entry:
    kind = ACTION_TYPES[type_]
    if kind.terminal:
        return {}
    conditions = list(_conditions(branches, type_)) if kind.operators else []
    errors: dict[str, str] = {}
    onward = [
        target
        for condition, _, target in branches
        if condition in ONWARD and not _is_value(branches, condition)
    ]
    for condition, _, target in branches:
        if condition not in ONWARD and condition not in RESULTS and condition not in METRICS:
            error = ERRORS.get(condition, "NoMatchingError")
            errors.setdefault(error if error in kind.all_errors else "NoMatchingError", target)
    transitions: Entry = {
        "Errors": [{"NextAction": target, "ErrorType": error} for error, target in errors.items()],
        "Conditions": conditions,
    }
    if onward:
        transitions["NextAction"] = onward[0]
    elif kind.needs_next or kind.operators:
        entries = [*transitions["Errors"], *conditions]
        transitions["NextAction"] = entries[0]["NextAction"] if entries and not kind.needs_next else END
    return transitions


def _is_value(branches: Sequence[Branch], condition: str) -> bool:
    """Tell whether the branches of this condition compare values."""
    return any(name == condition and entry.get("conditionValue") is not None for name, entry, _ in branches)


def _number(value: Any) -> float:
    try:
        return float(str(value))
    except ValueError:
        return 0.0


def _plain(number: float) -> str:
    return str(int(number)) if number.is_integer() else str(number)


def _conditions(branches: Sequence[Branch], type_: str) -> Iterable[Entry]:
    percent = 0
    for condition, entry, target in branches:
        value, operator = entry.get("conditionValue"), str(entry.get("conditionType") or "Equals")
        if type_ == "DistributeByPercentage" and condition == "Evaluate":
            percent += int(_number(value))
            found = ("NumberLessThan", str(percent + 1))
        elif condition in METRICS and value is not None:
            found = (OPERATORS.get(operator, "Equals"), _plain(_number(value)))
        elif condition in RESULTS:
            found = ("Equals", RESULTS[condition])
        elif condition == "Timeout" and type_ == "MessageParticipantIteratively":
            found = ("Equals", "MessagesInterrupted")
        elif condition == "Timeout" and type_ == "Wait":
            found = ("Equals", "WaitCompleted")
        elif condition == "Evaluate" and value is not None:
            found = (OPERATORS.get(operator, "Equals"), str(value))
        else:
            continue
        yield {"NextAction": target, "Condition": {"Operator": found[0], "Operands": [found[1]]}}


Made = tuple[str, Entry]


def _prompt(given: Parameters, target: str) -> Made:
    text = given.get("Text")
    if text is None:
        return "MessageParticipant", {"PromptId": given.get("AudioPrompt", "Prompt") or "prompt"}
    return "MessageParticipant", {"SSML" if given.get("TextToSpeechType") == "ssml" else "Text": text}


def _screen_pop(given: Parameters, target: str) -> Made:
    return "UpdateContactAttributes", {"Attributes": {given.get("key") or "key": given.get("value") or ""}}


def _priority(given: Parameters, target: str) -> Made:
    if (position := given.get("AbsolutePosition")) is not None:
        return "UpdateContactRoutingBehavior", {"QueuePriority": position}
    return "UpdateContactRoutingBehavior", {"QueueTimeAdjustmentSeconds": given.get("TimeOffset") or "0"}


def _flow(given: Parameters, target: str) -> Made:
    return "TransferToFlow", {"ContactFlowId": given.get("ContactFlowId") or "unknown"}


def _status(given: Parameters, target: str) -> Made:
    queue = given.get("Queue")
    return "CheckMetricData", {"QueueId": queue} if queue else {}


def _attributes(given: Parameters, target: str) -> Made:
    return "UpdateContactAttributes", {"Attributes": given.keyed("Attribute")}


def _data(given: Parameters, target: str) -> Made:
    data: Entry = {name: value for name in DATA if (value := given.get(name)) is not None}
    if references := given.references():
        data["References"] = references
    return ("UpdateContactData", data) if data else ("", {})


def _check(given: Parameters, target: str) -> Made:
    namespace = given.get("Namespace") or "User Defined"
    return "Compare", {"ComparisonValue": reference_to(namespace, given.get("Attribute") or "")}


def _external(given: Parameters, target: str) -> Made:
    parameters: Entry = {"LambdaFunctionARN": given.get("FunctionArn") or "unknown"}
    parameters["InvocationTimeLimitSeconds"] = given.get("TimeLimit") or "3"
    if attributes := given.keyed("Parameter"):
        parameters["LambdaInvocationAttributes"] = attributes
    return "InvokeLambdaFunction", parameters


def _transfer(given: Parameters, target: str) -> Made:
    if target == "Flow":
        return _flow(given, target)
    if target == "PhoneNumber":
        number = given.get("PhoneNumber") or "unknown"
        limit = given.get("TimeLimit") or "30"
        return "TransferParticipantToThirdParty", {
            "ThirdPartyPhoneNumber": number,
            "ThirdPartyConnectionTimeLimitSeconds": limit,
        }
    return "TransferContactToQueue", {}


def _queue(given: Parameters, target: str) -> Made:
    if (agent := given.get("Agent")) is not None:
        return "UpdateContactTargetQueue", {"AgentId": agent}
    return "UpdateContactTargetQueue", {"QueueId": given.get("Queue") or "unknown"}


def _logging(given: Parameters, target: str) -> Made:
    on = given.get("LoggingBehavior") != "Disable"
    return "UpdateFlowLoggingBehavior", {"FlowLoggingBehavior": "Enabled" if on else "Disabled"}


def _input(given: Parameters, target: str) -> Made:
    text = {"Text": text} if (text := given.get("Text")) else {}
    if target in ("Lex", "LexV2") or given.get("BotAliasArn", "BotName"):
        alias = given.get("BotAliasArn")
        if alias:
            return "ConnectParticipantWithLexBot", {**text, "LexV2Bot": {"AliasArn": alias}}
        bot = {"Name": given.get("BotName") or "bot", "Region": given.get("BotRegion") or "us-east-1"}
        return "ConnectParticipantWithLexBot", {
            **text,
            "LexBot": {**bot, "Alias": given.get("BotAlias") or "$LATEST"},
        }
    limit = given.get("Timeout", "TimeLimit") or "5"
    return "GetParticipantInput", {**text, "InputTimeLimitSeconds": limit, "StoreInput": "False"}


def _stored_input(given: Parameters, target: str) -> Made:
    type_, parameters = _input(given, "Digits")
    return type_, {**parameters, "StoreInput": "True"}


def _hook(given: Parameters, target: str) -> Made:
    hook = HOOKS.get(given.get("Type") or "CustomerQueue", "CustomerQueue")
    return "UpdateContactEventHooks", {"EventHooks": {hook: given.get("ContactFlowId") or "unknown"}}


def _hours(given: Parameters, target: str) -> Made:
    hours = given.get("Hours", "HoursOfOperation")
    return "CheckHoursOfOperation", {"HoursOfOperationId": hours} if hours else {}


def _staffing(given: Parameters, target: str) -> Made:
    queue = given.get("Queue")
    metric = {"Available": "NumberOfAgentsAvailable", "Staffed": "NumberOfAgentsStaffed"}
    kind = metric.get(given.get("Status") or "", "NumberOfAgentsOnline")
    return "CheckMetricData", {"MetricType": kind, **({"QueueId": queue} if queue else {})}


def _fixed(type_: str, **parameters: Any) -> Callable[[Parameters, str], Made]:
    return lambda given, target: (type_, dict(parameters))


def _voice(given: Parameters, target: str) -> Made:
    return "UpdateContactTextToSpeechVoice", {
        "TextToSpeechVoice": given.get("GlobalVoice", "Voice") or "Joanna"
    }


def _loop(given: Parameters, target: str) -> Made:
    return "Loop", {"LoopCount": given.get("LoopCount") or "1"}


def _wait(given: Parameters, target: str) -> Made:
    parameters: Entry = {"TimeLimitSeconds": given.get("TimeoutSeconds", "TimeLimit", "Timeout") or "60"}
    if str(given.get("InterruptOnCustomerReturn")).lower() == "true":
        parameters["Events"] = ["CustomerReturned"]
    return "Wait", parameters


def _loop_prompts(given: Parameters, target: str) -> Made:
    parameters: Entry = {"Messages": given.prompts() or [{"PromptId": "prompt"}]}
    if seconds := given.get("InterruptSeconds"):
        parameters["InterruptFrequencySeconds"] = seconds
    return "MessageParticipantIteratively", parameters


MAKERS: Mapping[str, Callable[[Parameters, str], Made]] = {
    "PlayPrompt": _prompt,
    "PlayAudio": _prompt,
    "SetAttributes": _attributes,
    "SetScreenPop": _screen_pop,
    "SetContactData": _data,
    "Disconnect": _fixed("DisconnectParticipant"),
    "InvokeExternalResource": _external,
    "Transfer": _transfer,
    "TransferToFlow": _flow,
    "CustomerInQueue": _fixed("TransferContactToQueue"),
    "UpdateRoutingPriority": _priority,
    "CheckAttribute": _check,
    "SetQueue": _queue,
    "SetWorkingQueue": _queue,
    "SetLoggingBehavior": _logging,
    "GetUserInput": _input,
    "GetCustomerInput": _input,
    "StoreUserInput": _stored_input,
    "StoreCustomerInput": _stored_input,
    "SetVoice": _voice,
    "SetContactFlow": _hook,
    "SetEventHook": _hook,
    "CheckHoursOfOperation": _hours,
    "CheckStaffing": _staffing,
    "CheckQueueStatus": _status,
    "Loop": _loop,
    "LoopPrompts": _loop_prompts,
    "Wait": _wait,
    "Resume": _fixed("EndFlowExecution"),
    "ResumeContactFlow": _fixed("EndFlowExecution"),
    "EndFlowExecution": _fixed("EndFlowExecution"),
    "TransferToQueue": _fixed("TransferContactToQueue"),
    "DistributeByPercentage": _fixed("DistributeByPercentage"),
    "PercentileBranching": _fixed("DistributeByPercentage"),
    "SetRecordingBehavior": _fixed(
        "UpdateContactRecordingBehavior", RecordingBehavior={"RecordedParticipants": []}
    ),
    "StartMediaStreaming": _fixed("UpdateContactMediaStreamingBehavior"),
    "StopMediaStreaming": _fixed("UpdateContactMediaStreamingBehavior"),
    "CreateCallback": _fixed("CreateCallbackContact"),
    "SetCallbackNumber": _fixed("UpdateContactCallbackNumber", CallbackNumber="$.StoredCustomerInput"),
    "SetCallBackNumber": _fixed("UpdateContactCallbackNumber", CallbackNumber="$.StoredCustomerInput"),
}
