"""The tasks that index words: chats from before the index are found too."""

from pathlib import Path
from time import monotonic

import apsw
import pytest

from threadline.store import migrations
from threadline.tasks import words
from threadline.testing import Threadline

PATIENCE_SECONDS = 60


def forget_the_index(folder: Path) -> None:
    """Put a data folder into the state that the migration finds it in and leaves it in."""
    [script] = [script for _, script in migrations() if "CREATE VIRTUAL TABLE item_words" in script]
    database = apsw.Connection(str(folder / "threadline.db"))
    for table in ("item_words", "word_cursor"):
        database.execute(f"DROP TABLE {table}")
    database.execute("DELETE FROM task")
    database.execute(script)
    database.close()


def test_chats_from_before_the_index_are_indexed_in_the_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "PAST_SESSIONS_MAX", 2)
    with Threadline(data=str(tmp_path)) as server:
        for number in range(5):
            casey = server.customer()
            casey.say(f"Parcel {number}")
            casey.leave()
    forget_the_index(tmp_path)
    with Threadline(data=str(tmp_path)) as server:
        asked = {"InstanceId": server.instance_id, "SearchText": "parcel"}
        deadline = monotonic() + PATIENCE_SECONDS
        while len(hits := server.threadline.search_transcripts(**asked)["Hits"]) < 5:
            assert monotonic() < deadline, hits
            server.clock.advance(seconds=1)
        assert [hit["Snippet"] for hit in hits] == [f"Parcel {number}" for number in (4, 3, 2, 1, 0)]
