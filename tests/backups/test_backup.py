"""`threadline backup` beside a server at work: whole, private, with all that was answered before it began.

THREADLINE_BACKUPS is how many are made at random moments; see `tests.attack.figures`.
"""

import json
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Condition

import pytest

from tests.attack.figures import rounds
from tests.backups.commands import change, refused, run, said, texts
from tests.processes.supervised import Supervised
from threadline.cli.folders import without_password
from threadline.testing import Customer

WRITERS = 4
PATIENCE_SECONDS = 60


class Writers:
    """Customers in chats of their own who say one line after the other, until told to stop."""

    def __init__(self, server: Supervised) -> None:
        self.customers: list[Customer] = [
            server.workspace.customer(f"Writer {number}") for number in range(WRITERS)
        ]
        self.acknowledged: list[list[str]] = [[] for _ in self.customers]
        self.are_stopped = False
        self._changed = Condition()

    def write(self, number: int) -> None:
        lines = self.acknowledged[number]
        while not self.are_stopped:
            text = f"line {len(lines)}"
            self.customers[number].say(text)
            with self._changed:
                lines.append(text)
                self._changed.notify_all()

    def wait_for(self, more: int) -> None:
        """Until `more` lines have been acknowledged."""
        wanted = more + self.count
        with self._changed:
            assert self._changed.wait_for(lambda: self.count >= wanted, PATIENCE_SECONDS)

    @property
    def count(self) -> int:
        return sum(map(len, self.acknowledged))


@pytest.mark.parametrize(("seed", "times"), rounds("BACKUPS", 20))
def test_backups_at_any_moment_hold_all_that_was_acknowledged(
    server: Supervised, tmp_path: Path, seed: str, times: int
) -> None:
    random, writers = Random(seed), Writers(server)
    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(writers.write, number) for number in range(WRITERS)]
        try:
            for number in range(times):
                writers.wait_for(random.randrange(40))
                known = [len(lines) for lines in writers.acknowledged]
                backup = tmp_path / f"backup-{number}"
                said("backup", backup, "--data", Path(server.data))
                assert "nothing is wrong" in said("check", backup)
                for customer, count in zip(writers.customers, known, strict=True):
                    kept = texts(backup, customer.name)
                    assert len(kept) >= count, (
                        f"{customer.name}: {count} were acknowledged, {len(kept)} are kept"
                    )
                    assert kept == [f"line {line}" for line in range(len(kept))]
        finally:
            writers.are_stopped = True
        for future in writing:
            future.result(PATIENCE_SECONDS)
    for customer in writers.customers:
        customer.drop()
    assert "nothing is wrong" in said("check", "--data", Path(server.data))


def test_a_backup_is_private_and_says_what_it_is(server: Supervised, tmp_path: Path) -> None:
    data, backup = Path(server.data), tmp_path / "kept" / "monday"
    server.workspace.past_chat()
    line = said("backup", backup, "--data", data)
    assert "1 instance, 1 chat, 3 contacts, " in line
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700
    assert {file.name for file in backup.iterdir()} - {"objects"} == {
        "manifest.json",
        "threadline.db",
        "workspace.json",
    }
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in backup.rglob("*") if file.is_file())
    manifest = json.loads((backup / "manifest.json").read_text())
    assert manifest["instance_id"] == server.workspace.instance_id
    assert manifest["files"]["threadline.db"]["size"] == (backup / "threadline.db").stat().st_size
    assert manifest["counts"]["contacts"] == 3
    assert (backup / "workspace.json").read_text() == (data / "workspace.json").read_text()
    assert list(backup.parent.iterdir()) == [backup], "no draft is left"


def test_a_backup_writes_over_nothing(data: Path, backup: Path, tmp_path: Path) -> None:
    before = (backup / "manifest.json").read_bytes()
    assert "not empty" in refused("backup", backup, "--data", data)
    assert (backup / "manifest.json").read_bytes() == before
    (tmp_path / "file").write_text("mine")
    assert "not empty" in refused("backup", tmp_path / "file", "--data", data)
    (tmp_path / "empty").mkdir()
    said("backup", tmp_path / "empty", "--data", data)


