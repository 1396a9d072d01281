"""A node without a network: its real parts on a shared database, with its own clock, called from within this process.

Only its surroundings are simulated: the database's disk, the clock, the connections, and the network.
Requests go through the whole HTTP side, signatures and tokens included; sockets through the whole endpoint and hub.
"""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import apsw

from tests.simulation.database import Client, Database, Gone
from tests.simulation.network import Air, Radio
from threadline.aws.frames import chat_frame
from threadline.aws.model import load
from threadline.aws.names import ServiceName
from threadline.aws.sigv4 import Credentials, sign
from threadline.bus.hub import Hub
from threadline.clock import ManualClock
from threadline.config import Settings
from threadline.http.http1 import RequestHead
from threadline.http.request import Request
from threadline.http.websocket import Receiver
from threadline.objects.folder import FolderObjects
from threadline.operations.workspace import WorkspaceIds
from threadline.server.access_keys import AccessKeys
from threadline.server.api import Api, request_ids_of
from threadline.server.readiness import Readiness
from threadline.server.sockets import Endpoint, pull_from
from threadline.store import Committed, Unavailable
from threadline.store.observer import StoreObserver
from threadline.tasks.timers import Timers

Item = dict[str, Any]
Head = tuple[str, bytes, bytes, dict[bytes, bytes]]
"""Method, path, query string and headers of a request."""


class Refused(Exception):
    """The server answered with a refusal."""

    def __init__(self, name: str, code: str, message: str) -> None:
        super().__init__(f"{name}: {code}: {message}")
        self.code = code
        self.message = message


class Lost(Exception):
    """No answer, or an internal error: the operation may have been done or not."""


class Connection:
    """One WebSocket of a client, which may stop reading: then only `room` more frames fit into the wire."""

    def __init__(self, node: "Node", url: str) -> None:
        self.node = node
        self.items: list[Item] = []
        self.subscribed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.is_whole = True
        self.room: int | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._inbox: asyncio.Queue[str | None] = asyncio.Queue()
        self._receiver: Receiver | None = None
        parts = urlsplit(url)
        request = Request(
            RequestHead("GET", parts.path.encode(), parts.query.encode(), {}, False, True), lambda *_: None
        )
        request.accept = self._accept
        self.task = asyncio.ensure_future(self._live(node.endpoint, request))

    def _accept(self, receiver_of: Callable[[Any], Receiver]) -> Any:
        self._receiver = receiver_of(self)
        return self

    async def _live(self, endpoint: Endpoint, request: Request) -> None:
        try:
            await endpoint(request)
            while self._receiver is not None and (text := await self._inbox.get()) is not None:
                if work := self._receiver.received(text):
                    await work
        except (apsw.Error, Gone):
            pass  # a listener closes the connection of an application that fails
        finally:
            self.drop()
            if self._receiver is not None:
                self._receiver.lost()

    @property
    def is_open(self) -> bool:
        return self.is_whole and not self.node.is_dead

    def send(self, topic: str) -> None:
        """Send a frame to the server."""
        frame = {"topic": topic, "content": {"topics": ["aws/chat"]}}
        self._inbox.put_nowait(json.dumps(frame))

    def push(self, frame: bytes) -> bool:
        if not self.is_open:
            self._know(is_subscribed=False)
            return False
        if self.room == 0:
            return False
        if self.room is not None:
            self.room -= 1
        head = {126: 4, 127: 10}.get(frame[1], 2)
        content = json.loads(frame[head:])
        if content["topic"] == "aws/chat":
            self.items.append(json.loads(content["content"]))
        elif content["topic"] == "aws/subscribe":
            self._know(is_subscribed=True)
        return True

    def _know(self, *, is_subscribed: bool) -> None:
        if not self.subscribed.done():
            self.subscribed.set_result(is_subscribed)

    def stall(self, room: int) -> None:
        """Stop reading."""
        self.room = room
        self._flowing.clear()

    def flow(self) -> None:
        """Resume reading."""
        self.room = None
        self._flowing.set()

    async def drained(self) -> None:
        await self._flowing.wait()

    def close(self, code: int, reason: str) -> None:
        self.drop()

    def abort(self) -> None:
        self.drop()

    def drop(self) -> None:
        """Drop the connection."""
        self.is_whole = False
        self._know(is_subscribed=False)
        self._flowing.set()
        self._inbox.put_nowait(None)


NO_FOLDER = Path("/dev/null/objects")
"""The simulation sends no files."""


