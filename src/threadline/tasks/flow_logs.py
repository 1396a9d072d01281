"""The log of a flow's steps, as Amazon Connect writes it to CloudWatch: one JSON object for each block that has run.

Source: Admin Guide, flow logs. Observed: blocks have the console's older names there, such as SetLoggingBehavior, and a
block that failed has the Results `Error`.
Assumed: Parameters are those of the Flow language. A block that waits is logged twice, the second time with its
Results; so is a call to a function or a bot. A run begins with its logging off.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from threadline.chat.contact import Session
from threadline.flows.state import Step
from threadline.jsontext import LOG_FIELDS
from threadline.operations.instances import Instance, instance_arn
from threadline.resources.instance_attributes import FLOW_LOGS, has
from threadline.store import Tx

log = logging.getLogger("threadline.flows")
Entry = dict[str, Any]
MODULE_TYPES = {
    "Compare": "CheckAttribute",
    "ConnectParticipantWithLexBot": "GetUserInput",
    "DequeueContactAndTransferToQueue": "Transfer",
    "DisconnectParticipant": "Disconnect",
    "GetParticipantInput": "GetUserInput",
    "InvokeLambdaFunction": "InvokeExternalResource",
    "MessageParticipant": "PlayPrompt",
    "MessageParticipantIteratively": "LoopPrompts",
    "TransferContactToAgent": "Transfer",
    "TransferContactToQueue": "Transfer",
    "TransferToFlow": "Transfer",
    "UpdateContactAttributes": "SetAttributes",
    "UpdateContactCallbackNumber": "SetCallbackNumber",
    "UpdateContactData": "SetContactData",
    "UpdateContactEventHooks": "SetEventHook",
    "UpdateContactRecordingAndAnalyticsBehavior": "SetRecordingBehavior",
    "UpdateContactRecordingBehavior": "SetRecordingBehavior",
    "UpdateContactRoutingBehavior": "UpdateRoutingPriority",
    "UpdateContactTargetQueue": "SetQueue",
    "UpdateContactTextToSpeechVoice": "SetVoice",
    "UpdateFlowAttributes": "SetFlowAttributes",
    "UpdateFlowLoggingBehavior": "SetLoggingBehavior",
}
"""The names of blocks in flow logs, by the type of their action; others have the action's type."""
WAITING, ERROR = "Waiting", "Error"


class FlowLog:
    """Collects the steps of one event, and writes them when the event's writes are done.

    `flow` is the key of the flow that the run began with, `waited_ms` how long the first block has waited. Under test
    controls every step is collected, and kept for the test; only those of flows whose logging is on are written.
    """

    def __init__(self, tx: Tx, session: Session, contact_id: str, flow: str, waited_ms: int) -> None:
        self._tx = tx
        self._session = session
        self._contact_id = contact_id
        self._flow = flow
        self._waited_ms = waited_ms
        self._controls = tx.policy.controls
        self._steps: list[Step] = []
        self._known: dict[str, tuple[str, str]] = {}
        self.always = self._controls is not None

    def watch(self, step: Step) -> None:
        """Collect a step."""
        self._steps.append(step if self._steps else step._replace(milliseconds=self._waited_ms))

    def write(self) -> None:
        """Write the steps that were collected."""
        is_on = any(step.logged for step in self._steps) and has(
            self._tx, self._session.instance_id, FLOW_LOGS
        )
        for step in self._steps:
            entry = self._entry(step)
            if step.logged and is_on:
                log.info("%s", json.dumps(entry, ensure_ascii=False), extra={LOG_FIELDS: entry})
            if self._controls is not None:
                initial = self._session.initial_contact_id
                of_step = {"Type": step.type, "InitialContactId": initial, "Milliseconds": step.milliseconds}
                self._controls.steps.add({**entry, **of_step})
        self._steps.clear()

    def _entry(self, step: Step) -> Entry:
        arn, name = self._named((step.flow or self._flow).rpartition("/")[0])
        at = datetime.fromtimestamp(self._tx.now_ms / 1_000, UTC)
        entry: Entry = {
            "ContactId": self._contact_id,
            "ContactFlowId": arn,
            "ContactFlowName": name,
            "ContactFlowModuleType": MODULE_TYPES.get(step.type, step.type),
            "Identifier": step.identifier,
            "Timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1_000:03}Z",
            "Parameters": step.parameters,
        }
        if step.failed:
            entry |= {"Results": ERROR, "Error": step.result}
        elif step.result not in (None, WAITING):
            entry["Results"] = step.result
        return entry

    def _named(self, flow_id: str) -> tuple[str, str]:
        """The ARN and the name of a flow."""
        if flow_id not in self._known:
            keys = {"instance_id": self._session.instance_id, "flow_id": flow_id}
            name, type_ = self._tx.row("flow_name", str, str, **keys) or (flow_id, "")
            instance = self._tx.row("instance", Instance, instance_id=self._session.instance_id)
            kind = "flow-module" if type_ == "MODULE" else "contact-flow"
            arn = f"{instance_arn(instance)}/{kind}/{flow_id}" if instance else flow_id
            self._known[flow_id] = arn, name
        return self._known[flow_id]
