"""DescribeFlowRun: the block in which the flow of a contact waits."""

from threadline.flows.language import parse
from threadline.flows.state import FlowState
from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.operations.sessions import require
from threadline.resources.flow_rows import content_of
from threadline.store import Tx


@operation("threadline", writes=False)
def describe_flow_run(tx: Tx, caller: AccountCaller, *, instance_id: str, contact_id: str) -> Reply:
    """Tell in which block the flow of a contact waits; the reply is empty when no flow of it runs.

    Reads: flow_run, the flow.
    Faults: ResourceNotFoundException.
    """
    instance = require_instance(tx, caller, instance_id)
    session, contact = require(tx, instance_id, contact_id)
    found = tx.row("flow_run", str, str, int, str, session=session.key, contact_id=contact.id)
    if found is None:
        return {}
    first, text, version, _ = found
    state = FlowState.from_json(text)
    flow_id, _, number = (state.flow or f"{first}/{version}").rpartition("/")
    named = tx.row("flow_name", str, str, instance_id=instance.id, flow_id=flow_id)
    if named is None or not state.action:
        return {}
    flow = parse(content_of(tx, instance.id, flow_id, int(number)), None)
    type_ = flow.actions[state.action].type
    return {"ContactFlowName": named[0], "Type": type_, "Identifier": state.action}
