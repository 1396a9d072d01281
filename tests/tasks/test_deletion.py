"""The chats of a deleted instance are deleted with all that belongs to them, and nobody else's."""

from pathlib import Path
from time import monotonic

import apsw
import pytest

from tests.flows.flows import content, say
from tests.operations.admin_calls import create_instance
from threadline.tasks import steps
from threadline.testing import Threadline

PATIENCE_SECONDS = 60
TABLES = {
    "session": "key",
    "session_attributes": "session",
    "contact": "session",
    "participant": "session",
    "token": "session",
    "item": "session",
    "item_words": "rowid",
    "word_cursor": "session",
}


def rows_of(folder: Path) -> dict[str, int]:
    database = apsw.Connection(str(folder / "threadline.db"))
    counts = {
        table: len(database.execute(f"SELECT {key} FROM {table}").fetchall()) for table, key in TABLES.items()
    }
    database.close()
    return counts


def test_the_chats_of_a_deleted_instance_go_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "ITEMS_MAX", 2)
    with Threadline(data=str(tmp_path)) as server:
        past = server.past_chat()
        server.clock.advance(seconds=2)
        before = rows_of(tmp_path)
        of = {"InstanceId": create_instance(server)["Id"]}
        flow = server.connect.create_contact_flow(
            **of, Name="says", Type="CONTACT_FLOW", Content=content(start=say("Hello"))
        )
        for _ in range(5):
            casey = server.customer(**of, ContactFlowId=flow["ContactFlowId"], Attributes={"a": "b"})
            casey.see("Hello")
            casey.drop()
        server.clock.advance(minutes=1)  # so that the words are in the index
        between = rows_of(tmp_path)
        assert all(between[table] > before[table] for table in TABLES), between
        server.connect.delete_instance(**of)
        deadline = monotonic() + PATIENCE_SECONDS
        while (left := rows_of(tmp_path)) != before:  # two entries a step
            assert monotonic() < deadline, (before, left)
            server.clock.advance(seconds=1)
        server.connect.describe_contact(InstanceId=server.instance_id, ContactId=past.c1)
