import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.clients.chatjs import Chatjs
from tests.clients.served import Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "data") as served:
        yield served


@pytest.mark.parametrize("major", [5, 3], ids=["chatjs-5", "chatjs-3"])
@pytest.mark.parametrize("how", ["kill -9", "reload"])
def test_a_restart_nobody_notices(served: Served, major: int, how: str) -> None:
    workspace = served.workspace
    past = workspace.past_chat()
    casey = workspace.invite(PersistentChat={"SourceContactId": past.c2, "RehydrationType": "FROM_SEGMENT"})
    with Chatjs(major, workspace.url) as customer:
        customer.join("CUSTOMER", casey.contact_id, casey.participant_id, casey.participant_token)
        a1 = workspace.agent("a1").accept(casey)
        before = [customer.say(f"before {number}")["Id"] for number in range(20)]
        worker = served.worker()
        customer.forget()
        if how == "kill -9":
            served.kill_worker()
        else:
            served.process.send_signal(signal.SIGHUP)
        customer.see("onConnectionLost")
        customer.see("frame", lambda frame: frame["topic"] == "aws/subscribe")
        assert served.worker() != worker
        customer.say("after")
        customer.see_message("after")
        assert customer.count("onConnectionBroken") == 0
        a1.connect()
        own = [item for item in a1.history() if "ContactId" in item and item["Type"] == "MESSAGE"]
        assert [item["Id"] for item in own[:-1]] == before
        assert own[-1]["Content"] == "after"
        assert "It left this morning." in a1.reads()
        a1.say("still here")
        customer.see_message("still here")
        customer.call("disconnectParticipant")
        a1.see_event("chat.ended")
    assert served.stop() == 0


def test_what_is_said_across_three_kills_arrives_once_and_in_order(served: Served) -> None:
    workspace = served.workspace
    casey = workspace.invite()
    said = [f"message {number}" for number in range(60)]
    with Chatjs(5, workspace.url) as customer, ThreadPoolExecutor(1) as speaker:
        customer.join("CUSTOMER", casey.contact_id, casey.participant_id, casey.participant_token)
        a1 = workspace.agent("a1").accept(casey)
        replies = speaker.submit(lambda: [customer.say(text)["Id"] for text in said])
        for number in (10, 25, 40):
            customer.see_request(said[number])
            served.kill_worker()
        ids = replies.result()
        messages = [item for item in a1.connect().history() if item["Type"] == "MESSAGE"]
    assert [item["Content"] for item in messages] == said
    assert [item["Id"] for item in messages] == ids
