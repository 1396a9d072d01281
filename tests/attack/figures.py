"""How hard the server is tried: how often each attack is repeated, and the seed that all of them come out of.

`make test` runs a few of each. The full figures are environment variables:

    export THREADLINE_KILLS=100 THREADLINE_FULL_DISKS=20 THREADLINE_BODIES=100000
    export THREADLINE_FRAMES=30000 THREADLINE_HANDSHAKES=5000 THREADLINE_PIECES=10000
    .venv/bin/pytest -q -n 2 tests/attack

Attacks come in rounds, each with a seed of its own that stands in the name of the test: `2026-7` is the eighth round of
the seed 2026 (THREADLINE_SEED). The same number of attacks and `-k 2026-7-` repeat that round alone.
"""

import os

SEED = os.environ.get("THREADLINE_SEED", "2026")
FIGURES = {
    "KILLS": 5,
    "FULL_DISKS": 1,
    "BACKUPS": 4,
    "BODIES": 4_000,
    "FRAMES": 2_000,
    "HANDSHAKES": 200,
    "PIECES": 200,
}
"""What `make test` runs of each."""


def rounds(figure: str, size: int) -> list[tuple[str, int]]:
    """The rounds of an attack, `size` times in each: (seed, how often)."""
    count = int(os.environ.get(f"THREADLINE_{figure}", FIGURES[figure]))
    return [
        (f"{SEED}-{number}", min(size, count - start)) for number, start in enumerate(range(0, count, size))
    ]
