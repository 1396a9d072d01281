"""The Flow language: reads a flow's JSON, and refuses a flow that could not run, with all its problems.

In a flow that `parse` accepts the server runs every action, every parameter is valid, and every transition leads to an
action of the flow. `Metadata` (the positions in the editor) is ignored.
Source: https://docs.aws.amazon.com/connect/latest/devguide/flow-language.html
"""

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple

from threadline.errors import Fault
from threadline.flows.actions import ACTION_TYPES
from threadline.flows.actions.branching import KEY_EXISTS, is_number
from threadline.flows.declaration import ActionType
from threadline.flows.readers import anything
from threadline.flows.references import is_reference
from threadline.jsontext import decode

VERSION = "2019-10-30"
CONTENT_CHARACTERS_MAX = 256_000
"""Source: model shape ContactFlowContent."""
ACTIONS_MAX = 250
"""Source: Flow language, example page."""
IDENTIFIER_CHARACTERS_MAX = 50
"""Source: Flow language, actions page; so are the characters and names that an identifier must not have."""
OPERANDS_MAX = 250
"""Operands of all conditions of one action together, since every run of the action compares them."""
PROBLEMS_MAX = 100
"""Problems listed in one error."""

_FORBIDDEN_CHARACTERS = frozenset("%:(\\/)=$,;[]{}")
_FORBIDDEN_IDENTIFIERS = frozenset(
    """__proto__ constructor __defineGetter__ __defineSetter__ toString hasOwnProperty isPrototypeOf
    propertyIsEnumerable toLocaleString valueOf""".split()
)


class Condition(NamedTuple):
    """A branch: `next_action` follows when the action's value fulfils `operator` with one of `operands`."""

    operator: str
    operands: tuple[str, ...]
    next_action: str


class Action(NamedTuple):
    """One step of a flow. `parameters` are as the readers in `actions` return them; `errors` maps an error type to an
    action's identifier.
    """

    identifier: str
    type: str
    parameters: Mapping[str, Any]
    next_action: str | None
    errors: Mapping[str, str]
    conditions: tuple[Condition, ...]


class Flow(NamedTuple):
    """A flow that can run: its actions by identifier, and the first one."""

    start: str
    actions: Mapping[str, Action]


def parse(content: str, flow_type: str | None = "CONTACT_FLOW") -> Flow:
    """Read the content of a flow of the given type; None for content that was accepted before.

    Faults: InvalidContactFlowException with `problems`, a list of {"message": ...}, each of which names the action and
    advises how to correct it. The types of actions are listed once, at the end, when one is unknown.
    Assumed: the conditions of one action have 250 operands at most.
    Observed: Amazon accepts actions that nothing leads to. The Admin Guide has a transfer to a queue with an empty
    NextAction.
    """
    document = _document(content)
    problems: list[str] = []
    if document.get("Version") != VERSION:
        problems.append(f'Version must be "{VERSION}", the only version of the Flow language there is.')
    entries = document.get("Actions")
    if not isinstance(entries, list) or not 1 <= len(entries) <= ACTIONS_MAX:
        has = f", not {len(entries)}" if isinstance(entries, list) else ""
        problems.append(f"Actions must be a list of 1 to {ACTIONS_MAX} actions{has}.")
        raise _fault(problems)
    actions = [_action(entry, number, problems) for number, entry in enumerate(entries, start=1)]
    known = Counter(action.identifier for action in actions)
    for identifier, count in known.items():
        if identifier and count > 1:
            problems.append(f"{count} actions have the Identifier {identifier!r}. Give each action its own.")
    start = document.get("StartAction")
    if not isinstance(start, str) or start not in known:
        problems.append("StartAction must be the Identifier of the action that runs first.")
        start = ""
    for action in actions:
        if action.type in ACTION_TYPES and not ACTION_TYPES[action.type].allows(flow_type):
            problems.append(f"{name_of(action)}: it is not allowed in a flow of type {flow_type}.")
        for label, target in targets(action):
            if target not in known:
                problems.append(
                    f"{name_of(action)}: {label} leads to {target!r}, which is not an action of this flow."
                )
    if problems:
        is_unknown = any(action.type and action.type not in ACTION_TYPES for action in actions)
        raise _fault(problems, lists_types=is_unknown)
    return Flow(start, {action.identifier: action for action in actions})


@lru_cache(maxsize=8)
def demo_content(name: str, **ids: str) -> str:
    """The content of a demo flow: `demo-survey`, or `demo-inbound` or `demo-returning`, which take `queue_id` and
    `survey_flow_id`.

    Faults: InvalidContactFlowException when an id is missing, since its placeholder is left in the content.
    """
    content = (resources.files("threadline.flows") / f"{name}.json").read_text(encoding="utf-8")
    for placeholder, value in ids.items():
        content = content.replace(f"${{{placeholder}}}", value)
    if "${" in content:
        raise _fault(
            [f"The flow {name} needs an id for {content[content.index('${') :].partition('}')[0]}}}."]
        )
    parse(content)
    return content


