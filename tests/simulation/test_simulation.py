"""Seeds, each a run of its own: `pytest tests/simulation` tries some dozens.

`THREADLINE_SEEDS=1000-1999` tries those; one that fails prints its trace and fails again.
"""

import asyncio
import os
from pathlib import Path

import pytest

from tests.simulation import invariants
from tests.simulation.simulation import Simulation
from tests.simulation.steps import STEPS
from threadline.bus import hub, relay
from threadline.tasks import timers

STEPS_PER_RUN = 70
RUN_SECONDS_MAX = 300
FIRST, _, LAST = os.environ.get("THREADLINE_SEEDS", "0-39").partition("-")


async def simulate(seed: int, folder: Path) -> list[str]:
    """Run a seed and return its trace. A failure carries it as a note."""
    sim = Simulation(seed, folder)
    try:
        async with asyncio.timeout(RUN_SECONDS_MAX):
            await sim.prepare()
            for sim.step in range(1, STEPS_PER_RUN + 1):
                sim.advance(sim.random.randint(0, 1_500))
                (step,) = sim.random.choices(list(STEPS), list(STEPS.values()))
                sim.note(step.__name__)
                await step(sim)
            await sim.rest()
            await invariants.check(sim)
    except BaseException as error:
        error.add_note(f"seed {seed}:\n" + "\n".join(sim.trace))
        raise
    finally:
        await sim.world.close()
    return sim.trace + [item.id for chat in sim.chats for item in chat.truth.log]


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in pieces of a few instead of a hundred, so that several are needed; retries wait for no time."""
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
