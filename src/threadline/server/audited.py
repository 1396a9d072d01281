"""Writes a line into the audit for each call, before the call is answered. Without the setting nothing wraps the calls.

Sign-ins, sockets that open and the bytes of files have lines too, and so has what the server does by itself. A line
that cannot be written does not keep the answer back, since the call has happened. The log says so, and the next line
says how many are lost.
"""

import asyncio
import contextlib
import logging
import os
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from threadline.audit.chain import Chain
from threadline.audit.events import (
    SOURCES,
    AuditedAction,
    Members,
    Redactor,
    Seen,
    Where,
    Who,
    event_of,
    service_event,
    shown_id,
)
from threadline.aws.model import load
from threadline.aws.router import router
from threadline.chat.participant import Participant
from threadline.clock import Clock, Limited
from threadline.config import BadSettings, Settings
from threadline.errors import Fault
from threadline.http.request import App, Gone, Request
from threadline.http.websocket import Receiver, WebSocket
from threadline.operations.instances import Instance, instance_arn
from threadline.operations.registry import (
    OPERATIONS,
    AccountCaller,
    ParticipantCaller,
    ReadOnlyCaller,
    bare_id,
)
from threadline.operations.units import Call, StartChat
from threadline.server.api import request_ids_of
from threadline.server.cache import Cache
from threadline.server.calls import ERROR_TYPE, REQUEST_ID
from threadline.server.start_chat import WRAPPED_IN
from threadline.store import Store, Tx, Unavailable

DATA_EVENTS = frozenset({"SendMessage", "SendEvent", "GetTranscript"})
"""The calls of a chat's own participants that are left out unless all calls are wanted."""
SYNC_SECONDS = 1.0
KEPT_MS = 3_600_000
NOBODY = Who({"type": "Unknown"})
NOWHERE = Where()
READS = re.compile("(Batch)?(Check|Describe|Get|List|Search)")
OPEN_SOCKET = AuditedAction("OpenWebSocket", SOURCES["connectparticipant"], False, NOBODY)

Work = Callable[[dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]]

log = logging.getLogger("threadline.audit")


def require_folder(settings: Settings) -> Path | None:
    """The folder of the audit, made if needed; None without an audit. Raises BadSettings if it cannot be written."""
    if settings.audit == "off":
        return None
    folder = Path(settings.audit_folder or Path(settings.data) / "audit")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        reason = "" if os.access(folder, os.W_OK | os.X_OK) else "Permission denied"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise BadSettings(f"The folder of the audit, {folder}, cannot be written: {reason}.")
    return folder


def audit_of(settings: Settings, store: Store, clock: Clock) -> "Audit | None":
    """The audit of this process, if the settings ask for one. Raises BadSettings for a folder that cannot be used."""
    folder = require_folder(settings)
    if folder is None:
        return None
    try:
        chain = Chain(folder, clock.now_ms())
    except OSError as error:
        raise BadSettings(f"The folder of the audit, {folder}, cannot be used: {error.strerror}.") from error
    return Audit(chain, store, clock, with_data_events=settings.audit == "all")


