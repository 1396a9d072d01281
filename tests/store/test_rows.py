"""Rows of a statement, taken apart into row classes."""

from typing import NamedTuple

import pytest

from threadline.store.rows import taken_apart


class Place(NamedTuple):
    """A row of two columns."""

    key: int
    name: str


class Visit(NamedTuple):
    """A row of one column, which may be empty."""

    at_ms: int | None


def test_a_joined_row_is_one_value_for_each_class() -> None:
    place, visit, count = taken_apart((1, "hall", None, 7), (Place, Visit, int))
    assert (place, visit, count) == (Place(1, "hall"), Visit(None), 7)
    assert (type(place), type(visit)) == (Place, Visit)


def test_a_row_of_one_class_is_that_class() -> None:
    assert taken_apart((1, "hall"), (Place,)).name == "hall"
    assert taken_apart((7,), (int,)) == 7


@pytest.mark.parametrize("row", [(1, "hall"), (1, "hall", 7, 8)])
def test_columns_that_no_class_takes_are_an_error(row: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=f"Place, int take 3 columns, and the statement selects {len(row)}"):
        taken_apart(row, (Place, int))
