"""Short notation for flows: an action is `do("Type", {parameters}, next, error=target, ...)`."""

import json
from typing import Any

Document = dict[str, Any]
END: Document = {"Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}}


def do(type_: str, parameters: Document | None = None, then: Any = "end", **errors: str) -> Document:
    """An action whose NextAction is `then`; each keyword is an error type and its branch."""
    branches = [{"ErrorType": error, "NextAction": target} for error, target in errors.items()]
    transitions: Document = {"Errors": branches} if branches else {}
    if then is not None:
        transitions["NextAction"] = then
    return {"Type": type_, "Parameters": parameters or {}, "Transitions": transitions}


def say(text: str, then: str = "end", **errors: str) -> Document:
    return do("MessageParticipant", {"Text": text}, then, **errors)


def on(action: Document, *conditions: tuple[str, list[Any], str]) -> Document:
    """The action with conditions: operator, operands, next action."""
    entries = [
        {"NextAction": target, "Condition": {"Operator": operator, "Operands": operands}}
        for operator, operands, target in conditions
    ]
    return {**action, "Transitions": {**action["Transitions"], "Conditions": entries}}


def wait(seconds: object, then: str = "end", returned: str | None = None, **errors: str) -> Document:
    """A Wait that is followed by `then`, or by `returned` when the customer sends a message."""
    parameters: Document = {"TimeLimitSeconds": seconds}
    conditions = [("Equals", ["WaitCompleted"], then)]
    if returned:
        parameters["Events"] = ["CustomerReturned"]
        conditions.append(("Equals", ["CustomerReturned"], returned))
    return on(do("Wait", parameters, then, **errors), *conditions)


def document(**actions: Document) -> Document:
    """A flow of these actions by identifier, the first one first, and `end`, which disconnects."""
    actions.setdefault("end", END)
    return {
        "Version": "2019-10-30",
        "StartAction": next(iter(actions)),
        "Metadata": {"entryPointPosition": {"x": 20, "y": 20}, "ActionMetadata": {}},
        "Actions": [{"Identifier": identifier, **action} for identifier, action in actions.items()],
    }


def content(**actions: Document) -> str:
    return json.dumps(document(**actions))
