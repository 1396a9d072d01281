"""One resource that several nodes change at the same time keeps every change."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.engines import Postgres
from tests.operations.admin_calls import create_queue
from threadline.testing import Threadline

CALLERS = 8


@pytest.fixture
def nodes(postgres: Postgres) -> Iterator[tuple[Threadline, Threadline]]:
    address = postgres.database()
    with (
        Threadline(store=address, encryption_key="0" * 64) as a,
        Threadline(store=address, encryption_key="0" * 64) as b,
    ):
        yield a, b


def test_no_tag_is_lost(nodes: tuple[Threadline, Threadline]) -> None:
    arn = create_queue(nodes[0])["QueueArn"]

    def tag(number: int) -> None:
        nodes[number % 2].connect.tag_resource(resourceArn=arn, tags={f"t{number}": ""})

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(tag, range(48)))
    tags = nodes[0].connect.list_tags_for_resource(resourceArn=arn)["tags"]
    assert tags.keys() == {f"t{number}" for number in range(48)}


def test_no_column_is_lost(nodes: tuple[Threadline, Threadline]) -> None:
    of: dict[str, Any] = {"InstanceId": nodes[0].instance_id, "QueueId": create_queue(nodes[0])["QueueId"]}

    def change(number: int) -> None:
        connect = nodes[number // 3 % 2].connect
        match number % 3:
            case 0:
                connect.update_queue_name(**of, Description=f"d{number}")
            case 1:
                connect.update_queue_max_contacts(**of, MaxContacts=number)
            case _:
                connect.update_queue_status(**of, Status="DISABLED")

    for start in range(0, 60, 12):
        nodes[0].connect.update_queue_status(**of, Status="ENABLED")
        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(change, range(start, start + 12)))
        queue = nodes[1].connect.describe_queue(**of)["Queue"]
        assert queue["Status"] == "DISABLED"
        assert queue["Description"] in [f"d{number}" for number in range(start, start + 12, 3)]
        assert queue["MaxContacts"] in range(start + 1, start + 12, 3)


def test_a_name_that_both_nodes_give_at_the_same_time_is_taken_once(
    nodes: tuple[Threadline, Threadline],
) -> None:
    def create(number: int) -> str:
        try:
            return str(create_queue(nodes[number % 2], f"queue {number // 4}")["QueueId"])
        except nodes[number % 2].connect.exceptions.DuplicateResourceException:
            return ""

    with ThreadPoolExecutor(CALLERS) as pool:
        made = list(pool.map(create, range(40)))
    for first in range(0, 40, 4):
        assert len(list(filter(None, made[first : first + 4]))) == 1, made
