"""Chains of chats: the past is cumulative, and contacts that were left out stay out."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.chat.rows import ENTIRE, FROM_SEGMENT
from tests.chat.world import World, contact_of

Past = tuple[str, str]


@pytest.fixture
def world() -> Iterator[World]:
    with closing(World()) as made:
        yield made


class Cast:
    """Sessions with names: contact 2 of session A is A2. The customer says each contact's name on it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ids: dict[str, str] = {}

    def had(self, session: str, contacts: int, past: Past | None = None) -> None:
        """A chat of so many contacts that has ended."""
        started = self.world.start(**self.continuing(past))
        self.world.connect(started.customer)
        contact_id, user = started.contact_id, "a1"
        for number in range(1, contacts + 1):
            if number > 1:
                self.world.accept(contact_id, user)
                user = "a2" if user == "a1" else "a1"
                contact_id = self.world.transfer(contact_id, user)
            self.ids[f"{session}{number}"] = contact_id
            self.world.say(started.customer, f"{session}{number}")
        self.world.call("StopContact", contact_id=contact_id)

    def continuing(self, past: Past | None) -> dict[str, Any]:
        if past is None:
            return {}
        return {"persistent_chat": {"RehydrationType": past[0], "SourceContactId": self.ids[past[1]]}}

    def sees(self, kind: str, source: str) -> tuple[str, str]:
        """The past of a new chat, newest first, and its anchor: as returned, as read, as explained."""
        started = self.world.start(**self.continuing((kind, source)))
        names = {contact_id: name for name, contact_id in self.ids.items()}
        pages = self.world.pages(started.customer, max_results=2)
        said = [item for page in pages for item in page if item["Type"] == "MESSAGE"]
        read = [names[contact_of(item, past=True)] for item in said]
        assert [item["Content"] for item in said] == read
        explained = self.world.lineage(started.contact_id)
        assert [names[c["ContactId"]] for c in explained if c["Shown"] and c["SessionNumber"]] == read
        described = self.world.call("DescribeContact", contact_id=started.contact_id)["Contact"]
        assert described["RelatedContactId"] == started.continued_from
        return ",".join(read), names[started.continued_from or ""]


@pytest.mark.parametrize(
    ("kind", "source", "visible", "anchor"),
    [
        pytest.param(ENTIRE, "B1", "B2,B1,A2,A1", "B2", id="N1: what an older hop hid stays hidden"),
        pytest.param(FROM_SEGMENT, "B1", "B1,A2,A1", "B1", id="N2: later segments are dropped"),
        pytest.param(FROM_SEGMENT, "B2", "B2,B1,A2,A1", "B2", id="N2, from the last segment"),
        pytest.param(FROM_SEGMENT, "A3", "A3,A2,A1", "A3", id="N3: edges only lead back"),
        pytest.param(ENTIRE, "A1", "A3,A2,A1", "A3", id="N4: the older chat itself, as a whole"),
        pytest.param(FROM_SEGMENT, "A1", "A1", "A1", id="the first segment alone"),
    ],
)
def test_a_chat_that_continues_a_chat_that_continued_one(
    world: World, kind: str, source: str, visible: str, anchor: str
) -> None:
    cast = Cast(world)
    cast.had("A", 3)
    cast.had("B", 2, (FROM_SEGMENT, "A2"))
    assert cast.sees(kind, source) == (visible, anchor)


@pytest.mark.parametrize(("kind", "source"), [(ENTIRE, "A1"), (FROM_SEGMENT, "A3")])
def test_n5_two_chats_that_continue_the_same_one_do_not_see_each_other(
    world: World, kind: str, source: str
) -> None:
    cast = Cast(world)
    cast.had("A", 3)
    cast.had("B", 1, (kind, source))
    cast.had("C", 2, (kind, source))
    assert cast.sees(FROM_SEGMENT, "B1") == ("B1,A3,A2,A1", "B1")
    assert cast.sees(ENTIRE, "C1") == ("C2,C1,A3,A2,A1", "C2")


DEPTH = 120


def had_a_chat_a_day(cast: Cast, days: int) -> None:
    cast.had("S1-", 1)
    for number in range(2, days + 1):
        cast.had(f"S{number}-", 1, (FROM_SEGMENT, f"S{number - 1}-1"))


def test_n6_a_long_chain_of_chats_is_shown_whole(world: World) -> None:
    cast = Cast(world)
    had_a_chat_a_day(cast, DEPTH)
    visible, anchor = cast.sees(FROM_SEGMENT, f"S{DEPTH}-1")
    assert anchor == f"S{DEPTH}-1"
    assert visible.split(",") == [f"S{number}-1" for number in range(DEPTH, 0, -1)]


def test_n6_with_strict_limits_the_newest_hundred_past_contacts_come_back() -> None:
    with closing(World(strict_limits=True)) as world:
        cast = Cast(world)
        had_a_chat_a_day(cast, DEPTH)
        visible, anchor = cast.sees(FROM_SEGMENT, f"S{DEPTH}-1")
        assert anchor == f"S{DEPTH}-1"
        assert visible.split(",") == [f"S{number}-1" for number in range(DEPTH, DEPTH - 100, -1)]


def test_an_association_in_mid_chat_belongs_to_every_segment_before_and_after(world: World) -> None:
    cast = Cast(world)
    cast.had("A", 2)
    started = world.start()
    world.connect(started.customer)
    world.say(started.customer, "B1")
    world.accept(started.contact_id, "a1")
    b2 = world.transfer(started.contact_id, "a2")
    assert world.associate(b2, ENTIRE, cast.ids["A1"]) == cast.ids["A2"]
    world.say(started.customer, "B2")
    world.accept(b2, "a2")
    b3 = world.transfer(b2, "a1")
    world.call("StopContact", contact_id=b3)
    cast.ids |= {"B1": started.contact_id, "B2": b2, "B3": b3}
    for name in ("B1", "B2", "B3"):
        contact = world.call("DescribeContact", contact_id=cast.ids[name])["Contact"]
        assert contact["RelatedContactId"] == cast.ids["A2"]
    assert cast.sees(FROM_SEGMENT, "B1") == ("B1,A2,A1", "B1")
