"""Actions that move the contact to a queue, an agent or another flow, and those that end a flow."""

from threadline.flows.declaration import HOLD, WHISPER, ActionType, Parameters, action
from threadline.flows.effects import (
    QUEUE_AT_CAPACITY,
    Decision,
    End,
    EnterQueue,
    Failed,
    LoadFlow,
    MoveToQueue,
    Return,
    SetTargetQueue,
    TransferToAgent,
)
from threadline.flows.readers import anything, static_or_reference
from threadline.flows.references import Context, fill_all, resolve

RESULT_CHARACTERS_MAX = 32_768
"""Characters of a module's ResultData. Assumed: as for attributes."""


@action(ActionType(one_of={"QueueId": static_or_reference, "AgentId": static_or_reference}))
def update_contact_target_queue(parameters: Parameters, context: Context) -> Decision:
    """Choose the queue that TransferContactToQueue uses: a standard queue, or an agent's own."""
    agent = "AgentId" in parameters
    queue_id = resolve(parameters["AgentId" if agent else "QueueId"], context)
    return SetTargetQueue(queue_id, agent) if queue_id else Failed()


@action(ActionType(ignored=("QueueId", "AgentId"), errors=(QUEUE_AT_CAPACITY,), ends_in_queue=True))
def transfer_contact_to_queue(parameters: Parameters, context: Context) -> Decision:
    """Put the contact into its target queue and end the flow."""
    return EnterQueue()


@action(
    ActionType(
        optional={"QueueId": static_or_reference, "AgentId": static_or_reference},
        errors=(QUEUE_AT_CAPACITY,),
        ends_in_queue=True,
    )
)
def dequeue_contact_and_transfer_to_queue(parameters: Parameters, context: Context) -> Decision:
    """Take the contact out of its queue and put it into another, as a new contact.

    Source: Admin Guide, transfer to queue block: only a customer queue flow has it.
    Assumed: without QueueId and AgentId it uses the target queue.
    """
    name = next(iter(parameters), None)
    if name is None:
        return MoveToQueue("")
    queue_id = resolve(parameters[name], context)
    return MoveToQueue(queue_id, name == "AgentId") if queue_id else Failed()


@action(ActionType(ignored=("AgentId",), errors=(QUEUE_AT_CAPACITY,), ends_in_queue=True))
def transfer_contact_to_agent(parameters: Parameters, context: Context) -> Decision:
    """Offer the contact to the agent whom a quick connect has named."""
    return TransferToAgent()


@action(ActionType(required={"ContactFlowId": static_or_reference}, next_is_optional=True))
def transfer_to_flow(parameters: Parameters, context: Context) -> Decision:
    """Go on in another flow, with the same contact. Source: Admin Guide, transfer to flow block."""
    flow_id = resolve(parameters["ContactFlowId"], context)
    return LoadFlow(flow_id, module=False) if flow_id else Failed()


@action(
    ActionType(
        required={"FlowModuleId": static_or_reference},
        optional={"Input": anything},
        ignored=("ModuleInput", "Parameters"),
        operators=("Equals",),
    )
)
def invoke_flow_module(parameters: Parameters, context: Context) -> Decision:
    """Run a module, then go on here: by the module's result where the conditions name results."""
    module_id = resolve(parameters["FlowModuleId"], context)
    return LoadFlow(module_id, module=True) if module_id else Failed()


@action(
    ActionType(
        optional={"Result": static_or_reference, "ResultData": anything},
        terminal=True,
        only_in=("MODULE",),
    )
)
def end_flow_module_execution(parameters: Parameters, context: Context) -> Decision:
    """End the module and go back to the flow that invoked it."""
    given = parameters.get("Result")
    data = fill_all(parameters.get("ResultData"), context, RESULT_CHARACTERS_MAX)
    return Return(resolve(given, context) if given else None, data)


@action(ActionType(terminal=True, not_in=HOLD + WHISPER))
def disconnect_participant(parameters: Parameters, context: Context) -> Decision:
    """Disconnect the customer, which ends the contact."""
    return End(disconnects=True)


@action(ActionType(terminal=True))
def end_flow_execution(parameters: Parameters, context: Context) -> Decision:
    """End the flow, which in an inbound or disconnect flow ends the contact.

    Source: Admin Guide, end flow block. Assumed: inside a module it ends the whole flow.
    """
    return End()
