"""The WebSocket endpoint: a ticket opens a socket, a subscription starts the deliveries, heartbeats keep it open."""

import logging
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qs

from threadline.bus.hub import REFUSED, Hub, Line, Owner, Pull, Socket
from threadline.chat.participant import Token
from threadline.chat.transcript import Item, Viewer
from threadline.errors import Fault
from threadline.operations import ParticipantCaller
from threadline.operations.participants import ticket_holder
from threadline.operations.tokens import authenticate
from threadline.operations.transcripts import heard_after
from threadline.server.logs import where
from threadline.server.units import Subscribe
from threadline.store import Store, Tx
from threadline.wire import restjson
from threadline.wire import socket as frames
from threadline.wire.listener import LINE, Receive, Send
from threadline.wire.socket import Command

PATH = "/participant/socket"
INTERNAL_ERROR = 1011
log = logging.getLogger("threadline.socket")

_ANSWERS = {
    Command.HEARTBEAT: frames.encoded(frames.HEARTBEAT),
    Command.PING: frames.encoded(frames.PONG),
    Command.SUBSCRIBE: frames.encoded(frames.SUBSCRIBED),
    Command.SUBSCRIBE_ELSEWHERE: frames.encoded(frames.SUBSCRIPTION_FAILED),
}


class Endpoint:
    """Answers every WebSocket handshake and then speaks with whoever it let in."""

    def __init__(self, store: Store, hub: Hub) -> None:
        self._store = store
        self._hub = hub

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One socket, from its handshake to its end."""
        line: Line = scope["extensions"].pop(LINE)["line"]  # in there it would keep itself in memory
        await receive()
        try:
            caller = await self._admit(scope)
        except Fault as fault:
            status, headers, body = restjson.fault_response(None, fault)
            log.info("%d socket %s", status, fault.code)
            await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
            await send({"type": "websocket.http.response.body", "body": body})
            return
        await send({"type": "websocket.accept"})
        socket = Socket(caller, line)
        self._hub.add(socket)
        try:
            await self._speak(caller, socket, receive)
        except frames.BadFrame as bad:
            log.info("%d socket closed: %s", bad.code, bad.reason)
            await line.close(bad.code, bad.reason)
        except Fault as fault:
            log.info("socket closed: %s", fault.code)
            await line.close(REFUSED, fault.code)
        except Exception as error:  # noqa: BLE001 - the client is told, the log says what
            log.error("a socket failed\n%s", where(error))
            await line.close(INTERNAL_ERROR, "The server failed.")
        finally:
            self._hub.remove(socket)

    async def _admit(self, scope: MutableMapping[str, Any]) -> ParticipantCaller:
        """Whose socket this is. Raises Fault for another path, and for a ticket that is unknown or too old."""
        if scope["path"] != PATH:
            raise Fault("UnknownOperationException", "There is no WebSocket at this path.")
        ticket = parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [""])[0]
        return await self._store.read(lambda tx: _holder(tx, ticket))

    async def _speak(self, caller: ParticipantCaller, socket: Socket, receive: Receive) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            self._hub.heard(socket)
            text = message.get("text")
            if text is None:
                raise frames.BadFrame(frames.BINARY, "Frames must be text.")
            command = frames.command(text)
            if command is Command.SUBSCRIBE and not socket.is_subscribed:
                cursor, initial_contact_id = await self._store.write(Subscribe(*caller), caller.session)
                await _answer(socket.line, command)
                self._hub.subscribe(socket, cursor, initial_contact_id)
            elif command is not Command.NOTHING:
                if command is Command.HEARTBEAT:
                    await self._hub.look(socket)  # so its echo comes after all that was committed before it
                await _answer(socket.line, command)


def _holder(tx: Tx, ticket: str) -> ParticipantCaller:
    caller, _ = authenticate(tx, ticket, Token.SOCKET)
    ticket_holder(tx, caller)
    return caller


def pull_from(store: Store) -> Pull:
    """How a hub's sockets read from `store`: the one path by which every item is seen."""

    async def pull(owner: Owner, cursor: int, limit: int) -> tuple[Viewer, list[Item], int]:
        caller = ParticipantCaller(*owner)
        return await store.read(lambda tx: heard_after(tx, caller, cursor, limit), is_single=True)

    return pull


async def _answer(line: Line, command: Command) -> None:
    """Answer at the pace at which the client reads; until then no further frame of its is taken."""
    while not line.push(_ANSWERS[command]) and line.is_open:
        await line.drained()
