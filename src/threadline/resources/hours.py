"""The operations about hours of operation: when a queue is open."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Unpack
from zoneinfo import ZoneInfo

import msgspec

from threadline.chat.hours import ALWAYS, CLOSED, OPEN, Override, Range, is_open, open_ranges, overriding
from threadline.errors import Fault
from threadline.operations.instances import Instance, given, modified, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation
from threadline.resources.declaration import WireNames
from threadline.resources.resource_type import Resource, ResourceType
from threadline.resources.search import SearchRequest
from threadline.store import Tx

PARAMETER = "InvalidParameterException"
OVERRIDES_MAX = 50
"""Source: Admin Guide, hours of operation: up to 50 overrides for each."""
PARENTS_MAX = 3
"""Source: model shape ParentHoursOfOperationConfigList."""
DATES_MAX = 366
"""Dates of one GetEffectiveHoursOfOperations. Assumed: no such limit is published."""


class Hours(Resource, kw_only=True, frozen=True):
    """Hours of operation. Without a config of their own they are open at all times.

    `parents` are the ids of other hours whose overrides count here too.
    """

    description: str | None = None
    time_zone: str
    config: list[dict[str, Any]] = msgspec.field(default_factory=lambda: [dict(each) for each in ALWAYS])
    overrides: list[Override] = msgspec.field(default_factory=list)
    parents: list[str] = msgspec.field(default_factory=list)

    def own_members(self, tx: Tx, instance: Instance) -> Reply:
        """See `Resource`."""
        parents = [parent for each in self.parents if (parent := HOURS.find(tx, instance.id, each))]
        return {
            "TimeZone": self.time_zone,
            "Config": self.config,
            "ParentHoursOfOperations": [_identified(instance, parent) for parent in parents] or None,
        }

    def texts(self) -> dict[str, str | Sequence[str] | None]:
        """See `Resource`."""
        return {**super().texts(), "timezone": self.time_zone}


HOURS = ResourceType(
    Hours,
    kind="operating-hours",
    noun="Hours of operation",
    names=WireNames(
        "HoursOfOperationId",
        "HoursOfOperationArn",
        described="HoursOfOperation",
        listed="HoursOfOperationSummaryList",
        found="HoursOfOperations",
    ),
)


def _identified(instance: Instance, hours: Hours) -> Reply:
    return {"Id": hours.id, "Arn": HOURS.arn(instance, hours.id), "Name": hours.name}


def are_open(tx: Tx, hours: Hours) -> bool:
    """Whether the hours are open now."""
    now = datetime.fromtimestamp(tx.now_ms / 1_000, UTC)
    return is_open(hours.config, overrides_of(tx, hours), hours.time_zone, now)


def overrides_of(tx: Tx, hours: Hours) -> list[Override]:
    """The overrides of the hours and of their parents. A parent that was deleted has none."""
    parents = (HOURS.find(tx, hours.instance_id, parent) for parent in hours.parents)
    return [*hours.overrides, *(override for parent in parents if parent for override in parent.overrides)]


def checked_time_zone(name: str) -> str:
    """The name of a time zone of the IANA database. Faults: InvalidParameterException."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Fault(PARAMETER, f"TimeZone {name[:100]!r} is no time zone such as Europe/Berlin.") from None
    return name


def _parent_ids(tx: Tx, instance: Instance, hours_id: str, given: Iterable[Mapping[str, str]]) -> list[str]:
    """The ids of the parents that a request names. Faults: ResourceNotFoundException; InvalidRequestException."""
    ids = [HOURS.require(tx, instance.id, each.get("HoursOfOperationId", "")).id for each in given]
    if hours_id in ids:
        raise Fault("InvalidRequestException", "Hours of operation cannot be their own parent.")
    return ids


