"""Threadline in your tests: a server of its own, people who chat with each other, and a clock to move.

Install threadline, and pytest has the fixture; a test needs three lines:

    def test_the_past_comes_back(threadline):
        past = threadline.past_chat()
        casey = threadline.customer(PersistentChat={"SourceContactId": past.c2, "RehydrationType": "FROM_SEGMENT"})
        assert casey.reads() == ["My parcel has not come.", "I will ask the depot.", "It left this morning."]

`threadline` is fresh for every test; `threadline_server` is one for the whole run, for tests that share it.
Tests do not wait for time to pass: `threadline.clock.advance(minutes=5)` moves the clock.
"""

from collections.abc import Iterator

import pytest

from threadline.testing.people import Agent, Customer, Person
from threadline.testing.server import Threadline
from threadline.testing.workspace import PastChat, Workspace

__all__ = ["Agent", "Customer", "PastChat", "Person", "Threadline", "Workspace"]


@pytest.fixture
def threadline() -> Iterator[Threadline]:
    """A server for one test, in memory, on a free port, with the demo's flows, queue and users."""
    with Threadline() as server:
        yield server


@pytest.fixture(scope="session")
def threadline_server() -> Iterator[Threadline]:
    """One server for all tests of the run (of the worker, under pytest-xdist)."""
    with Threadline() as server:
        yield server
