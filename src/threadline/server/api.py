"""The HTTP side: one request in, one JSON answer out, whatever the request was.

Route, authenticate, read the body, decode, dispatch, encode: each step is somebody else's, this is their order.
Of a request nothing but its operation, its outcome and the id it was answered with is ever logged.
"""

import itertools
import json
import logging
import re
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from typing import NamedTuple

from threadline import __version__
from threadline.chat.participant import Token
from threadline.clock import Clock
from threadline.config import Settings
from threadline.errors import Fault
from threadline.operations import OPERATIONS, AccountCaller, Caller, ParticipantCaller, dispatch
from threadline.operations.keys import key_of
from threadline.operations.tokens import authenticate
from threadline.server.cache import Cache
from threadline.server.logs import where
from threadline.server.rates import Rates
from threadline.store import Store
from threadline.wire import auth, restjson
from threadline.wire.listener import Answer as Sender
from threadline.wire.listener import Headers, Message, Receive
from threadline.wire.model import OperationModel

SIGNED_SERVICES = ("connect", "threadline")
KEY_KEPT_MS = 60_000
ASKED_HEADER = re.compile(rb"authorization|content-type|(x-amz|amz-sdk)-[a-z0-9-]+")
PREFLIGHT_SECONDS = b"7200"
JSON = (b"content-type", b"application/json")
HEALTH = json.dumps({"status": "ok", "version": __version__}).encode()
UNEXPECTED = Fault("Unexpected", "")
"""A fault that no model lists: it leaves as the internal error of the operation's model and tells nothing."""

log = logging.getLogger("threadline.api")


class Answer(NamedTuple):
    """What goes back: an HTTP status, the headers that not every answer has, and the body."""

    status: int
    headers: Headers
    body: bytes


class Request(NamedTuple):
    """What came in. `named` has a header's last value by its lowercase name."""

    scope: Message
    receive: Receive
    named: Mapping[bytes, bytes]
    id: str


class ClientGone(Exception):
    """The client hung up before its request was complete: nobody is left to answer."""