class Node(StoreObserver):
    """A server that can be called, connected to, and killed. It is alone where there is no network."""

    def __init__(self, database: Database, air: Air, clock: ManualClock, *, is_alone: bool) -> None:
        self.settings = Settings(port=0, data=":memory:")
        self.clock = clock
        self.store = Client(database, clock, self)
        self.hub = Hub(self.settings, pull_from(self.store), chat_frame)
        self.relay = None if is_alone else Radio(self.hub, clock, air)
        self.timers = Timers(self.store, clock)
        self.api = Api(
            self.store,
            clock,
            self.settings,
            request_ids_of(clock),
            Readiness(self.store, self.settings),
            AccessKeys(self.store, clock, clock.now_ms),
            FolderObjects(NO_FOLDER),
        )
        self.endpoint = Endpoint(self.store, self.hub, self.api.refuse)
        self.connections: list[Connection] = []
        self._air = air
        self._relaying = asyncio.ensure_future(self.relay.run()) if self.relay else None

    def committed(self, committed: Committed) -> None:
        if self.relay is None:  # as a server that has frontends of its own tells them
            self._air.carry_on(committed.of(self.hub.sessions()), self.hub.committed)
        else:
            self._air.carry_on(committed, self.relay.committed)
        self.timers.due(committed.tasks_due_ms)

    @property
    def is_dead(self) -> bool:
        return self.store.is_dead

    def die(self) -> None:
        """Die: have no more effect."""
        self.store.is_dead = True

    async def bury(self) -> None:
        """Close everything: connections, tasks and the store."""
        self.die()
        for connection in self.connections:
            connection.drop()
        await asyncio.gather(*(connection.task for connection in self.connections), return_exceptions=True)
        if self.relay is not None and self._relaying is not None:
            self._relaying.cancel()
            await asyncio.gather(self._relaying, return_exceptions=True)
            await self.relay.close()
        await asyncio.gather(*self.hub._tasks, return_exceptions=True)
        await asyncio.sleep(0)
        left = self.hub.count_sockets(), self.hub.count_subscriptions(), self.hub.sessions(), self.hub._tasks
        assert not any(left), f"a node held on to {left}"

    def connect(self, url: str) -> Connection:
        """Open a socket."""
        self.connections.append(Connection(self, url))
        return self.connections[-1]

    async def tick(self) -> None:
        """Run the due tasks. Raises Lost when that fails."""
        try:
            await self.timers.tick()
        except (apsw.Error, Unavailable, Gone) as error:
            raise Lost(str(error)) from None
        if self.is_dead:
            raise Lost("killed")

    async def ask(
        self, workspace: WorkspaceIds, service: ServiceName, name: str, bearer: str = "", **members: Any
    ) -> dict[str, Any]:
        """Call an operation over HTTP. Raises Refused or Lost."""
        status, headers, body = await self._exchange(
            *self._request(workspace, service, name, bearer, members)
        )
        if self.is_dead or status >= 500:
            raise Lost(f"{name}: {status}")
        reply: dict[str, Any] = json.loads(body) if body else {}
        if status != 200:
            raise Refused(name, headers[b"x-amzn-errortype"].decode(), reply["message"])
        return reply

    def _request(
        self, workspace: WorkspaceIds, service: ServiceName, name: str, bearer: str, members: dict[str, Any]
    ) -> tuple[Head, bytes]:
        model = load(service)
        operation = model.operations[name]
        path, query, rest = operation.uri, [], {}
        shape = model.shapes[operation.input]["members"] if operation.input else {}
        for member, value in members.items():
            key = shape[member].get("locationName", member)
            match shape[member].get("location"):
                case "uri":
                    path = path.replace(f"{{{key}}}", quote(value, safe=""))
                case "querystring":
                    query.append(f"{quote(key)}={quote(str(value), safe='')}")
                case _:
                    rest[key] = value
        body = json.dumps(rest).encode()
        headers = {"host": "simulated"}
        if service == "connectparticipant":
            headers["x-amz-bearer"] = bearer
        else:
            stamp = datetime.fromtimestamp(self.clock.now_ms() // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
            key = Credentials(workspace.access_key_id, workspace.secret_access_key)
            text = "&".join(query)
            headers = sign(operation.method, path, text, headers, body, key, "us-east-1", "connect", stamp)
        given = {name.lower().encode(): value.encode() for name, value in headers.items()}
        return (operation.method, path.encode(), "&".join(query).encode(), given), body

    async def _exchange(self, head: Head, body: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
        sent: list[tuple[int, dict[bytes, bytes], bytes]] = []

        def respond(status: int, head: bytes, content: bytes) -> None:
            lines = (line.partition(b": ") for line in head.split(b"\r\n")[:-1])
            sent.append((status, {name: value for name, _, value in lines}, content))

        request = Request(RequestHead(*head, True, False), respond)
        request.feed(body)
        request.is_complete = True
        await self.api(request)
        return sent[0]
