"""A call of each operation about views, with any InstanceId."""

import json
from typing import Any

from tests.operations.admin_calls import Call, call_of, fresh
from threadline.testing import Workspace

TEMPLATE = json.dumps(
    {
        "Head": {"Title": "Choose"},
        "Body": [
            {"_id": "b", "Type": "Button", "Props": {"Label": "$.Label", "Action": "Go"}, "Content": []}
        ],
    }
)
CONTENT = {"Template": TEMPLATE, "Actions": ["Go"]}


def create_view(workspace: Workspace, name: str = "", **members: Any) -> dict[str, Any]:
    given = {"InstanceId": workspace.instance_id, "Status": "PUBLISHED", "Content": CONTENT} | members
    view: dict[str, Any] = workspace.connect.create_view(Name=name or fresh("view"), **given)["View"]
    return view


def _of_view(operation: str, **members: Any) -> Call:
    return call_of(operation, "ViewId", lambda workspace: create_view(workspace)["Id"], **members)


def _delete_version(workspace: Workspace, instance_id: str) -> Any:
    view_id = create_view(workspace)["Id"]
    workspace.connect.create_view_version(InstanceId=workspace.instance_id, ViewId=view_id)
    return workspace.connect.delete_view_version(InstanceId=instance_id, ViewId=view_id, ViewVersion=1)


VIEW_CALLS: dict[str, Call] = {
    "CreateView": lambda w, i: create_view(w, InstanceId=i),
    "CreateViewVersion": _of_view("create_view_version"),
    "DeleteView": _of_view("delete_view"),
    "DeleteViewVersion": _delete_version,
    "DescribeView": _of_view("describe_view"),
    "ListViewVersions": _of_view("list_view_versions"),
    "ListViews": lambda w, i: w.connect.list_views(InstanceId=i),
    "SearchViews": lambda w, i: w.connect.search_views(InstanceId=i),
    "UpdateViewContent": _of_view("update_view_content", Status="SAVED", Content=CONTENT),
    "UpdateViewMetadata": _of_view("update_view_metadata", Description="Another"),
}
