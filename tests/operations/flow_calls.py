"""A call for each operation about versions, aliases and modules of flows, for the tests of every operation."""

from collections.abc import Callable
from typing import Any

from tests.flows.flows import Document, content, say
from tests.operations.admin_calls import fresh
from threadline.aws.names import snake
from threadline.testing.workspace import Workspace

BACK: Document = {"Type": "EndFlowModuleExecution", "Parameters": {}, "Transitions": {}}
MODULE = content(hello=say("hello", "back"), back=BACK)


def _flow(workspace: Workspace) -> str:
    made: Any = workspace.connect.create_contact_flow(
        InstanceId=workspace.instance_id,
        Name=fresh("flow"),
        Type="CONTACT_FLOW",
        Content=content(hello=say("hello")),
    )
    return str(made["ContactFlowId"])


def _module(workspace: Workspace, **members: Any) -> Any:
    of = {"InstanceId": workspace.instance_id}
    return workspace.connect.create_contact_flow_module(
        **{**of, "Name": fresh("module"), "Content": MODULE} | members
    )


def _of(noun: str, operation: str, *ids: str, **members: Any) -> Callable[[Workspace, str], Any]:
    """A call of an operation about a flow or a module of the workspace, which has a version and an alias."""

    def call(workspace: Workspace, instance_id: str) -> Any:
        made = _flow(workspace) if noun == "ContactFlow" else _module(workspace)["Id"]
        of: dict[str, Any] = {"InstanceId": workspace.instance_id, f"{noun}Id": made}
        _call(workspace, f"Create{noun}Version", **of)
        first = {f"{noun}Version": 1}
        alias = _call(workspace, f"Create{noun}Alias", **of, **first, AliasName="first")["Id"]
        given = {"alias": {"AliasId": alias}, "version": first}
        if operation.startswith("Delete") and operation.endswith("Version"):
            _call(workspace, f"Delete{noun}Alias", **of, AliasId=alias)
        extra = {key: value for name in ids for key, value in given[name].items()}
        return _call(workspace, operation, **{**of, "InstanceId": instance_id, **extra, **members})

    return call


def _call(workspace: Workspace, operation: str, **members: Any) -> Any:
    return getattr(workspace.connect, snake(operation))(**members)


def _calls(noun: str) -> dict[str, Callable[[Workspace, str], Any]]:
    return {
        f"Create{noun}Version": _of(noun, f"Create{noun}Version"),
        f"Delete{noun}Version": _of(noun, f"Delete{noun}Version", "version"),
        f"List{noun}Versions": _of(noun, f"List{noun}Versions"),
        f"Create{noun}Alias": _of(noun, f"Create{noun}Alias", "version", AliasName="second"),
        f"Update{noun}Alias": _of(noun, f"Update{noun}Alias", "alias", Description="d"),
        f"Describe{noun}Alias": _of(noun, f"Describe{noun}Alias", "alias"),
        f"Delete{noun}Alias": _of(noun, f"Delete{noun}Alias", "alias"),
        f"List{noun}Aliases": _of(noun, f"List{noun}Aliases"),
        f"Delete{noun}": _of(noun, f"Delete{noun}"),
    }


FLOW_CALLS: dict[str, Callable[[Workspace, str], Any]] = {
    **_calls("ContactFlow"),
    **_calls("ContactFlowModule"),
    "UpdateContactFlowMetadata": _of("ContactFlow", "UpdateContactFlowMetadata", Description="d"),
    "UpdateContactFlowName": _of("ContactFlow", "UpdateContactFlowName", Description="d"),
    "CreateContactFlowModule": lambda w, i: _module(w, InstanceId=i),
    "ListContactFlowModules": lambda w, i: w.connect.list_contact_flow_modules(InstanceId=i),
    "DescribeContactFlowModule": _of("ContactFlowModule", "DescribeContactFlowModule"),
    "UpdateContactFlowModuleContent": _of(
        "ContactFlowModule", "UpdateContactFlowModuleContent", Content=MODULE
    ),
    "UpdateContactFlowModuleMetadata": _of(
        "ContactFlowModule", "UpdateContactFlowModuleMetadata", Description="d"
    ),
}
