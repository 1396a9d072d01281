"""How a connection to a SQLite database is opened and set up."""

from pathlib import Path

import apsw


def connect(file: Path) -> apsw.Connection:
    """Open the database `file`."""
    # one thread uses it: SQLite's own lock around every call is a twentieth of an association
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX
    connection = apsw.Connection(str(file), flags, statementcachesize=300)
    connection.set_busy_timeout(5_000)
    return connection


def set_up(connection: apsw.Connection, *, durable: bool) -> apsw.Connection:
    """Set the pragmas of an open connection and return it."""
    # without the stability guarantee SQLite plans a join anew for every binding: 57 us instead of 5
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    if not durable:
        connection.execute("PRAGMA synchronous = OFF")  # before the next, which would sync
    connection.execute("PRAGMA journal_mode = WAL")
    if durable:
        connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -8192")
    return connection