@operation("connect")
def create_hours_of_operation(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    name: str,
    description: str | None = None,
    time_zone: str,
    config: Sequence[Document],
    parent_hours_of_operation_configs: Sequence[Mapping[str, str]] = (),
    tags: Mapping[str, str] | None = None,
) -> Reply:
    """Create hours of operation. Days that Config does not name are closed.

    Faults: DuplicateResourceException for a name that is taken; InvalidParameterException for a time zone;
        ResourceNotFoundException, also for parents. Source: CreateHoursOfOperation.
    Assumed: ranges of one day may overlap.
    """
    instance = require_instance(tx, caller, instance_id)
    made = HOURS.create(
        tx,
        instance.id,
        name,
        tags=tags,
        description=description,
        time_zone=checked_time_zone(time_zone),
        config=list(config),
        parents=_parent_ids(tx, instance, "", parent_hours_of_operation_configs),
    )
    return HOURS.identity(instance, made.id)


@operation("connect", writes=False)
def describe_hours_of_operation(
    tx: Tx, caller: AccountCaller, *, instance_id: str, hours_of_operation_id: str
) -> Reply:
    """Describe hours of operation.

    Faults: ResourceNotFoundException. Source: DescribeHoursOfOperation.
    On purpose: an instance begins with Basic Hours, which are open at all times, in UTC.
    """
    return HOURS.describe(tx, caller, instance_id, hours_of_operation_id)


@operation("connect", writes=False)
def list_hours_of_operations(
    tx: Tx, caller: AccountCaller, *, instance_id: str, next_token: str | None = None, max_results: int = 100
) -> Reply:
    """List the hours of operation of an instance.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListHoursOfOperations.
    """
    return HOURS.summaries(tx, caller, instance_id, next_token, max_results)


@operation("connect", writes=False)
def search_hours_of_operations(tx: Tx, caller: AccountCaller, **request: Unpack[SearchRequest]) -> Reply:
    """Find hours of operation by name, description, time zone, id or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchHoursOfOperations.
    """
    return HOURS.search(tx, caller, request)


@operation("connect")
def update_hours_of_operation(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    hours_of_operation_id: str,
    name: str | None = None,
    description: str | None = None,
    time_zone: str | None = None,
    config: Sequence[Document] | None = None,
) -> Reply:
    """Change hours of operation. A member that is left out stays as it is. Flows that run see the change at once.

    Faults: DuplicateResourceException for a name that is taken; InvalidParameterException for a time zone;
        ResourceNotFoundException. Source: UpdateHoursOfOperation.
    """
    _, hours = HOURS.named(tx, caller, instance_id, hours_of_operation_id)
    columns = given(
        name=name,
        description=description,
        time_zone=time_zone and checked_time_zone(time_zone),
        config=None if config is None else list(config),
    )
    HOURS.change(tx, hours, **columns)
    return {}


@operation("connect")
def delete_hours_of_operation(
    tx: Tx, caller: AccountCaller, *, instance_id: str, hours_of_operation_id: str
) -> Reply:
    """Delete hours of operation and their overrides.

    Faults: ResourceNotFoundException; InvalidRequestException while a queue has them.
    Source: DeleteHoursOfOperation. Assumed: a flow that names them takes its error branch from then on.
    """
    return HOURS.remove(tx, caller, instance_id, hours_of_operation_id)


@operation("connect")
def associate_hours_of_operations(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    hours_of_operation_id: str,
    parent_hours_of_operation_configs: Sequence[Mapping[str, str]],
) -> Reply:
    """Let the overrides of other hours, the parents, count for these hours too.

    Faults: ResourceNotFoundException; InvalidRequestException for hours that would be their own parent;
        ServiceQuotaExceededException for more than three parents.
    Source: AssociateHoursOfOperations. Assumed: the overrides of a parent's parents do not count.
    """
    instance, hours = HOURS.named(tx, caller, instance_id, hours_of_operation_id)
    added = _parent_ids(tx, instance, hours.id, parent_hours_of_operation_configs)
    parents = list(dict.fromkeys([*hours.parents, *added]))
    if len(parents) > PARENTS_MAX:
        raise Fault(
            "ServiceQuotaExceededException", f"Hours of operation have at most {PARENTS_MAX} parents."
        )
    HOURS.change(tx, hours, parents=parents)
    return {}


