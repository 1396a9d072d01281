"""Calls of flows: Lambda functions and Lex bots behind functions, URLs and AWS's wire; answers of every kind."""

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from tests.flows.fixture import FlowFixture
from tests.flows.flows import Document, content, do, on, say, wait
from threadline.operations.continuations import LEASE_SECONDS, due_tasks
from threadline.operations.units import AnswerTask, LeaseTask
from threadline.store import Task
from threadline.testing import Threadline
from threadline.testing.people import Customer

ARN = "arn:aws:lambda:us-east-1:123456789012:function:look-up"
ALIAS = "arn:aws:lex:us-east-1:123456789012:bot-alias/BOT1234567/ALIAS12345"
Handler = Callable[..., Any]


def lambda_flow(shown: str = "$.External.name", **parameters: Any) -> dict[str, Document]:
    call = do(
        "InvokeLambdaFunction", {"LambdaFunctionARN": ARN, **parameters}, "shown", NoMatchingError="failed"
    )
    return {
        "call": call,
        "shown": say(f"answer: {shown}", "stay"),
        "failed": say("failed", "stay"),
        "stay": wait("3600"),
    }


def bot_flow() -> dict[str, Document]:
    talk = on(
        do(
            "ConnectParticipantWithLexBot",
            {"Text": "How can I help?", "LexV2Bot": {"AliasArn": ALIAS}, "LexSessionAttributes": {"a": "b"}},
            None,
            NoMatchingCondition="other",
            NoMatchingError="failed",
        ),
        ("Equals", ["Agent"], "agent"),
    )
    ends = {
        name: say(f"{name}: $.Lex.Slots.order $.Lex.IntentName", "stay")
        for name in ("agent", "other", "failed")
    }
    return {"talk": talk, **ends, "stay": wait("3600")}


def start(server: Threadline, actions: dict[str, Document], **members: Any) -> Customer:
    """A customer in a chat of a flow of these actions."""
    made = server.connect.create_contact_flow(
        InstanceId=server.instance_id,
        Name=f"flow {time.monotonic_ns()}",
        Type="CONTACT_FLOW",
        Content=content(**actions),
    )
    return server.customer(ContactFlowId=made["ContactFlowId"], **members)


@pytest.fixture(scope="module")
def server() -> Iterator[Threadline]:
    with Threadline() as server:
        yield server


def test_a_function_gets_the_event_of_amazon_connect(server: Threadline) -> None:
    events: list[Any] = []

    def look_up(event: Any, context: Any) -> Any:
        events.append(event)
        return {"name": "Ada", "n": 7, "b": True, "none": None}

    server.lambda_("look-up", look_up)
    flow = lambda_flow(
        "$.External.name $.External.n $.External.b", LambdaInvocationAttributes={"k": "$.Attributes.order"}
    )
    casey = start(server, flow, Attributes={"order": "12"}, CustomerId="c-1")
    casey.see("answer: Ada 7 true")
    (event,) = events
    assert event["Name"] == "ContactFlowEvent"
    assert event["Details"]["Parameters"] == {"k": "12"}
    data = event["Details"]["ContactData"]
    expected = {
        "Attributes",
        "Channel",
        "ContactId",
        "CustomerEndpoint",
        "InitialContactId",
        "InitiationMethod",
    }
    expected |= {
        "InstanceARN",
        "MediaStreams",
        "PreviousContactId",
        "Queue",
        "SystemEndpoint",
        "References",
        "Tags",
    }
    assert expected <= set(data), f"missing: {sorted(expected - set(data))}"
    assert (data["ContactId"], data["Channel"], data["CustomerId"]) == (casey.contact_id, "CHAT", "c-1")
    assert data["InstanceARN"].endswith(f"instance/{server.instance_id}")


ANSWERS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a nested answer of a string map": ({"name": {"a": 1}}, {}, "failed"),
    "a nested answer of JSON": (
        {"name": {"first": "Ada"}},
        {"ResponseValidation": {"ResponseType": "JSON"}},
        "answer: ",
    ),
    "a list": ([1, 2], {}, "failed"),
    "nothing": (None, {}, "failed"),
    "a text": ("Ada", {}, "failed"),
    "too much": ({"name": "x" * 40_000}, {}, "failed"),
    "ten megabytes": ({"name": "x" * 10_000_000}, {"ResponseValidation": {"ResponseType": "JSON"}}, "failed"),
    "an empty answer": ({}, {}, "answer:"),
}


