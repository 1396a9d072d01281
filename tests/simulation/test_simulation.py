"""Seeds, each a run of its own: `pytest tests/simulation` tries some dozens.

`THREADLINE_SEEDS=1000-1999` tries those; one that fails prints its trace and fails again.
"""

import asyncio
import os
from pathlib import Path

import pytest

from tests.simulation import invariants
from tests.simulation.deeds import DEEDS
from tests.simulation.simulation import Simulation
from threadline.bus import hub, relay
from threadline.tasks import timers

STEPS = 70
RUN_SECONDS_MAX = 60
FIRST, _, LAST = os.environ.get("THREADLINE_SEEDS", "0-39").partition("-")


async def simulate(seed: int, folder: Path) -> list[str]:
    """Run a seed and return its trace; a failure carries it along."""
    sim = Simulation(seed, folder)
    try:
        async with asyncio.timeout(RUN_SECONDS_MAX):
            await sim.prepare()
            for sim.step in range(1, STEPS + 1):
                sim.advance(sim.random.randint(0, 1_500))
                (deed,) = sim.random.choices(list(DEEDS), list(DEEDS.values()))
                sim.note(deed.__name__)
                await deed(sim)
            await sim.rest()
            await invariants.check(sim)
    except BaseException as error:
        error.add_note(f"seed {seed}:\n" + "\n".join(sim.trace))
        raise
    finally:
        await sim.world.close()
    return sim.trace + [item.id for chat in sim.chats for item in chat.truth.log]


@pytest.fixture(autouse=True)
def _small_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done in bites of a hundred is done in bites of a few, so that it takes several; no time is spent."""
    monkeypatch.setattr(hub, "PULL_MAX", 3)
    monkeypatch.setattr(timers, "BATCH", 2)
    monkeypatch.setattr(relay, "GATHER_SECONDS", 0)
    monkeypatch.setattr(relay, "BACKOFF_SECONDS", (0,))


@pytest.mark.parametrize("seed", range(int(FIRST), int(LAST or FIRST) + 1))
async def test_nothing_is_lost(seed: int, tmp_path: Path) -> None:
    await simulate(seed, tmp_path)


async def test_a_seed_is_a_run(tmp_path: Path) -> None:
    runs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        runs.append(await simulate(7, tmp_path / name))
    assert runs[0] == runs[1]
