"""Faults of sockets, tokens, queues and neighbours, and a past that is not ready yet."""

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.tasks.test_calls import ARN, lambda_flow, start
from threadline.client.failures import Failure
from threadline.client.participants import NotSeen
from threadline.testing import Customer, Person, Threadline

ONCE = Config(retries={"total_max_attempts": 1})


def texts(person: Person) -> list[str]:
    """The messages that have come on the socket so far."""
    return [item["Content"] for item in person.items if item["Type"] == "MESSAGE"]


def is_answered(person: Person, seconds: float = 0.2) -> bool:
    """Whether the person's socket answers a heartbeat within so many seconds."""
    person.patience_seconds = seconds
    try:
        person.frame({"topic": "aws/heartbeat"})
    except NotSeen:
        return False
    finally:
        del person.patience_seconds  # the class's counts again
    return True


def talk(threadline: Threadline) -> tuple[Customer, Person]:
    casey = threadline.customer()
    return casey, threadline.agent().accept(casey)


def test_a_delayed_call_is_done_though_its_client_has_given_up(threadline: Threadline) -> None:
    casey = threadline.customer()
    client = threadline.client("connectparticipant", config=ONCE.merge(Config(read_timeout=0.1)))
    with (
        threadline.fail("SendMessage", "DELAY", seconds=0.3, times=1) as fault,
        pytest.raises(ReadTimeoutError),
    ):
        client.send_message(
            ConnectionToken=casey.connection_token, ContentType="text/plain", Content="Hello?"
        )
    casey.see("Hello?")
    assert fault.fired == 1
    assert not threadline.calls.of("SendMessage")[0].acknowledged


def test_an_expired_connection_token_is_refused_until_a_new_one_is_fetched(threadline: Threadline) -> None:
    casey = threadline.customer()
    fault = threadline.fail("SendMessage", "TOKEN_EXPIRED", times=1)
    for _ in range(2):
        with pytest.raises(ClientError, match="connection token has expired") as refused:
            casey.say("Hello?")
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    casey.connect()
    casey.say("Hello again.")
    assert casey.reads() == ["Hello again."]
    assert fault.fired == 2


def test_an_expired_participant_token_ends_the_customers_way_in(threadline: Threadline) -> None:
    casey = threadline.invite()
    with (
        threadline.fail("CreateParticipantConnection", "TOKEN_EXPIRED", participant=casey),
        pytest.raises(ClientError, match="participant token has expired"),
    ):
        casey.connect()
    assert threadline.customer("Robin").reads() == []


def test_a_handshake_is_refused_and_the_next_one_is_not(threadline: Threadline) -> None:
    casey = threadline.invite()
    with (
        threadline.fail("WebSocket", "ServiceUnavailableException", times=1),
        pytest.raises(Failure, match="503"),
    ):
        casey.connect()
    with (
        threadline.fail("WebSocket", "CONNECTION_RESET", times=1),
        pytest.raises(Failure, match="valid HTTP"),
    ):
        casey.connect()
    casey.connect()
    assert [(call.status, call.fault) for call in threadline.calls.of("WebSocket")] == [
        (503, "ServiceUnavailableException"),
        (0, "CONNECTION_RESET"),
        (101, ""),
    ]


def test_a_socket_is_dropped_in_place_of_a_frame(threadline: Threadline) -> None:
    casey, agent = talk(threadline)
    with threadline.fail("Frame", "SOCKET_CLOSED", participant=casey, times=1):
        agent.say("I will ask the depot.")
        assert not is_answered(casey)
    assert "I will ask the depot." not in texts(casey)
    casey.connect()
    agent.say("It left this morning.")
    casey.see("It left this morning.")
    assert casey.reads() == ["I will ask the depot.", "It left this morning."]


def test_a_silent_socket_stays_open_and_carries_nothing(threadline: Threadline) -> None:
    casey, agent = talk(threadline)
    with threadline.fail("Frame", "SOCKET_SILENT", participant=casey, times=1) as fault:
        agent.say("one")
        agent.say("two")
    tab = casey.another_tab()
    agent.say("three")
    tab.see("three")
    assert not is_answered(casey)
    assert (texts(casey), fault.fired) == ([], 1)


def test_frames_are_lost_doubled_and_late(threadline: Threadline) -> None:
    casey, agent = talk(threadline)
    with threadline.fail("Frame", "FRAME_LOST", participant=casey, times=1):
        agent.say("lost")
    with threadline.fail("Frame", "FRAME_DUPLICATED", participant=casey, times=1):
        agent.say("twice")
    with threadline.fail("Frame", "DELAY", participant=casey, times=1, seconds=4):
        agent.say("late")
    agent.say("punctual")
    casey.see("late")
    assert texts(casey) == ["twice", "twice", "punctual", "late"]
    assert [call.fault for call in threadline.calls.of("Frame")] == [
        "FRAME_LOST",
        "FRAME_DUPLICATED",
        "DELAY",
    ]


def test_a_full_queue_sends_the_flow_to_its_branch(threadline: Threadline) -> None:
    with threadline.fail("Queue", "QUEUE_FULL", times=1) as fault:
        casey = threadline.customer()
        casey.see_event("chat.ended")
        robin = threadline.customer("Robin")
        threadline.agent().accept(robin)
    assert fault.fired == 1
    assert threadline.calls.of("Queue")[0].contact_id == casey.contact_id


def test_a_past_is_not_ready_until_the_clock_has_moved() -> None:
    with Threadline(past_ready_seconds=45) as threadline:
        past = threadline.past_chat()
        casey = threadline.customer()
        threadline.clock.advance(seconds=40)
        persistent = {"SourceContactId": past.c1, "RehydrationType": "ENTIRE_PAST_SESSION"}
        for attempt in (
            lambda: casey.continue_from("ENTIRE_PAST_SESSION", past.c1),
            lambda: threadline.customer(PersistentChat=persistent),
        ):
            with pytest.raises(ClientError, match="Wait 30 to 60 seconds") as refused:
                attempt()
            assert refused.value.response["Error"]["Code"] == "InvalidRequestException"
        threadline.clock.advance(seconds=10)
        assert casey.continue_from("ENTIRE_PAST_SESSION", past.c1) == past.c3
        assert "Five stars." in threadline.customer(PersistentChat=persistent).reads()


def test_a_function_fails_once_and_is_slow_once(threadline: Threadline) -> None:
    threadline.lambda_(ARN, lambda event, context: {"name": "Ada"})
    with threadline.fail("Lambda", "NEIGHBOUR_FAILED", times=1):
        start(threadline, lambda_flow()).see("failed")
    with threadline.fail("Lambda", "DELAY", seconds=0.1, times=1) as fault:
        start(threadline, lambda_flow()).see("answer: Ada")
    assert fault.fired == 1
    assert [call.fault for call in threadline.calls.of("Lambda")] == ["NEIGHBOUR_FAILED", "DELAY"]
