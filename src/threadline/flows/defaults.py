"""The flows that every instance is born with, under the names and types that they have on Amazon Connect.

Their content is ours, and made for chats. Flows for sounds (a beep, music, a notice about recording) end at once.

Source: Admin Guide, default flows.
On purpose: there are no sample flows, since nothing refers to them. Default customer queue is silent, since a chat
needs no music. Default queue transfer does not check staffing, since any agent can accept any chat.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

ActionParts = tuple[str, Mapping[str, Any], Mapping[str, Any]]


class DefaultFlow(NamedTuple):
    """A default flow. Its name is how people find it."""

    name: str
    type: str
    description: str
    content: str


def _content(**actions: ActionParts) -> str:
    """Flow language for actions by Identifier: a type, parameters and transitions. The first one starts."""
    listed = [
        {"Identifier": name, "Type": kind, "Parameters": parameters, "Transitions": transitions}
        for name, (kind, parameters, transitions) in actions.items()
    ]
    return json.dumps(
        {"Version": "2019-10-30", "StartAction": next(iter(actions)), "Metadata": {}, "Actions": listed}
    )


def _on(target: str, failed: str, *errors: str) -> dict[str, Any]:
    """Transitions to `target`, and for errors to `failed`."""
    named = (*errors, "NoMatchingError")
    return {"NextAction": target, "Errors": [{"ErrorType": each, "NextAction": failed} for each in named]}


def _say(text: str, target: str) -> ActionParts:
    return "MessageParticipant", {"Text": text}, _on(target, target)


END: ActionParts = ("EndFlowExecution", {}, {})
DISCONNECT: ActionParts = ("DisconnectParticipant", {}, {})
SILENT = _content(end=END)
"""The content of a flow that does nothing. A chat in a queue does not run it."""

DEFAULT_FLOWS = (
    DefaultFlow("Default agent hold", "AGENT_HOLD", "Plays to an agent on hold. Calls only.", SILENT),
    DefaultFlow(
        "Default agent transfer",
        "AGENT_TRANSFER",
        "Transfers a chat to an agent.",
        _content(
            say=_say("Transferring now.", "transfer"),
            transfer=("TransferContactToAgent", {}, _on("failed", "failed", "QueueAtCapacity")),
            failed=_say("The chat could not be transferred.", "disconnect"),
            disconnect=DISCONNECT,
        ),
    ),
    DefaultFlow(
        "Default agent whisper",
        "AGENT_WHISPER",
        "Tells an agent the queue of a chat.",
        _content(say=_say("$.Queue.Name", "end"), end=END),
    ),
    DefaultFlow("Default customer hold", "CUSTOMER_HOLD", "Plays to a customer on hold. Calls only.", SILENT),
    DefaultFlow(
        "Default customer queue",
        "CUSTOMER_QUEUE",
        "Runs while a chat waits in a queue, where no other flow is set. Silent until it is changed.",
        SILENT,
    ),
    DefaultFlow("Default customer whisper", "CUSTOMER_WHISPER", "A beep. Calls only.", SILENT),
    DefaultFlow(
        "Default outbound", "OUTBOUND_WHISPER", "Plays to a customer who is called. Calls only.", SILENT
    ),
    DefaultFlow(
        "Default queue transfer",
        "QUEUE_TRANSFER",
        "Transfers a chat to a queue within its hours of operation.",
        _content(
            hours=(
                "CheckHoursOfOperation",
                {},
                _on("closed", "say")
                | {
                    "Conditions": [
                        {"NextAction": target, "Condition": {"Operator": "Equals", "Operands": [result]}}
                        for target, result in (("say", "True"), ("closed", "False"))
                    ]
                },
            ),
            say=_say("Now transferring.", "transfer"),
            transfer=("TransferContactToQueue", {}, _on("failed", "failed", "QueueAtCapacity")),
            closed=_say("The queue is closed now.", "disconnect"),
            failed=_say("The chat could not be transferred.", "disconnect"),
            disconnect=DISCONNECT,
        ),
    ),
)