@pytest.mark.parametrize(("value", "parameters", "said"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer(server: Threadline, value: Any, parameters: dict[str, Any], said: str) -> None:
    server.lambda_(ARN, lambda event, context: value)
    casey = start(server, lambda_flow(**parameters))
    assert casey.see(ParticipantRole="SYSTEM")["Content"].startswith(said.strip())


def test_a_bomb_of_nested_lists_takes_the_error_branch(server: Threadline) -> None:
    bomb: list[Any] = []
    for _ in range(900):
        bomb = [bomb]
    server.lambda_(ARN, lambda event, context: {"bomb": bomb})
    start(server, lambda_flow(ResponseValidation={"ResponseType": "JSON"})).see("failed")


def test_a_function_that_raises_takes_the_error_branch_and_its_text_stays_out_of_the_log(
    server: Threadline, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: Any, context: Any) -> Any:
        raise ValueError("secret-of-the-customer")

    server.lambda_(ARN, broken)
    start(server, lambda_flow()).see("failed")
    assert "ValueError in the function" in caplog.text
    assert "secret-of-the-customer" not in caplog.text


def test_a_function_that_never_answers_fails_by_its_time_limit_and_holds_up_no_other_chat(
    server: Threadline,
) -> None:
    gate = threading.Event()
    server.lambda_(ARN, lambda event, context: gate.wait(20))
    slow = start(server, lambda_flow(InvocationTimeLimitSeconds="1"))
    server.lambda_("quick", lambda event, context: {"name": "quick"})
    flow = lambda_flow()
    flow["call"]["Parameters"]["LambdaFunctionARN"] = ARN.replace("look-up", "quick")
    start(server, flow).see("answer: quick")
    slow.see("failed")
    gate.set()


def test_messages_during_a_call_are_neither_lost_nor_moved(server: Threadline) -> None:
    gate = threading.Event()
    server.lambda_(ARN, lambda event, context: {"name": "late"} if gate.wait(20) else None)
    casey = start(server, lambda_flow(InvocationTimeLimitSeconds="8"))
    for number in range(5):
        casey.say(f"message {number}")
    gate.set()
    casey.see("answer: late")
    assert casey.reads() == [*(f"message {number}" for number in range(5)), "answer: late"]


def test_nothing_is_called_where_nothing_is_configured(caplog: pytest.LogCaptureFixture) -> None:
    with Threadline() as server:
        start(server, lambda_flow()).see("failed")
        start(server, bot_flow()).say("hello")
    assert "AWS_ENDPOINT_URL_LAMBDA" in caplog.text


def test_a_bot_talks_until_an_intent_ends_it(server: Threadline) -> None:
    requests: list[Any] = []

    def bot(request: Any) -> Any:
        requests.append(request)
        text = request["text"]
        state = "Fulfilled" if text == "an agent please" else "InProgress"
        slots = {"order": {"value": {"interpretedValue": "12"}}}
        return {
            "messages": [{"contentType": "PlainText", "content": f"you said {text}"}],
            "sessionState": {"intent": {"name": "Agent", "state": state, "slots": slots}},
        }

    server.bot(ALIAS, bot)
    casey = start(server, bot_flow())
    casey.see("How can I help?")
    casey.say("hello")
    answer = casey.see("you said hello")
    assert (answer["DisplayName"], answer["ParticipantRole"]) == ("BOT", "SYSTEM")
    casey.say("an agent please")
    casey.see("you said an agent please")
    casey.see("agent: 12 Agent")
    assert [request["text"] for request in requests] == ["hello", "an agent please"]
    assert requests[0]["sessionState"] == {"sessionAttributes": {"a": "b"}}
    assert "sessionState" not in requests[1]
    assert {request["sessionId"] for request in requests} == {casey.contact_id}


def test_a_bot_gets_many_messages_in_their_order(server: Threadline) -> None:
    seen: list[str] = []

    def bot(request: Any) -> Any:
        seen.append(request["text"])
        return {"messages": [], "sessionState": {"intent": {"name": "X", "state": "InProgress"}}}

    server.bot(ALIAS, bot)
    casey = start(server, bot_flow())
    casey.see("How can I help?")
    for number in range(20):
        casey.say(str(number))
    deadline = time.monotonic() + 10
    while len(seen) < 20 and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    assert seen == [str(number) for number in range(20)]


class _Lambda(http.server.BaseHTTPRequestHandler):
    """Lambda's Invoke on a socket: the first call fails, later ones answer with the id they got."""

    calls: ClassVar[list[tuple[str, str]]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.calls.append((self.path, self.headers.get("X-Threadline-Call-Id", "")))
        status = 503 if len(self.calls) == 1 else 200
        body = json.dumps({"name": "over the wire"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    _Lambda.calls = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Lambda) as listening:
        serving = threading.Thread(target=listening.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        serving.join()


def test_lambdas_own_wire_and_a_failure_that_is_retried(endpoint: str) -> None:
    with Threadline(lambda_url=endpoint) as server:
        start(server, lambda_flow(InvocationTimeLimitSeconds="8")).see("answer: over the wire")
    paths = [path for path, _ in _Lambda.calls]
    assert len(paths) == 2
    assert all(path.startswith("/2015-03-31/functions/") and path.endswith("/invocations") for path in paths)


def test_a_url_instead_of_a_function_is_called_again_with_the_same_id(endpoint: str) -> None:
    with Threadline(neighbours=f"look-up={endpoint}/my/backend") as server:
        casey = start(server, lambda_flow(InvocationTimeLimitSeconds="8"))
        casey.see("answer: over the wire")
        ids = {call_id for _, call_id in _Lambda.calls}
        assert [path for path, _ in _Lambda.calls] == ["/my/backend"] * 2
        assert len(ids) == 1
        assert ids.pop().startswith(casey.contact_id)


def test_another_service_runs_where_its_action_is_mapped(endpoint: str) -> None:
    actions = {
        "case": do(
            "CreateCase", {"CaseTemplateId": "t", "LinkContactToCase": "False"}, "ok", NoMatchingError="no"
        ),
        "ok": say("case: $.Case.name", "stay"),
        "no": say("no case", "stay"),
        "stay": wait("3600"),
    }
    with Threadline(neighbours=f"CreateCase={endpoint}/cases") as server:
        start(server, actions).see("case: over the wire")
    with Threadline() as server:
        start(server, actions).see("no case")


@pytest.mark.parametrize(
    ("kind", "root"),
    [
        ("GetCase", "Case"),
        ("GetCustomerProfile", "Customer"),
        ("CreateWisdomSession", "Wisdom"),
        ("EvaluateDataTableValues", "DataTables"),
        ("ConnectParticipantWithAgenticCX", "AgenticCX"),
        ("CreateTask", "External"),
    ],
)
def test_the_answer_of_a_service_is_read_by_its_root(endpoint: str, kind: str, root: str) -> None:
    actions = {
        "ask": do(kind, {"Id": "t"}, "ok", NoMatchingError="no", NoMatchingCondition="ok"),
        "ok": say(f"read: $.{root}.name", "stay"),
        "no": say("no answer", "stay"),
        "stay": wait("3600"),
    }
    with Threadline(neighbours=f"{kind}={endpoint}/service") as server:
        start(server, actions).see("read: over the wire")


def test_calls_end_with_the_server() -> None:
    gate = threading.Event()
    began = time.monotonic()
    with Threadline() as server:
        server.lambda_(ARN, lambda event, context: gate.wait(5))
        start(server, lambda_flow(InvocationTimeLimitSeconds="8"))
    gate.set()
    assert time.monotonic() - began < 30


async def due_calls(fixture: FlowFixture) -> list[Task]:
    return [task for task in (await fixture.store.read(due_tasks))[0] if task.kind == "call"]


async def test_a_node_that_dies_during_a_call_leaves_it_to_another_with_the_same_id(
    fixture: FlowFixture,
) -> None:
    chat = await fixture.run(**lambda_flow())
    (task,) = await due_calls(fixture)
    first = await fixture.store.write(LeaseTask(task))
    assert first is not None
    assert await fixture.store.write(LeaseTask(task)) is None, "another node took it too"
    assert await due_calls(fixture) == []
    fixture.clock.advance(seconds=LEASE_SECONDS)
    (again,) = await due_calls(fixture)
    second = await fixture.store.write(LeaseTask(again))
    assert second is not None
    assert second["id"] == first["id"] == f"{chat.contact_id}/{first['turn']}"
    answer = {"outcome": {"values": {"External": {"name": "Ada"}}}, "messages": []}
    await fixture.store.write(AnswerTask(again, answer))
    await fixture.store.write(AnswerTask(task, answer))
    assert await fixture.said(chat) == ["answer: Ada"]


async def test_a_call_of_a_chat_that_has_ended_meanwhile_is_not_made(fixture: FlowFixture) -> None:
    chat = await fixture.run(**lambda_flow())
    (task,) = await due_calls(fixture)
    await fixture.act(chat.caller, "DisconnectParticipant")
    assert await fixture.store.write(LeaseTask(task)) is None
    assert await due_calls(fixture) == []


async def test_an_answer_for_a_chat_that_has_ended_meanwhile_changes_nothing(fixture: FlowFixture) -> None:
    chat = await fixture.run(**lambda_flow())
    (task,) = await due_calls(fixture)
    await fixture.store.write(LeaseTask(task))
    await fixture.act(chat.caller, "DisconnectParticipant")
    await fixture.store.write(AnswerTask(task, {"outcome": {}, "messages": []}))
    assert await fixture.said(chat) == []


async def test_a_flow_that_was_deleted_during_its_call_goes_on(fixture: FlowFixture) -> None:
    flow_id = await fixture.flow(**lambda_flow())
    chat = await fixture.start(flow_id)
    await fixture.call("connect", "DeleteContactFlow", contact_flow_id=flow_id)
    (task,) = await due_calls(fixture)
    await fixture.store.write(LeaseTask(task))
    answer = {"outcome": {"values": {"External": {"name": "Ada"}}}, "messages": []}
    await fixture.store.write(AnswerTask(task, answer))
    assert await fixture.said(chat) == ["answer: Ada"]


async def test_a_late_second_answer_of_a_delivery_leaves_the_next_one(fixture: FlowFixture) -> None:
    """The next delivery may have the id of the task that both answers are of."""
    chat = await fixture.run(**lambda_flow())
    await fixture.call(
        "connect",
        "StartContactStreaming",
        contact_id=chat.contact_id,
        chat_streaming_configuration={"StreamingEndpointArn": "arn:aws:sns:us-east-1:123456789012:t"},
        client_token="t",
    )

    async def deliveries() -> list[Task]:
        return [task for task in (await fixture.store.read(due_tasks))[0] if task.kind == "deliver"]

    async def send(text: str) -> None:
        await fixture.act(chat.caller, "SendMessage", content_type="text/plain", content=text)

    async def answer_of(task: Task) -> dict[str, Any]:
        request = await fixture.store.write(LeaseTask(task))
        assert request is not None
        return {"delivered": request["delivered"], "sent": request["entries"], "left": [], "error": None}

    await send("nothing is written behind the delivery of the next one")
    (first,) = await deliveries()
    await fixture.store.write(AnswerTask(first, await answer_of(first)))
    await send("one")
    (first,) = await deliveries()
    answer = await answer_of(first)
    fixture.clock.advance(seconds=LEASE_SECONDS)
    (second,) = await deliveries()
    await answer_of(second)
    await send("two")
    await fixture.store.write(AnswerTask(first, answer))
    await fixture.store.write(AnswerTask(second, answer))
    (left,) = await deliveries()
    assert "two" in str(await answer_of(left))


def test_a_task_that_two_loops_have_read_takes_no_other_task_with_it(server: Threadline) -> None:
    """The one that is run second has the id of the call that the first one has written, on SQLite."""
    server.lambda_(ARN, lambda event, context: {"name": "Ada"})
    casey = start(server, {"pause": wait("60", "call"), **lambda_flow()})
    casey.see_block("pause")
    server.threadline.move_clock(Seconds=61.0)
    casey.see("answer: Ada")
