from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.attack.killed import killed
from tests.engines import postgres
from threadline.testing import Threadline, Workspace

__all__ = ["postgres"]


@pytest.fixture
def threadline(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    """A server of the test's own: on `sqlite` or `postgres` in this process, or in `processes` as users run it."""
    on = getattr(request, "param", "sqlite")
    if on == "processes":
        with killed(tmp_path / "data") as server, closing(server.workspace) as workspace:
            yield workspace
        assert not server.surprises()
    else:
        settings = {"store": request.getfixturevalue("postgres").database()} if on == "postgres" else {}
        with Threadline(**settings) as running:
            yield running