def _document(content: str) -> dict[str, Any]:
    if len(content) > CONTENT_CHARACTERS_MAX:
        raise _fault([f"The content has more than {CONTENT_CHARACTERS_MAX} characters."])
    try:
        document = decode(content.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise _fault([f"The content must be JSON text: {str(error)[:200]}."]) from None
    if not isinstance(document, dict):
        raise _fault(["The content must be a JSON object with Version, StartAction and Actions."])
    if isinstance(document.get("modules"), list) and "Actions" not in document:
        raise _fault(
            [
                "The content is a legacy export, not the Flow language. Convert it: threadline flow convert FILE"
            ]
        )
    return document


def _fault(problems: Sequence[str], *, lists_types: bool = False) -> Fault:
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    listed = list(problems[:PROBLEMS_MAX])
    if lists_types:
        listed.append(f"The Flow language has these actions: {', '.join(sorted(ACTION_TYPES))}.")
    return Fault(
        "InvalidContactFlowException",
        f"The flow has {count}: {problems[0]}",
        problems=[{"message": problem} for problem in listed],
    )


def _action(entry: Any, number: int, problems: list[str]) -> Action:
    if not isinstance(entry, dict):
        problems.append(f"Action number {number} must be a JSON object.")
        return Action("", "", {}, None, {}, ())
    identifier, type_ = entry.get("Identifier"), entry.get("Type")
    identifier = identifier if isinstance(identifier, str) else ""
    complaints = [*_identifier_problems(identifier)]
    kind = ACTION_TYPES.get(type_) if isinstance(type_, str) else None
    parameters, transitions = _or(entry.get("Parameters"), {}), _or(entry.get("Transitions"), {})
    action = Action(identifier, type_[:100] if isinstance(type_, str) else "", {}, None, {}, ())
    if kind is None:
        complaints.append(_type_problem(type_))
    elif not isinstance(parameters, dict) or not isinstance(transitions, dict):
        complaints.append("Parameters and Transitions must be JSON objects.")
    else:
        read = _parameters(kind, parameters, complaints)
        branches = _transitions(kind, read, transitions, complaints)
        action = Action(identifier, str(type_), read, *branches)
    name = name_of(action) if identifier else f"Action number {number}"
    problems.extend(f"{name}: {complaint}" for complaint in complaints)
    return action


def _or(value: Any, empty: Any) -> Any:
    """Return `value`, or `empty` for null: serialisers of several languages write null for an empty list."""
    return empty if value is None else value


def _identifier_problems(identifier: str) -> Iterable[str]:
    if not 1 <= len(identifier) <= IDENTIFIER_CHARACTERS_MAX:
        yield f"Identifier must be a string of 1 to {IDENTIFIER_CHARACTERS_MAX} characters."
    if _FORBIDDEN_CHARACTERS & set(identifier):
        yield f"Identifier must not have any of the characters {' '.join(sorted(_FORBIDDEN_CHARACTERS))}."
    if identifier in _FORBIDDEN_IDENTIFIERS:
        yield "this Identifier is reserved by the Flow language. Choose another."


def _type_problem(type_: Any) -> str:
    if not isinstance(type_, str) or type_ == "":
        return "Type must be the name of an action."
    alike = difflib.get_close_matches(type_[:100], ACTION_TYPES, n=1)
    hint = f" Did you mean {alike[0]}?" if alike else ""
    return f"{type_[:100]!r} is not an action of the Flow language.{hint}"


def _parameters(kind: ActionType, given: Mapping[str, Any], complaints: list[str]) -> dict[str, Any]:
    """Read the parameters. Problems are added to `complaints`."""
    readers, read = kind.readers, {}
    complaints += [f"parameter {name} is required." for name in kind.required if name not in given]
    if kind.one_of and sum(name in given for name in kind.one_of) != 1:
        complaints.append(f"exactly one of the parameters {' and '.join(kind.one_of)} is required.")
    if kind.any_of and not any(name in given for name in kind.any_of):
        complaints.append(f"one of the parameters {' and '.join(kind.any_of)} is required.")
    for name, value in given.items():
        if kind.open:
            read[name] = _open_parameter(name, value, complaints)
        elif name in kind.ignored:
            continue
        elif name not in readers:
            known = ", ".join((*readers, *kind.ignored))
            takes = f"It takes {known}." if known else "It takes none."
            complaints.append(f"{name[:100]!r} is not a parameter of this action. {takes}")
        else:
            try:
                read[name] = readers[name](value)
            except ValueError as error:
                complaints.append(f"parameter {name} {error}.")
    return read


def _open_parameter(name: str, value: Any, complaints: list[str]) -> Any:
    try:
        return anything(value)
    except ValueError as error:
        complaints.append(f"parameter {name[:100]} {error}.")
        return None


def _transitions(
    kind: ActionType, parameters: Mapping[str, Any], given: Mapping[str, Any], complaints: list[str]
) -> tuple[str | None, dict[str, str], tuple[Condition, ...]]:
    """Read NextAction, errors and conditions. Problems are added to `complaints`."""
    next_action = given.get("NextAction")
    if kind.terminal:
        if any(given.values()):
            complaints.append("Transitions must be {}: nothing follows this action.")
        return None, {}, ()
    if next_action is None and kind.needs_next:
        complaints.append("NextAction is required: the Identifier of the action that follows.")
    elif next_action == "" and kind.ends_in_queue:
        next_action = None
    elif next_action is not None and not isinstance(next_action, str):
        complaints.append("NextAction must be the Identifier of an action.")
        next_action = None
    errors = _errors(kind, _entries(given, "Errors", complaints), complaints)
    conditions = _conditions(kind, _entries(given, "Conditions", complaints), complaints)
    if kind.results is not None:
        have = sorted(operand for condition in conditions for operand in condition.operands)
        wanted = sorted(kind.results(parameters))
        if have != wanted:
            complaints.append(f"Conditions must be exactly one Equals for each of {', '.join(wanted)}.")
    return next_action, errors, conditions


def _entries(given: Mapping[str, Any], name: str, complaints: list[str]) -> list[dict[str, Any]]:
    entries = _or(given.get(name), [])
    if isinstance(entries, list) and all(
        isinstance(entry, dict) and isinstance(entry.get("NextAction"), str) for entry in entries
    ):
        return entries
    complaints.append(
        f"{name} must be a list of objects, each with the Identifier of an action as NextAction."
    )
    return []


def _errors(kind: ActionType, entries: Iterable[dict[str, Any]], complaints: list[str]) -> dict[str, str]:
    errors: dict[str, str] = {}
    for entry in entries:
        error_type = entry.get("ErrorType")
        is_known = error_type in kind.all_errors or (kind.open and error_type != "")
        if not isinstance(error_type, str) or not is_known:
            complaints.append(
                f"ErrorType must be {' or '.join(kind.all_errors)}, not {str(error_type)[:100]!r}."
            )
        elif error_type in errors:
            complaints.append(f"ErrorType {error_type} has two branches. Keep one.")
        else:
            errors[error_type] = entry["NextAction"]
    return errors


def _conditions(
    kind: ActionType, entries: Iterable[dict[str, Any]], complaints: list[str]
) -> tuple[Condition, ...]:
    conditions: list[Condition] = []
    for entry in entries:
        condition = entry.get("Condition")
        operator = condition.get("Operator") if isinstance(condition, dict) else None
        operands = _operands(condition.get("Operands")) if isinstance(condition, dict) else []
        if not kind.operators:
            complaints.append("this action has no result to put Conditions on. Remove them.")
        elif operator not in kind.operators:
            complaints.append(f"the Operator of a condition must be {' or '.join(kind.operators)}.")
        elif not isinstance(operands, list) or not all(
            isinstance(operand, str) and operand for operand in operands
        ):
            complaints.append("the Operands of a condition must be a list of strings that are not empty.")
        elif not operands and operator != KEY_EXISTS:
            complaints.append(f"the Operands of {operator} must have a value to compare with.")
        elif operator.startswith("Number") and not all(is_number(o) or is_reference(o) for o in operands):
            complaints.append(f"the Operands of {operator} must be numbers or references.")
        else:
            conditions.append(Condition(operator, tuple(operands), entry["NextAction"]))
    if (count := sum(len(condition.operands) for condition in conditions)) > OPERANDS_MAX:
        complaints.append(f"its Conditions have {count} Operands; at most {OPERANDS_MAX} are allowed.")
    return tuple(conditions)


def _operands(value: Any) -> Any:
    """Read the operands of a condition. Observed: Amazon accepts JSON numbers where the console writes texts."""
    if not isinstance(value, list):
        return _or(value, [])
    return [str(each) if type(each) in (int, float) else each for each in value]


def targets(action: Action) -> Iterable[tuple[str, str]]:
    """The actions that may follow an action, each after the words for its branch."""
    if action.next_action is not None:
        yield "NextAction", action.next_action
    for error_type, target in action.errors.items():
        yield f"the branch of {error_type}", target
    for condition in action.conditions:
        yield (
            f"the branch of {condition.operator} {', '.join(condition.operands)[:100]}",
            condition.next_action,
        )


def name_of(action: Action) -> str:
    """An action in words, as problems name it."""
    return f"Action {action.identifier[:IDENTIFIER_CHARACTERS_MAX]!r} ({action.type})"
