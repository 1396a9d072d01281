"""A queue with a maximum takes exactly as many chats, however many come at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.engines import Postgres
from tests.flows.flows import content, do, say, wait
from tests.operations.admin_calls import create_queue
from threadline.testing import Threadline

CALLERS = 8
CHATS, MAXIMUM = 48, 7


@pytest.fixture
def nodes(postgres: Postgres) -> Iterator[list[Threadline]]:
    address = postgres.database()
    with (
        Threadline(store=address, encryption_key="0" * 64) as a,
        Threadline(store=address, encryption_key="0" * 64) as b,
    ):
        yield [a, b]


def queued(nodes: list[Threadline]) -> list[str]:
    """The texts that chats got which entered at once: an empty one for a chat that is in the queue."""
    first = nodes[0]
    queue_id = create_queue(first, MaxContacts=MAXIMUM)["QueueId"]
    enter: dict[str, Any] = {
        "choose": do("UpdateContactTargetQueue", {"QueueId": queue_id}, "enter", NoMatchingError="failed"),
        "enter": do("TransferContactToQueue", {}, None, QueueAtCapacity="full", NoMatchingError="failed"),
        "full": say("full", "stay"),
        "failed": say("failed", "stay"),
        "stay": wait("600"),
    }
    flow_id = first.connect.create_contact_flow(
        InstanceId=first.instance_id, Name="crowd", Type="CONTACT_FLOW", Content=content(**enter)
    )["ContactFlowId"]

    def come(number: int) -> str:
        node = nodes[number % len(nodes)]
        casey = node.customer(ContactFlowId=flow_id)
        contact = node.connect.describe_contact(InstanceId=node.instance_id, ContactId=casey.contact_id)
        if contact["Contact"].get("QueueInfo"):
            return ""
        return str(next(item for item in casey.history() if item["Type"] == "MESSAGE")["Content"])

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(come, range(CHATS)))


def test_the_maximum_of_a_queue_holds_on_two_nodes(nodes: list[Threadline]) -> None:
    found = queued(nodes)
    assert (found.count(""), found.count("full")) == (MAXIMUM, CHATS - MAXIMUM), found


def test_the_maximum_of_a_queue_holds_on_one_node(threadline: Threadline) -> None:
    found = queued([threadline])
    assert (found.count(""), found.count("full")) == (MAXIMUM, CHATS - MAXIMUM), found
