"""Mutated requests of every operation, signed as right ones are: each gets an answer of its model, none does harm."""

import contextlib
from collections import Counter
from random import Random
from time import time

import pytest

from tests.attack.copied import copy_of
from tests.attack.figures import rounds
from tests.attack.known import Known, Requests, known_of, learn, talk
from tests.attack.mutations import Request, mutated
from tests.http.raw import Answer, Connection, ask
from tests.operations.raw import signature
from threadline.aws.faults import PROTOCOL_FAULTS
from threadline.aws.model import load
from threadline.operations.registry import OPERATIONS, Operation
from threadline.testing import Threadline, Workspace

ROUND = 1_000
RENEWED = 250
"""Requests until there is a new instance with chats to attack: of the old one, much may be gone by then."""
ENDS = ("Delete", "Disconnect", "Stop")
"""How the names of operations begin that leave less to attack."""
SECRET = "the witness said this to nobody else"
OF_HTTP = {"RequestUriTooLongException", "RequestHeaderFieldsTooLargeException", "BadRequestException"}
CODES = (
    OF_HTTP
    | {
        code
        for service in ("connect", "connectparticipant", "threadline")
        for operation in load(service).operations.values()
        for code in operation.errors
    }
    | set(PROTOCOL_FAULTS)
)


def weight(operation: Operation) -> int:
    """How often an operation comes: seldom where less is left afterwards, often where there is a body."""
    is_read = load(operation.service).operations[operation.name].method == "GET"
    return 1 if operation.name.startswith(ENDS) else 3 if is_read else 10


WEIGHTS = {
    operation: weight(operation)
    for operation in OPERATIONS.values()
    if operation.call.__module__ != "threadline.operations.test_controls"  # they are there to do harm
}


class Attacker:
    """Sends requests on a connection that is kept, and on a new one where the server has closed it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._connection: Connection | None = None

    def send(self, request: Request) -> Answer:
        headers = {"host": "localhost", "content-type": "application/json"} | request.headers
        if "x-amz-bearer" not in {name.lower() for name in headers}:
            sent = signature(self._workspace, request.method, request.target, request.body)
            headers = {name.replace("_", "-"): value for name, value in sent.items()} | headers
        lines = [f"{request.method} {request.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        body = request.body
        if "transfer-encoding" in headers:
            body = b"%x;x=y\r\n%b\r\n" % (len(body), body) * bool(body) + b"0\r\n\r\n"
        else:
            lines += [f"content-length: {len(body)}"]
        self._connection = self._connection or Connection(self._workspace.url)
        with contextlib.suppress(ConnectionError):  # refused before all of it has come
            self._connection.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        answer = self._connection.answer(has_body=request.method != "HEAD")
        if answer.headers.get("connection") == "close":
            self.close()
        return answer

    def close(self) -> None:
        if self._connection is not None:
            self._connection.socket.close()
            self._connection = None


def complaint(request: Request, answer: Answer) -> str:
    """Why an answer is none that a request may get; empty when it is right."""
    if SECRET.encode() in answer.body:
        return "it tells what is not the caller's"
    if answer.status < 300:
        return ""
    if answer.status >= 500 and answer.status != 501:
        return "the server failed"
    if request.method != "HEAD" and not answer.json["message"]:
        return "the refusal has no message"
    return "" if answer.error in CODES else "no model has this code"


ON = ("postgres", "sqlite", "processes", "sqlite")
"""What the servers of the rounds run on. Between processes every call and answer is packed."""
ROUNDS = [(ON[number % len(ON)], *each) for number, each in enumerate(rounds("BODIES", ROUND))]


@pytest.mark.parametrize(("threadline", "seed", "count"), ROUNDS, indirect=["threadline"])
def test_every_mutated_request_is_answered_and_does_no_harm(
    threadline: Workspace, seed: str, count: int
) -> None:
    random = Random(seed)
    witness = talk(threadline, SECRET)
    before = witness.history()
    account, others = threadline, []
    if isinstance(threadline, Threadline):
        account, others = threadline.another_account(), [witness.contact_id]
    attacker = Attacker(account)
    known: Known = {}
    answers: Counter[int] = Counter()
    for number in range(count):
        if number % RENEWED == 0:
            with contextlib.closing(copy_of(account)) as workspace:
                known = known_of(workspace, int(time() * 1000), *others)
        operation = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        model = load(operation.service).operations[operation.name]
        made = Requests(load(operation.service).shapes, random, known)
        request = mutated(model, made.arguments(operation, model.input or ""), random)
        try:
            answer = attacker.send(request)
        except (EOFError, OSError) as error:
            raise AssertionError(f"seed {seed}, request {number}: {error!r} for {request}") from error
        answers[answer.status] += 1
        wrong = complaint(request, answer)
        assert not wrong, f"seed {seed}, request {number}: {wrong}: {answer} for {request}"
        if operation.writes and answer.status == 200 and answer.body.startswith(b"{"):  # not HEAD, not a page
            learn(known, answer.json or {})
    attacker.close()
    assert answers[200] > count / 10, f"the requests do not come far: {answers}"
    assert witness.history() == before
    witness.say("still here")
    witness.see("still here")
    assert ask(threadline.url, "GET", "/health").status == 200
