"""The operations through boto3, on both engines."""

from collections.abc import Iterator

import pytest

from tests.engines import postgres, threadline, threadline_server
from tests.flows.fixture import fixture
from threadline.testing import Threadline

__all__ = ["fixture", "postgres", "threadline", "threadline_server"]


@pytest.fixture(autouse=True)
def who_came_goes_home(request: pytest.FixtureRequest) -> Iterator[None]:
    """The server is shared: a test leaves no open sockets behind. Sockets of a module's fixtures stay open."""
    if "threadline_server" not in request.fixturenames:
        yield
        return
    server: Threadline = request.getfixturevalue("threadline_server")
    before = len(server.people)
    yield
    for person in server.people[before:]:
        person.drop()
    del server.people[before:]
