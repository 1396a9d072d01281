"""The operations about overrides of hours of operation, such as holidays. They are a part of their hours."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter, eq, ge, gt, le, lt
from typing import Any, Unpack

from threadline.chat.hours import STANDARD, Override
from threadline.errors import Fault
from threadline.operations.instances import Instance, given, modified, page_of, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation, refuse
from threadline.resources.hours import HOURS, OVERRIDES_MAX, PARAMETER, Hours, parsed_date
from threadline.resources.search import SearchRequest, is_found, matches_text
from threadline.store import Tx

_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "GREATER_THAN": gt,
    "LESS_THAN": lt,
    "GREATER_THAN_OR_EQUAL_TO": ge,
    "LESS_THAN_OR_EQUAL_TO": le,
    "EQUAL_TO": eq,
}


def _require(
    tx: Tx, caller: AccountCaller, instance_id: str, hours_id: str, override_id: str
) -> tuple[Instance, Hours, Override]:
    """The instance, the hours and their override. Faults: ResourceNotFoundException."""
    instance, hours = HOURS.named(tx, caller, instance_id, hours_id)
    for override in hours.overrides:
        if override.id == override_id:
            return instance, hours, override
    raise Fault("ResourceNotFoundException", f"Override not found: {override_id}")


def _checked(override: Override, others: Iterable[Override]) -> Override:
    """The override, once its values fit together. Faults: DuplicateResourceException; InvalidParameterException."""
    if any(each.name == override.name for each in others if each.id != override.id):
        raise Fault("DuplicateResourceException", f"Override {override.name!r} exists already.")
    if override.effective_till < override.effective_from:
        raise Fault(PARAMETER, "EffectiveTill is before EffectiveFrom.")
    pattern = (override.recurrence or {}).get("RecurrencePattern", {})
    if 0 in (pattern.get("ByMonthDay") or ()) or 0 in (pattern.get("ByWeekdayOccurrence") or ()):
        raise Fault(PARAMETER, "ByMonthDay and ByWeekdayOccurrence count from 1; -1 is the last one.")
    if pattern.get("ByMonthDay") and pattern.get("ByWeekdayOccurrence"):
        raise Fault(PARAMETER, "Give ByMonthDay or ByWeekdayOccurrence, not both.")
    return override


@operation("connect")
def create_hours_of_operation_override(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    hours_of_operation_id: str,
    name: str,
    description: str | None = None,
    config: Sequence[Document],
    effective_from: str,
    effective_till: str,
    recurrence_config: Document | None = None,
    override_type: str = STANDARD,
) -> Reply:
    """Create an override of hours of operation: other hours for some dates.

    Faults: DuplicateResourceException for a name that another override of the hours has; LimitExceededException for
        more than 50; InvalidParameterException for dates and recurrences; ResourceNotFoundException.
    Source: CreateHoursOfOperationOverride. Assumed: OverrideType is STANDARD unless given.
    """
    _, hours = HOURS.named(tx, caller, instance_id, hours_of_operation_id)
    if len(hours.overrides) >= OVERRIDES_MAX:
        raise Fault("LimitExceededException", f"Hours of operation have at most {OVERRIDES_MAX} overrides.")
    override = Override(
        id=tx.clock.contact_id(),
        name=name,
        description=description,
        type=override_type,
        effective_from=parsed_date("EffectiveFrom", effective_from),
        effective_till=parsed_date("EffectiveTill", effective_till),
        config=[dict(each) for each in config],
        recurrence=dict(recurrence_config) if recurrence_config else None,
    )
    HOURS.change(tx, hours, overrides=[*hours.overrides, _checked(override, hours.overrides)])
    return {"HoursOfOperationOverrideId": override.id}


def _members(instance: Instance, hours: Hours, override: Override) -> Reply:
    """An override, as the operations that describe and list it have it."""
    return {
        "HoursOfOperationOverrideId": override.id,
        "HoursOfOperationId": hours.id,
        "HoursOfOperationArn": HOURS.arn(instance, hours.id),
        "Name": override.name,
        "Description": override.description,
        "Config": override.config,
        "EffectiveFrom": str(override.effective_from),
        "EffectiveTill": str(override.effective_till),
        "RecurrenceConfig": override.recurrence,
        "OverrideType": override.type,
    }


@operation("connect", writes=False)
def describe_hours_of_operation_override(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    hours_of_operation_id: str,
    hours_of_operation_override_id: str,
) -> Reply:
    """Describe an override of hours of operation.

    Faults: ResourceNotFoundException. Source: DescribeHoursOfOperationOverride.
    """
    instance, hours, override = _require(
        tx, caller, instance_id, hours_of_operation_id, hours_of_operation_override_id
    )
    return {"HoursOfOperationOverride": _members(instance, hours, override)}


@operation("connect", writes=False)
def list_hours_of_operation_overrides(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    hours_of_operation_id: str,
    next_token: str | None = None,
    max_results: int = 100,
) -> Reply:
    """List the overrides of hours of operation, those of their parents not included.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListHoursOfOperationOverrides.
    """
    instance, hours = HOURS.named(tx, caller, instance_id, hours_of_operation_id)
    kept, following = page_of(hours.overrides, attrgetter("id"), next_token, max_results)
    members = [_members(instance, hours, each) for each in kept]
    listed = {"HoursOfOperationOverrideList": members, "NextToken": following}
    return listed | modified(instance, hours.updated_at_ms)


@operation("connect", writes=False, refused=("search_filter",))
def search_hours_of_operation_overrides(
    tx: Tx, caller: AccountCaller, **request: Unpack[SearchRequest]
) -> Reply:
    """Find overrides of all hours of operation by name, description, id or dates.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid and for tags, which
        overrides do not have; InvalidParameterException for another FieldName.
    Source: SearchHoursOfOperationOverrides.
    Assumed: DateCondition has the FieldNames effective_from and effective_till, also as EffectiveFrom.
    """
    refuse("InvalidRequestException", SearchFilter=request.get("search_filter"))
    instance = require_instance(tx, caller, request["instance_id"])
    found = [
        (hours, override)
        for hours in HOURS.all(tx, instance.id)
        for override in hours.overrides
        if is_found(request, partial(_matches, override))
    ]
    next_token, max_results = request.get("next_token"), request.get("max_results", 100)
    kept, following = page_of(found, lambda each: each[1].id, next_token, max_results)
    return {
        "HoursOfOperationOverrides": [_members(instance, *each) for each in kept],
        "NextToken": following,
        "ApproximateTotalCount": len(found),
    }


def _matches(override: Override, kind: str, condition: Mapping[str, Any]) -> bool:
    if kind == "DateCondition":
        dates = {"effectivefrom": override.effective_from, "effectivetill": override.effective_till}
        name = str(condition.get("FieldName", "")).replace("_", "").lower()
        if name not in dates:
            raise Fault(PARAMETER, f"No date can be searched by the FieldName {condition.get('FieldName')}.")
        compare = _COMPARISONS[condition.get("ComparisonType", "EQUAL_TO")]
        return compare(str(dates[name]), condition.get("Value", ""))
    texts = {"name": override.name, "description": override.description, "resourceID": override.id}
    return matches_text(kind, condition, texts)


@operation("connect")
def update_hours_of_operation_override(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    hours_of_operation_id: str,
    hours_of_operation_override_id: str,
    name: str | None = None,
    description: str | None = None,
    config: Sequence[Document] | None = None,
    effective_from: str | None = None,
    effective_till: str | None = None,
    recurrence_config: Document | None = None,
    override_type: str | None = None,
) -> Reply:
    """Change an override. A member that is left out stays as it is.

    Faults: DuplicateResourceException for a name that another override has; InvalidParameterException for dates and
        recurrences; ResourceNotFoundException. Source: UpdateHoursOfOperationOverride.
    """
    _, hours, override = _require(
        tx, caller, instance_id, hours_of_operation_id, hours_of_operation_override_id
    )
    changed = given(
        name=name,
        description=description,
        config=None if config is None else [dict(each) for each in config],
        effective_from=effective_from and parsed_date("EffectiveFrom", effective_from),
        effective_till=effective_till and parsed_date("EffectiveTill", effective_till),
        recurrence=dict(recurrence_config) if recurrence_config else None,
        type=override_type,
    )
    new = _checked(replace(override, **changed), hours.overrides)
    HOURS.change(tx, hours, overrides=[new if each is override else each for each in hours.overrides])
    return {}


@operation("connect")
def delete_hours_of_operation_override(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    hours_of_operation_id: str,
    hours_of_operation_override_id: str,
) -> Reply:
    """Delete an override of hours of operation.

    Faults: ResourceNotFoundException. Source: DeleteHoursOfOperationOverride.
    """
    _, hours, override = _require(
        tx, caller, instance_id, hours_of_operation_id, hours_of_operation_override_id
    )
    HOURS.change(tx, hours, overrides=[each for each in hours.overrides if each is not override])
    return {}
