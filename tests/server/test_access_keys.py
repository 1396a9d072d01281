"""The encryption key of a server's data: made once, kept beside the database, and told when it is missing or wrong."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import apsw
import pytest

from threadline import datadir
from threadline.clock import Clock
from threadline.config import BadSettings, Settings
from threadline.encryption import BadKey
from threadline.operations.units import FirstWorkspace
from threadline.server import Server
from threadline.server.access_keys import AccessKeys
from threadline.store import Committed, Work
from threadline.store.sqlite.store import SqliteStore
from threadline.testing import Threadline

ANOTHER_KEY = "ab" * 32


def keys_of(folder: Path) -> list[str]:
    database = apsw.Connection(str(folder / datadir.DATABASE))
    rows = database.execute("SELECT id FROM access_key ORDER BY created_at_ms").fetchall()
    database.close()
    return [str(row[0]) for row in rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a server that has made a second key; the first is in workspace.json."""
    with Threadline(data=str(tmp_path)) as server:
        server.threadline.create_access_key()
    return tmp_path


def serves(folder: Path, key: str) -> None:
    with Threadline(data=str(folder)) as server:
        assert server.env["AWS_ACCESS_KEY_ID"] == key
        server.connect.list_instances()


def test_a_copy_of_the_database_has_no_secret(tmp_path: Path) -> None:
    with Threadline(data=str(tmp_path)) as server:
        second = server.threadline.create_access_key()["AccessKey"]
        copied = b"".join(file.read_bytes() for file in tmp_path.glob(f"{datadir.DATABASE}*"))
        secrets = [second["SecretAccessKey"], server.env["AWS_SECRET_ACCESS_KEY"]]
    assert second["AccessKeyId"].encode() in copied
    assert [secret for secret in secrets if secret.encode() in copied] == []


def test_the_first_start_makes_a_file_that_only_its_user_may_read(folder: Path) -> None:
    file = folder / datadir.ENCRYPTION_KEY
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = file.read_text()
    serves(folder, keys_of(folder)[0])
    assert file.read_text() == kept


async def test_a_start_without_the_key_is_refused_and_with_it_all_is_as_before(folder: Path) -> None:
    file = folder / datadir.ENCRYPTION_KEY
    kept = file.read_text()
    file.unlink()
    with pytest.raises(BadKey, match=r"one access key .* does not exist"):
        await Server(Settings(port=0, data=str(folder))).start()
    assert not file.exists()
    file.write_text(kept)
    assert len(keys_of(folder)) == 2
    with Threadline(data=str(folder)) as server:
        server.connect.list_instances()


async def test_a_start_with_another_key_is_refused(folder: Path) -> None:
    (folder / datadir.ENCRYPTION_KEY).write_text(ANOTHER_KEY)
    with pytest.raises(BadKey, match=r"encryption.key has another key than that which encrypted them"):
        await Server(Settings(port=0, data=str(folder))).start()
    (folder / datadir.ENCRYPTION_KEY).write_text("no key")
    with pytest.raises(BadKey, match=r"encryption.key holds no encryption key: 64 hexadecimal digits"):
        await Server(Settings(port=0, data=str(folder))).start()


async def test_accepting_the_loss_deletes_the_keys_that_cannot_be_read(folder: Path) -> None:
    first = keys_of(folder)[0]
    (folder / datadir.ENCRYPTION_KEY).unlink()
    server = Server(Settings(port=0, data=str(folder)))
    await server.start(accept_loss=True)
    await server.close()
    assert keys_of(folder) == [first]
    serves(folder, first)


def test_a_folder_whose_only_key_is_in_the_workspace_file_needs_no_encryption_key(tmp_path: Path) -> None:
    """As after the restore of a backup, which has no encryption key in it."""
    serves(tmp_path, (first := _started(tmp_path)))
    (tmp_path / datadir.ENCRYPTION_KEY).unlink()
    serves(tmp_path, first)


def _started(folder: Path) -> str:
    with Threadline(data=str(folder)) as server:
        return server.env["AWS_ACCESS_KEY_ID"]


def test_secrets_of_an_older_server_are_encrypted_at_the_start(tmp_path: Path) -> None:
    first = _started(tmp_path)
    secret = json.loads((tmp_path / datadir.WORKSPACE).read_text())["secret_access_key"]
    with apsw.Connection(str(tmp_path / datadir.DATABASE)) as database:
        database.execute("UPDATE access_key SET secret = ?", [secret])
    serves(tmp_path, first)
    with apsw.Connection(str(tmp_path / datadir.DATABASE)) as database:
        assert secret not in str(list(database.execute("SELECT * FROM access_key")))


def test_the_key_may_stand_in_the_setting_or_in_a_file_that_it_names(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Threadline(data=str(data), encryption_key=ANOTHER_KEY) as server:
        server.threadline.create_access_key()
    assert not (data / datadir.ENCRYPTION_KEY).exists()
    file = tmp_path / "elsewhere"
    file.write_text(f"{ANOTHER_KEY}\n")
    with Threadline(data=str(data), encryption_key=str(file)) as server:
        server.connect.list_instances()


def test_a_setting_that_is_neither_is_refused() -> None:
    with pytest.raises(
        BadSettings, match="THREADLINE_ENCRYPTION_KEY must be 64 hexadecimal digits"
    ) as caught:
        Settings(encryption_key="abc123")
    assert "abc123" not in str(caught.value)


class Counting(SqliteStore):
    """A store that counts its reads, and tells when the next one begins."""

    reads = 0
    begun = asyncio.Event()

    async def read(self, work: Work[Any], *, is_single: bool = False) -> Any:
        self.reads += 1
        self.begun.set()
        await asyncio.sleep(0)
        return await super().read(work, is_single=is_single)


async def test_requests_that_come_together_look_a_key_up_once_unless_it_changes() -> None:
    store = Counting(None, Clock())
    _, workspace = await store.write(FirstWorkspace("", {}, {}, False))
    assert workspace is not None
    key = workspace["access_key_id"]
    keys = AccessKeys(store, Clock())
    first, second = await asyncio.gather(keys.read(key), keys.read(key))
    assert (first, second, store.reads) == (keys.known(key), first, 1)
    store.begun.clear()
    reading = asyncio.ensure_future(keys.read(key))
    await store.begun.wait()
    keys.committed(Committed((), (), None, (key,)))
    await keys.read(key)
    assert store.reads == 3, "the key is looked up again after a change"
    assert await reading == first
    keys.committed(Committed((), (), None, (key,)))
    store.begun.clear()
    reading = asyncio.ensure_future(keys.read(key))
    await store.begun.wait()
    keys.committed(Committed((), (), None, (key,)))
    assert await reading == first
    assert keys.known(key) is None, "a key that was changed during its look-up is not kept"
    await store.close()
