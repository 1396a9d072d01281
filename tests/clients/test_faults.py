"""chatjs against the faults of a test server: where it recovers by itself, and where its user has to."""

import pytest

from tests.clients.conftest import Tab
from tests.clients.script import Rejected
from threadline.testing import Threadline


def test_chatjs_connects_again_and_its_user_reads_what_was_missed(threadline: Threadline, tab: Tab) -> None:
    casey = threadline.invite()
    customer = tab(casey)
    agent = threadline.agent("a1").accept(casey)
    customer.forget()
    with threadline.fail("Frame", "SOCKET_CLOSED", participant=casey, times=1):
        agent.say("Your parcel has left.")
    customer.see("onConnectionLost")
    customer.see("frame", lambda frame: frame["topic"] == "aws/subscribe")
    agent.say("Anything else?")
    customer.see_message("Anything else?")
    page = customer.call("getTranscript", scanDirection="BACKWARD", sortOrder="ASCENDING")
    said = [item["Content"] for item in page["Transcript"] if item["Type"] == "MESSAGE"]
    assert said == ["Your parcel has left.", "Anything else?"]


def test_chatjs_gives_a_refused_message_back_to_its_user(threadline: Threadline, tab: Tab) -> None:
    casey = threadline.invite()
    customer = tab(casey)
    with threadline.fail("SendMessage", "ThrottlingException", participant=casey), pytest.raises(Rejected):
        customer.say("Hello?")
    customer.say("Hello again.")
    customer.see_message("Hello again.")
    threadline.assert_called("SendMessage", times=1, fault="")


def test_chatjs_asks_for_another_connection_when_its_token_is_refused(
    threadline: Threadline, tab: Tab
) -> None:
    casey = threadline.invite()
    customer = tab(casey)
    with threadline.fail("SendMessage", "TOKEN_EXPIRED", times=1), pytest.raises(Rejected):
        customer.say("Hello?")
    assert threadline.calls.of("SendMessage")[-1].error == "AccessDeniedException"
