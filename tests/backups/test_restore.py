"""`threadline restore`: verified before anything is touched, all or nothing, and nothing is deleted."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from tests.backups.commands import change, found, refused, said
from tests.processes.supervised import Supervised, gone, supervised
from threadline import datadir
from threadline.store.sqlite import backup as backups

KILLED_AFTER = """
import os, signal, sys
from pathlib import Path
from threadline.store.sqlite import backup as backups

left = int(sys.argv[3])

def killed_after(event, arguments):
    global left
    if event in ("open", "os.rename", "os.mkdir", "os.rmdir", "shutil.rmtree") and sys.argv[2] in str(arguments[0]):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(killed_after)
backups.restore(Path(sys.argv[1]), Path(sys.argv[2]), lambda *_: None, replaces=True)
"""
"""Restores, and kills itself at the so many-th step that touches the data folder."""


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def test_what_is_restored_is_served(backup: Path, tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    assert "1 instance, 2 chats" in said("restore", backup, "--data", data)
    assert found(data) == []
    with supervised(data) as server:
        casey = server.workspace.customer()
        with pytest.raises(server.workspace.connect.exceptions.ResourceNotFoundException):
            casey.continue_from("FROM_SEGMENT", "no-contact-of-anybody")
        casey.drop()


def test_data_that_is_there_is_only_moved_aside_when_told(data: Path, backup: Path) -> None:
    before = contents(data)
    del before["server.lock"]  # it names its last holder
    assert "holds data already" in refused("restore", backup, "--data", data)
    assert contents(data).items() >= before.items()
    for time in (1, 2):
        assert "The earlier data is in" in said("restore", backup, "--data", data, "--replace")
        assert len(list(data.glob("replaced-*"))) == time
    moved = contents(min(data.glob("replaced-*")))
    assert moved == {name: before[name] for name in moved}
    assert "threadline.db" in moved
    with supervised(data):
        pass


def test_a_folder_that_has_lost_its_database_wants_no_option(data: Path, backup: Path) -> None:
    (data / "threadline.state").write_text("of the old database")
    (data / "threadline.db").write_bytes(b"")
    said("restore", backup, "--data", data)
    assert found(data) == []
    assert not (data / "threadline.state").exists(), "it would be held against the restored database"


def test_a_log_of_the_old_database_never_meets_the_new_one(
    server: Supervised, backup: Path, tmp_path: Path
) -> None:
    """A killed server leaves most of its data in `threadline.db-wal`: beside a restored database it would be its."""
    casey = server.workspace.customer("Robin")
    casey.say("The last words.")
    casey.drop()
    worker = server.worker()
    server.signal(signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    server.end()
    assert gone(worker)
    data = Path(server.data)
    assert found(data) == []
    frames = json.loads((data / "threadline.state").read_text())["frames"]
    os.truncate(data / "threadline.db-wal", 32 + (frames - 1) * (24 + 4096))
    assert any("damaged or cut off" in line for line in found(data)), found(data)
    assert "a backup would lack it too" in refused("backup", tmp_path / "to", "--data", data)
    said("restore", backup, "--data", data, "--replace")
    assert found(data) == []
    (replaced,) = data.glob("replaced-*")
    assert any("damaged or cut off" in line for line in found(replaced)), "what was replaced is as it was"
    with supervised(data):
        pass


def test_nothing_is_restored_under_a_server(server: Supervised, backup: Path) -> None:
    line = refused("restore", backup, "--data", Path(server.data), "--replace")
    assert f"in use by another server (process {server.parent.pid})" in line


@pytest.mark.parametrize("name", ["threadline.db", "workspace.json"])
def test_a_backup_that_has_changed_is_refused(backup: Path, tmp_path: Path, name: str) -> None:
    content = bytearray((backup / name).read_bytes())
    content[len(content) // 2] ^= 1
    (backup / name).write_bytes(content)
    assert f"{name} has other content than the manifest says" in refused(
        "restore", backup, "--data", tmp_path / "data"
    )
    (backup / name).unlink()
    assert f"{name} is not there" in refused("restore", backup, "--data", tmp_path / "data")
    assert not (tmp_path / "data").exists(), "nothing was touched"


def test_a_folder_that_is_no_backup_is_refused(data: Path, backup: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    assert "is no backup" in refused("restore", data, "--data", target)
    assert "is the backup itself" in refused("restore", backup, "--data", backup, "--replace")
    (backup / "manifest.json").write_text('{"format": 2}')
    assert "newer Threadline" in refused("restore", backup, "--data", target)
    for text in ("", "[]", '{"format": "x"}', '{"format": 1, "files": {}}'):
        (backup / "manifest.json").write_text(text)
        assert "cannot be read" in refused("restore", backup, "--data", target)
    assert not target.exists()


def test_a_restore_that_is_killed_leaves_the_old_or_the_new(data: Path, backup: Path, tmp_path: Path) -> None:
    """A restore is killed at each of its steps. The next owner of the folder, such as a server, finishes it."""
    change(
        data,
        "UPDATE resource SET data = json_set(data, '$.identity_info.FirstName', 'Old') WHERE kind = 'agent'",
    )
    outcomes = []
    for steps in range(100):
        folder = Path(shutil.copytree(data, tmp_path / f"data-{steps}"))
        killed = subprocess.run([sys.executable, "-c", KILLED_AFTER, backup, folder, str(steps)], check=False)
        os.close(datadir.own(folder))
        assert not [*backups.check(folder, {}, lambda *_: None)]
        outcomes.append(first_name_of(folder))
        replaced = [first_name_of(file.parent) for file in folder.glob("replaced-*/threadline.db")]
        assert replaced == (["Old"] if outcomes[-1] == "Alex" else []), "what was replaced is kept"
        if killed.returncode == 0:
            break
        assert killed.returncode == -signal.SIGKILL
    assert outcomes == sorted(outcomes, reverse=True), "from one step on it is the new one"
    assert (outcomes[0], outcomes[-1]) == ("Old", "Alex")


def test_the_draft_of_a_restore_that_was_killed_is_cleared_away(backup: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "draft-20260101T000000Z").mkdir(parents=True)
    said("restore", backup, "--data", data)
    assert not [*data.glob("draft-*")]


def first_name_of(folder: Path) -> str:
    with closing(apsw.Connection(str(folder / "threadline.db"), apsw.SQLITE_OPEN_READONLY)) as connection:
        name = "data ->> '$.identity_info.FirstName'"
        rows = connection.execute(
            f"SELECT {name} FROM resource WHERE kind = 'agent' AND name = 'a1'"
        ).fetchall()
        return str(rows[0][0])
