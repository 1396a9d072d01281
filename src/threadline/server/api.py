"""The HTTP side: every request gets one JSON answer.

This module orders the steps that other modules take: route, authenticate, read the body, decode, dispatch, encode.
A log line names the operation of a request, its outcome and its id, and nothing else of the request.
"""

import itertools
import json
import logging
import re
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from threadline import __version__
from threadline.aws import bearer, faults, restjson, sigv4
from threadline.aws.model import OperationModel
from threadline.aws.router import router
from threadline.chat.participant import Token
from threadline.clock import Clock
from threadline.config import AUTO, Settings
from threadline.errors import Fault, told, where
from threadline.http.request import Gone, Headers, Request, TooLarge
from threadline.objects import Objects
from threadline.operations.registry import (
    OPERATIONS,
    AccountCaller,
    Caller,
    Operation,
    ParticipantCaller,
    ReadOnlyCaller,
)
from threadline.operations.tokens import authenticate
from threadline.operations.units import Call
from threadline.server.access_keys import AccessKeys
from threadline.server.attachments import AttachmentRoute
from threadline.server.cache import Cache
from threadline.server.pages import PageServer
from threadline.server.public_url import PublicUrl
from threadline.server.readiness import Readiness
from threadline.server.start_chat import start_chat
from threadline.server.throttling import Rates
from threadline.store import Store, Unavailable

SIGNED_SERVICES = ("connect", "threadline")
INSTANCE_KEPT_MS = 3_600_000
ASKED_HEADER = re.compile(rb"authorization|content-type|(x-amz|amz-sdk)-[a-z0-9-]+")
PREFLIGHT_SECONDS = b"7200"
JSON = b"content-type: application/json\r\n"
HEALTH = json.dumps({"status": "ok", "version": __version__}).encode()
SOCKET_PATH = b"/participant/socket"
UPGRADE = b"connection: upgrade\r\nupgrade: websocket\r\n"
UNEXPECTED = Fault("Unexpected", "")
"""A fault that no model lists: it leaves as the internal error of the operation's model and tells nothing."""

log = logging.getLogger("threadline.api")


class Answer(NamedTuple):
    """An answer: the HTTP status, the lines of the headers that not every answer has, the body, and the operation.

    An answer that `is_page` says itself which origins may read it: for the page that is none but its own.
    """

    status: int
    head: bytes
    body: bytes
    operation: OperationModel | None = None
    is_page: bool = False


