"""One line a call in the log: operation, contact, status, milliseconds, and a refusal's message.

`threadline serve` writes it on a terminal. At the log level debug and with the setting `trace` it is written
everywhere, with the caller's kind and the milliseconds in queue, run and sync; with `trace`, the statements follow it.
The line is made from the request and its answer, once the answer is sent. Where no line is wanted, nothing wraps the
application.
"""

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
from threadline.config import Settings
from threadline.errors import Fault, told
from threadline.http.request import App, Request
from threadline.jsontext import LOG_FIELDS, members_in
from threadline.operations.registry import OPERATIONS, Operation
from threadline.operations.tokens import authenticate
from threadline.server.logs import CALLS
from threadline.server.timing import SPENT, Spent, TimedStore
from threadline.store import Store, Tx

log = logging.getLogger(CALLS)
log.setLevel(logging.WARNING)  # `logs` turns it on
ERROR_TYPE = re.compile(rb"(?i)x-amzn-errortype: (\w+)")
NAME_WIDTH = 27
CONTACT_WIDTH = 36
SHORT = 12
COLUMNS_OF_A_WHOLE_ID = 100
COLUMNS_OF_TIMES = 160
COLUMNS_OF_A_FILE = 1_000
"""As wide as this counts standard error when it is no terminal."""
MARGIN = " " * len("00:00:00 ")
REQUEST_ID = re.compile(rb"(?i)x-amzn-requestid: ([\w-]+)")


def timed(store: Store, settings: Settings) -> Store:
    """The store for the API: `store` itself, unless lines with times are wanted."""
    if settings.trace or log.isEnabledFor(logging.DEBUG):
        return TimedStore(store, with_statements=settings.trace)
    return store


def watched(app: App, store: Store) -> App:
    """`app`, with a line for each call when `logs` has turned these on."""
    return _Watched(app, store) if log.isEnabledFor(logging.INFO) else app


class _Watched:
    def __init__(self, app: App, store: Store) -> None:
        self._app = app
        self._store = store
        self._router = Router()
        self._with_times = log.isEnabledFor(logging.DEBUG)

    async def __call__(self, request: Request) -> None:
        try:
            operation, labels = self._router.route(request.method, request.raw_path.decode("latin-1"))
        except Fault:
            name, kind, labels, contact = "-", "nobody", {}, ""
        else:
            name = operation.name
            known = OPERATIONS.get((operation.service, name))
            kind = "account" if known is None or known.bearer is None else "participant"
            contact = await self._of_participant(known, request)
        answers: list[tuple[int, bytes, bytes]] = []
        respond = request.respond

        def kept(status: int, head: bytes, body: bytes) -> None:
            respond(status, head, body)
            answers.append((status, head, body))

        request.respond = kept
        spent = Spent() if self._with_times else None
        SPENT.set(spent)
        begun = monotonic()
        await self._app(request)
        for status, head, body in answers:
            refusal = _refusal(head, body)
            if name == "-" and not refusal:
                return  # no call: /health, /ready, or what a browser asks before one
            contact = told(contact or _named(labels, bytes(request.content), body))
            ms = (monotonic() - begun) * 1000
            if spent is None:
                log.info("%s", _line(name, contact, status, ms, refusal))
            else:
                found = REQUEST_ID.search(head)
                request_id = found[1].decode() if found else ""
                line = _line(name, contact, status, ms, refusal, _times(kind, spent, request_id))
                call = {"operation": name, "caller": kind, "contact": contact, "status": status}
                ending = {"refusal": refusal, "request": request_id}
                fields = call | {"ms": round(ms, 2)} | _times_in_ms(spent) | ending
                log.debug("%s%s", line, _statements(spent), extra={LOG_FIELDS: fields})

    async def _of_participant(self, known: Operation | None, request: Request) -> str:
        """The current contact of the chat whose token was shown."""
        if known is None or known.bearer is None:
            return ""
        kind = Token(known.bearer)

        def current(tx: Tx) -> str:
            caller, _ = authenticate(
                tx, bearer.token_of(request.headers), kind, takes_read_token=known.takes_read_token
            )
            row = tx.one("current_contact_of_session", session=caller.session)
            return str(row[0]) if row else ""

        try:
            return await self._store.read(current)
        except Fault:
            return ""


def _named(labels: Mapping[str, str], content: bytes, body: bytes) -> str:
    """The contact that the path, the request or the answer names."""
    for members in (labels, members_in(content), members_in(body)):
        for name in ("ContactId", "InitialContactId"):
            if isinstance(found := members.get(name), str):
                return found
    return ""


def _refusal(head: bytes, body: bytes) -> str:
    """Code and message of an answer that refuses; empty for any other."""
    code = ERROR_TYPE.search(head)
    return f"{code[1].decode()}: {told(str(members_in(body).get('message', '')))}" if code else ""


def _times(kind: str, spent: Spent, request_id: str) -> str:
    """The caller's kind and the milliseconds of each phase, on a narrow terminal in a line of their own."""
    text = f"{kind}, queue {_ms(spent.queue)}, run {_ms(spent.run)}, sync {_ms(spent.sync)} ms"
    if _columns() < COLUMNS_OF_TIMES:
        return f"\n{MARGIN}{text}"
    return f"{text}, request {request_id}"


def _times_in_ms(spent: Spent) -> dict[str, Any]:
    """The milliseconds of each phase and of each statement, for a line in JSON."""
    phases = {"queue_ms": spent.queue, "run_ms": spent.run, "sync_ms": spent.sync}
    statements = [[name, round(seconds * 1000, 2)] for name, seconds in spent.statements]
    times: dict[str, Any] = {name: round(seconds * 1000, 2) for name, seconds in phases.items()}
    return times | ({"statements": statements} if statements else {})


def _statements(spent: Spent) -> str:
    """A line for each statement: its milliseconds and its name."""
    return "".join([f"\n{MARGIN}{_ms(seconds):>9} ms  {name}" for name, seconds in spent.statements])


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f}"


def _line(name: str, contact: str, status: int, ms: float, *more: str) -> str:
    """One call in words. A narrow terminal gets the end of the contact's id, which tells one from another."""
    width = CONTACT_WIDTH
    if _columns() < COLUMNS_OF_A_WHOLE_ID:
        contact, width = f"…{contact[-SHORT:]}" if len(contact) > SHORT + 1 else contact, SHORT + 1
    colour = {4: "amber", 5: "red"}.get(status // 100)
    outcome = style.styled(str(status), colour, stream=sys.stderr) if colour else str(status)
    where = style.styled(f"{contact:<{width}}", "grey", stream=sys.stderr)
    parts = [part if part.startswith("\n") else f"  {part}" for part in more if part]
    return f"{name:<{NAME_WIDTH}} {where} {outcome} {ms:6.1f} ms" + "".join(parts)


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return COLUMNS_OF_A_FILE
