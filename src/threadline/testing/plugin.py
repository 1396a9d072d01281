"""The fixtures of pytest. pytest loads this with `threadline.testing`, which itself does without pytest.

With `threadline_env = true` in pytest's configuration the environment is set before any module of the project is
imported, so that clients which modules make when they are imported find the server too.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from threadline.testing.server import Threadline

SERVER = pytest.StashKey[Threadline]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option of pytest's configuration file."""
    parser.addini(
        "threadline_env",
        "Set the environment of the fixture threadline_env before conftest.py and test modules are imported.",
        type="bool",
        default=False,
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Set the environment for the whole run, if that was asked for, before any conftest.py is imported.

    Each worker of pytest-xdist does so for its own server.
    """
    if early_config.getini("threadline_env"):
        closing = ExitStack()
        early_config.add_cleanup(closing.close)
        closing.enter_context(_server_of(early_config).environment())


def _server_of(config: pytest.Config) -> Threadline:
    """The server of the run (of the worker, under pytest-xdist), which is started when it is first wanted."""
    if SERVER not in config.stash:
        server = config.stash[SERVER] = Threadline()
        config.add_cleanup(server.close)
    return config.stash[SERVER]


@pytest.fixture
def threadline(pytestconfig: pytest.Config) -> Iterator[Threadline]:
    """A server in memory with the demo's flows, queue and users, without any chat; URL and ids stay the same."""
    server = _server_of(pytestconfig)
    yield server
    server.reset()


@pytest.fixture
def threadline_env(threadline: Threadline) -> Iterator[Threadline]:
    """`threadline`, with the environment set so that boto3 and the AWS CLI find it and nothing else of the shell."""
    with threadline.environment():
        yield threadline


@pytest.fixture(scope="session")
def threadline_server() -> Iterator[Threadline]:
    """One server for all tests of the run (of the worker, under pytest-xdist)."""
    with Threadline() as server:
        yield server
