"""A disk fills up under load: calls are refused, acknowledged data stays, and with room the server goes on."""

from pathlib import Path
from random import Random
from time import monotonic

import pytest

from tests.attack.disk import small_disk
from tests.attack.figures import rounds
from tests.attack.killed import Killed, killed
from tests.attack.load import Load
from tests.http.raw import PATIENCE_SECONDS, ask

WAYS = ("wait", "kill the worker", "kill all", "start")
"""What happens while the disk is full. `start` is a start of what was killed, which may succeed or be refused."""
LENGTH = 4_000
ROOM_BYTES_MAX = 400_000
"""Room that is left at most when the disk begins to be full."""


def is_ready(server: Killed, status: int) -> None:
    """Wait until the server says whether it can write."""
    deadline = monotonic() + PATIENCE_SECONDS
    while (answer := ask(server.server.url, "GET", "/ready")).status != status:
        assert monotonic() < deadline, answer


@pytest.mark.parametrize(("seed", "times"), rounds("FULL_DISKS", 2))
def test_a_full_disk_refuses_loses_nothing_and_goes_on(tmp_path: Path, seed: str, times: int) -> None:
    random = Random(seed)
    with (
        small_disk(tmp_path / "disk") as disk,
        killed(disk.folder) as server,
        Load(server.workspace, length=LENGTH) as load,
    ):
        for _ in range(times):
            load.reaches(random.randrange(20, 200))
            disk.fill(random.randrange(ROOM_BYTES_MAX), server.writer())
            load.refusals(random.randrange(1, 20))
            assert load.talkers[0].casey.reads(), "what there is can be read"
            is_ready(server, 503)
            way = random.choice(WAYS)
            if way == "kill the worker":
                server.worker()
            elif way != "wait":
                server.kill_all()
            serves = server.starts() if way == "start" else way != "kill all"
            disk.free()
            if not serves:
                server.start()
            load.reaches(20)
            is_ready(server, 200)
        load.finish()
        load.check()
    assert str(disk.folder) in server.errors, "the operator is told which disk is full"
    assert not server.surprises()
