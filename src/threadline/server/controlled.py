"""Faults and the list of calls around the server's two applications: requests and WebSocket handshakes.

Without test controls these wrappers are not there, so a server without them does nothing more for a call.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs

from threadline.aws import frames
from threadline.aws.model import OperationModel
from threadline.aws.router import Router
from threadline.bus.hub import SocketConnection
from threadline.chat.participant import Token
from threadline.clock import Clock, token_hash
from threadline.controls import Controls
from threadline.controls.calls import CallRecord
from threadline.controls.faults import FRAME, LAMBDA, LEX, WEBSOCKET, Event, FaultKind, Rule
from threadline.errors import Fault
from threadline.http.refusal import STATUS_LINES
from threadline.http.request import App, Gone, Request
from threadline.http.websocket import Receiver, WebSocket
from threadline.jsontext import members_in
from threadline.operations.registry import OPERATIONS
from threadline.operations.sessions import contacts_of
from threadline.operations.tokens import authenticate
from threadline.store import Store, Tx

CONTROLS = frozenset(
    {
        "SetFault",
        "ListFaults",
        "ClearFaults",
        "ListCalls",
        "ListFlowSteps",
        "CheckMessages",
        "MoveClock",
        "ResetServer",
        "SaveSnapshot",
    }
)
ERROR_TYPE = re.compile(rb"(?i)x-amzn-errortype: (\w+)")
CONTACT_IN_FRAME = re.compile(rb'\\"ContactId\\":\\"([0-9a-f-]{36})')
SWITCHED = 101
DIGITS_MAX = 9
ID_LENGTH_MAX = 256
EXPIRED = {
    Token.PARTICIPANT: "The chat is over.",
    Token.CONNECTION: "CreateParticipantConnection gives a new one.",
}
NOT_OF_THE_CHAT = frozenset(
    frames.encoded(text)
    for text in (frames.SUBSCRIBED, frames.SUBSCRIPTION_FAILED, frames.HEARTBEAT, frames.PONG)
)

NEIGHBOURS = {"lambda": LAMBDA, "bot": LEX}
Neighbour = Callable[[Mapping[str, Any]], Coroutine[Any, Any, dict[str, Any]]]
"""Makes a call that a task has prepared: see `Neighbours.call`."""

log = logging.getLogger("threadline.faults")


class Refuse(Protocol):
    """See `Api.refuse`."""

    def __call__(self, request: Request, fault: Fault, model: OperationModel | None = None) -> None: ...


class Answering(Protocol):
    """The application under test controls: see `Api`."""

    async def __call__(self, request: Request) -> None: ...

    def refuse(self, request: Request, fault: Fault, model: OperationModel | None = None) -> None: ...


class Subject(NamedTuple):
    """The participant that showed a token, and the contacts of their chat, the current one last."""

    session: int = 0
    participant_id: str = ""
    contact_ids: tuple[str, ...] = ()


class ControlledCalls:
    """The application of requests, under the controls of a test."""

    def __init__(
        self, app: Answering, store: Store, clock: Clock, controls: Controls, body_bytes_max: int
    ) -> None:
        self._app = app
        self._store = store
        self._clock = clock
        self._controls = controls
        self._body_bytes_max = body_bytes_max
        self._router = Router()

    async def __call__(self, request: Request) -> None:
        """Note the call, and let it fail if a fault has been set for it."""
        try:
            model, labels = self._router.route(request.method, request.raw_path.decode("latin-1"))
        except Fault:
            model, labels = None, {}
        if model is None:
            await self._app(request)
            return
        if model.service == "threadline" and model.name in CONTROLS:
            await self._control(model.name, request)
            return
        call = self._controls.calls.add(self._clock.now_ms(), model.service, model.name)
        try:
            content = await self._content(request)
        except Gone:
            return
        event = await self._event(call, model, labels, request, content)
        rule = self._controls.faults.choose(event)
        if rule is None:
            _note_answer(self._controls, call, request)
            await self._app(request)
            return
        _note_fault(call, rule)
        await self._fail(rule, call, model, request)

    async def _control(self, name: str, request: Request) -> None:
        """Run a test control, and answer when its effect is there; the server begins anew after the answer."""
        controls, respond = self._controls, request.respond
        answers: list[tuple[int, bytes, bytes]] = []
        request.respond = lambda *answer: answers.append(answer)
        await self._app(request)
        if name == "MoveClock":
            await controls.server.tick()

        def answer() -> None:
            for each in answers:
                respond(*each)

        beginning, controls.beginning = controls.beginning, None
        if beginning is not None:
            await controls.server.begin_anew(beginning, answer)
        else:
            answer()

    async def _content(self, request: Request) -> bytes:
        """The body, if it is announced and small enough; the application itself refuses or asks for any other."""
        length = request.headers.get(b"content-length", b"")
        if not length.isdigit() or len(length) > DIGITS_MAX or int(length) > self._body_bytes_max:
            return b""
        return b"" if b"expect" in request.headers else await request.body(self._body_bytes_max)

    async def _event(
        self,
        call: CallRecord,
        model: OperationModel,
        labels: Mapping[str, str],
        request: Request,
        content: bytes,
    ) -> Event:
        """The event of a call; the call gets its participant, its contact and its request's members."""
        query = parse_qs(request.query_string.decode("latin-1"))
        members = {**{name: values[-1] for name, values in query.items()}, **members_in(content), **labels}
        call.request = self._controls.calls.shown(members)
        operation = OPERATIONS.get((model.service, model.name))
        if operation is not None and operation.bearer is not None:
            token = request.headers.get(b"x-amz-bearer", b"").decode("latin-1")
            subject = await _subject(
                self._store, token, Token(operation.bearer), takes_read_token=operation.takes_read_token
            )
            call.session, call.participant_id = subject.session, subject.participant_id
            call.contact_id = subject.contact_ids[-1] if subject.contact_ids else ""
            return Event(
                model.name, subject.participant_id, frozenset(subject.contact_ids), token_hash(token)
            )
        call.contact_id = _contact_of(members)
        return Event(model.name, "", frozenset({call.contact_id} if call.contact_id else ()))

    async def _fail(self, rule: Rule, call: CallRecord, model: OperationModel, request: Request) -> None:
        match rule.fault:
            case FaultKind.DELAY:
                _note_answer(self._controls, call, request)
                await asyncio.sleep(rule.seconds)
                await self._app(request)
            case FaultKind.CONNECTION_RESET:
                call.is_cut_off = True
                request.cut_off(b"")
            case FaultKind.REPLY_LOST | FaultKind.HALF_RESPONSE:
                call.is_cut_off = True
                _cut_answer(request, in_half=rule.fault == FaultKind.HALF_RESPONSE)
                _note_answer(self._controls, call, request)
                await self._app(request)
            case FaultKind.TOKEN_EXPIRED:
                _note_answer(self._controls, call, request)
                kind = Token(OPERATIONS[model.service, model.name].bearer or Token.CONNECTION)
                self._app.refuse(request, expired(kind), model)
            case _:
                _note_answer(self._controls, call, request)
                self._app.refuse(request, _error(rule, model), model)


