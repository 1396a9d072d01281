"""How much is measured."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts, but for `seconds`: how long each run of messages lasts."""

    rounds: int = 3
    seconds: float = 4.0
    associations: tuple[tuple[int, int], ...] = ((1, 2_000), (32, 10_000), (128, 10_000))
    """Callers, and calls of all of them together."""
    tags: tuple[tuple[int, int], ...] = ((1, 400), (32, 1_600))
    inserts: int = 30_000
    pairs: int = 32
    past_chats: int = 100
    items: int = 100_000
    """Of the long chat, of the long lineage, and of the archive at ejabberd."""
    sessions: int = 1_000
    page_turns: int = 100
    command_lines: int = 9
    nodes: tuple[int, ...] = (1, 2, 4)
    pasts: tuple[int, ...] = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
    lineages: tuple[int, ...] = (1, 10, 100, 1_000, 10_000)
    growth_calls: int = 3_000
    sockets: tuple[int, ...] = (1_000, 10_000)
    contacts: int = 1_000_000
    recorded: tuple[int, ...] = (20_000,)
    """Ended contacts that are searched and exported, of ten messages each."""
    waiting_flows: int = 2_000


BENCH = Sizes()
FULL = Sizes(rounds=5, waiting_flows=10_000, recorded=(20_000, 1_000_000))
QUICK = replace(
    FULL,
    rounds=3,
    seconds=1.0,
    associations=((1, 200), (32, 2_000), (128, 2_000)),
    tags=((1, 50), (32, 400)),
    inserts=6_000,
    items=10_000,
    sessions=100,
    page_turns=30,
    pasts=(10, 1_000, 100_000),
    lineages=(1, 10, 100),
    growth_calls=500,
    sockets=(200, 1_000),
    contacts=20_000,
    recorded=(2_000, 20_000),
    waiting_flows=500,
)
