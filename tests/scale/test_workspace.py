"""The data folder of a node on PostgreSQL that names another database than the node's."""

import json
from pathlib import Path

import pytest

from tests.engines import Postgres
from threadline import datadir
from threadline.config import Settings
from threadline.server import Server
from threadline.store.sqlite.progress import DataLost


async def test_a_node_does_not_write_over_the_workspace_of_another_database(
    postgres: Postgres, tmp_path: Path
) -> None:
    first, second = postgres.database(), postgres.database()
    async with Server(Settings(port=0, data=str(tmp_path), store=first)) as server:
        ours = server.workspace
    file = tmp_path / datadir.WORKSPACE
    for _ in range(2):  # the second time as the first: nothing was made by the refusal
        server = Server(Settings(port=0, data=str(tmp_path), store=second))
        with pytest.raises(DataLost, match="the store holds none"):
            await server.start()
    assert json.loads(file.read_text()) == ours
    server = Server(Settings(port=0, data=str(tmp_path), store=second))
    await server.start(accept_loss=True)
    theirs = server.workspace
    await server.close()
    assert json.loads(file.read_text()) == theirs
    assert json.loads((tmp_path / "workspace.json.kept-1").read_text()) == ours
    server = Server(Settings(port=0, data=str(tmp_path), store=first))
    with pytest.raises(DataLost, match=f"names instance {theirs['instance_id']}"):
        await server.start()
