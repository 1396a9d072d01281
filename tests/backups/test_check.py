"""`threadline check` prints each fault of a store in a line, and then the checks that it has made."""

from pathlib import Path

import pytest

from tests.backups.commands import change, found, refused, run, said
from tests.engines import Postgres, free_port
from tests.processes.supervised import Supervised
from threadline.store.checks import SESSIONS_PER_PAGE
from threadline.testing import Threadline

OLD = "(SELECT min(key) FROM session)"
NEW = "(SELECT max(key) FROM session)"


def test_what_was_checked_is_said_with_counts(data: Path, backup: Path, server: Supervised) -> None:
    content = "1 instance, 2 chats, 4 contacts, "
    assert f"{data}: nothing is wrong; checked {content}" in said("check", "--data", data)
    files = sum(file.is_file() for file in backup.rglob("*")) - 1  # but the manifest
    assert f"{backup}: nothing is wrong; checked {files} files, {content}" in said("check", backup)
    assert "1 association" in said("check", backup)
    assert "1 instance, 0 chats, 0 contacts, 0 entries" in said("check", Path(server.data))


def test_a_check_changes_nothing(data: Path, backup: Path) -> None:
    for folder in (data, backup):
        before = contents(folder)
        said("check", folder)
        after = contents(folder)
        assert {path: after[path] for path in before} == before


def contents(folder: Path) -> dict[Path, tuple[bytes, int]]:
    """Every file of a folder, at any depth: its bytes and when they were written."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        (
            f"DELETE FROM item WHERE session = {OLD} AND seq = 3",
            "1 entry of 15 missing from its log, the first of",
        ),
        (f"DELETE FROM item WHERE session = {OLD} AND seq = 1", "the first of them number 1"),
        (f"DELETE FROM item WHERE session = {OLD}", "missing from its log, the first of them number 1"),
        (
            f"UPDATE session SET last_seq = last_seq - 1 WHERE key = {OLD}",
            "its log has entry 15, but the chat counts 14",
        ),
        (f"DELETE FROM session WHERE key = {NEW}", "of a chat that is not there"),
        (f"DELETE FROM session WHERE key = {OLD}", "is not in the session that it is said to be in"),
        (
            f"UPDATE item SET contact_id = 'x' WHERE session = {OLD} AND seq = 2",
            "1 entry not on the contact whose run",
        ),
        (
            f"DELETE FROM contact WHERE session = {OLD} AND position = 1",
            "it counts 3 contacts, but 2 are there",
        ),
        (
            f"UPDATE contact SET first_seq = 99 WHERE session = {OLD} AND position = 2",
            "after the end of the log",
        ),
        (
            f"UPDATE contact SET previous_contact_id = 'x' WHERE session = {OLD} AND position = 2",
            "does not follow",
        ),
        ("UPDATE session SET related_contact_id = 'x' WHERE related_contact_id IS NOT NULL", "is not there"),
        (
            "UPDATE session SET anchor_last_seq = 99 WHERE anchor_last_seq IS NOT NULL",
            "is shown up to entry 99",
        ),
        ("UPDATE session SET anchor_session = 99 WHERE anchor_session IS NOT NULL", "said to be in (99)"),
        ("UPDATE instance SET id = 'x'", "names instance"),
        ("PRAGMA user_version = 9999", "newer Threadline (schema 9999"),
        ("PRAGMA user_version = 0", "it has no schema"),
    ],
)
def test_a_fault_is_found_and_said_in_a_line(data: Path, statement: str, finding: str) -> None:
    change(data, statement)
    findings = found(data)
    assert any(finding in line for line in findings), findings


def test_a_damaged_file_is_found(data: Path, backup: Path) -> None:
    content = bytearray((data / "threadline.db").read_bytes())
    content[8192:12288] = bytes(4096)
    (data / "threadline.db").write_bytes(content)
    assert any("the database is damaged" in line for line in found(data)), found(data)
    (data / "threadline.db").write_bytes(b"no database at all" * 100)
    assert any("the database cannot be read" in line for line in found(data))
    (backup / "threadline.db").write_bytes(content)
    assert any("manifest" in line for line in found(backup))
    (backup / "workspace.json").unlink()
    assert "workspace.json is not there" in found(backup)[-1] or "workspace.json is not there." in found(
        backup
    )


def test_a_database_that_is_gone_is_found(data: Path) -> None:
    (data / "threadline.db").write_bytes(b"")
    assert any("threadline.db is empty" in line for line in found(data))
    (data / "threadline.db").unlink()
    assert any("threadline.db is gone" in line for line in found(data))


def test_every_page_of_a_large_store_is_looked_at(data: Path) -> None:
    columns = (
        "instance_id, initial_contact_id, current_contact_id, last_position, last_seq, last_at_ms, "
        "started_at_ms, expires_at_ms, content_types, event_hooks, disconnect_on_customer_exit, root_contact_id"
    )
    many = 2 * SESSIONS_PER_PAGE
    change(
        data,
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many}) INSERT INTO session"
        f" ({columns}) SELECT 'i', 'c' || i, 'c' || i, 0, 0, 0, 0, 0, '', '{{}}', 0, 'c' || i FROM n",
    )
    assert len(found(data)) == many, "none of them has a contact"


def test_chats_in_postgresql_are_checked_too(postgres: Postgres) -> None:
    with Threadline(store=postgres.database()) as server:
        past = server.past_chat()
        server.customer().continue_from("FROM_SEGMENT", past.c2)
        address = server._server.settings.store
    database = address.rpartition("/")[2]
    store = {"THREADLINE_STORE": address.replace("postgres@", "postgres:s3cret@")}
    done = run("check", env=store)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == f"{address}: nothing is wrong; checked 1 instance, 2 chats, 4 contacts, 17 entries, 1 association.\n"
    )
    postgres.execute("DELETE FROM item WHERE session = 1 AND seq = 3", database)
    postgres.execute("UPDATE session SET anchor_last_seq = 99 WHERE anchor_last_seq IS NOT NULL", database)
    done = run("check", env=store)
    assert done.returncode == 1
    assert "1 entry of 15 missing from its log, the first of them number 3." in done.stdout
    assert "is shown up to entry 99" in done.stdout
    postgres.execute("UPDATE threadline_schema SET version = 9999", database)
    assert "newer Threadline" in run("check", env=store).stdout
    assert "has no schema" in run("check", env={"THREADLINE_STORE": postgres.database()}).stdout
    away = refused("check", env={"THREADLINE_STORE": f"postgresql://me:s3cret@127.0.0.1:{free_port()}/x"})
    assert "cannot be read" in away
    assert "s3cret" not in away


def test_a_folder_that_is_neither_is_refused(tmp_path: Path) -> None:
    assert "holds no data" in refused("check", tmp_path)
    assert "holds no data" in refused("check", "--data", tmp_path / "nowhere")
    assert run("check", tmp_path, tmp_path).returncode == 2
