"""kill -9 at any moment: acknowledged data is there afterwards, once and in order, and the server goes on."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from threading import Event

import pytest

from tests.attack.figures import rounds
from tests.attack.killed import Killed, killed
from tests.attack.load import Load
from tests.flows.flows import content, say, wait

KILLS: list[Callable[[Killed, Random], None]] = [
    lambda server, random: server.worker(),
    lambda server, random: server.frontend(),
    lambda server, random: server.parent(),
    lambda server, random: server.all(),
    lambda server, random: server.starting(random.random() * START_SECONDS),
]
START_SECONDS = 1.5
MOMENT_SECONDS = 0.02
"""A kill comes within so much of an acknowledgement: before the next, in it, or a few later."""


@pytest.mark.parametrize(("seed", "kills"), rounds("KILLS", len(KILLS)))
def test_a_server_that_is_killed_loses_and_doubles_nothing(tmp_path: Path, seed: str, kills: int) -> None:
    random = Random(seed)
    with killed(tmp_path / "data") as server, Load(server.workspace) as load:
        for kill in random.sample(KILLS, kills):
            load.reaches(random.randrange(20, 200))
            Event().wait(random.random() * MOMENT_SECONDS)
            kill(server, random)
        load.reaches(20)
        load.finish()
        load.check()
    assert not server.surprises()


@pytest.mark.model_has("connect.StartChatContactRequest.ConnectionTypes")
def test_a_server_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    with killed(tmp_path / "data") as server, Load(server.workspace) as load:
        workspace = load.workspace
        past = workspace.past_chat()
        flow = workspace.connect.create_contact_flow(
            InstanceId=workspace.instance_id,
            Name="waits",
            Type="CONTACT_FLOW",
            Content=content(
                start=wait("1", "then"), then=say("Are you still there?", "again"), again=wait("600")
            ),
        )["ContactFlowId"]
        for token in ("start 1", "start 2"):
            load.reaches(30)
            waiting = workspace.customer(ContactFlowId=flow)
            queued = workspace.customer()
            started = workspace.invite(ClientToken=token, ConnectionTypes=["CONNECTION_CREDENTIALS"])
            server.all()
            again = workspace.invite(ClientToken=token, ConnectionTypes=["CONNECTION_CREDENTIALS"])
            assert again.contact_id == started.contact_id
            assert again.participant_token == started.participant_token
            waiting.connect()
            if "Are you still there?" not in waiting.reads():
                waiting.see("Are you still there?")
            agent = workspace.agent("a1").accept(queued)
            assert queued.connect().continue_from("FROM_SEGMENT", past.c2) == past.c2
            assert queued.reads()[:3] == agent.reads()[:3]
            assert len(agent.reads()) == 3
        load.finish()
        load.check()
    assert not server.surprises()