def test_a_backup_that_finds_no_room_says_so_and_leaves_nothing(data: Path, tmp_path: Path) -> None:
    size = (data / "threadline.db").stat().st_size
    limit = f"import resource, signal, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({size // 2},) * 2);"
    program = f"{limit} from threadline.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, "backup", tmp_path / "to", "--data", data],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 255, done.stdout
    assert re.search(r"threadline: .*/threadline.db cannot be used: File too large", done.stderr), done.stderr
    assert not list(tmp_path.glob("to*"))


def test_a_backup_of_nothing_is_none(data: Path, tmp_path: Path) -> None:
    assert "holds no data" in refused("backup", tmp_path / "to", "--data", tmp_path / "nowhere")
    assert "has no data folder" in refused("backup", tmp_path / "to", "--data", ":memory:")
    (data / "threadline.state").unlink()
    change(data, "PRAGMA user_version = 0")
    assert "has no schema" in refused("backup", tmp_path / "to", "--data", data)
    assert not list(tmp_path.glob("to*")), "nothing is left of it"


def test_a_damaged_database_is_not_backed_up_in_silence(data: Path, tmp_path: Path) -> None:
    with (data / "threadline.db").open("r+b") as file:
        file.seek(0)
        file.write(b"no database at all")
    assert "cannot be read or copied" in refused("backup", tmp_path / "to", "--data", data)


def test_the_data_folder_is_the_environments(data: Path, tmp_path: Path) -> None:
    done = run("backup", tmp_path / "to", env={"THREADLINE_DATA": str(data)})
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:a@b@db/chats", "postgresql://me@db/chats"),
        ("postgresql://db/chats", "postgresql://db/chats"),
        ("postgresql://me:s3/cret@db/chats", "postgresql://.."),
        ("postgresql://me:5/cret@db/chats", "postgresql://.."),
        ("postgresql://me:s3?cret@db/chats", "postgresql://.."),
        ("postgresql://me:7#cret@db/chats", "postgresql://.."),
        ("postgresql:///chats?user=me&password=s3cret&sslpassword=s3cret", "postgresql:///chats?user=me"),
    ],
)
def test_a_password_is_never_shown(address: str, shown: str) -> None:
    assert without_password(address) == shown


def test_on_postgresql_its_own_tools_are_named(tmp_path: Path) -> None:
    store = {
        "THREADLINE_STORE": "postgresql://chat:s3cret@db.example:5433/chats?sslmode=require&password=s3cret"
    }
    for words, tool in (
        (("backup", "TO"), "pg_dump --format=custom --file=TO.dump"),
        (("restore", "FROM.dump"), "pg_restore --clean"),
    ):
        line = refused(*words, env=store)
        assert tool in line
        assert "postgresql://chat@db.example:5433/chats?sslmode=require" in line
        assert "s3cret" not in line


def test_a_backup_has_the_attachments_and_transcript_files(server: Supervised, tmp_path: Path) -> None:
    casey = server.workspace.customer()
    attached = casey.attach("photo.png", b"\x89PNG of Casey", "image/png")
    key_of = {file.name for file in (Path(server.data) / "objects").rglob("*") if file.is_file()}
    assert key_of, "the server keeps no object"
    copy = tmp_path / "copy"
    said("backup", copy, "--data", server.data)
    assert said("check", copy)
    kept = [file for file in (copy / "objects").rglob("*") if file.is_file()]
    assert {file.name for file in kept} == key_of
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in kept)
    restored = tmp_path / "restored"
    said("restore", copy, "--data", restored)
    assert {file.name for file in (restored / "objects").rglob("*") if file.is_file()} == key_of
    kept[0].write_bytes(b"changed")
    assert "has 7 bytes" in refused("restore", copy, "--data", tmp_path / "other")
    assert casey.attachment(attached).body == b"\x89PNG of Casey"


@pytest.mark.parametrize(
    "name", ["../escaped", "objects/../../escaped", "objects/.drafts/x", "/objects/x", "objects//x"]
)
def test_a_manifest_names_no_file_outside_of_its_backup(backup: Path, tmp_path: Path, name: str) -> None:
    manifest = json.loads((backup / "manifest.json").read_text())
    manifest["files"][name] = {"size": 1, "sha256": "0"}
    (backup / "manifest.json").write_text(json.dumps(manifest))
    assert "no backup of a data folder" in refused("restore", backup, "--data", tmp_path / "other")