class ControlledSockets:
    """The application of WebSocket handshakes, under the controls of a test."""

    def __init__(self, endpoint: App, refuse: Refuse, store: Store, clock: Clock, controls: Controls) -> None:
        self._endpoint = endpoint
        self._refuse = refuse
        self._store = store
        self._clock = clock
        self._controls = controls

    async def __call__(self, request: Request) -> None:
        """Note the handshake, and let it fail if a fault has been set for it; later its frames may."""
        call = self._controls.calls.add(self._clock.now_ms(), "", WEBSOCKET)
        ticket = parse_qs(request.query_string.decode("latin-1")).get("ticket", [""])[0]
        subject = await _subject(self._store, ticket, Token.SOCKET)
        call.session, call.participant_id = subject.session, subject.participant_id
        call.contact_id = subject.contact_ids[-1] if subject.contact_ids else ""
        event = Event(WEBSOCKET, subject.participant_id, frozenset(subject.contact_ids))
        rule = self._controls.faults.choose(event)
        if rule is not None:
            _note_fault(call, rule)
        if rule is not None and rule.fault == FaultKind.CONNECTION_RESET:
            call.is_cut_off = True
            request.cut_off(b"")
            return
        _note_answer(self._controls, call, request)
        if rule is not None and rule.fault != FaultKind.DELAY:
            self._refuse(request, _error(rule, None))
            return
        if rule is not None:
            await asyncio.sleep(rule.seconds)
        self._control_frames(request, call, subject)
        await self._endpoint(request)

    def _control_frames(self, request: Request, call: CallRecord, subject: Subject) -> None:
        accept = request.accept

        def accepted(receiver_of: Callable[[WebSocket], Receiver]) -> WebSocket:
            call.status = SWITCHED
            return accept(
                lambda socket: receiver_of(
                    ControlledConnection(socket, self._controls, self._clock, subject)  # type: ignore[arg-type]
                )
            )

        request.accept = accepted


