"""A server without a network: its real parts on a simulated disk, clock and wire, asked from within this process.

Only what lies outside the server is played: the disk below SQLite, the clock, and the connections. Requests go
through the whole HTTP side, signatures and tokens included; sockets through the whole endpoint and hub.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import apsw

from tests.simulation.faults import Disk, UnreliableBus, on_disk
from threadline.bus.hub import Hub
from threadline.cli.signing import Credentials, sign
from threadline.clock import ManualClock
from threadline.config import Settings
from threadline.operations.workspace import make_workspace
from threadline.server.api import Api, request_ids_of
from threadline.server.sockets import Endpoint, pull_from
from threadline.server.timers import Timers
from threadline.store import Committed, Tx
from threadline.store.sqlite import SqliteStore
from threadline.wire.http import Headers, Request
from threadline.wire.listener import LINE, Message
from threadline.wire.model import ServiceName, load
from threadline.wire.socket import chat_frame

T = TypeVar("T")
Item = dict[str, Any]
Head = tuple[str, bytes, bytes, dict[bytes, bytes]]
"""Method, path, query string and headers of a request."""

TURNS = 20
"""Turns of the loop after which everything that does not wait for a disk or a client has happened."""


class Refused(Exception):
    """The server answered with a refusal."""

    def __init__(self, name: str, code: str, message: str) -> None:
        super().__init__(f"{name}: {code}: {message}")
        self.code = code
        self.message = message


class Lost(Exception):
    """No answer, or one that says nothing: what was asked may have been done or not."""


class Connection:
    """One WebSocket of a client, which may stop reading: then only `room` more frames fit into the wire."""

    def __init__(self, world: "World", url: str) -> None:
        self.world = world
        self.items: list[Item] = []
        self.subscribed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.is_whole = True
        self.room: int | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        parts = urlsplit(url)
        scope: Message = {
            "type": "websocket",
            "path": parts.path,
            "query_string": parts.query.encode(),
            "extensions": {LINE: {"line": self}},
        }
        self.task = asyncio.ensure_future(self._live(world.endpoint, scope))

    async def _live(self, endpoint: Endpoint, scope: Message) -> None:
        try:
            await endpoint(scope, self._inbox.get, self._ignore)
        except apsw.Error:
            pass  # a listener closes the connection of an application that fails
        finally:
            self.drop()

    async def _ignore(self, message: Message) -> None:
        pass

    @property
    def is_open(self) -> bool:
        return self.is_whole and not self.world.is_dying

    def send(self, topic: str) -> None:
        """Say something to the server."""
        frame = {"topic": topic, "content": {"topics": ["aws/chat"]}}
        self._inbox.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

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
        """Read on."""
        self.room = None
        self._flowing.set()

    async def drained(self) -> None:
        await self._flowing.wait()

    async def close(self, code: int, reason: str) -> None:
        self.drop()

    def abort(self) -> None:
        self.drop()

    def drop(self) -> None:
        """The connection is gone."""
        self.is_whole = False
        self._know(is_subscribed=False)
        self._flowing.set()
        self._inbox.put_nowait({"type": "websocket.disconnect"})


class World:
    """A server that can be asked, connected to, and killed. Everything it draws comes from the seed."""

    def __init__(self, folder: Path, random: Random) -> None:
        self.folder = folder
        self.random = random
        self.clock = ManualClock(seed=random.getrandbits(32))
        self.settings = Settings(port=0, data=":memory:")
        self.bus = UnreliableBus(Random(random.getrandbits(32)), lost=0, doubled=0)
        self.connections: list[Connection] = []
        self.lives = 0
        self.stands = 0

    async def make(self) -> None:
        """Start for the first time."""
        (self.folder / "0").mkdir()
        self.boot()
        self.workspace = await self.store.write(make_workspace)

    def boot(self) -> None:
        """Start the server on the newest state of its disk."""
        self.disk = Disk(f"simulated-{id(self)}-{self.lives}", self.folder / str(self.lives))
        with on_disk(self.disk):
            self.store = SqliteStore(self.disk.root / "threadline.db", self.clock)
        self.is_dying = False
        self.hub = Hub(self.settings, pull_from(self.store), chat_frame)
        self.endpoint = Endpoint(self.store, self.hub)
        self.timers = Timers(self.store, self.clock)
        self.api = Api(self.store, self.clock, self.settings, request_ids_of(self.clock))
        self.store.on_commit = self._committed

    def _committed(self, committed: Committed) -> None:
        if not self.is_dying:
            self.bus.carry(committed, self.hub.committed)
            self.timers.due(committed.tasks_due_ms)

    def cut_power(self) -> None:
        """This moment's disk is what the next life starts from; whatever this life still does, nobody sees."""
        self.is_dying = True
        self.lives += 1
        self.disk.power_cut(Random(self.lives), self.folder / str(self.lives))

    async def reboot(self) -> None:
        """Bury a server whose power was cut and start the next one."""
        self.disk.trouble = None
        for connection in self.connections:
            connection.drop()
        await asyncio.gather(*(connection.task for connection in self.connections), return_exceptions=True)
        self.connections.clear()
        await self.store.close()
        self.disk.unregister()
        self.boot()

    async def close(self) -> None:
        """Let go of everything."""
        for connection in self.connections:
            connection.drop()
        await asyncio.gather(*(connection.task for connection in self.connections), return_exceptions=True)
        await self.store.close()
        self.disk.unregister()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Let the disk take its time: what is asked meanwhile is committed together, afterwards."""
        standing, released = threading.Event(), threading.Event()

        def stand() -> None:
            standing.set()
            released.wait()

        self.stands += 1
        key = f"stand {self.stands}"
        self.disk.stand = stand
        stood = asyncio.ensure_future(
            self.store.write(
                lambda tx: tx.run(
                    "insert_reply", key=key, arguments_hash="", salt="", reply="", now_ms=tx.now_ms
                )
            )
        )
        await asyncio.to_thread(standing.wait)
        try:
            yield
        finally:
            released.set()
            with suppress(apsw.Error):  # what goes wrong meanwhile may meet this commit first
                await stood

    async def settle(self) -> None:
        """Let everything happen that waits neither for the disk nor for a client."""
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def look(self, work: Callable[[Tx], T]) -> T:
        """What the store holds."""
        return await self.store.read(work)

    def connect(self, url: str) -> Connection:
        """Open a socket."""
        self.connections.append(Connection(self, url))
        return self.connections[-1]

    async def tick(self) -> None:
        """Let time's passing be noticed. Raises Lost when the disk fails."""
        try:
            await self.timers.tick()
        except apsw.Error as error:
            raise Lost(str(error)) from None
        if self.is_dying:
            raise Lost("killed")

    async def ask(self, service: ServiceName, name: str, bearer: str = "", **members: Any) -> dict[str, Any]:
        """Call an operation over HTTP. Raises Refused or Lost."""
        status, headers, body = await self._exchange(*self._request(service, name, bearer, members))
        if self.is_dying or status >= 500:
            raise Lost(f"{name}: {status}")
        reply: dict[str, Any] = json.loads(body) if body else {}
        if status != 200:
            raise Refused(name, headers[b"x-amzn-errortype"].decode(), reply["message"])
        return reply

    def _request(
        self, service: ServiceName, name: str, bearer: str, members: dict[str, Any]
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
            key = Credentials(self.workspace.access_key_id, self.workspace.secret_access_key)
            text = "&".join(query)
            headers = sign(operation.method, path, text, headers, body, key, "us-east-1", "connect", stamp)
        given = {name.lower().encode(): value.encode() for name, value in headers.items()}
        return (operation.method, path.encode(), "&".join(query).encode(), given), body

    async def _exchange(self, head: Head, body: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
        sent: list[tuple[int, dict[bytes, bytes], bytes]] = []

        def respond(status: int, headers: Headers, content: bytes) -> None:
            sent.append((status, dict(headers), content))

        request = Request(*head, respond)
        request.feed(body)
        request.is_complete = True
        await self.api(request)
        return sent[0]
