"""Faults on demand: the answer that a client sees for each, and the work that the server has done by then."""

import json
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.command_line import Run, nowhere, run
from tests.http.raw import connected
from tests.processes.supervised import supervised
from threadline.config import BadSettings, Settings
from threadline.testing import Threadline, Workspace

__all__ = ["nowhere", "run"]
ONCE = Config(retries={"total_max_attempts": 1})


def start(threadline: Workspace, client: Any) -> Any:
    return client.start_chat_contact(
        InstanceId=threadline.instance_id,
        ContactFlowId=threadline.contact_flow_id,
        ParticipantDetails={"DisplayName": "Casey"},
    )


def test_a_refusal_comes_as_often_as_asked(threadline: Threadline) -> None:
    connect = threadline.client("connect", config=ONCE)
    fault = threadline.fail("StartChatContact", "ThrottlingException", times=2)
    for _ in range(2):
        with pytest.raises(ClientError) as refused:
            start(threadline, connect)
        error = refused.value.response
        assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (
            "ThrottlingException",
            429,
        )
        assert error["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
    assert start(threadline, connect)["ContactId"]
    assert fault.fired == 2
    told = [(call.operation, call.status, call.error, call.fault_id) for call in threadline.calls]
    assert told == [("StartChatContact", 429, "ThrottlingException", fault.id)] * 2 + [
        ("StartChatContact", 200, "", "")
    ]


def test_a_5xx_has_the_name_that_the_service_has_for_it(threadline: Threadline) -> None:
    casey = threadline.customer()
    client = threadline.client("connectparticipant", config=ONCE)
    for asked, code, status in (
        ("InternalServerException", "InternalServerException", 500),
        ("ServiceUnavailableException", "ServiceUnavailableException", 503),
        (None, "InternalServerException", 500),
    ):
        with (
            threadline.fail("SendMessage" if asked else None, asked or "InternalServiceException", seconds=3),
            pytest.raises(ClientError) as refused,
        ):
            client.send_message(
                ConnectionToken=casey.connection_token, ContentType="text/plain", Content="Hello?"
            )
        error = refused.value.response
        assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
        assert error["ResponseMetadata"]["HTTPHeaders"].get("retry-after") == ("3" if status == 503 else None)
    assert casey.reads() == []


def test_only_one_participants_calls_fail(threadline: Threadline) -> None:
    casey, robin = threadline.customer("Casey"), threadline.customer("Robin")
    with threadline.fail("SendMessage", "ThrottlingException", participant=casey) as fault:
        robin.say("I get through.")
        with pytest.raises(ClientError, match="ThrottlingException"):
            client_of(threadline).send_message(
                ConnectionToken=casey.connection_token, ContentType="text/plain", Content="I do not."
            )
    casey.say("Now I do.")
    assert fault.fired == 1
    with threadline.fail("SendMessage", "ThrottlingException", contact=robin):
        casey.say("It is another's chat.")


def client_of(threadline: Threadline) -> Any:
    return threadline.client("connectparticipant", config=ONCE)


@pytest.mark.parametrize(
    ("kind", "is_done"), [("CONNECTION_RESET", False), ("REPLY_LOST", True), ("HALF_RESPONSE", True)]
)
def test_an_answer_that_does_not_arrive(threadline: Threadline, kind: str, is_done: bool) -> None:
    casey = threadline.customer()
    body = json.dumps({"ContentType": "text/plain", "Content": "Hello?"}).encode()
    with threadline.fail("SendMessage", kind), connected(threadline.url) as connection:
        connection.send(
            b"POST /participant/message HTTP/1.1\r\nhost: localhost\r\nx-amz-bearer: %b\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (casey.connection_token.encode(), len(body), body)
        )
        if kind == "HALF_RESPONSE":
            with pytest.raises(EOFError, match="Id") as cut:
                connection.answer()
            assert "}" not in str(cut.value)
        else:
            with pytest.raises(ConnectionResetError):
                connection.answer()
    assert casey.reads() == ["Hello?"] * is_done
    call = next(call for call in threadline.calls if call.operation == "SendMessage")
    assert (call.fault, call.status, call.acknowledged) == (kind, 200 if is_done else 0, False)


def test_faults_are_set_from_the_command_line(run: Run) -> None:
    with supervised("data", "--port", "0", "--test-controls") as server:
        words = ("--operation", "StartChatContact", "--fault", "ThrottlingException", "--times", "1")
        done = run("threadline", "set-fault", *words)
        assert (done.status, json.loads(done.out)) == (0, {"FaultId": "fault-1"}), done.err
        with pytest.raises(ClientError, match="ThrottlingException"):
            start(server.workspace, server.workspace.client("connect", config=ONCE))
        start(server.workspace, server.workspace.connect)
        done = run("threadline", "list-calls", "--query", "Calls[].[Operation, Status, Fault]")
        assert json.loads(done.out) == [
            ["StartChatContact", 429, "ThrottlingException"],
            ["StartChatContact", 200, None],
        ]
        assert run("threadline", "clear-faults").status == 0
        assert json.loads(run("threadline", "list-faults").out) == {"Faults": []}
        past = server.workspace.past_chat()
        assert run("threadline", "save-snapshot", "--path", "snapshot").status == 0
        refused = run("threadline", "reset-server")
        assert refused.status == 254
        assert "start it with --data :memory:" in refused.err
    assert run("check", "snapshot").status == 0
    assert run("restore", "snapshot", "--data", "again").status == 0
    with supervised("again", "--port", "0") as server:
        assert server.workspace.customer().continue_from("FROM_SEGMENT", past.c2) == past.c2


def test_test_controls_are_for_one_process_and_this_machine() -> None:
    with pytest.raises(BadSettings, match=r"FRONTEND_PROCESSES(.|\n)*127\.0\.0\.1"):
        Settings(test_controls=True, frontend_processes="2", host="0.0.0.0")


@pytest.mark.parametrize(
    ("operation", "fault", "said"),
    [
        ("SendMesage", "ThrottlingException", "no operation SendMesage"),
        ("send-message", "ThrottlingException", "Write SendMessage."),
        (
            "SendMessage",
            "Throttled",
            "Throttled is no fault of SendMessage. Choose one of: CONNECTION_RESET, DELAY",
        ),
        ("SendMessage", "SOCKET_CLOSED", "SOCKET_CLOSED is no fault of SendMessage"),
        ("Frame", "ThrottlingException", "Choose one of: DELAY, FRAME_DUPLICATED, FRAME_LOST"),
        ("SendMessage", "DELAY", "takes Seconds"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_those_that_can(
    threadline: Threadline, operation: str, fault: str, said: str
) -> None:
    with pytest.raises(ClientError, match=said) as refused:
        threadline.fail(operation, fault)
    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"


def test_a_server_without_test_controls_says_how_to_have_them() -> None:
    with Threadline(test_controls=False) as threadline:
        with pytest.raises(ClientError, match="serve --test-controls") as refused:
            threadline.fail("SendMessage", "ThrottlingException")
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
