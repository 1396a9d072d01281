"""A key that is taken away is refused by every process of a server, and its last use is kept by each."""

import json
from pathlib import Path

import pytest

from tests.operations.refusals import refusal, see_refused_within_a_second
from tests.processes.supervised import PATIENCE_SECONDS, supervised
from threadline.clock import monotonic

CONNECTIONS = 16
"""Enough for each of three frontends to take one: all on one or two of them happens once in some ten thousand."""


@pytest.mark.parametrize("how", ["deleted", "deactivated"])
def test_every_frontend_refuses_a_key_that_was_taken_away_within_a_second(tmp_path: Path, how: str) -> None:
    with supervised(tmp_path / "data", env={"THREADLINE_FRONTEND_PROCESSES": "3"}) as server:
        assert len(server.frontends()) == 3
        workspace = server.workspace
        made = workspace.threadline.create_access_key(Description="second")["AccessKey"]
        key = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
        clients = [workspace.client("connect", **key) for _ in range(CONNECTIONS)]
        assert [refusal(client) for client in clients] == [""] * CONNECTIONS
        if how == "deleted":
            workspace.threadline.delete_access_key(AccessKeyId=made["AccessKeyId"])
        else:
            workspace.threadline.update_access_key(AccessKeyId=made["AccessKeyId"], Status="Inactive")
        see_refused_within_a_second(clients)
        workspace.close()
        for client in clients:
            client.close()


def test_the_workspace_names_a_key_that_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "data" / "workspace.json"
    with supervised(tmp_path / "data") as server:
        first = server.workspace.env["AWS_ACCESS_KEY_ID"]
        second = server.workspace.threadline.create_access_key()["AccessKey"]
        server.workspace.threadline.delete_access_key(AccessKeyId=first)
        deadline = monotonic() + PATIENCE_SECONDS
        while (named := json.loads(file.read_text()))["access_key_id"] == first:
            assert monotonic() < deadline, "it still names the deleted one"
        assert (named["access_key_id"], named["secret_access_key"]) == (
            second["AccessKeyId"],
            second["SecretAccessKey"],
        )
        server.workspace.connect.list_instances()
    with supervised(tmp_path / "data") as server:
        assert json.loads(file.read_text()) == named
        server.workspace.connect.list_instances()
