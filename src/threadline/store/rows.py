"""Rows of joined tables: a statement's columns, taken apart into the classes that the caller names."""

from collections.abc import Callable
from functools import cache, partial
from operator import itemgetter
from typing import Any

Row = tuple[Any, ...]
Take = Callable[[Row], Any]
"""Takes a value out of a row."""


def taken_apart(row: Row, classes: tuple[type, ...]) -> Any:
    """The columns of `row` as one value for each of `classes`, or as the value itself where there is one class.

    A row class (a NamedTuple) takes as many columns as it has fields. Any other class takes one column as it is.
    Raises ValueError when the statement selects more or fewer columns than the classes take.
    """
    take, width = _taker(classes)
    if len(row) != width:
        raise _misfit(classes, width, row)
    return take(row)


def all_taken_apart(rows: list[Row], classes: tuple[type, ...]) -> list[Any]:
    """Every row of a statement taken apart, as `taken_apart` does with one."""
    take, width = _taker(classes)
    if rows and len(rows[0]) != width:
        raise _misfit(classes, width, rows[0])
    return list(map(take, rows))


def _misfit(classes: tuple[type, ...], width: int, row: Row) -> ValueError:
    names = ", ".join(each.__name__ for each in classes)
    return ValueError(f"{names} take {width} columns, and the statement selects {len(row)}")


@cache
def _taker(classes: tuple[type, ...]) -> tuple[Take, int]:
    """The function that takes a row apart into `classes`, and the number of columns that they take."""
    parts: list[tuple[type[Row] | None, int, slice]] = []
    at = 0
    for each in classes:
        fields = getattr(each, "_fields", None)
        end = at + (1 if fields is None else len(fields))
        parts.append((None if fields is None else each, at, slice(at, end)))
        at = end
    if len(parts) == 1:
        made = parts[0][0]
        return (itemgetter(0) if made is None else partial(tuple.__new__, made)), at

    def take(row: Row) -> Row:
        new = tuple.__new__
        return tuple([row[first] if made is None else new(made, row[span]) for made, first, span in parts])

    return take, at
