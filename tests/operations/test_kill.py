"""kill -9 at any moment: what was acknowledged is there afterwards, once and in order, and everything goes on."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random
from threading import Condition
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.edge.supervised import Supervised, gone, supervised
from tests.flows.flows import content, say, wait
from threadline.testing import Customer, Workspace

WRITERS = 4
MESSAGES = 50
PATIENCE_SECONDS = 60


class Counter:
    """How many messages have been acknowledged, for whoever waits for so many."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = Condition()

    def add(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def reaches(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.count >= count, PATIENCE_SECONDS)


class Writer:
    """A customer in a chat of their own who says one line after the other, until the server does not answer."""

    def __init__(self, workspace: Workspace, number: int, attempts: int, counter: Counter) -> None:
        self.casey: Customer = workspace.customer(f"Writer {number}")
        self.texts = [f"writer {number}, line {line}" for line in range(MESSAGES)]
        self.acknowledged: list[str] = []
        self.client = workspace.client(
            "connectparticipant", config=Config(retries={"mode": "standard", "total_max_attempts": attempts})
        )
        self.counter = counter

    def write(self) -> None:
        for text in self.texts:
            try:
                reply = self.client.send_message(
                    ConnectionToken=self.casey.connection_token, ContentType="text/plain", Content=text
                )
            except (BotoCoreError, ClientError):
                return
            self.acknowledged.append(reply["Id"])
            self.counter.add()

    def kept(self) -> list[dict[str, Any]]:
        """The messages of the chat, by the connection token from before."""
        return [i for i in self.casey.history() if i["Type"] == "MESSAGE" and "ContactId" in i]


class Scene:
    """A data folder, the server on it now, and writers at work."""

    def __init__(self, data: Path, attempts: int) -> None:
        self.data = data
        self.open = ExitStack()
        self.server: Supervised = self.open.enter_context(supervised(data))
        self.workspace = self.server.workspace
        self.counter = Counter()
        self.writers = [Writer(self.workspace, n, attempts, self.counter) for n in range(WRITERS)]
        self.open.callback(self.workspace.close)
        for writer in self.writers:
            self.open.callback(writer.client.close)
        self.pool = self.open.enter_context(ThreadPoolExecutor(WRITERS))

    def begin(self) -> list[Future[None]]:
        return [self.pool.submit(writer.write) for writer in self.writers]

    def kill_all(self) -> None:
        """The parent first, so that it starts no other worker."""
        worker = self.server.worker()
        self.server.signal(signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
        self.server.end()
        assert gone(worker)

    def start_again(self) -> None:
        """On the same port, so that everybody finds it again."""
        port = self.workspace.url.rpartition(":")[2]
        self.server = self.open.enter_context(supervised(self.data, "--port", port))


@pytest.fixture
def scene(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    made = Scene(tmp_path / "data", request.param)
    with made.open:
        yield made


@pytest.mark.parametrize("scene", [8], indirect=True, ids=["clients that try again"])
def test_a_worker_that_is_killed_again_and_again_loses_and_doubles_nothing(scene: Scene) -> None:
    writing = scene.begin()
    for count in sorted(Random(17).sample(range(5, WRITERS * MESSAGES - 20), 4)):
        scene.counter.reaches(count)
        os.kill(scene.server.worker(), signal.SIGKILL)
    for future in writing:
        future.result(PATIENCE_SECONDS)
    for writer in scene.writers:
        assert [item["Content"] for item in writer.kept()] == writer.texts
        assert [item["Id"] for item in writer.kept()] == writer.acknowledged


@pytest.mark.parametrize("scene", [1], indirect=True, ids=["clients that give up"])
def test_a_server_that_is_killed_goes_on_where_it_was(scene: Scene) -> None:
    workspace = scene.workspace
    past = workspace.past_chat()
    flow = workspace.connect.create_contact_flow(
        InstanceId=workspace.instance_id,
        Name="waits",
        Type="CONTACT_FLOW",
        Content=content(
            start=wait("1", "then"), then=say("Are you still there?", "again"), again=wait("600")
        ),
    )["ContactFlowId"]
    for count in (WRITERS * 3, WRITERS * 7):
        writing = scene.begin()
        scene.counter.reaches(count + Random(count).randrange(WRITERS * 3))
        waiting = workspace.customer(ContactFlowId=flow)
        queued = workspace.customer()
        started = workspace.invite(ClientToken=f"start {count}", ConnectionTypes=["CONNECTION_CREDENTIALS"])
        scene.kill_all()
        for future in writing:
            future.result(PATIENCE_SECONDS)
        scene.start_again()
        goes_on(scene)
        again = workspace.invite(ClientToken=f"start {count}", ConnectionTypes=["CONNECTION_CREDENTIALS"])
        assert again.contact_id == started.contact_id
        assert again.participant_token == started.participant_token
        waiting.connect()
        if "Are you still there?" not in waiting.reads():
            waiting.see("Are you still there?")
        agent = workspace.agent("a1").accept(queued)
        assert queued.connect().continue_from("FROM_SEGMENT", past.c2) == past.c2
        assert queued.reads()[:3] == agent.reads()[:3]
        assert len(agent.reads()) == 3


def goes_on(scene: Scene) -> None:
    """All that was acknowledged is there, in order; of each writer the one line in flight may be. They write on."""
    for writer in scene.writers:
        kept = writer.kept()
        said = len(writer.acknowledged)
        assert [item["Id"] for item in kept][:said] == writer.acknowledged
        assert [item["Content"] for item in kept] == writer.texts[: len(kept)]
        assert len(kept) in (said, said + 1)
        writer.texts = writer.texts[len(kept) :]
        writer.acknowledged = []
        everything = writer.casey.reads()
        writer.casey.leave()
        past = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": writer.casey.contact_id}
        writer.casey = scene.workspace.customer(PersistentChat=past)
        assert writer.casey.reads() == everything
