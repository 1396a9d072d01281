"""Search: the SearchCriteria and SearchFilter that the operations about all types of resource share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from threadline.errors import Fault
from threadline.operations.instances import NOT_A_NEXT_TOKEN, Identified, page
from threadline.operations.registry import Document, Reply
from threadline.resources.resource_type import Resource

PARAMETER = "InvalidParameterException"
NESTING_MAX = 20
"""Levels of conditions inside each other. Assumed: no such limit is published."""

Leaf = Callable[[str, Any], bool]
"""Tells whether one condition holds, by the name of its member and its value."""


R = TypeVar("R", bound=Identified)


class Search(NamedTuple):
    """The members that the request of each search has."""

    criteria: Document | None
    filters: Document | None
    next_token: str | None
    max_results: int

    def reply(
        self,
        member: str,
        resources: Sequence[R],
        describe: Callable[[R], Reply],
        matches: Callable[[R, str, Any], bool],
    ) -> Reply:
        """The reply with a page of those `resources` that are found, described, in `member`.

        `matches` decides the conditions of this type of resource, in SearchCriteria and in SearchFilter.
        Faults: InvalidRequestException for a NextToken that is not valid; what `matches` raises.
        """
        start = 0
        if self.next_token:
            ids = [each.id for each in resources]
            if self.next_token not in ids:
                raise Fault("InvalidRequestException", NOT_A_NEXT_TOKEN)
            start = ids.index(self.next_token) + 1
        found = {
            at: each
            for at, each in enumerate(resources)
            if _passes_all(self.filters, lambda *leaf, each=each: matches(each, *leaf))
            and holds(self.criteria, lambda *leaf, each=each: matches(each, *leaf))
        }
        kept, following = page([each for at, each in found.items() if at >= start], self.max_results)
        return {
            member: [describe(each) for each in kept],
            "NextToken": following,
            "ApproximateTotalCount": len(found),
        }


def matches_name(resource: Resource, kind: str, condition: Any) -> bool:
    """Decide a condition over the tags and the texts that every resource has."""
    return matches(kind, condition, resource.tags, texts_of(resource))


def texts_of(resource: Resource) -> dict[str, str | None]:
    """The texts by which every resource is found."""
    return {
        "name": resource.name,
        "description": getattr(resource, "description", None),
        "resourceID": resource.id,
    }


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
