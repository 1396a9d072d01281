"""Copies of the demo's workspace, which an attack may destroy: an instance with users and flows."""

from itertools import count

from threadline.testing import Workspace

NUMBERS = count(1)


def copy_of(workspace: Workspace) -> Workspace:
    """Make an instance of the same account that has what the workspace's own has, and return the workspace of it."""
    connect = workspace.connect
    made = connect.create_instance(
        IdentityManagementType="CONNECT_MANAGED",
        InstanceAlias=f"copy-{next(NUMBERS)}",
        InboundCallsEnabled=False,
        OutboundCallsEnabled=False,
    )
    instance_id = made["Id"]
    [queue] = connect.list_queues(InstanceId=instance_id)["QueueSummaryList"]
    [routing] = connect.list_routing_profiles(InstanceId=instance_id)["RoutingProfileSummaryList"]
    security = connect.list_security_profiles(InstanceId=instance_id)["SecurityProfileSummaryList"]
    users = {
        f"THREADLINE_AGENT_{name.upper()}": connect.create_user(
            InstanceId=instance_id,
            Username=name,
            RoutingProfileId=routing["Id"],
            SecurityProfileIds=[security[0]["Id"]],
        )["UserId"]
        for name in workspace.agents
    }
    ids = {workspace.instance_id: instance_id, workspace.queue_id: queue["Id"]}
    for flow_id in (workspace.survey_flow_id, workspace.contact_flow_id):  # the second names the first
        ids[flow_id] = _copy_flow(workspace, flow_id, ids)
    return Workspace(
        workspace.url, {name: ids.get(value, value) for name, value in workspace.env.items()} | users
    )


def _copy_flow(workspace: Workspace, flow_id: str, ids: dict[str, str]) -> str:
    """Create the flow in the copied instance, with the ids of that instance, and return its id."""
    flow = workspace.connect.describe_contact_flow(InstanceId=workspace.instance_id, ContactFlowId=flow_id)[
        "ContactFlow"
    ]
    content = flow["Content"]
    for old, new in ids.items():
        content = content.replace(old, new)
    made = workspace.connect.create_contact_flow(
        InstanceId=ids[workspace.instance_id], Name=flow["Name"], Type=flow["Type"], Content=content
    )
    return str(made["ContactFlowId"])
