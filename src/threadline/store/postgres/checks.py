"""Checks of the chats in a PostgreSQL database, on a connection that only reads; see `store.checks`."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from threadline.store import Row, named_statements
from threadline.store.checks import Ask, Pages, content_findings
from threadline.store.postgres.pipeline import conninfo, describe, error_line, for_postgres
from threadline.store.sqlite.copies import Progress, newest_schema


def findings(address: str, counts: dict[str, int], progress: Progress) -> Iterator[str]:
    """The faults of the chats in the database at `address`, one sentence each. Fills `counts` with the rows checked.

    Raises RuntimeError, without the password, when the database cannot be read.
    """
    where = describe(address)
    try:
        with closing(psycopg.connect(conninfo(address))) as connection:
            connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
            schema = _schema(connection)
            connection.commit()
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            if schema is None:
                yield "the database holds nothing of Threadline's: it has no schema"
            elif schema > newest_schema():
                yield (
                    f"the database was written by a newer Threadline (schema {schema}, this one knows"
                    f" {newest_schema()}): check it with that one"
                )
            else:
                yield from content_findings(_pages_of(connection), counts, progress)
    except psycopg.Error as error:
        raise RuntimeError(f"{where} cannot be read: {error_line(error)}") from None


def _schema(connection: psycopg.Connection[Any]) -> int | None:
    if connection.execute("SELECT to_regclass('threadline_schema')").fetchone() == (None,):
        return None
    row = connection.execute("SELECT version FROM threadline_schema").fetchone()
    return int(row[0]) if row else None


def _pages_of(connection: psycopg.Connection[Any]) -> Pages:
    statements = {
        name: re.sub(r"(?<!:):([a-z]\w*)", r"%(\1)s", for_postgres(text)).encode()
        for name, text in named_statements().items()
    }

    def ask(name: str, /, **parameters: Any) -> list[Row]:
        return connection.execute(statements[name], parameters).fetchall()

    @contextmanager
    def page() -> Iterator[Ask]:
        with connection.transaction():
            yield ask

    return page
