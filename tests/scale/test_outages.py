"""A node is killed and PostgreSQL crashes, for real and under load: no acknowledged message is lost or doubled."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.engines import LASTING, Postgres, running
from threadline.testing import Agent, Customer, Threadline, Workspace
from threadline.testing.workspace import environment

PATIENCE_SECONDS = 60
IMPATIENT = Config(connect_timeout=2, read_timeout=20, retries={"total_max_attempts": 1})


class Talker(threading.Thread):
    """Somebody who says one thing after the other, each again and again until it is acknowledged."""

    def __init__(self, person: Customer | Agent, name: str) -> None:
        super().__init__(daemon=True)
        self.person = person
        self.prefix = name
        self.node: Workspace = person.workspace
        self.acknowledged: list[tuple[str, str]] = []
        self.stopping = False
        self.failures = 0
        self.start()

    def run(self) -> None:
        client, node = self._client()
        while not self.stopping:
            text = f"{self.prefix} {len(self.acknowledged)}"
            for _ in range(10_000):
                if node is not self.node:
                    client, node = self._client()
                try:
                    reply = client.send_message(
                        ConnectionToken=self.person.connection_token,
                        ContentType="text/plain",
                        Content=text,
                        ClientToken=text.replace(" ", "-"),
                    )
                except (ClientError, BotoCoreError):
                    self.failures += 1
                    continue
                self.acknowledged.append((reply["Id"], text))
                break

    def _client(self) -> tuple[Any, Workspace]:
        node = self.node
        return node.client("connectparticipant", config=IMPATIENT), node

    def says(self, count: int) -> None:
        """Wait until so many more things are acknowledged."""
        goal, deadline = len(self.acknowledged) + count, monotonic() + PATIENCE_SECONDS
        while len(self.acknowledged) < goal:
            assert monotonic() < deadline, f"{self.prefix} gets nothing acknowledged any more"
            self.join(0.01)

    def stop(self) -> None:
        """Wait until the last thing is acknowledged."""
        self.stopping = True
        self.join(PATIENCE_SECONDS)
        assert not self.is_alive()


def judge(talkers: list[Talker], reader: Customer | Agent) -> None:
    """Every acknowledged message is in the transcript, once, under its id and in its talker's order."""
    read = [(item["Id"], item["Content"]) for item in reader.history() if item["Type"] == "MESSAGE"]
    for talker in talkers:
        theirs = [each for each in read if each[1].startswith(talker.prefix + " ")]
        assert theirs == talker.acknowledged


@contextmanager
def serving(folder: Path, store: str) -> Iterator[tuple[subprocess.Popen[str], Workspace]]:
    """A node in a process of its own."""
    own = {"THREADLINE_STORE": store, "THREADLINE_DATA": str(folder), "THREADLINE_ENCRYPTION_KEY": "0" * 64}
    variables = os.environ | own
    command = [sys.executable, "-m", "threadline", "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found
            ids = json.loads((folder / "workspace.json").read_text())
            workspace = Workspace(found[0], environment(found[0], ids))
            yield process, workspace
            workspace.close()
        finally:
            process.terminate()


def worker_of(parent: subprocess.Popen[str]) -> int:
    """The process that serves."""
    return int(Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text())


@pytest.fixture
def lasting() -> Iterator[Postgres]:
    with running(settings=LASTING) as server:
        yield server


def test_postgres_crashes_under_load_and_comes_back(lasting: Postgres) -> None:
    with Threadline(store=lasting.database()) as node:
        casey = node.customer()
        agent = node.agent().accept(casey)
        talkers = [Talker(casey, "casey"), Talker(agent, "agent"), Talker(casey, "other")]
        for how in (signal.SIGQUIT, signal.SIGINT):
            for talker in talkers:
                talker.says(5)
            lasting.stop(how)
            lasting.start()
        for talker in talkers:
            talker.says(5)
            talker.stop()
        judge(talkers, agent)
        seen = [item["Id"] for item in casey.catch_up() if item["Type"] == "MESSAGE"]
        ours = {each for talker in talkers for each, _ in talker.acknowledged}
        read = [item["Id"] for item in casey.history() if item["Id"] in ours]
        assert [each for each in seen if each in ours] == read


def test_a_node_is_killed_under_load_and_its_chats_go_on(postgres: Postgres, tmp_path: Path) -> None:
    store = postgres.database()
    with serving(tmp_path / "b", store) as (_, b):
        with serving(tmp_path / "a", store) as (doomed, a):
            casey = a.customer()
            agent = b.agent().accept(casey)
            talkers = [Talker(casey, "casey"), Talker(casey, "other"), Talker(agent, "agent")]
            for talker in talkers:
                talker.says(10)
            for pid in (
                doomed.pid,
                worker_of(doomed),
            ):  # the parent first, since it would start another worker
                os.kill(pid, signal.SIGKILL)
            for talker in talkers:
                talker.node = b
            casey.drop()
            casey.workspace = b
            casey.connect()
        for talker in talkers:
            talker.says(10)
            talker.stop()
        judge(talkers, casey)
        judge(talkers, agent)
        seen = [item["Id"] for item in agent.catch_up() if item["Type"] == "MESSAGE"]
        read = [item["Id"] for item in agent.history() if item["Type"] == "MESSAGE"]
        assert seen == read[len(read) - len(seen) :]
        casey.leave()
        agent.see_event("chat.ended")
