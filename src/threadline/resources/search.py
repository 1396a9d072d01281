"""Search: the SearchCriteria and SearchFilter that the operations about all types of resource share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from threadline.errors import Fault
from threadline.operations.instances import Instance, page, start_of_page
from threadline.operations.registry import Document
from threadline.resources.resource_type import Resource, ResourceType
from threadline.store import Tx

PARAMETER = "InvalidParameterException"
NESTING_MAX = 20
"""Levels of conditions inside each other. Assumed: no such limit is published."""

R = TypeVar("R", bound=Resource)
Leaf = Callable[[str, Any], bool]
"""Tells whether one condition holds, by the name of its member and its value."""


def search(
    tx: Tx,
    of: ResourceType[R],
    instance: Instance,
    criteria: Document | None,
    filters: Document | None,
    next_token: str | None,
    max_results: int,
    matches: Callable[[R, str, Any], bool] | None = None,
) -> tuple[Sequence[R], str | None, int]:
    """A page of the resources that a search finds, its NextToken, and how many are found in all.

    `matches` decides the conditions of this type of resource; without it a resource is found by name, description and
    id. Faults: InvalidRequestException for a NextToken that is not valid; InvalidParameterException for a FieldName.
    """
    after = start_of_page(
        tx, next_token, "resource", instance_id=instance.id, kind=of.kind, id=next_token or ""
    )
    decide = matches or matches_name
    found = [
        each
        for each in of.all(tx, instance.id)
        if _is_tagged(each.tags, filters) and holds(criteria, lambda *leaf, each=each: decide(each, *leaf))
    ]
    kept, following = page([each for each in found if each.id > after], max_results)
    return kept, following, len(found)


def matches_name(resource: Resource, kind: str, condition: Any) -> bool:
    """Decide a StringCondition over the texts that every resource has."""
    return matches_text(kind, condition, texts_of(resource))


def texts_of(resource: Resource) -> dict[str, str | None]:
    """The texts by which every resource is found."""
    return {
        "name": resource.name,
        "description": getattr(resource, "description", None),
        "resourceID": resource.id,
    }


def matches_text(kind: str, condition: Any, texts: Mapping[str, str | None]) -> bool:
    """Decide a StringCondition over `texts` by FieldName. Faults: InvalidParameterException.

    Assumed: case makes no difference, neither in FieldName nor in Value; ComparisonType is EXACT unless given.
    """
    if kind != "StringCondition":
        raise Fault(PARAMETER, f"{kind} is not supported by this server. Leave it out.")
    name = str(condition.get("FieldName", ""))
    by_name = {field.lower(): text for field, text in texts.items()}
    if name.lower() not in by_name:
        raise Fault(PARAMETER, f"FieldName {name[:100]!r} is none of {', '.join(texts)}.")
    text, value = (by_name[name.lower()] or "").lower(), str(condition.get("Value", "")).lower()
    match condition.get("ComparisonType"):
        case "STARTS_WITH":
            return text.startswith(value)
        case "CONTAINS":
            return value in text
        case _:
            return text == value


def holds(criteria: Document | None, leaf: Leaf, levels: int = NESTING_MAX) -> bool:
    """Tell whether SearchCriteria hold. Assumed: of several members of one criterion all must hold."""
    if levels == 0:
        raise Fault(PARAMETER, f"SearchCriteria have more than {NESTING_MAX} levels.")
    for kind, value in (criteria or {}).items():
        match kind:
            case "OrConditions":
                held = any(holds(each, leaf, levels - 1) for each in value)
            case "AndConditions":
                held = all(holds(each, leaf, levels - 1) for each in value)
            case _:
                held = leaf(kind, value)
        if not held:
            return False
    return True


def _is_tagged(tags: Mapping[str, str], filters: Document | None) -> bool:
    """Tell whether tags pass a SearchFilter: a TagFilter, or an AttributeFilter of the same form."""
    given = filters or {}
    tag_filter = given.get("TagFilter") or given.get("AttributeFilter") or {}
    return all(_passes(tags, kind, value) for kind, value in tag_filter.items())


def _passes(tags: Mapping[str, str], kind: str, value: Any) -> bool:
    match kind:
        case "OrConditions":
            return any(_passes(tags, "AndConditions", each) for each in value)
        case "AndConditions" | "AndCondition":
            conditions = value.get("TagConditions", ()) if isinstance(value, Mapping) else value
            return all(_passes(tags, "TagCondition", each) for each in conditions)
        case "TagCondition":
            wanted = value.get("TagValue")
            name = value.get("TagKey", "")
            return name in tags and wanted in (None, "", tags[name])
        case _:
            raise Fault(PARAMETER, f"{kind} is not supported by this server. Leave it out.")
