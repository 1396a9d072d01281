"""A call of each operation about hours of operation and their overrides, with any InstanceId."""

from typing import Any

from tests.operations.admin_calls import Call, call_of, fresh
from threadline.testing import Workspace

NINE, FIVE = {"Hours": 9, "Minutes": 0}, {"Hours": 17, "Minutes": 0}
MONDAYS = [{"Day": "MONDAY", "StartTime": NINE, "EndTime": FIVE}]


def create_hours(workspace: Workspace, name: str = "", **members: Any) -> str:
    given = {"InstanceId": workspace.instance_id, "TimeZone": "UTC", "Config": MONDAYS} | members
    made = workspace.connect.create_hours_of_operation(Name=name or fresh("hours"), **given)
    return str(made["HoursOfOperationId"])


def create_override(workspace: Workspace, hours_id: str, name: str = "", **members: Any) -> str:
    given = {
        "InstanceId": workspace.instance_id,
        "HoursOfOperationId": hours_id,
        "Config": [],
        "EffectiveFrom": "2026-12-24",
        "EffectiveTill": "2026-12-26",
    }
    made = workspace.connect.create_hours_of_operation_override(Name=name or fresh("day"), **given | members)
    return str(made["HoursOfOperationOverrideId"])


def _of_hours(operation: str, **members: Any) -> Call:
    return call_of(operation, "HoursOfOperationId", create_hours, **members)


def _of_override(operation: str, **members: Any) -> Call:
    def call(workspace: Workspace, instance_id: str) -> Any:
        hours_id = create_hours(workspace)
        return getattr(workspace.connect, operation)(
            InstanceId=instance_id,
            HoursOfOperationId=hours_id,
            HoursOfOperationOverrideId=create_override(workspace, hours_id),
            **members,
        )

    return call


def _associate(workspace: Workspace, instance_id: str) -> Any:
    return workspace.connect.associate_hours_of_operations(
        InstanceId=instance_id,
        HoursOfOperationId=create_hours(workspace),
        ParentHoursOfOperationConfigs=[{"HoursOfOperationId": create_hours(workspace)}],
    )


HOURS_CALLS: dict[str, Call] = {
    "AssociateHoursOfOperations": _associate,
    "CreateHoursOfOperation": lambda w, i: create_hours(w, InstanceId=i),
    "CreateHoursOfOperationOverride": lambda w, i: create_override(w, create_hours(w), InstanceId=i),
    "DeleteHoursOfOperation": _of_hours("delete_hours_of_operation"),
    "DeleteHoursOfOperationOverride": _of_override("delete_hours_of_operation_override"),
    "DescribeHoursOfOperationOverride": _of_override("describe_hours_of_operation_override"),
    "DisassociateHoursOfOperations": _of_hours(
        "disassociate_hours_of_operations", ParentHoursOfOperationIds=["none"]
    ),
    "GetEffectiveHoursOfOperations": _of_hours(
        "get_effective_hours_of_operations", FromDate="2026-12-24", ToDate="2026-12-31"
    ),
    "ListChildHoursOfOperations": _of_hours("list_child_hours_of_operations"),
    "ListHoursOfOperationOverrides": _of_hours("list_hours_of_operation_overrides"),
    "SearchHoursOfOperationOverrides": lambda w, i: w.connect.search_hours_of_operation_overrides(
        InstanceId=i
    ),
    "SearchHoursOfOperations": lambda w, i: w.connect.search_hours_of_operations(InstanceId=i),
    "UpdateHoursOfOperation": _of_hours("update_hours_of_operation", Description="Another"),
    "UpdateHoursOfOperationOverride": _of_override("update_hours_of_operation_override", Description="x"),
}
