"""The WebSocket endpoint: a ticket opens a socket, a subscription starts the deliveries, heartbeats keep it open."""

import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qs, unquote

from threadline.aws import frames
from threadline.aws.frames import FrameCommand
from threadline.bus.hub import REFUSED, Hub, Owner, Pull, Socket, SocketConnection
from threadline.chat.participant import Token
from threadline.chat.transcript import Item, Viewer
from threadline.errors import Fault, told, where
from threadline.http.request import Gone, Request
from threadline.operations.participants import ticket_holder
from threadline.operations.registry import ParticipantCaller, ReadOnlyCaller
from threadline.operations.tokens import authenticate
from threadline.operations.transcripts import entries_after
from threadline.operations.units import Subscribe
from threadline.server.api import UNEXPECTED
from threadline.store import Store, Tx, Unavailable

PATH = "/participant/socket"
INTERNAL_ERROR = 1011
log = logging.getLogger("threadline.socket")

_ANSWERS = {
    FrameCommand.HEARTBEAT: frames.encoded(frames.HEARTBEAT),
    FrameCommand.PING: frames.encoded(frames.PONG),
    FrameCommand.SUBSCRIBE: frames.encoded(frames.SUBSCRIBED),
    FrameCommand.SUBSCRIBE_ELSEWHERE: frames.encoded(frames.SUBSCRIPTION_FAILED),
}


class Endpoint:
    """Answers every WebSocket handshake: lets the holder of a ticket in, and refuses everybody else."""

    def __init__(self, store: Store, hub: Hub, refuse: Callable[[Request, Fault], None]) -> None:
        self._store = store
        self._hub = hub
        self._refuse = refuse

    async def __call__(self, request: Request) -> None:
        """Answer one handshake."""
        try:
            caller = await self._admit(request)
        except Fault as fault:
            log.info("socket refused: %s: %s", fault.code, told(fault.message))
            self._refuse(request, fault)
        except Exception as error:  # noqa: BLE001 - every error is answered
            if not isinstance(error, Unavailable):  # of which the store has told
                log.error("a handshake failed\n%s", where(error))
            self._refuse(request, UNEXPECTED)
        else:
            request.credential = caller.participant_id
            request.call = caller
            with contextlib.suppress(Gone):
                request.accept(lambda connection: self._receiver(caller, connection))

    def _receiver(self, caller: ParticipantCaller, connection: SocketConnection) -> "Conversation | Reading":
        if isinstance(caller, ReadOnlyCaller):
            return Reading(self._hub, caller, connection)
        return Conversation(self._store, self._hub, caller, connection)

    async def _admit(self, request: Request) -> ParticipantCaller:
        """The participant of this socket. Raises Fault for another path and for an unknown or expired ticket."""
        if unquote(request.raw_path.decode("latin-1")) != PATH:
            raise Fault("UnknownOperationException", "There is no WebSocket at this path.")
        ticket = parse_qs(request.query_string.decode("latin-1")).get("ticket", [""])[0]
        return await self._store.read(lambda tx: _holder(tx, ticket))


class Conversation:
    """Speaks with the client of one open socket, from its handshake to its end."""

    __slots__ = ("_hub", "_socket", "_store")

    def __init__(
        self, store: Store, hub: Hub, caller: ParticipantCaller, connection: SocketConnection
    ) -> None:
        self._store = store
        self._hub = hub
        self._socket = Socket((caller.session, caller.participant_id), connection)
        hub.add(self._socket)

    def received(self, text: str) -> Coroutine[Any, Any, None] | None:
        """See `wire.websocket.Receiver`."""
        socket = self._socket
        self._hub.received(socket)
        try:
            command = frames.command(text)
        except frames.BadFrame as bad:
            log.info("%d socket closed: %s", bad.code, bad.reason)
            socket.connection.close(bad.code, bad.reason)
            return None
        if command is FrameCommand.NOTHING:
            return None
        needs_store = command is FrameCommand.HEARTBEAT or (
            command is FrameCommand.SUBSCRIBE and not socket.is_subscribed
        )
        if not needs_store and socket.connection.push(_ANSWERS[command]):
            return None
        return self._work(command)

    def lost(self) -> None:
        """See `wire.websocket.Receiver`."""
        self._hub.remove(self._socket)

    async def _work(self, command: FrameCommand) -> None:
        socket = self._socket
        try:
            if command is FrameCommand.SUBSCRIBE and not socket.is_subscribed:
                await self._subscribe(socket)
                return
            if command is FrameCommand.HEARTBEAT:
                await self._hub.catch_up(socket)  # so its echo comes after all that was committed before it
            await _answer(socket.connection, command)
        except Fault as fault:
            log.info("socket closed: %s: %s", fault.code, told(fault.message))
            socket.connection.close(REFUSED, fault.code)
        except Exception as error:  # noqa: BLE001 - the client is told, the log says what
            if not isinstance(error, Unavailable):
                log.error("a socket failed\n%s", where(error))
            socket.connection.close(INTERNAL_ERROR, "The server failed.")

    async def _subscribe(self, socket: Socket) -> None:
        cursor, initial_contact_id = await self._store.write(Subscribe(*socket.owner))
        await _answer(socket.connection, FrameCommand.SUBSCRIBE)
        self._hub.subscribe(socket, cursor, initial_contact_id)


class Reading:
    """The socket of a reader: it answers, and delivers nothing."""

    __slots__ = ("_hub", "_socket")

    def __init__(self, hub: Hub, caller: ReadOnlyCaller, connection: SocketConnection) -> None:
        self._hub = hub
        self._socket = Socket((caller.session, f"{caller.participant_id} reads"), connection)
        hub.add(self._socket)
        hub.hold(self._socket)

    def received(self, text: str) -> Coroutine[Any, Any, None] | None:
        """See `wire.websocket.Receiver`."""
        self._hub.received(self._socket)
        try:
            command = frames.command(text)
        except frames.BadFrame as bad:
            self._socket.connection.close(bad.code, bad.reason)
            return None
        if command is FrameCommand.NOTHING or self._socket.connection.push(_ANSWERS[command]):
            return None
        return _answer(self._socket.connection, command)

    def lost(self) -> None:
        """See `wire.websocket.Receiver`."""
        self._hub.remove(self._socket)


def _holder(tx: Tx, ticket: str) -> ParticipantCaller:
    caller, _ = authenticate(tx, ticket, Token.SOCKET, takes_read_token=True)
    ticket_holder(tx, caller)
    return caller


def pull_from(store: Store) -> Pull:
    """How a hub's sockets read from `store`: the one path by which every item is seen."""

    async def pull(owner: Owner, cursor: int, limit: int) -> tuple[Viewer, list[Item], int]:
        caller = ParticipantCaller(*owner)
        return await store.read(lambda tx: entries_after(tx, caller, cursor, limit), is_single=True)

    return pull


async def _answer(connection: SocketConnection, command: FrameCommand) -> None:
    """Answer at the pace at which the client reads; until then no further frame of its is taken."""
    while not connection.push(_ANSWERS[command]) and connection.is_open:
        await connection.drained()
