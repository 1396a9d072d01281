"""Chats by the hundred thousand: one that the operations made, copied row by row within SQLite.

A copy differs in what is a key: its session, and the last 12 digits of its contact's id. Nobody may serve the file
meanwhile.
"""

from collections.abc import Mapping
from pathlib import Path

import apsw

IDS = {
    "session": ("initial_contact_id", "current_contact_id", "root_contact_id"),
    "contact": ("id",),
    "session_attributes": (),
    "participant": ("contact_id",),
    "item": ("contact_id",),
    "token": ("hash",),
    "task": ("contact_id",),
}
"""The tables of a chat, and which of their columns hold its contact's id or must not be the same twice."""

SERIES = "WITH RECURSIVE series(n) AS (SELECT :low UNION ALL SELECT n + 1 FROM series WHERE n < :high) "


class Copier:
    """Copies within the database `file`. The copies are on disk once it is closed."""

    def __init__(self, file: Path) -> None:
        self.connection = apsw.Connection(str(file))
        self.connection.execute(
            "PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; PRAGMA wal_autocheckpoint = 20000"
        )

    def close(self) -> None:
        self.connection.execute(
            "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous = FULL; BEGIN IMMEDIATE; COMMIT"
        )
        self.connection.close()

    def chats(
        self, contact_id: str, count: int, other: Mapping[tuple[str, str], str] | None = None
    ) -> list[str]:
        """Copy the chat of this one contact `count` times. Return the contact ids of the copies.

        `other` holds the SQL of columns that differ in each copy, by table and name; `:first + n` is its session.
        """
        query = "SELECT session, (SELECT max(key) FROM session) + 1 FROM contact WHERE id = ?"
        session, first = map(int, map(str, self.connection.execute(query, [contact_id]).fetchall()[0]))
        bindings = {"session": session, "first": first, "low": 0, "high": count - 1}
        self.connection.execute("BEGIN IMMEDIATE")
        for table, ids in IDS.items():
            key = "key" if table == "session" else "session"
            columns = [row[1] for row in self.connection.execute(f"PRAGMA table_info({table})")]
            values = {column: column for column in columns}
            values |= {
                name: f"substr({name}, 1, length({name}) - 12) || printf('%012x', :first + n)" for name in ids
            }
            values |= {key: ":first + n", **({"id": "NULL"} if table == "task" else {})}
            values |= {name: sql for (of, name), sql in (other or {}).items() if of == table}
            chosen = ", ".join(values[column] for column in columns)
            self.connection.execute(
                f"{SERIES} INSERT INTO {table} SELECT {chosen} FROM series, {table} WHERE {key} = :session",
                bindings,
            )
        self.connection.execute("COMMIT")
        return [f"{contact_id[:-12]}{first + number:012x}" for number in range(count)]

    def settle(self) -> None:
        """Take all messages as indexed, so that the background does not index them while other work is measured."""
        self.connection.execute("DELETE FROM task WHERE kind = 'index'")
        self.connection.execute(
            "INSERT OR REPLACE INTO word_cursor (session, seq) SELECT key, last_seq FROM session"
        )

    def messages(self, contact_id: str, count: int) -> None:
        """Repeat the last entry of a chat `count` times, a millisecond apart."""
        bindings = {"contact_id": contact_id, "low": 1, "high": count}
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute(
            SERIES
            + """
            INSERT INTO item
            SELECT session, seq + n, contact_id,
                printf('%08x-%04x', (at_ms + n) >> 16, (at_ms + n) & 65535) || substr(id, 14, 15)
                    || printf('%08x', seq + n),
                at_ms + n, type, content_type,
                'Message ' || n || ' of a long conversation about a parcel that is late.',
                participant_id, display_name, participant_role, push_only, audience, metadata, NULL
            FROM series, item
            WHERE (session, seq) = (SELECT key, last_seq FROM session WHERE current_contact_id = :contact_id)
            """,
            bindings,
        )
        self.connection.execute(
            "UPDATE session SET last_seq = last_seq + :high, last_at_ms = last_at_ms + :high "
            "WHERE current_contact_id = :contact_id",
            bindings,
        )
        self.connection.execute("COMMIT")
