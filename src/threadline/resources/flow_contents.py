"""The content of a flow or module that is to be published: the Flow language, and by setting the resources it names."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from threadline.errors import Fault
from threadline.flows.language import PROBLEMS_MAX, Action, name_of, parse
from threadline.flows.references import is_reference
from threadline.resources.flow_rows import MODULE, OF_SAVED, Found, publish
from threadline.resources.flow_type import FLOWS, MODULES
from threadline.resources.hours import HOURS
from threadline.resources.queues import QUEUES
from threadline.resources.users import require_user
from threadline.store import Tx

Find = Callable[[Tx, str, str], object]
NAMED: Mapping[str, Find] = {
    "AgentId": require_user,
    "ContactFlowId": FLOWS.find,
    "EventHooks": FLOWS.find,
    "FlowModuleId": MODULES.find,
    "HoursOfOperationId": HOURS.require,
    "QueueId": QUEUES.require,
}
"""The parameters that name a resource of the instance, and how it is found. They raise Fault without it."""


def check_content(tx: Tx, instance_id: str, content: str, flow_type: str) -> None:
    """Refuse content that could not run, with all its problems, and by setting one that names what is not there.

    Faults: InvalidContactFlowException with `problems`; for a module InvalidContactFlowModuleException.
    """
    code = "InvalidContactFlowModuleException" if flow_type == MODULE else "InvalidContactFlowException"
    try:
        flow = parse(content, flow_type)
    except Fault as fault:
        raise Fault(code, fault.message, problems=fault.members["problems"]) from None
    if not tx.policy.check_flow_resources:
        return
    problems = [problem for action in flow.actions.values() for problem in _missing(tx, instance_id, action)]
    if problems:
        listed = [{"message": problem} for problem in problems[:PROBLEMS_MAX]]
        raise Fault(code, f"The flow names what is not there: {problems[0]}", problems=listed)


def replace_content(tx: Tx, found: Found, content: str) -> None:
    """Publish other content of a flow or module; keep it as the draft when `:$SAVED` names it.

    Faults: those of `check_content` for content that is published.
    """
    flow = found.flow
    if found.qualifier == OF_SAVED:
        tx.run(
            "set_flow_draft",
            draft=content,
            now_ms=tx.now_ms,
            instance_id=flow.instance_id,
            flow_id=flow.id,
        )
        return
    check_content(tx, flow.instance_id, content, flow.type)
    publish(tx, flow, content)


def _missing(tx: Tx, instance_id: str, action: Action) -> Iterator[str]:
    for name in NAMED.keys() & action.parameters.keys():
        for given in _ids(action.parameters[name]):
            try:
                NAMED[name](tx, instance_id, given)
            except Fault as fault:
                yield f"{name_of(action)}: parameter {name}: {fault.message}."


def _ids(value: Any) -> Iterator[str]:
    """The fixed ids in a parameter: a text, or the values of an object."""
    values = value.values() if isinstance(value, Mapping) else [value]
    yield from (each for each in values if isinstance(each, str) and not is_reference(each))