class Api:
    """The operations of the three services, over HTTP."""

    def __init__(self, store: Store, clock: Clock, settings: Settings, request_ids: Iterator[str]) -> None:
        self._store = store
        self._clock = clock
        self._body_bytes_max = settings.body_bytes_max
        self._clock_skew_ms = settings.clock_skew_seconds * 1000
        self._router = restjson.Router()
        self._rates = Rates(clock) if settings.rate_limits else None
        self._keys: Cache[auth.Key] = Cache(clock)
        self._callers: Cache[ParticipantCaller] = Cache(clock)
        self._request_ids = request_ids
        self._origins = {origin.strip().encode() for origin in settings.cors_origins.split(",")}
        self._date = (0, b"")

    async def __call__(self, scope: Message, receive: Receive, send: Sender) -> None:
        """Answer one request."""
        request = Request(scope, receive, dict(scope["headers"]), next(self._request_ids))
        try:
            status, headers, body = await self._answer(request)
        except ClientGone:
            return
        headers.append((b"content-length", b"%d" % len(body)))
        headers.append((b"x-amzn-requestid", request.id.encode()))
        headers.append((b"date", self._http_date()))
        if origin := request.named.get(b"origin"):
            headers += self._cors(origin)
        await send(status, headers, body)

    async def _answer(self, request: Request) -> Answer:
        method = request.scope["method"]
        if method == "OPTIONS":
            return _preflight(request.named)
        if request.scope["path"] == "/health" and method in ("GET", "HEAD"):
            return Answer(200, [JSON], HEALTH)
        model: OperationModel | None = None
        try:
            model, labels = self._router.route(method, request.scope["raw_path"].decode("latin-1"))
            return await self._run(model, labels, request)
        except Fault as fault:
            if restjson.expected(model, fault):
                log.info("%s %s request=%s", _name(model), fault.code, request.id)
            else:
                log.error("%s may not raise %s request=%s", _name(model), fault.code, request.id)
            return Answer(*restjson.fault_response(model, fault))
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the client gets an answer
            log.error("%s failed request=%s\n%s", _name(model), request.id, where(error))
            return Answer(*restjson.fault_response(model, UNEXPECTED))

    async def _run(self, model: OperationModel, labels: Mapping[str, str], request: Request) -> Answer:
        operation = OPERATIONS.get((model.service, model.name))
        if operation is None:
            raise Fault("NotImplementedException", f"{model.name} is not implemented by this server.")
        if operation.bearer is None:
            key = await self._claimed_key(request)
            body = await self._body(request)
            caller: Caller = self._signer(request, body, key)
        else:
            caller = await self._participant(Token(operation.bearer), request)
            body = await self._body(request)
        if self._rates is not None:
            self._rates.take(model, caller)
        arguments = restjson.parse(model, labels, request.scope["query_string"], request.named, body)
        if operation.bearer is not None:
            # Without its value: a repeated ClientToken may come with a newer token.
            arguments[f"{operation.bearer.lower()}_token"] = ""
        session = caller.session if isinstance(caller, ParticipantCaller) else None
        if operation.writes:
            reply = await self._store.write(lambda tx: dispatch(tx, operation, caller, arguments), session)
        else:
            reply = await self._store.read(lambda tx: dispatch(tx, operation, caller, arguments))
        log.debug("%s answered request=%s", model.name, request.id)
        return Answer(200, [JSON], restjson.serialise(model, reply))

    async def _claimed_key(self, request: Request) -> auth.Key:
        """The key that a request names: from whom nobody knows, no body is taken. Raises Fault."""
        access_key_id = auth.claimed_key(request.scope["headers"], request.scope["query_string"])
        key = await self._key(access_key_id)
        if key is None:
            raise auth.unknown(access_key_id)
        return key

    def _signer(self, request: Request, body: bytes, key: auth.Key) -> AccountCaller:
        """Who signed the request, whose body is not yet looked into. Raises Fault."""
        scope = request.scope
        signed = auth.verify(
            scope["method"],
            scope["raw_path"],
            scope["query_string"],
            scope["headers"],
            body,
            secret_of=lambda _: key,
            services=SIGNED_SERVICES,
            now_ms=self._clock.now_ms(),
            clock_skew_ms=self._clock_skew_ms,
        )
        return AccountCaller(key.account_id, signed.access_key_id)

    async def _key(self, access_key_id: str) -> auth.Key | None:
        key = self._keys.get(access_key_id)
        if key is None:
            row = await self._store.read(lambda tx: key_of(tx, access_key_id))
            if row is None:
                return None
            key = auth.Key(row.secret, row.account_id, row.session_token_hash, row.expires_at_ms)
            self._keys.keep(access_key_id, key, self._clock.now_ms() + KEY_KEPT_MS)
        return key

    async def _participant(self, kind: Token, request: Request) -> ParticipantCaller:
        """Whose token of this kind the request shows. Raises Fault."""
        token = auth.bearer(request.scope["headers"])
        if (known := self._callers.get(kind + token)) is not None:
            return known
        caller, expires_at_ms = await self._store.read(lambda tx: authenticate(tx, token, kind))
        self._callers.keep(kind + token, caller, expires_at_ms)
        return caller

    async def _body(self, request: Request) -> bytes:
        """The whole body; the listener sees to it that it comes in time. Raises Fault when it is too large."""
        declared = request.named.get(b"content-length", b"0")
        if len(declared) > 18 or int(declared) > self._body_bytes_max:
            raise self._too_large()
        message = await request.receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            parts = bytearray(body)
            while message.get("more_body") and len(parts) <= self._body_bytes_max:
                message = await request.receive()
                parts += message.get("body", b"")
            body = bytes(parts)
        if message["type"] == "http.disconnect":
            raise ClientGone
        if len(body) > self._body_bytes_max:
            raise self._too_large()
        return body

    def _too_large(self) -> Fault:
        return Fault(
            "RequestEntityTooLargeException", f"The body is larger than {self._body_bytes_max} bytes."
        )

    def _cors(self, origin: bytes) -> Headers:
        anyone = b"*" in self._origins
        if not anyone and origin not in self._origins:
            return []
        return [
            (b"access-control-allow-origin", b"*" if anyone else origin),
            (b"access-control-expose-headers", b"x-amzn-ErrorType, x-amzn-RequestId, Date"),
            *([] if anyone else [(b"vary", b"Origin")]),
        ]

    def _http_date(self) -> bytes:
        """The server's clock for the Date header: SDKs correct their own clock by it."""
        second = self._clock.now_ms() // 1000
        if second != self._date[0]:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return self._date[1]


def _name(model: OperationModel | None) -> str:
    return model.name if model else "-"


def _preflight(named: Mapping[bytes, bytes]) -> Answer:
    """What a browser asks before a call: a wildcard would not cover Authorization, so the headers are named."""
    asked = named.get(b"access-control-request-headers", b"").lower().split(b",")
    allowed = [name for header in asked if ASKED_HEADER.fullmatch(name := header.strip())]
    return Answer(
        204,
        [
            (b"access-control-allow-methods", b"GET, POST, PUT, DELETE"),
            (b"access-control-allow-headers", b", ".join(allowed)),
            (b"access-control-max-age", PREFLIGHT_SECONDS),
        ],
        b"",
    )


def request_ids_of(clock: Clock) -> Iterator[str]:
    """Ids in the form of a UUID: random for this run of the server, then counted."""
    run = clock.random_bytes(8).hex()
    return (f"{run[:8]}-{run[8:12]}-4{run[12:15]}-8000-{count:012x}" for count in itertools.count(1))
