from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadline.client.failures import Failure
from threadline.client.paging import Pages

RULE = {"result_key": "Items", "limit_key": "MaxResults", "non_aggregate_keys": ["Total"]}


class Service:
    """A service with one list, in pages."""

    def __init__(self, count: int, page_size: int) -> None:
        self.items = list(range(count))
        self.page_size = page_size
        self.calls: list[dict[str, Any]] = []

    def __call__(self, parameters: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(dict(parameters))
        size = parameters.get("MaxResults", self.page_size)
        start = int(parameters.get("NextToken", 0))
        page: dict[str, Any] = {"Items": self.items[start : start + size], "Total": len(self.items)}
        return page | ({"NextToken": str(start + size)} if start + size < len(self.items) else {})


@given(st.integers(0, 30), st.integers(1, 7), st.integers(1, 12), st.none() | st.integers(1, 5))
def test_resuming_gives_every_item_once(count: int, page: int, max_items: int, page_size: int | None) -> None:
    service = Service(count, page)
    seen: list[int] = []
    token: str | None = None
    for _ in range(count + 2):
        pages = Pages(service, RULE, {}, max_items=max_items, page_size=page_size, starting_token=token)
        whole = pages.merged()
        assert len(whole["Items"]) <= max_items
        seen += whole["Items"]
        token = whole.get("NextToken")
        if token is None:
            break
    assert seen == service.items


def test_pages_are_merged_and_totals_are_not() -> None:
    assert Pages(Service(5, 2), RULE, {"A": 1}).merged() == {"Items": [0, 1, 2, 3, 4], "Total": 5}


def test_parameters_go_with_every_call() -> None:
    service = Service(3, 2)
    Pages(service, RULE, {"A": 1}, page_size=1).merged()
    assert service.calls == [
        {"A": 1, "MaxResults": 1},
        {"A": 1, "MaxResults": 1, "NextToken": "1"},
        {"A": 1, "MaxResults": 1, "NextToken": "2"},
    ]


def test_a_token_of_the_service_itself_is_passed_on() -> None:
    service = Service(5, 2)
    assert Pages(service, RULE, {}, starting_token="4").merged()["Items"] == [4]


def test_a_server_that_repeats_itself_is_found_out() -> None:
    with pytest.raises(Failure, match="same next token was received twice"):
        Pages(lambda _: {"Items": [1], "NextToken": "x"}, RULE, {}).merged()