@operation("connect")
def disassociate_hours_of_operations(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    hours_of_operation_id: str,
    parent_hours_of_operation_ids: Sequence[str],
) -> Reply:
    """Let the overrides of parents no longer count for these hours. An id that is no parent is no error.

    Faults: ResourceNotFoundException. Source: DisassociateHoursOfOperations.
    """
    instance, hours = HOURS.named(tx, caller, instance_id, hours_of_operation_id)
    removed = {HOURS.id_of(instance.id, each) for each in parent_hours_of_operation_ids}
    HOURS.change(tx, hours, parents=[each for each in hours.parents if each not in removed])
    return {}


@operation("connect", writes=False)
def list_child_hours_of_operations(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    hours_of_operation_id: str,
    next_token: str | None = None,
    max_results: int = 100,
) -> Reply:
    """List the hours of operation for which the overrides of these count too.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListChildHoursOfOperations.
    """
    instance, parent = HOURS.named(tx, caller, instance_id, hours_of_operation_id)
    kept, following = HOURS.page(
        tx, instance.id, next_token, max_results, lambda hours: parent.id in hours.parents
    )
    children = [_identified(instance, each) for each in kept]
    listed = {"ChildHoursOfOperationsSummaryList": children, "NextToken": following}
    return listed | modified(instance, parent.updated_at_ms)


@operation("connect", writes=False)
def get_effective_hours_of_operations(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    hours_of_operation_id: str,
    from_date: str,
    to_date: str,
) -> Reply:
    """Return when hours of operation are open on each date, and the overrides that decided it.

    Faults: ResourceNotFoundException; InvalidParameterException for dates that do not exist, that are in the wrong
        order, or more than a year. Source: GetEffectiveHoursOfOperations.
    Assumed: hours over midnight are divided at midnight; an end of 00:00 is the end of the date.
    """
    _, hours = HOURS.named(tx, caller, instance_id, hours_of_operation_id)
    first, last = parsed_date("FromDate", from_date), parsed_date("ToDate", to_date)
    count = (last - first).days + 1
    if not 1 <= count <= DATES_MAX or first.year < 1900 or last.year > 9_000:
        raise Fault(
            PARAMETER, f"FromDate and ToDate must be in this order and have at most {DATES_MAX} dates."
        )
    overrides = overrides_of(tx, hours)
    dates = [first + timedelta(days=n) for n in range(count)]
    return {
        "EffectiveHoursOfOperationList": [
            {"Date": str(day), "OperationalHours": _times(open_ranges(hours.config, overrides, day))}
            for day in dates
        ],
        "EffectiveOverrideHoursList": [
            {"Date": str(day), "OverrideHours": found}
            for day in dates
            if (found := [time for each in overriding(overrides, day) for time in _override_hours(*each)])
        ],
        "TimeZone": hours.time_zone,
    }


def parsed_date(member: str, text: str) -> date:
    """A date of a request. Faults: InvalidParameterException."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Fault(PARAMETER, f"{member} {text} is no date.") from None


def _override_hours(override: Override, ranges: Sequence[Range]) -> list[Reply]:
    """The ranges of an override on a date; all of the date for one without a range."""
    status = CLOSED if override.type == CLOSED or not ranges else OPEN
    named = {"OverrideName": override.name, "OperationalStatus": status}
    return [time | named for time in _times(ranges or [Range(0, 0)])]


def _times(ranges: Iterable[Range]) -> list[Reply]:
    return [
        {
            name: {"Hours": minutes // 60 % 24, "Minutes": minutes % 60}
            for name, minutes in (("Start", one.start), ("End", one.end))
        }
        for one in ranges
    ]
