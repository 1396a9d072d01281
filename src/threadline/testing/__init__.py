"""Threadline in your tests: a server of its own, people who chat with each other, and a clock to move.

Install threadline, and pytest has the fixture; a test needs three lines:

    def test_the_past_comes_back(threadline):
        past = threadline.past_chat()
        casey = threadline.customer(PersistentChat={"SourceContactId": past.c2, "RehydrationType": "FROM_SEGMENT"})
        assert casey.reads() == ["My parcel has not come.", "I will ask the depot.", "It left this morning."]

`threadline` is empty for every test; `threadline_server` is one for the whole run, for tests that share it, and
`threadline_env` also sets the environment by which boto3 finds the server. Tests do not wait for time to pass:
`threadline.clock.advance(minutes=5)` moves the clock.

unittest, behave and plain programs use the context manager `Threadline()`; nothing here imports pytest.
"""

from threadline.clock import MovableClock
from threadline.testing.people import Agent, Customer, Person
from threadline.testing.server import Threadline
from threadline.testing.workspace import PastChat, Workspace

__all__ = ["Agent", "Customer", "MovableClock", "PastChat", "Person", "Threadline", "Workspace"]

pytest_plugins = ["threadline.testing.plugin"]
"""Read by pytest, which loads this package by its entry point."""
