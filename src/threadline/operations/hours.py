"""Hours of operation: when a queue is open. An instance has one set of them, which is always open."""

from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.operations.resources import Resource, ResourceType
from threadline.store import Tx

DAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
MIDNIGHT = {"Hours": 0, "Minutes": 0}


class Hours(Resource, kw_only=True, frozen=True):
    """Hours of operation."""

    description: str
    time_zone: str


HOURS = ResourceType(Hours, kind="operating-hours", noun="Hours of operation")


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
    hours = HOURS.require(tx, instance.id, hours_of_operation_id)
    return {
        "HoursOfOperation": {
            "HoursOfOperationId": hours.id,
            "HoursOfOperationArn": HOURS.arn(instance, hours.id),
            "Name": hours.name,
            "Description": hours.description,
            "TimeZone": hours.time_zone,
            "Config": [{"Day": day, "StartTime": MIDNIGHT, "EndTime": MIDNIGHT} for day in DAYS],
            "Tags": hours.tags,
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
    kept, following = HOURS.page(tx, instance.id, next_token, max_results)
    summaries = [HOURS.summary(instance, hours) for hours in kept]
    return {"HoursOfOperationSummaryList": summaries, "NextToken": following}
