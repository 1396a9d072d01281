"""Rows of joined tables: a statement's columns, taken apart into the classes that the caller names."""

from functools import cache
from typing import Any

Row = tuple[Any, ...]


def taken_apart(row: Row, classes: tuple[type, ...]) -> Any:
    """The columns of `row` as one value for each of `classes`, or as the value itself where there is one class.

    A row class (a NamedTuple) takes as many columns as it has fields. Any other class takes one column as it is.
    Raises ValueError when the statement selects more or fewer columns than the classes take.
    """
    parts, width = _parts(classes)
    if len(row) != width:
        names = ", ".join(each.__name__ for each in classes)
        raise ValueError(f"{names} take {width} columns, and the statement selects {len(row)}")
    if len(parts) == 1:
        made = parts[0][0]
        return row[0] if made is None else tuple.__new__(made, row)
    return tuple(
        [row[first] if made is None else tuple.__new__(made, row[first:last]) for made, first, last in parts]
    )


@cache
def _parts(classes: tuple[type, ...]) -> tuple[list[tuple[type[Row] | None, int, int]], int]:
    """For each class the row class to make, or None, and its columns (from, to); then the number of all columns."""
    parts: list[tuple[type[Row] | None, int, int]] = []
    at = 0
    for each in classes:
        fields = getattr(each, "_fields", None)
        end = at + (1 if fields is None else len(fields))
        parts.append((None if fields is None else each, at, end))
        at = end
    return parts, at
