"""A customer whose chat was started by StartAssistantContact; a flow plays the AI agent."""

from collections.abc import Callable
from typing import Any

from threadline.aws.model import load
from threadline.testing import Customer, Person, Workspace


class AssistedCustomer(Customer):
    """A customer of an AI agent, as `Customer` is one of a flow."""

    def __init__(self, workspace: Workspace, agent_id: str = "", **members: Any) -> None:
        started = workspace.connect.start_assistant_contact(
            **{
                "InstanceId": workspace.instance_id,
                "AiAgent": {"AiAgentId": agent_id or workspace.contact_flow_id},
                "ParticipantDetails": {"DisplayName": "Casey"},
            }
            | members
        )
        Person.__init__(self, workspace, "Casey", started["ContactId"], started["ParticipantToken"])
        self.participant_id = started["ParticipantId"]
        self.continued_from = started.get("ContinuedFromContactId")


ASSISTED_CALLS: dict[str, Callable[[Workspace, str], Any]] = {}
"""A call of StartAssistantContact in an instance, unless the installed botocore is older than it."""
if "StartAssistantContact" in load("connect").operations:
    ASSISTED_CALLS["StartAssistantContact"] = lambda w, i: AssistedCustomer(w, InstanceId=i)
