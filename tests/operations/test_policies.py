"""The policies of an operator: Amazon's limits on history, chats of the same customer only, a limit of open chats."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.chat.world import World, refusal_of
from tests.operations.refusals import INVALID, refused
from threadline.testing import Threadline

RETURNING = Path(__file__).parents[1] / "scenarios" / "flows" / "returning.json"
MEGABYTES_5 = 5 * 1024 * 1024
EMOJI = "😀" * 4_096
"""As many bytes as a message may have, and a quarter as many characters."""


@pytest.fixture(scope="module")
def strict() -> Iterator[Threadline]:
    with Threadline(strict_limits=True) as server:
        yield server


@pytest.fixture(scope="module")
def careful() -> Iterator[Threadline]:
    with Threadline(require_same_customer="differ") as server:
        yield server


@pytest.fixture(scope="module")
def strictest() -> Iterator[Threadline]:
    with Threadline(require_same_customer="known") as server:
        yield server


def had(server: Threadline, **members: Any) -> str:
    contact_id = server.invite(**members).contact_id
    server.connect.stop_contact(InstanceId=server.instance_id, ContactId=contact_id)
    return contact_id


def from_segment(contact_id: str) -> dict[str, Any]:
    return {"PersistentChat": {"RehydrationType": "FROM_SEGMENT", "SourceContactId": contact_id}}


def explained(server: Threadline, contact_id: str) -> dict[str, tuple[bool, str]]:
    reply = server.threadline.describe_lineage(InstanceId=server.instance_id, ContactId=contact_id)
    return {c["ContactId"]: (c["Shown"], c["Reason"]) for c in reply["Contacts"]}


def test_a_past_transcript_of_more_than_five_megabytes_is_left_out(strict: Threadline) -> None:
    casey = strict.customer()
    casey.say("small")
    large = strict.agent("a1").accept(casey).transfer(strict.queue_id)
    for _ in range(MEGABYTES_5 // len(EMOJI.encode())):
        casey.say(EMOJI)
    casey.say("!")
    strict.agent("a2").accept(large)
    last = strict.agent("a2").take(large).transfer(strict.queue_id)
    casey.say("the end")
    assert EMOJI in casey.reads(), "it is whole while it goes on"
    casey.leave()
    returned = strict.customer(**from_segment(last))
    assert returned.continued_from == last
    for page_size in (1, 100):
        assert [len(text) for text in returned.reads(page_size)] == [len("small"), len("the end")]
    assert explained(strict, returned.contact_id) == {
        returned.contact_id: (True, "CURRENT_SESSION"),
        last: (True, "IN_SEGMENT_RANGE"),
        large: (False, "TRANSCRIPT_TOO_LARGE"),
        casey.contact_id: (True, "IN_SEGMENT_RANGE"),
    }


def test_exactly_five_megabytes_are_shown(strict: Threadline) -> None:
    casey = strict.customer()
    for _ in range(MEGABYTES_5 // len(EMOJI.encode())):
        casey.say(EMOJI)
    casey.leave()
    returned = strict.customer(**from_segment(casey.contact_id))
    assert set(returned.reads()) == {EMOJI}


def test_more_than_a_hundred_past_contacts_are_distinguished() -> None:
    with closing(World(strict_limits=True)) as world:
        past: dict[str, Any] = {}
        for _ in range(105):
            contact_id = world.start(**past).contact_id
            world.call("StopContact", contact_id=contact_id)
            past = {"persistent_chat": {"RehydrationType": "FROM_SEGMENT", "SourceContactId": contact_id}}
        current = world.start(**past).contact_id
        for page_size in (1, 7, 100, 1_000):
            reasons = [contact["Reason"] for contact in world.lineage(current, page_size)]
            assert reasons == ["CURRENT_SESSION"] + ["IN_SEGMENT_RANGE"] * 100 + ["BEYOND_LIMIT"] * 5


# The rules for CustomerIds, in every operation that continues a chat


def associates(server: Threadline, source: str, members: dict[str, str]) -> str | None:
    return server.invite(**members).continue_from("FROM_SEGMENT", source)


def starts(server: Threadline, source: str, members: dict[str, str]) -> str | None:
    return server.invite(**members, **from_segment(source)).continued_from


def asks(server: Threadline, source: str, members: dict[str, str]) -> str | None:
    reply = server.threadline.describe_lineage(
        InstanceId=server.instance_id,
        ContactId=server.invite(**members).contact_id,
        SourceContactId=source,
        RehydrationType="FROM_SEGMENT",
    )
    return str(reply["ContinuedFromContactId"])


def flows(server: Threadline, source: str, members: dict[str, str]) -> str | None:
    """A refusal is the block's error branch; both lead to the queue."""
    content = RETURNING.read_text(encoding="utf-8").replace("QUEUE_ID", server.queue_id)
    flow = server.connect.create_contact_flow(
        InstanceId=server.instance_id,
        Name=f"returning {source} {members}",
        Type="CONTACT_FLOW",
        Content=content,
    )
    attributes = {"sourceContactId": source}
    casey = server.customer(ContactFlowId=flow["ContactFlowId"], Attributes=attributes, **members)
    contact = server.connect.describe_contact(InstanceId=server.instance_id, ContactId=casey.contact_id)
    related: str | None = contact["Contact"].get("RelatedContactId")
    return related


OTHER, UNKNOWN = "belongs to another CustomerId", "chat has no CustomerId"


@pytest.mark.parametrize("through", [associates, starts, asks, flows])
@pytest.mark.parametrize(
    ("past", "current", "differ", "known"),
    [
        ("a", "a", None, None),
        ("a", "b", OTHER, OTHER),
        ("a", None, None, f"current {UNKNOWN}"),
        (None, "b", None, f"source {UNKNOWN}"),
        (None, None, None, f"current {UNKNOWN}"),
    ],
)
def test_only_chats_of_the_same_customer(
    careful: Threadline,
    strictest: Threadline,
    through: Callable[[Threadline, str, dict[str, str]], str | None],
    past: str | None,
    current: str | None,
    differ: str | None,
    known: str | None,
) -> None:
    members = {"CustomerId": current} if current else {}
    for server, words in ((careful, differ), (strictest, known)):
        source = had(server, **({"CustomerId": past} if past else {}))
        if words is None:
            assert through(server, source, members) == source
        elif through is flows:
            assert through(server, source, members) is None
        else:
            with refused(INVALID, words):
                through(server, source, members)


@pytest.mark.parametrize("through", [associates, starts, asks, flows])
def test_customers_are_not_compared_by_default(
    threadline_server: Threadline, through: Callable[[Threadline, str, dict[str, str]], str | None]
) -> None:
    source = had(threadline_server, CustomerId="a")
    for members in ({"CustomerId": "b"}, {}):
        assert through(threadline_server, source, members) == source


def test_an_instance_has_so_many_open_chats() -> None:
    with closing(World(chats_max=3)) as world:
        started = [world.start() for _ in range(3)]
        assert refusal_of(world.start) == "LimitExceededException"
        world.call("StopContact", contact_id=started[0].contact_id)
        assert refusal_of(world.start) is None
        assert refusal_of(world.start) == "LimitExceededException"