class ControlledConnection:
    """The connection under a socket whose frames may fail."""

    def __init__(self, socket: SocketConnection, controls: Controls, clock: Clock, subject: Subject) -> None:
        self._socket = socket
        self._controls = controls
        self._clock = clock
        self._subject = subject
        self._is_silent = False

    @property
    def is_open(self) -> bool:
        """See `SocketConnection.is_open`."""
        return self._socket.is_open

    def push(self, frame: bytes) -> bool:
        """Send a frame, unless a fault has been set for it. Answers to the client's own frames do not count."""
        if self._is_silent:
            return self._socket.is_open
        if frame in NOT_OF_THE_CHAT:
            return self._socket.push(frame)
        contact = CONTACT_IN_FRAME.search(frame)
        contact_id = contact[1].decode() if contact else ""
        contacts = frozenset({*self._subject.contact_ids, contact_id})
        rule = self._controls.faults.choose(Event(FRAME, self._subject.participant_id, contacts))
        if rule is None:
            return self._socket.push(frame)
        call = self._controls.calls.add(self._clock.now_ms(), "", FRAME)
        call.session, call.participant_id = self._subject.session, self._subject.participant_id
        call.contact_id = contact_id
        _note_fault(call, rule)
        return self._fail(rule, frame)

    def _fail(self, rule: Rule, frame: bytes) -> bool:
        match rule.fault:
            case FaultKind.SOCKET_CLOSED:
                self._socket.abort()
                return False
            case FaultKind.SOCKET_SILENT:
                self._is_silent = True
            case FaultKind.FRAME_DUPLICATED:
                self._socket.push(frame)
                self._socket.push(frame)
            case FaultKind.DELAY:
                asyncio.get_running_loop().call_later(rule.seconds, self._socket.push, frame)
        return True

    async def drained(self) -> None:
        """See `SocketConnection.drained`."""
        await self._socket.drained()

    def close(self, code: int, reason: str) -> None:
        """See `SocketConnection.close`."""
        self._socket.close(code, reason)

    def abort(self) -> None:
        """See `SocketConnection.abort`."""
        self._socket.abort()


def controlled_neighbours(call: Neighbour, clock: Clock, controls: Controls) -> Neighbour:
    """`call`, which makes a flow's calls of functions and bots, under the controls of a test."""

    async def controlled(request: Mapping[str, Any]) -> dict[str, Any]:
        name = NEIGHBOURS.get(request["kind"], "")
        rule = controls.fault_of(name, request["contact_id"], clock.now_ms()) if name else None
        if rule is not None and rule.fault == FaultKind.NEIGHBOUR_FAILED:
            return {"outcome": {"error_type": "NoMatchingError"}, "messages": []}
        if rule is not None:
            await asyncio.sleep(rule.seconds)
        return await call(request)

    return controlled


def expired(kind: Token) -> Fault:
    """The refusal of a token that has expired."""
    name = "participant token" if kind == Token.PARTICIPANT else "connection token"
    return Fault("AccessDeniedException", f"Access denied: the {name} has expired. {EXPIRED[kind]}")


def _error(rule: Rule, model: OperationModel | None) -> Fault:
    """The error that a rule asks for, by the name under which the operation's model has it."""
    code = rule.fault
    if model is not None and code == "InternalServiceException" and code not in model.errors:
        code = "InternalServerException"
    message = rule.message or f"{code}: a test has asked for it ({rule.id})."
    return Fault(code, message, retry_after_ms=int(rule.seconds * 1000) or 1_000)


def _note_fault(call: CallRecord, rule: Rule) -> None:
    call.fault, call.fault_id = rule.fault, rule.id
    log.info("%s has %s, which was asked for (%s)", call.operation, rule.fault, rule.id)


def _note_answer(controls: Controls, call: CallRecord, request: Request) -> None:
    """Have the answer to a request noted in its call before it is sent.

    A client that has ended its half of the connection meanwhile has given up: it counts as not told.
    """
    respond, keeps_alive = request.respond, request.keeps_alive

    def noted(status: int, head: bytes, body: bytes) -> None:
        members = members_in(body)
        code = ERROR_TYPE.search(head)
        call.status, call.error = status, code[1].decode() if code else ""
        call.contact_id = call.contact_id or _contact_of(members)
        has_hung_up = request.is_gone or request.keeps_alive is not keeps_alive
        call.is_cut_off = call.is_cut_off or has_hung_up
        call.response = controls.calls.shown(members)
        respond(status, head, body)

    request.respond = noted


def _cut_answer(request: Request, *, in_half: bool) -> None:
    """Have the answer to a request lost, or sent in half."""

    def cut(status: int, head: bytes, body: bytes) -> None:
        whole = b"%b%b\r\n%b" % (STATUS_LINES[status], head, body)
        request.cut_off(whole[: len(whole) - max(1, (len(body) + 1) // 2)] if in_half else b"")

    request.respond = cut


async def _subject(store: Store, token: str, kind: Token, *, takes_read_token: bool = False) -> Subject:
    """The participant of a token; nobody when it is not accepted."""

    def find(tx: Tx) -> Subject:
        caller, _ = authenticate(tx, token, kind, takes_read_token=takes_read_token)
        contacts = contacts_of(tx, caller.session)
        return Subject(caller.session, caller.participant_id, tuple(contact.id for contact in contacts))

    try:
        return await store.read(find)
    except Fault:
        return Subject()


def _contact_of(members: Mapping[str, Any]) -> str:
    """The contact that the members of a request or an answer name."""
    for name in ("ContactId", "InitialContactId"):
        if isinstance(found := members.get(name), str) and found.isascii() and len(found) <= ID_LENGTH_MAX:
            return found
    return ""
