"""Content that was deleted leaves remains in the files of SQLite, until they are removed."""

import random
import re
import threading
from pathlib import Path
from time import monotonic

import apsw
import pytest

from threadline.store.sqlite.checkpoints import Checkpoints
from threadline.store.sqlite.connections import connect, set_up
from threadline.store.sqlite.remains import Remains, unused
from threadline.store.sqlite.store import migrate

CHATS = 800
PATIENCE_SECONDS = 60


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "threadline.db"


def marks_in(file: Path, chats: set[int]) -> set[int]:
    """Those of the chats whose marks are in a file of the database."""
    content = b"".join(part.read_bytes() for part in file.parent.iterdir())
    return {int(found[1]) for found in re.finditer(rb"mark(\d+)x", content)} & chats


def filled(file: Path) -> tuple[apsw.Connection, set[int]]:
    """A database in which every second chat was erased, and those chats. Rows have grown and moved before."""
    writer = set_up(connect(file), durable=True)
    writer.execute("PRAGMA secure_delete = ON").fetchall()
    migrate(writer)
    chance = random.Random(1)
    writer.execute("BEGIN")
    for chat in range(1, CHATS + 1):
        writer.execute("INSERT INTO session_attributes VALUES (?, '{}', '{}')", (chat,))
        grown = chance.randrange(1, chat + 1)
        text = f"mark{grown}x" * chance.randrange(1, 300)
        writer.execute("UPDATE session_attributes SET attributes = ? WHERE session = ?", (text, grown))
        terms = " ".join(f"mark{chat}x{number}" for number in range(chance.randrange(1, 30)))
        writer.execute("INSERT INTO item_words (rowid, terms) VALUES (?, ?)", (chat, terms))
        if chat % 10 == 0:
            writer.execute("COMMIT; BEGIN")
    erased = set(range(1, CHATS, 2))
    for chat in chance.sample(sorted(erased), len(erased)):
        writer.execute("UPDATE session_attributes SET attributes = '{}' WHERE session = ?", (chat,))
        writer.execute("DELETE FROM item_words WHERE rowid = ?", (chat,))
        writer.execute("COMMIT; BEGIN")
    writer.execute("COMMIT")
    return writer, erased


def test_nothing_remains_of_what_was_deleted_and_the_rest_stays(file: Path) -> None:
    writer, erased = filled(file)
    checkpoints = Checkpoints(file, writer, lambda: None)
    remains = Remains(file, writer, checkpoints)
    kept = set(range(1, CHATS + 1)) - erased
    assert marks_in(file, erased)
    cursor = writer.cursor()
    reached, deadline = None, monotonic() + PATIENCE_SECONDS
    while True:
        cursor.execute("BEGIN IMMEDIATE")
        reached = remains.remove(cursor, reached)
        cursor.execute("COMMIT")
        if reached is None:
            break
        assert monotonic() < deadline, reached
        threading.Event().wait(0.001)
    assert marks_in(file, erased) == set()
    assert marks_in(file, kept) == kept
    assert writer.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    writer.execute("INSERT INTO item_words (item_words) VALUES ('integrity-check')")
    found = writer.execute("SELECT rowid FROM item_words WHERE item_words MATCH 'mark2x0'").fetchall()
    assert found == [(2,)]
    checkpoints.close()
    writer.close()
    remains.close()


def test_a_wal_that_is_read_is_emptied_when_the_reader_has_ended(file: Path) -> None:
    writer, _ = filled(file)
    checkpoints = Checkpoints(file, writer, lambda: None)
    reader = set_up(connect(file), durable=True)
    reader.execute("BEGIN; SELECT count(*) FROM session_attributes").fetchall()
    writer.execute("UPDATE session_attributes SET attributes = 'x'")
    request = checkpoints.request_truncation()
    assert not checkpoints.has_truncated(request)
    writer.execute("UPDATE session_attributes SET attributes = 'y'")
    reader.execute("COMMIT")
    deadline = monotonic() + PATIENCE_SECONDS
    while not checkpoints.has_truncated(request):
        assert monotonic() < deadline
        threading.Event().wait(0.01)
    assert Path(f"{file}-wal").stat().st_size == 0
    assert not checkpoints.knows("another process.1")
    for each in (reader, writer):
        each.close()
    checkpoints.close()


def test_the_unused_bytes_of_a_page_lie_between_its_directory_and_its_rows() -> None:
    page = bytes([13, 0, 0, 0, 2]) + (4_000).to_bytes(2, "big") + bytes(4_089)
    assert unused(page, 0) == (12, 4_000)
    assert unused(bytes(100) + page[:-100], 100) == (112, 4_000)
    assert unused(bytes(4_096), 0) == (0, 0)
    assert unused(page[:5] + (5_000).to_bytes(2, "big") + page[7:], 0) == (0, 0)
