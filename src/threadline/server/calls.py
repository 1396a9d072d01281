"""One line a call on the terminal of `threadline serve`: time, operation, contact, status, milliseconds.

It wraps the application: where nobody watches it is not there and costs nothing. A line is made from the request and
its answer, once the answer is on its way.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import Any

from threadline import style
from threadline.aws import bearer
from threadline.aws.router import Router
from threadline.chat.participant import Token
from threadline.clock import monotonic
from threadline.errors import Fault, told
from threadline.http.request import App, Request
from threadline.operations.registry import OPERATIONS
from threadline.operations.tokens import authenticate
from threadline.server.logs import CALLS
from threadline.store import Store, Tx

log = logging.getLogger(CALLS)
log.setLevel(logging.WARNING)  # `logs` turns it on
ERROR_TYPE = re.compile(rb"(?i)x-amzn-errortype: (\w+)")
NAME_WIDTH = 27
CONTACT_WIDTH = 36
SHORT = 12
COLUMNS_OF_A_WHOLE_ID = 100


def watched(app: App, store: Store) -> App:
    """`app`, with a line for each call when `logs` has been told that somebody watches."""
    return _Watched(app, store) if log.isEnabledFor(logging.INFO) else app


class _Watched:
    def __init__(self, app: App, store: Store) -> None:
        self._app = app
        self._store = store
        self._router = Router()

    async def __call__(self, request: Request) -> None:
        try:
            operation, labels = self._router.route(request.method, request.raw_path.decode("latin-1"))
        except Fault:
            name, labels, contact = "-", {}, ""
        else:
            name = operation.name
            contact = await self._of_participant((operation.service, name), request)
        answers: list[tuple[int, bytes, bytes]] = []
        respond = request.respond

        def kept(status: int, head: bytes, body: bytes) -> None:
            respond(status, head, body)
            answers.append((status, head, body))

        request.respond = kept
        begun = monotonic()
        await self._app(request)
        for status, head, body in answers:
            refusal = _refusal(head, body)
            if name == "-" and not refusal:
                return  # no call: /health, /ready, or what a browser asks before one
            contact = told(contact or _named(labels, bytes(request.content), body))
            log.info("%s", _line(name, contact, status, (monotonic() - begun) * 1000, refusal))

    async def _of_participant(self, operation: tuple[str, str], request: Request) -> str:
        """The current contact of the chat whose token was shown."""
        known = OPERATIONS.get(operation)
        if known is None or known.bearer is None:
            return ""
        kind = Token(known.bearer)

        def current(tx: Tx) -> str:
            caller, _ = authenticate(tx, bearer.token_of(request.headers), kind)
            row = tx.one("current_contact_of_session", session=caller.session)
            return str(row[0]) if row else ""

        try:
            return await self._store.read(current)
        except Fault:
            return ""


def _named(labels: Mapping[str, str], content: bytes, body: bytes) -> str:
    """The contact that the path, the request or the answer names."""
    for members in (labels, _members(content), _members(body)):
        for name in ("ContactId", "InitialContactId"):
            if isinstance(found := members.get(name), str):
                return found
    return ""


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _refusal(head: bytes, body: bytes) -> str:
    """Code and message of an answer that refuses; empty for any other."""
    code = ERROR_TYPE.search(head)
    return f"{code[1].decode()}: {told(str(_members(body).get('message', '')))}" if code else ""


def _line(name: str, contact: str, status: int, ms: float, refusal: str) -> str:
    """One call in words. A narrow terminal gets the end of the contact's id, which tells one from another."""
    width = CONTACT_WIDTH
    if _columns() < COLUMNS_OF_A_WHOLE_ID:
        contact, width = f"…{contact[-SHORT:]}" if len(contact) > SHORT + 1 else contact, SHORT + 1
    colour = {4: "amber", 5: "red"}.get(status // 100)
    outcome = style.styled(str(status), colour, stream=sys.stderr) if colour else str(status)
    where = style.styled(f"{contact:<{width}}", "grey", stream=sys.stderr)
    return f"{name:<{NAME_WIDTH}} {where} {outcome} {ms:6.1f} ms  {refusal}".rstrip()


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return 80
