"""Hours of operation: when a queue is open. An instance has one set of them, which is always open."""

from typing import NamedTuple

from threadline.errors import Fault
from threadline.operations.instances import (
    Instance,
    instance_arn,
    page,
    require_instance,
    start_of_page,
)
from threadline.operations.registry import AccountCaller, Reply, bare_id, operation
from threadline.store import Tx

DAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
MIDNIGHT = {"Hours": 0, "Minutes": 0}


class Hours(NamedTuple):
    """Hours of operation as stored."""

    instance_id: str
    id: str
    name: str
    description: str
    time_zone: str
    updated_at_ms: int


@operation("connect", writes=False)
def describe_hours_of_operation(
    tx: Tx, caller: AccountCaller, *, instance_id: str, hours_of_operation_id: str
) -> Reply:
    """Describe hours of operation: all days, from midnight to midnight.

    Faults: ResourceNotFoundException.
    Source: DescribeHoursOfOperation; Admin Guide, hours of operation: a schedule for 24x7.
    On purpose: an instance's Basic Hours are open at all times, in UTC; no operation changes them.
    """
    instance = require_instance(tx, caller, instance_id)
    hours = tx.row(
        "hours", Hours, instance_id=instance.id, hours_of_operation_id=bare_id(hours_of_operation_id)
    )
    if hours is None:
        raise Fault("ResourceNotFoundException", f"Hours of operation not found: {hours_of_operation_id}")
    return {
        "HoursOfOperation": {
            "HoursOfOperationId": hours.id,
            "HoursOfOperationArn": hours_arn(instance, hours.id),
            "Name": hours.name,
            "Description": hours.description,
            "TimeZone": hours.time_zone,
            "Config": [{"Day": day, "StartTime": MIDNIGHT, "EndTime": MIDNIGHT} for day in DAYS],
            "LastModifiedTime": hours.updated_at_ms,
            "LastModifiedRegion": instance.region,
        }
    }


@operation("connect", writes=False)
def list_hours_of_operations(
    tx: Tx, caller: AccountCaller, *, instance_id: str, next_token: str | None = None, max_results: int = 100
) -> Reply:
    """List the hours of operation of an instance.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListHoursOfOperations.
    """
    instance = require_instance(tx, caller, instance_id)
    keys = {"instance_id": instance.id}
    after = start_of_page(tx, next_token, "hours", hours_of_operation_id=next_token or "", **keys)
    found = tx.rows("hours_of_instance", Hours, after=after, limit=max_results + 1, **keys)
    kept, following = page(found, max_results)
    return {
        "HoursOfOperationSummaryList": [
            {
                "Id": hours.id,
                "Arn": hours_arn(instance, hours.id),
                "Name": hours.name,
                "LastModifiedTime": hours.updated_at_ms,
                "LastModifiedRegion": instance.region,
            }
            for hours in kept
        ],
        "NextToken": following,
    }


def hours_arn(instance: Instance, hours_of_operation_id: str) -> str:
    """The ARN of hours of operation."""
    return f"{instance_arn(instance)}/operating-hours/{hours_of_operation_id}"
