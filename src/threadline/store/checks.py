"""Checks of the content of a store: logs without gaps, contacts that are one run of a log, anchors that exist.

Sessions are read by pages, each in a short transaction of its own. So the check needs the same memory for a store of
any size, and does not hold up a server that writes meanwhile.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import groupby, pairwise
from typing import Any, NamedTuple, Protocol

import apsw

from threadline.store import Row, named_statements
from threadline.store.sqlite.copies import COUNTED, Progress, newest_schema, schema_of

SESSIONS_PER_PAGE = 200
KEY_MAX = (1 << 63) - 1
KEY_MIN = -(1 << 62)
INTEGRITY_FINDINGS_MAX = 100


class Ask(Protocol):
    """The rows of a named statement."""

    def __call__(self, name: str, /, **parameters: Any) -> list[Row]: ...


Pages = Callable[[], AbstractContextManager[Ask]]
"""A transaction on one consistent state, for one page."""


class _Log(NamedTuple):
    session: int
    entries: int
    first: int
    last: int


class _Run(NamedTuple):
    session: int
    position: int
    id: str
    previous_contact_id: str | None
    first_seq: int


class _Chat(NamedTuple):
    key: int
    initial_contact_id: str
    current_contact_id: str
    last_position: int
    last_seq: int


def pages_of(connection: apsw.Connection) -> Pages:
    """The pages of a SQLite database."""
    statements = named_statements()

    def ask(name: str, /, **parameters: Any) -> list[Row]:
        return connection.execute(statements[name], parameters).fetchall()

    @contextmanager
    def page() -> Iterator[Ask]:
        connection.execute("BEGIN")
        try:
            yield ask
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    return page


def database_findings(connection: apsw.Connection, progress: Progress) -> Iterator[str]:
    """The faults of a SQLite database as a file, one sentence each."""

    def goes_on() -> bool:
        progress("checking the database", 0, 0)
        return False

    connection.set_progress_handler(goes_on, 100_000)
    try:
        for (text,) in connection.execute(f"PRAGMA integrity_check({INTEGRITY_FINDINGS_MAX})"):
            if text != "ok":
                yield from (f"the database is damaged: {line}" for line in str(text).splitlines())
        version, newest = schema_of(connection), newest_schema()
    except apsw.Error as error:
        yield f"the database cannot be read: {error}"
        return
    finally:
        connection.set_progress_handler(None)
    if version > newest:
        yield (
            f"the database was written by a newer Threadline (schema {version}, this one knows {newest}):"
            " check it with that one"
        )
    elif version == 0:
        yield "the database holds nothing of Threadline's: it has no schema"


def content_findings(pages: Pages, counts: dict[str, int], progress: Progress) -> Iterator[str]:
    """The faults of the chats of a store, one sentence each. Fills `counts` with the rows checked."""
    counts.update(dict.fromkeys((*COUNTED, "associations"), 0))
    with pages() as ask:
        counts["instances"] = ask("count_instances")[0][0]
        total = ask("count_sessions")[0][0]
    after = KEY_MIN
    while after < KEY_MAX:
        with pages() as ask:
            rows = ask("sessions_after", after=after, limit=SESSIONS_PER_PAGE)
            chats = {row[0]: _Chat(*row) for row in rows}
            between = {"low": after + 1, "high": max(chats) if len(rows) == SESSIONS_PER_PAGE else KEY_MAX}
            found = [
                *_log_findings(ask, chats, between, counts),
                *_run_findings(ask, chats, between, counts),
                *_anchor_findings(ask, between, counts),
            ]
        yield from found
        counts["chats"] += len(chats)
        progress("chats checked", counts["chats"], total)
        after = between["high"]


def _log_findings(
    ask: Ask, chats: dict[int, _Chat], between: dict[str, int], counts: dict[str, int]
) -> Iterator[str]:
    logs = {row[0]: _Log(*row) for row in ask("logs_between", **between)}
    counts["entries"] += sum(log.entries for log in logs.values())
    for session in sorted(logs.keys() - chats.keys()):
        yield f"session {session}: {_entries(logs[session].entries)} of a chat that is not there"
    for chat in chats.values():
        log = logs.get(chat.key, _Log(chat.key, 0, 1, 0))
        if log.last > chat.last_seq:
            yield f"{_name(chat)}: its log has entry {log.last}, but the chat counts {chat.last_seq}"
        elif log.entries != chat.last_seq:
            gap = 0
            if log.entries and log.first == 1:
                gap = ask("last_before_gap", session=chat.key)[0][0]
            yield (
                f"{_name(chat)}: {_entries(chat.last_seq - log.entries)} of {chat.last_seq} missing from its log,"
                f" the first of them number {gap + 1}"
            )
        elif log.entries and log.first != 1:
            yield f"{_name(chat)}: its log begins with entry {log.first}, not 1"


def _run_findings(
    ask: Ask, chats: dict[int, _Chat], between: dict[str, int], counts: dict[str, int]
) -> Iterator[str]:
    runs = [_Run(*row) for row in ask("runs_between", **between)]
    counts["contacts"] += len(runs)
    by_session = {session: list(group) for session, group in groupby(runs, lambda run: run.session)}
    for session in sorted(by_session.keys() - chats.keys()):
        yield f"contact {by_session[session][0].id}: the chat that it belongs to is not there"
    for chat in chats.values():
        if complaint := _complaint(chat, by_session.get(chat.key, [])):
            yield f"{_name(chat)}: {complaint}"
    for session, seq, count in ask("strays_between", **between):
        if session in chats:
            yield (
                f"{_name(chats[session])}: {_entries(count)} not on the contact whose run they stand in,"
                f" the first of them number {seq}"
            )


def _complaint(chat: _Chat, runs: list[_Run]) -> str | None:
    """Why the contacts of a chat are no unbroken runs of its log; None when they are."""
    if not runs:
        return "it has no contact"
    if [run.position for run in runs] != list(range(chat.last_position + 1)):
        return f"it counts {chat.last_position + 1} contacts, but {len(runs)} are there"
    if runs[0].id != chat.initial_contact_id or runs[-1].id != chat.current_contact_id:
        return f"its contacts go from {runs[0].id} to {runs[-1].id}, not from the first to the current one"
    if runs[0].first_seq != 1:
        return f"its first contact begins at entry {runs[0].first_seq}, not 1"
    for run, following in pairwise(runs):
        if following.previous_contact_id != run.id:
            return f"contact {following.id} does not follow {run.id}, after which it stands"
        if following.first_seq < run.first_seq:
            return f"contact {following.id} begins before the one that it follows"
    if runs[-1].first_seq > chat.last_seq + 1:
        return f"contact {runs[-1].id} begins at entry {runs[-1].first_seq}, after the end of the log"
    return None


def _anchor_findings(ask: Ask, between: dict[str, int], counts: dict[str, int]) -> Iterator[str]:
    for chat, related, anchor, last_seq, session, first_seq, end in ask("anchors_between", **between):
        counts["associations"] += anchor is not None
        where = f"chat {chat}: the contact {related}, which it"
        where += " continues from," if anchor is not None else " is related to,"
        if session is None:
            yield f"{where} is not there"
        elif anchor is None:
            continue
        elif end is None or session != anchor:
            yield f"{where} is not in the session that it is said to be in ({anchor})"
        elif not first_seq - 1 <= last_seq <= end:
            yield f"{where} is shown up to entry {last_seq}, but has entries {first_seq} to {end}"


def _name(chat: _Chat) -> str:
    return f"chat {chat.initial_contact_id}"


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"
