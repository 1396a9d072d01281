"""Search: the SearchCriteria and SearchFilter that the operations about all types of resource share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Required, TypedDict

from threadline.errors import Fault
from threadline.operations.registry import Document

PARAMETER = "InvalidParameterException"
NESTING_MAX = 20
"""Levels of conditions inside each other. Assumed: no such limit is published."""

Leaf = Callable[[str, Any], bool]
"""Tells whether one condition holds, by the name of its member and its value."""


class SearchRequest(TypedDict, total=False):
    """The request of each search: an operation takes it as `**request: Unpack[SearchRequest]`."""

    instance_id: Required[str]
    next_token: str | None
    max_results: int
    search_filter: Document | None
    search_criteria: Document | None


def is_found(request: SearchRequest, leaf: Leaf) -> bool:
    """Tell whether SearchCriteria and SearchFilter find the resource of which `leaf` decides the conditions.

    Faults: InvalidParameterException for more than `NESTING_MAX` levels; what `leaf` raises.
    """
    return _passes_all(request.get("search_filter"), leaf) and holds(request.get("search_criteria"), leaf)


def matches(
    kind: str, condition: Any, tags: Mapping[str, str], texts: Mapping[str, str | Sequence[str] | None]
) -> bool:
    """Decide a TagCondition over `tags`, or a StringCondition over `texts`. Faults: InvalidParameterException."""
    if kind != "TagCondition":
        return matches_text(kind, condition, texts)
    name, wanted = condition.get("TagKey", ""), condition.get("TagValue")
    return name in tags and wanted in (None, "", tags[name])


def matches_text(kind: str, condition: Any, texts: Mapping[str, str | Sequence[str] | None]) -> bool:
    """Decide a StringCondition over `texts` by FieldName. Faults: InvalidParameterException.

    A list of texts matches when one of them does.
    Assumed: case makes no difference, neither in FieldName nor in Value; ComparisonType is EXACT unless given.
    """
    if kind != "StringCondition":
        raise Fault(PARAMETER, f"{kind} is not supported by this server. Leave it out.")
    name = str(condition.get("FieldName", ""))
    by_name = {field.lower(): text for field, text in texts.items()}
    if name.lower() not in by_name:
        raise Fault(PARAMETER, f"FieldName {name[:100]!r} is none of {', '.join(texts)}.")
    found, value = by_name[name.lower()] or "", str(condition.get("Value", "")).lower()
    several = (found,) if isinstance(found, str) else found
    return any(_compares(condition.get("ComparisonType"), each.lower(), value) for each in several)


def _compares(comparison: str | None, text: str, value: str) -> bool:
    match comparison:
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


def _passes_all(filters: Document | None, leaf: Leaf) -> bool:
    """Tell whether the filters of a SearchFilter pass: a TagFilter, and one over attributes of the same form."""
    return all(_passes(given, leaf) for given in (filters or {}).values())


def _passes(given: Document, leaf: Leaf) -> bool:
    return all(_passes_one(kind, value, leaf) for kind, value in given.items())


def _passes_one(kind: str, value: Any, leaf: Leaf) -> bool:
    match kind:
        case "OrConditions":
            return any(
                _passes_one("TagConditions", each, leaf) if isinstance(each, list) else _passes(each, leaf)
                for each in value
            )
        case "AndConditions" | "TagConditions":
            return all(leaf("TagCondition", each) for each in value)
        case "AndCondition":
            return _passes(value, leaf)
        case _:
            return leaf(kind, value)
