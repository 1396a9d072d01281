"""Statements that the units of a batch have in common, gathered and sent as one statement for many rows.

A statement has a price of its own, for the protocol and for its start in PostgreSQL. Sending a message needs three,
and a batch holds up to sixteen messages. Only statements that look at one session, or change it, are gathered: the
units of a batch never share a session at the same time, and the order matters only among the statements of one.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from threadline.store import Row, named_statements
from threadline.store.postgres.pipeline import (
    Encoded,
    Pipeline,
    Statement,
    encode,
    for_postgres,
    statement,
    without_locks,
)

GATHERED = ("sender", "count_entry", "insert_item")
"""Statements with one list after VALUES, which has a row for each session. Those that read answer at most one row for
each session, and begin it with the session's key."""

SIZES = (16, 8, 4, 2, 1)
"""The numbers of rows that there are statements for. PostgreSQL plans each of them once for a connection."""

Answer = Callable[[list[Row]], None]


class _Asked(NamedTuple):
    """One unit's values for a statement, and the function that gets its rows, if it reads."""

    values: Encoded
    answer: Answer | None


class Gathering:
    """The statements that a batch has not sent yet, by name and session."""

    def __init__(self, connection: Pipeline) -> None:
        self._connection = connection
        self._waiting: dict[str, dict[int, _Asked]] = {}

    def add(self, name: str, values: Mapping[str, Any], answer: Answer | None = None) -> None:
        """Gather a statement about the session in `values`.

        `answer` gets the rows of a statement that reads: all that was gathered for its session is sent before it. So it
        is for a write that comes a second time. Raises ValueError for text that PostgreSQL cannot store.
        """
        session: int = values["session"]
        encoded = encode(_of_sizes(name)[-1][1], values)
        before = self._waiting.values() if answer is not None else (self._waiting.get(name, {}),)
        if any(session in by_session for by_session in before):
            self.send()
        self._waiting.setdefault(name, {})[session] = _Asked(encoded, answer)

    def send(self) -> None:
        """Send all that was gathered, each name in as few statements as SIZES allow."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        for name, by_session in waiting.items():
            asked = list(by_session.items())
            for size, many in _of_sizes(name):
                while len(asked) >= size:
                    self._send(many, asked[:size])
                    del asked[:size]

    def drop(self) -> None:
        """Forget all that was gathered: the transaction is rolled back."""
        self._waiting = {}

    def _send(self, many: Statement, asked: list[tuple[int, _Asked]]) -> None:
        values = [value for _, one in asked for value in one.values]

        def answer(rows: list[Row]) -> None:
            by_session = {row[0]: row for row in rows}
            for session, one in asked:
                if one.answer is not None:
                    one.answer([by_session[session]] if session in by_session else [])

        self._connection.send_encoded(many, values, answer)


@cache
def _of_sizes(name: str) -> list[tuple[int, Statement]]:
    one = statement(name, for_postgres(without_locks(named_statements()[name])))
    return [(size, _repeated(one, size)) for size in SIZES]


def _repeated(one: Statement, count: int) -> Statement:
    """The statement `one` for `count` rows: the list after VALUES comes that often."""
    before, row, after = re.split(r"(?<=VALUES )(\([^()]*\))", one.text.decode())
    width = len(one.parameters)
    rows = [
        re.sub(r"\$(\d+)", lambda found, n=number: f"${int(found[1]) + n * width}", row)
        for number in range(count)
    ]
    return Statement(
        one.name + b"_%d" % count, (before + ", ".join(rows) + after).encode(), one.parameters * count
    )
