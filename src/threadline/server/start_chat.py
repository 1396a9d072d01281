"""`POST /start-chat`: starts a chat without a signature, for a front end in development that has no backend yet.

It speaks the protocol of the backend that Amazon's open-source chat widget expects at its `apiGatewayEndpoint`: the
members of StartChatContact in, `{"data": {"startChatResult": {..}}}` out.
"""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

from threadline.audit.events import SOURCES, AuditedAction, Who
from threadline.aws import restjson
from threadline.aws.model import load
from threadline.clock import Clock
from threadline.config import LOOPBACK, Settings
from threadline.errors import Fault
from threadline.http.request import Request, TooLarge
from threadline.operations.registry import AccountCaller
from threadline.operations.units import StartChat
from threadline.operations.workspace import first_inbound
from threadline.server.throttling import Rates
from threadline.store import Store

PATH = b"/start-chat"
TAKEN = frozenset(
    {
        "InstanceId",
        "ContactFlowId",
        "ParticipantDetails",
        "Attributes",
        "InitialMessage",
        "PersistentChat",
        "SupportedMessagingContentTypes",
        "ChatDurationInMinutes",
    }
)
"""The members that a front end may give. RelatedContactId, which copies another chat's attributes, is none of them."""

WRAPPED_IN = ("data", "startChatResult")
"""The members of the answer around the reply of StartChatContact."""
BODY_BYTES_MAX = 65_536
ORIGIN = re.compile(r"https?://(?P<host>(?:[\w.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?)", re.ASCII)
SECRET = re.compile(r"[\w-]{16,200}")
INVALID = "InvalidRequestException"
DENIED = "AccessDeniedException"
NOBODY = Who({"type": "Unknown", "principalId": "Anonymous"})


def start_chat(settings: Settings, store: Store, clock: Clock) -> list["StartChatRoute"]:
    """The route, if the settings allow it. `auto` is for a server that nobody reaches from another machine."""
    is_local = settings.host in LOOPBACK and not settings.public_url
    if settings.start_chat_route == "on" or (settings.start_chat_route == "auto" and is_local):
        return [StartChatRoute(settings, store, clock)]
    return []


class StartChatRoute:
    """Answers the requests for a new chat. Each address may start as many as the rate of StartChatContact allows.

    A customer is known by a secret of their own, `?customer=..`: a past chat is only taken if it was started with the
    same one. The chat's CustomerId is its hash.
    """

    model = load("connect").operations["StartChatContact"]
    has_own_origins = True

    def __init__(self, settings: Settings, store: Store, clock: Clock) -> None:
        self._store = store
        self._rates = Rates(clock)
        self._is_local = settings.start_chat_route == "auto"
        origins = {origin.strip() for origin in settings.cors_origins.split(",")}
        self._origins = origins if settings.start_chat_route == "on" else origins - {"*"}

    def has(self, request: Request) -> bool:
        """Whether a request is for a new chat."""
        return request.raw_path == PATH and request.method == "POST"

    async def answer(self, request: Request) -> tuple[int, bytes, bytes]:
        """Start a chat. The status, the header lines and the body.

        Faults: those of StartChatContact; AccessDeniedException for a host or a page elsewhere;
        TooManyRequestsException or ThrottlingException for too many from one address.
        """
        request.call = AuditedAction("StartChatContact", SOURCES["connect"], False, NOBODY)
        origin = self._allowed_origin(request.headers)
        self._rates.take(self.model, request.address())
        given = _members(await _body(request))
        inbound = await self._store.read(first_inbound)
        members = {"InstanceId": inbound.instance_id, "ContactFlowId": inbound.contact_flow_id, **given}
        customer = parse_qs(request.query_string.decode("latin-1")).get("customer", [""])[0]
        if customer:
            members["CustomerId"] = _customer_id(customer)
        elif "PersistentChat" in members:
            raise Fault(
                INVALID,
                "A past chat is only taken of the same customer: add ?customer=SECRET to the address of this route when"
                " both chats start. The secret is random, kept by the customer's browser, and at least 16 characters.",
            )
        arguments = restjson.parse(self.model, {}, b"", {}, json.dumps(members).encode())
        caller = AccountCaller(inbound.account_id, "")
        call = request.call = StartChat("connect", "StartChatContact", caller, arguments)
        reply = await self._store.write(call)
        head = b"content-type: application/json\r\ncache-control: no-store\r\n"
        if origin:
            head += b"access-control-allow-origin: %b\r\nvary: origin\r\n" % origin
        outer, inner = WRAPPED_IN
        return 200, head, json.dumps({outer: {inner: json.loads(reply)}}).encode()

    def _allowed_origin(self, headers: Mapping[bytes, bytes]) -> bytes:
        """The origin of the page that asks, empty without one. Faults: AccessDeniedException for one from elsewhere."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self._is_local and _name(host) not in LOOPBACK:
            raise Fault(
                DENIED,
                f"Chats start here without a signature only for this machine, and the request's Host is {host[:100]!a}."
                " Set THREADLINE_START_CHAT_ROUTE=on to allow it.",
            )
        origin = headers.get(b"origin", b"")
        text = origin.decode("latin-1")
        found = ORIGIN.fullmatch(text)
        if origin and not (found and self._is_known(text, found["host"].lower(), host)):
            raise Fault(
                DENIED, "Pages of this origin cannot start chats here: add it to THREADLINE_CORS_ORIGINS."
            )
        return origin

    def _is_known(self, origin: str, name: str, host: str) -> bool:
        is_own = _name(name) in LOOPBACK if self._is_local else name == host
        return is_own or bool({"*", origin} & self._origins)


def _name(host: str) -> str:
    """A host without its port and brackets."""
    return re.sub(r":\d*$", "", host).strip("[]").lower()


async def _body(request: Request) -> bytes:
    try:
        return await request.body(BODY_BYTES_MAX)
    except TooLarge:
        raise Fault(
            "RequestEntityTooLargeException", f"The body is larger than {BODY_BYTES_MAX} bytes."
        ) from None


def _members(body: bytes) -> dict[str, Any]:
    """The members of StartChatContact in a body. Others, such as the widget's Username, are left out."""
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Fault(INVALID, "The body must be a JSON object with members of StartChatContact.")
    return {name: value for name, value in found.items() if name in TAKEN and value is not None}


def _customer_id(secret: str) -> str:
    if not SECRET.fullmatch(secret):
        raise Fault(
            INVALID, "customer must be 16 to 200 letters, digits, - or _, such as those of a random UUID."
        )
    return f"start-chat-{sha256(secret.encode()).hexdigest()[:40]}"