def lines(headers: Headers) -> bytes:
    """Headers as they are sent."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


class Unsigned(Protocol):
    """Answers requests that name no operation and are not signed. `model` is the operation that they become.

    One that `has_own_origins` says itself which origins may read its answers; for others the settings say it.
    """

    @property
    def model(self) -> OperationModel | None: ...

    @property
    def has_own_origins(self) -> bool: ...

    def has(self, request: Request) -> bool:
        """Whether the request is for this one."""

    async def answer(self, request: Request) -> tuple[int, bytes, bytes]:
        """The status, the header lines and the body. Raises Fault."""


class Api:
    """The operations of the three services, over HTTP.

    `unverified_account` is for tests: no signature is verified then, and a caller with an access key that is not known
    has this account.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Settings,
        request_ids: Iterator[str],
        readiness: Readiness,
        keys: AccessKeys,
        objects: Objects,
    ) -> None:
        self._store = store
        self._keys = keys
        self._readiness = readiness
        self._clock = clock
        self._body_bytes_max = settings.body_bytes_max
        self._clock_skew_ms = settings.clock_skew_seconds * 1000
        self._router = router()
        self._rates = Rates(clock) if settings.rate_limits else None
        self._callers: Cache[ParticipantCaller] = Cache(clock.now_ms)
        self._instances: Cache[str] = Cache(clock.now_ms)
        self._request_ids = request_ids
        self._origins = {origin.strip().encode() for origin in settings.cors_origins.split(",")}
        self._hosts = [host.encode()] if (host := urlsplit(settings.public_url).netloc) else []
        self._public_url = PublicUrl(settings) if settings.public_url == AUTO else None
        self._date = (0, b"")
        self._unsigned: tuple[Unsigned, ...] = (
            PageServer(settings, store),
            *start_chat(settings, store, clock),
            AttachmentRoute(settings, store, clock, objects),
        )

    async def __call__(self, request: Request) -> None:
        """Answer one request."""
        request_id = next(self._request_ids)
        try:
            answer = await self._answer(request, request_id)
        except Gone:
            return
        self._send(request, request_id, answer)

    def refuse(self, request: Request, fault: Fault, model: OperationModel | None = None) -> None:
        """Answer a request without running an operation; `model` is the operation that it is for, if it is for one."""
        self._send(request, next(self._request_ids), _refusal(model, fault))

    def _send(self, request: Request, request_id: str, answer: Answer) -> None:
        status, head, body, _, is_page = answer
        head = b"%bcontent-length: %d\r\nx-amzn-requestid: %b\r\ndate: %b\r\n" % (
            head,
            len(body) + (request.rest.size if request.rest else 0),
            request_id.encode(),
            self._http_date(),
        )
        if not is_page and (origin := request.headers.get(b"origin")):
            head += lines(self._cors(origin))
        request.respond(status, head, body)

    async def _answer(self, request: Request, request_id: str) -> Answer:
        method = request.method
        if method == "OPTIONS":
            return _preflight(request.headers)
        if request.raw_path == b"/health" and method in ("GET", "HEAD"):
            return Answer(200, JSON, HEALTH)
        if request.raw_path == b"/ready" and method in ("GET", "HEAD"):
            status, body = await self._readiness.answer()
            return Answer(status, JSON, body)
        model: OperationModel | None = None
        try:
            try:
                model, labels = self._router.route(method, request.raw_path.decode("latin-1"))
            except Fault:
                if (unsigned := self._unsigned_for(request)) is None:
                    raise
                model = unsigned.model
                status, head, body = await unsigned.answer(request)
                return Answer(status, head, body, model, is_page=unsigned.has_own_origins)
            body = await self._run(model, labels, request)
        except Fault as fault:
            if request.raw_path == SOCKET_PATH:
                return _no_upgrade(request_id)
            if faults.expected(model, fault):
                log.info("%s %s: %s request=%s", _name(model), fault.code, told(fault.message), request_id)
            else:
                log.error("%s may not raise %s request=%s", _name(model), fault.code, request_id)
            return _refusal(model, fault)
        except Gone:
            raise
        except Unavailable as error:
            log.debug("%s is not possible now: %s request=%s", _name(model), error, request_id)
            return _refusal(model, UNEXPECTED)
        except Exception as error:  # noqa: BLE001 - every error is answered
            log.error("%s failed request=%s\n%s", _name(model), request_id, where(error))
            return _refusal(model, UNEXPECTED)
        return Answer(200, JSON, body, model)

    def _unsigned_for(self, request: Request) -> Unsigned | None:
        return next((unsigned for unsigned in self._unsigned if unsigned.has(request)), None)

    async def _run(self, model: OperationModel, labels: Mapping[str, str], request: Request) -> bytes:
        operation = OPERATIONS.get((model.service, model.name))
        if operation is None:
            raise Fault("NotImplementedException", f"{model.name} is not implemented by this server.")
        caller: Caller
        if operation.bearer is None:
            caller, body = await self._signed(request)
        else:
            token = bearer.token_of(request.headers)
            known = self._callers.get(operation.bearer + token)
            caller = known or await self._participant(operation, operation.bearer, token)
            request.credential = caller.participant_id
            body = request.arrived(self._body_bytes_max) or await self._body(request)
        request.call = caller
        if self._rates is not None:
            self._rates.take(model, await self._payer(caller))
        arguments = restjson.parse(model, labels, request.query_string, request.headers, body)
        if operation.bearer is not None:
            # Without its value: a repeated ClientToken may come with a newer token.
            arguments[f"{operation.bearer.lower()}_token"] = ""
        url = self._public_url.of(request) if self._public_url else ""
        call = request.call = Call(model.service, model.name, caller, arguments, url)
        return await (self._store.write(call) if operation.writes else self._store.read(call.run))

    async def _signed(self, request: Request) -> tuple[AccountCaller, bytes]:
        """The caller that signed the request, and its body, which is read once the key is known. Raises Fault."""
        claim = sigv4.claim_of(request.headers, request.query_string)
        request.claimed = claim.access_key_id
        known = self._keys.known(claim.access_key_id)
        key = known or await self._keys.read(claim.access_key_id)
        body = request.arrived(self._body_bytes_max) or await self._body(request)
        if self._keys.unverified_account is None:
            sigv4.verify(
                claim,
                key,
                request.method,
                request.raw_path,
                request.query_string,
                request.headers,
                body,
                services=SIGNED_SERVICES,
                now_ms=self._clock.now_ms(),
                clock_skew_ms=self._clock_skew_ms,
                hosts=self._hosts,
            )
        request.credential = claim.access_key_id
        if known is None:
            self._keys.note_use(claim.access_key_id)
        return AccountCaller(key.account_id, claim.access_key_id), body

    async def _participant(self, operation: Operation, kind: str, token: str) -> ParticipantCaller:
        """The participant that has this token of this kind. Raises Fault.

        A read token is looked up at each call: a kept caller would also count for operations that refuse the token.
        """
        caller, expires_at_ms = await self._store.read(
            lambda tx: authenticate(tx, token, Token(kind), takes_read_token=operation.takes_read_token)
        )
        if not isinstance(caller, ReadOnlyCaller):
            self._callers.keep(kind + token, caller, expires_at_ms)
        return caller

    async def _payer(self, caller: Caller) -> str:
        """For whom a call counts: an account, or the instance of a participant's chat."""
        if isinstance(caller, AccountCaller):
            return caller.account_id
        session = caller.session
        instance = self._instances.get(str(session))
        if instance is None:
            row = await self._store.read(lambda tx: tx.one("instance_of_session", session=session))
            instance = str(row[0]) if row else ""
            self._instances.keep(str(session), instance, self._clock.now_ms() + INSTANCE_KEPT_MS)
        return instance

    async def _body(self, request: Request) -> bytes:
        """The whole body; the connection sees to it that it comes in time. Raises Fault when it is too large."""
        try:
            return await request.body(self._body_bytes_max)
        except TooLarge:
            raise Fault(
                "RequestEntityTooLargeException", f"The body is larger than {self._body_bytes_max} bytes."
            ) from None

    def _cors(self, origin: bytes) -> Headers:
        anyone = b"*" in self._origins
        if not anyone and origin not in self._origins:
            return []
        return [
            (b"access-control-allow-origin", b"*" if anyone else origin),
            (b"access-control-expose-headers", b"x-amzn-ErrorType, x-amzn-RequestId, Date, Retry-After"),
            *([] if anyone else [(b"vary", b"Origin")]),
        ]

    def _http_date(self) -> bytes:
        """The server's clock for the Date header: SDKs correct their own clock by it."""
        second = self._clock.now_ms() // 1000
        if second != self._date[0]:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return self._date[1]


