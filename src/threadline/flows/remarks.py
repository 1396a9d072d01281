"""Remarks about a flow that loads: actions that do nothing on a chat, need a setting to run, never run, or have no
branch for an error.

Observed: Amazon Connect refuses an action whose branches lack an error that it requires, QueueAtCapacity among them.
On purpose: it is remarked and not refused, since no documentation says which are required.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from threadline.flows.actions import ACTION_FUNCTIONS, ACTION_TYPES
from threadline.flows.declaration import OnChat
from threadline.flows.effects import NO_MATCHING_CONDITION, NO_MATCHING_ERROR, QUEUE_AT_CAPACITY, Failed
from threadline.flows.language import Action, Flow, targets
from threadline.flows.references import is_reference

SPOKEN = ("PromptId", "Media")
"""Parameters that are heard on voice calls only."""
NEIGHBOURS = {
    "InvokeLambdaFunction": ("LambdaFunctionARN", "AWS_ENDPOINT_URL_LAMBDA"),
    "ConnectParticipantWithLexBot": ("LexV2Bot", "AWS_ENDPOINT_URL_LEX_RUNTIME_V2"),
}
"""Actions that call a neighbour: the parameter with its ARN, and the setting with the endpoint of all of them."""

NEVER_FAIL = (
    "Compare",
    "CompleteOutboundCall",
    "DistributeByPercentage",
    "Loop",
    "MessageParticipant",
    "MessageParticipantIteratively",
    "UpdateContactCallbackNumber",
    "UpdateContactRoutingBehavior",
    "UpdateFlowLoggingBehavior",
    "Wait",
)
"""Actions that do not take NoMatchingError, or for which the console writes no branch of it."""


class Remark(NamedTuple):
    """A remark about one action."""

    action: Action
    on_chat: OnChat
    text: str


def remarks(flow: Flow, flow_type: str) -> Iterator[Remark]:
    """Yield remarks for the actions that do nothing on a chat, need a setting, never run or lack an error's branch."""
    reached = _reached(flow)
    for action in flow.actions.values():
        if action.identifier not in reached:
            yield Remark(action, OnChat.NEVER, "is reached by no branch")
            continue
        if (found := _remark(action, flow_type)) is not None:
            yield Remark(action, *found)
        for error in _unguarded(action):
            then = "takes NextAction" if action.next_action else "ends the flow"
            if NO_MATCHING_ERROR in action.errors:
                then = f"takes the branch of {NO_MATCHING_ERROR}"
            yield Remark(action, OnChat.UNGUARDED, f"has no branch for {error}, which {then}")


def _unguarded(action: Action) -> Iterator[str]:
    """The errors that an action may take and has no branch for."""
    kind = ACTION_TYPES[action.type]
    if action.conditions and kind.results is None and NO_MATCHING_CONDITION not in action.errors:
        yield NO_MATCHING_CONDITION
    is_safe = kind.terminal or kind.on_chat is OnChat.NOTHING_VISIBLE or action.type in NEVER_FAIL
    if not is_safe and NO_MATCHING_ERROR not in action.errors:
        yield NO_MATCHING_ERROR
    if QUEUE_AT_CAPACITY in kind.errors and QUEUE_AT_CAPACITY not in action.errors:
        yield QUEUE_AT_CAPACITY


def _reached(flow: Flow) -> set[str]:
    reached, todo = set[str](), [flow.start]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += [target for _, target in targets(flow.actions[name])]
    return reached


def _remark(action: Action, flow_type: str) -> tuple[OnChat, str] | None:
    on_chat = ACTION_TYPES[action.type].on_chat
    parameters = action.parameters
    if on_chat is OnChat.VOICE_ONLY:
        result = ACTION_FUNCTIONS[action.type](parameters, {"FlowType": flow_type})
        error = result.error_type if isinstance(result, Failed) else ""
        return on_chat, f"takes the branch of {error}"
    if on_chat is OnChat.NOTHING_VISIBLE:
        return on_chat, "goes on; nothing of it is visible"
    if on_chat is OnChat.OF_SERVICE:
        return (
            on_chat,
            f"runs with THREADLINE_NEIGHBOURS={action.type}=URL, else takes the branch of an error",
        )
    if action.type == "MessageParticipantIteratively" and flow_type != "CUSTOMER_QUEUE":
        return OnChat.VOICE_ONLY, "takes the branch of NoMatchingError outside a customer queue flow"
    if any(name in parameters for name in SPOKEN) and "Text" not in parameters:
        return OnChat.VOICE_ONLY, "plays a prompt, which a chat does not show"
    return _of_neighbour(action.type, parameters)


def _of_neighbour(type_: str, parameters: Mapping[str, Any]) -> tuple[OnChat, str] | None:
    if type_ not in NEIGHBOURS:
        return None
    name, setting = NEIGHBOURS[type_]
    if name not in parameters:
        return (
            OnChat.VOICE_ONLY,
            "names a bot of Lex V1, which AWS has closed: takes the branch of NoMatchingError",
        )
    shown = "ARN" if is_reference(parameters[name]) else parameters[name]
    return OnChat.OF_SERVICE, f"runs with {setting}, or with THREADLINE_NEIGHBOURS={shown}=URL"
