"""Units of work of every kind share batches on two nodes: each takes place once and whole, or not at all.

`THREADLINE_SEEDS=1000-1099` tries those seeds; by default a few are.
"""

import asyncio
import os
from collections import Counter
from random import Random
from typing import Any

import pytest

from tests.engines import Postgres
from tests.scale.node import Node
from tests.units import Function
from threadline.errors import Fault
from threadline.operations.messages import send_message
from threadline.operations.registry import ParticipantCaller
from threadline.store import Tx

FIRST, _, LAST = os.environ.get("THREADLINE_SEEDS", "0-2").partition("-")
CHATS, UNITS, ROUNDS = 6, 40, 3
ROUND_SECONDS_MAX = 60
NO_NUMBER = 1 << 70
"""No key that PostgreSQL takes."""


class Unit:
    """The steps of one unit, drawn once, so that it does the same in every run. `kept` is its result if it succeeds."""

    def __init__(self, random: Random, name: str, chats: list[tuple[str, ParticipantCaller]]) -> None:
        self.name = name
        self.steps = [
            (
                random.choice(("append", "send", "send", "lock", "read", "undone", "nested")),
                random.choice(chats),
            )
            for _ in range(random.randint(1, 5))
        ]
        self.end = random.choice(("well", "well", "well", "refused", "stumbles once", "stumbles"))
        self.is_hinted = random.random() < 0.5 and len({chat[0] for _, chat in self.steps}) == 1
        if not self.is_hinted:  # SendMessage always names its session
            self.steps = [("append" if step == "send" else step, chat) for step, chat in self.steps]
        self.runs = 0

    @property
    def session(self) -> int | None:
        return self.steps[0][1][1].session if self.is_hinted else None

    @property
    def kept(self) -> list[tuple[str, str]]:
        return [
            (contact_id, f"{self.name} {number}")
            for number, (step, (contact_id, _)) in enumerate(self.steps)
            if step in ("append", "send", "nested")
        ]

    def __call__(self, tx: Tx) -> str:
        self.runs += 1
        for number, (step, (contact_id, caller)) in enumerate(self.steps):
            text = f"{self.name} {number}"
            match step:
                case "append":
                    _append(tx, caller, contact_id, text)
                case "send":
                    send_message(tx, caller, content_type="text/plain", content=text, client_token=text)
                case "lock":
                    tx.one("session", session=caller.session)
                case "read":
                    tx.one("attributes", session=caller.session)
                case "undone":
                    _undone(tx, caller, contact_id)
                case "nested":
                    with tx.savepoint():
                        _undone(tx, caller, contact_id)
                        _append(tx, caller, contact_id, text)
        if self.end == "refused":
            raise Fault("InvalidRequestException", "It was not meant.")
        if self.end == "stumbles" or (self.end == "stumbles once" and self.runs == 1):
            tx.one("attributes", session=NO_NUMBER)
        return self.name


def _append(tx: Tx, caller: ParticipantCaller, contact_id: str, text: str) -> None:
    tx.append(caller.session, contact_id=contact_id, type="MESSAGE", content_type="text/plain", content=text)


def _undone(tx: Tx, caller: ParticipantCaller, contact_id: str) -> None:
    try:
        with tx.savepoint():
            _append(tx, caller, contact_id, "undone")
            raise LookupError
    except LookupError:
        pass


async def disturb(server: Postgres, random: Random, is_over: asyncio.Event) -> None:
    """Cancel statements, and end connections that are not about to commit."""
    while not is_over.is_set():
        how = random.choice(("pg_cancel_backend", "pg_terminate_backend"))
        await asyncio.to_thread(
            server.execute,
            f"SELECT {how}(pid) FROM pg_stat_activity WHERE application_name = 'threadline' AND state <> 'idle'"
            " AND query <> 'COMMIT' ORDER BY random() LIMIT 1",
        )


@pytest.mark.parametrize("is_disturbed", [False, True], ids=["undisturbed", "disturbed"])
@pytest.mark.parametrize("seed", range(int(FIRST), int(LAST or FIRST) + 1))
async def test_each_takes_place_once_or_not_at_all(postgres: Postgres, seed: int, is_disturbed: bool) -> None:
    random = Random(seed)
    address = postgres.database()
    nodes = [await Node.open(address) for _ in range(2)]
    for node in nodes:
        await node.begin()
    chats = [await nodes[0].start() for _ in range(CHATS)]
    units: list[Unit] = []
    outcomes: list[Any] = []
    is_over = asyncio.Event()
    if not is_disturbed:
        is_over.set()
    disturbing = asyncio.ensure_future(disturb(postgres, random, is_over))
    for number in range(ROUNDS):
        drawn = [Unit(random, f"{number}-{i}", chats) for i in range(UNITS)]
        async with asyncio.timeout(ROUND_SECONDS_MAX):
            outcomes += await asyncio.gather(
                *(random.choice(nodes).store.write(Function(unit, unit.session)) for unit in drawn),
                return_exceptions=True,
            )
        units += drawn
    is_over.set()
    await disturbing
    logs = {contact_id: await nodes[1].log(caller) for contact_id, caller in chats}
    told = Counter(
        item.id for node in nodes for c in node.told for appended in c.appended for item in appended.items
    )
    for node in nodes:
        await node.store.close()

    stored = Counter(
        (contact_id, row[7])
        for contact_id, caller in chats
        for row in logs[contact_id]
        if row[5] == "MESSAGE" and row[8] in (None, caller.participant_id)
    )
    for log in logs.values():
        assert [row[1] for row in log] == list(range(1, len(log) + 1))
    expected = Counter[tuple[str, str]]()
    for unit, outcome in zip(units, outcomes, strict=True):
        if outcome == unit.name:
            expected.update(unit.kept)
        elif type(outcome).__name__ == "Unsure":
            found = [stored[kept] for kept in unit.kept]
            assert found in ([0] * len(found), [1] * len(found)), "half"
            expected.update({kept: stored[kept] for kept in unit.kept})
        elif not is_disturbed:
            failing = ("refused", "stumbles") if unit.runs > 1 else ("refused", "stumbles", "stumbles once")
            assert unit.end in failing, outcome
    assert stored == +expected
    assert not [item for item, count in told.items() if count > 1], "told twice"
    if not is_disturbed:
        assert set(told) == {row[3] for log in logs.values() for row in log}