def _refusal(model: OperationModel | None, fault: Fault) -> Answer:
    status, headers, body = faults.fault_response(model, fault)
    return Answer(status, lines(headers), body, model)


def _no_upgrade(request_id: str) -> Answer:
    """The answer to a request for the chat's socket that no longer asks for one."""
    fault = Fault(
        "UpgradeRequiredException",
        "This path is a WebSocket, and the request has no header `Upgrade: websocket`. A client that connects to"
        " ws:// or wss:// sends it: then a proxy on the way dropped it. Have it pass Upgrade and Connection on"
        " (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;"
        " proxy_set_header Connection upgrade).",
    )
    log.info("- %s: %s request=%s", fault.code, fault.message, request_id)
    answer = _refusal(None, fault)
    return answer._replace(head=answer.head + UPGRADE)


def _name(model: OperationModel | None) -> str:
    return model.name if model else "-"


def _preflight(named: Mapping[bytes, bytes]) -> Answer:
    """Answer a browser's preflight request. A wildcard would not cover Authorization, so the headers are named."""
    asked = named.get(b"access-control-request-headers", b"").lower().split(b",")
    allowed = [name for header in asked if ASKED_HEADER.fullmatch(name := header.strip())]
    return Answer(
        204,
        lines(
            [
                (b"access-control-allow-methods", b"GET, POST, PUT, DELETE"),
                (b"access-control-allow-headers", b", ".join(allowed)),
                (b"access-control-max-age", PREFLIGHT_SECONDS),
            ]
        ),
        b"",
    )


def request_ids_of(clock: Clock) -> Iterator[str]:
    """Ids in the form of a UUID: random for this run of the server, then counted."""
    run = clock.random_bytes(8).hex()
    prefix = f"{run[:8]}-{run[8:12]}-4{run[12:15]}-8000-"
    return (f"{prefix}{count:012x}" for count in itertools.count(1))
