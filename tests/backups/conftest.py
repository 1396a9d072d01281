"""A server on a data folder, and the folder of one that has ended, with a past chat and one that continues it."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backups.commands import said
from tests.engines import postgres
from tests.processes.supervised import Supervised, supervised

__all__ = ["postgres"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Supervised]:
    with supervised(tmp_path / "running") as running:
        yield running


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder `data` that nobody serves any more, and the backup `backup` that was made of it before."""
    folder = tmp_path_factory.mktemp("served")
    with supervised(folder / "data") as server:
        past = server.workspace.past_chat()
        casey = server.workspace.customer("Casey")
        casey.continue_from("FROM_SEGMENT", past.c2)
        casey.say("Here I am again.")
        casey.drop()
        said("backup", folder / "backup", "--data", server.data)
        server.signal(signal.SIGTERM)
        server.end()
    return folder


@pytest.fixture
def data(served: Path, tmp_path: Path) -> Path:
    """A copy of that data folder, to do with what one likes."""
    return Path(shutil.copytree(served / "data", tmp_path / "data"))


@pytest.fixture
def backup(served: Path, tmp_path: Path) -> Path:
    """A copy of that backup."""
    return Path(shutil.copytree(served / "backup", tmp_path / "backup"))
