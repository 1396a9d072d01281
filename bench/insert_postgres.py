"""The yardstick on PostgreSQL: a one-row INSERT and its commit by many asyncio callers, each with its own connection.

Run as a process of its own: `python -m bench.insert_postgres ADDRESS CALLERS COUNT` prints JSON, the fields of
`bench.measurements.Figures`.
"""

import json
import sys

import asyncpg
import uvloop

from bench.insert import race
from bench.measurements import Figures

TABLE = (
    "CREATE TABLE IF NOT EXISTS yardstick (id BIGSERIAL PRIMARY KEY, caller INTEGER, content TEXT NOT NULL)"
)
INSERT = "INSERT INTO yardstick (caller, content) VALUES ($1, $2)"
CONTENT = "message 17 of pair 3: where is my parcel?"


async def measure(address: str, callers: int, total: int) -> Figures:
    """Insert into a table of its own in the database at `address`."""
    connections = [await asyncpg.connect(address) for _ in range(callers)]
    await connections[0].execute(TABLE)
    statements = [await connection.prepare(INSERT) for connection in connections]
    figures = await race(lambda number: statements[number].fetch(number, CONTENT), callers, total)
    for connection in connections:
        await connection.close()
    return figures


if __name__ == "__main__":
    address, callers, total = sys.argv[1:]
    print(json.dumps(uvloop.run(measure(address, int(callers), int(total)))._asdict()))