class Audit:
    """The audit of this process. `watched` wraps the application whose calls it writes."""

    def __init__(self, chain: Chain, store: Store, clock: Clock, *, with_data_events: bool) -> None:
        self._chain = chain
        self._store = store
        self._clock = clock
        self._with_data_events = with_data_events
        self._shown = Redactor()
        self._ids = request_ids_of(clock)
        self._participants: Cache[tuple[Who, Where]] = Cache(clock.now_ms)
        self._instances: Cache[Where] = Cache(clock.now_ms)
        self._failures = Limited(log.error)
        self._waiting: list[asyncio.Future[None]] = []
        self._syncing: asyncio.TimerHandle | None = None
        self._sync: asyncio.Future[None] | None = None

    def watched(self, app: App) -> App:
        """`app`, with a line for each call that it answers."""

        async def answer(request: Request) -> None:
            answers: list[tuple[int, bytes, bytes]] = []
            respond = request.respond
            request.respond = lambda status, head, body: answers.append((status, head, body))
            await app(request)
            for status, head, body in answers:
                seen = self._seen(request, head, body)
                if seen is not None:
                    await self._write(request, seen)
                respond(status, head, body)

        return answer

    def watched_sockets(self, app: App) -> App:
        """`app`, which answers handshakes, with a line for each of them."""

        async def answer(request: Request) -> None:
            answers: list[tuple[int, bytes, bytes]] = []
            accepted: list[Callable[[WebSocket], Receiver]] = []
            respond, accept = request.respond, request.accept
            request.respond = lambda status, head, body: answers.append((status, head, body))
            request.accept = accepted.append  # type: ignore[assignment]
            await app(request)
            for status, head, body in answers:
                await self._write(request, self._seen_action(request, OPEN_SOCKET, head))
                respond(status, head, body)
            for receiver_of in accepted:
                await self._write(request, self._seen_action(request, OPEN_SOCKET, b""))
                with contextlib.suppress(Gone):
                    accept(receiver_of)

        return answer

    def with_service_events(self, work: Work) -> Work:
        """`work`, the calls of tasks, and the calls that audit the actions of the server itself."""

        async def run(request: dict[str, Any]) -> dict[str, Any]:
            if request["kind"] != "audit":
                return await work(request)
            for done in request["events"]:
                self._chain.add(service_event(done))
            try:
                self._chain.flush(self._clock.now_ms())
            except OSError as error:
                return {"failed": error.strerror or str(error)}
            self._sync_soon()
            return {}

        return run

    async def close(self) -> None:
        """Have the disk keep all lines, and let go of the files."""
        if self._syncing is not None:
            self._syncing.cancel()
        if self._sync is not None:
            await asyncio.gather(self._sync, return_exceptions=True)
        with contextlib.suppress(OSError):
            self._chain.close()

    def _seen(self, request: Request, head: bytes, body: bytes) -> Seen | None:
        """The call that a request made; None for a request that is no call, or none that is wanted."""
        call = request.call
        if isinstance(call, AuditedAction):
            return self._seen_action(request, call, head)
        arguments = None
        wrapped_in = WRAPPED_IN if isinstance(call, StartChat) else ()
        if isinstance(call, Call):
            is_read = not OPERATIONS[call.service, call.name].writes
            is_data = call.name in DATA_EVENTS and not isinstance(call.caller, ReadOnlyCaller)
            model, arguments = load(call.service).operations[call.name], call.arguments
        else:
            try:
                model, _ = router().route(request.method, request.raw_path.decode("latin-1"))
            except Fault:
                return None
            found = OPERATIONS.get((model.service, model.name))
            is_read = not found.writes if found else READS.match(model.name) is not None
            is_data = model.name in DATA_EVENTS and not isinstance(call, ReadOnlyCaller)
        if is_data and not self._with_data_events:
            return None
        error, request_id = ERROR_TYPE.search(head), REQUEST_ID.search(head)
        return Seen(
            model.name,
            SOURCES.get(model.service, model.service),
            is_read,
            is_data,
            self._shown.arguments(model, arguments) if arguments is not None else None,
            None if is_read or error else self._shown.reply(model, body, wrapped_in),
            error[1].decode() if error else None,
            request_id[1].decode() if request_id else "",
            request.address(),
            request.headers.get(b"user-agent", b"").decode("latin-1"),
            self._clock.now_ms(),
        )

    def _seen_action(self, request: Request, action: AuditedAction, head: bytes) -> Seen:
        """A request that is no operation. An answer without a head is that of a socket that opens."""
        error, request_id = ERROR_TYPE.search(head), REQUEST_ID.search(head)
        return Seen(
            action.name,
            action.source,
            action.is_read,
            False,
            action.parameters,
            action.response,
            error[1].decode() if error else None,
            request_id[1].decode() if request_id else next(self._ids),
            request.address(),
            request.headers.get(b"user-agent", b"").decode("latin-1"),
            self._clock.now_ms(),
            action.type,
        )

    async def _write(self, request: Request, seen: Seen) -> None:
        """Write the line of a call, together with those of all calls that are answered now."""
        try:
            who, where = await self._caller(request)
        except Unavailable:
            who, where = NOBODY, NOWHERE
        self._chain.add(event_of(seen, who, where))
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._flush)
        flushed: asyncio.Future[None] = loop.create_future()
        self._waiting.append(flushed)
        await flushed

    def _flush(self) -> None:
        try:
            self._chain.flush(self._clock.now_ms())
        except OSError as error:
            self._failures.say("lost", f"lines of the audit could not be written: {error.strerror}")
        self._sync_soon()
        waiting, self._waiting = self._waiting, []
        for flushed in waiting:
            if not flushed.done():
                flushed.set_result(None)

    def _sync_soon(self) -> None:
        if self._syncing is None:
            self._syncing = asyncio.get_running_loop().call_later(SYNC_SECONDS, self._start_sync)

    def _start_sync(self) -> None:
        self._syncing = None
        self._sync = asyncio.ensure_future(self._synced())

    async def _synced(self) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._chain.sync)
        except OSError as error:
            self._failures.say("sync", f"the disk does not keep the audit: {error.strerror}")

    async def _caller(self, request: Request) -> tuple[Who, Where]:
        """The caller and the instance of a request, as far as they are known."""
        call = request.call
        if isinstance(call, AuditedAction):
            return call.who, call.where
        caller = call.caller if isinstance(call, Call) else call
        if isinstance(caller, ParticipantCaller):
            return await self._participant(caller)
        if not isinstance(caller, AccountCaller):
            identity: Members = {"type": "Unknown"}
            if request.credential or request.claimed:
                identity["accessKeyId"] = request.credential or shown_id(request.claimed)
            return Who(identity), NOWHERE
        key, account = caller.access_key_id, caller.account_id
        identity = {"type": "IAMUser", "principalId": key, "accountId": account, "accessKeyId": key}
        if not key:
            identity = {"type": "Unknown", "principalId": "Anonymous", "accountId": account}
        where = await self._instance(call, account) if isinstance(call, Call) else NOWHERE
        return Who(identity, account), where

    async def _participant(self, caller: ParticipantCaller) -> tuple[Who, Where]:
        key = caller.participant_id
        if (known := self._participants.get(key)) is None:
            known = await self._store.read(lambda tx: _participant(tx, caller.session, key))
            self._participants.keep(key, known, self._clock.now_ms() + KEPT_MS)
        who, where = known
        if isinstance(caller, ReadOnlyCaller):
            who = who._replace(identity={**who.identity, "credential": "read token"})
        return who, where

    async def _instance(self, call: Call, account_id: str) -> Where:
        instance_id = bare_id(str(call.arguments.get("instance_id") or ""))
        if not instance_id:
            return NOWHERE
        if (known := self._instances.get(instance_id)) is None:
            found = await self._store.read(lambda tx: tx.row("instance", Instance, instance_id=instance_id))
            if found is None or found.account_id != account_id:
                return NOWHERE
            known = Where(instance_arn(found), found.region)
            self._instances.keep(instance_id, known, self._clock.now_ms() + KEPT_MS)
        return known


def _participant(tx: Tx, session: int, participant_id: str) -> tuple[Who, Where]:
    keys = {"session": session, "id": participant_id}
    found = tx.row("participant_with_instance", Participant, str, Instance, **keys)
    if found is None:
        return NOBODY, NOWHERE
    participant, initial_contact_id, instance = found
    identity = {
        "type": "Participant",
        "principalId": participant.id,
        "accountId": instance.account_id,
        "participantRole": participant.role,
    }
    if participant.user_id is not None:
        identity["userId"] = participant.user_id
    who = Who(identity, instance.account_id, initial_contact_id)
    return who, Where(instance_arn(instance), instance.region)
