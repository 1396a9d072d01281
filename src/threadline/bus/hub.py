"""The open sockets of one process, and how new items reach them.

A socket has a cursor: the number of the last entry it sent. A socket whose cursor is at the previous end of the log
gets the frame of a new item pushed, the same bytes for all sockets. Every other socket pulls from the store. A socket
has no queue: a slow reader costs the buffer of its transport, and is closed when it reads nothing for too long.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from threadline.chat.transcript import CHAT_ENDED, LEFT, Item, Viewer, as_event, may_see
from threadline.config import Settings
from threadline.store import Appended, Committed, Signal, Unavailable
from threadline.store.observer import StoreObserver

NORMAL, GOING_AWAY, REFUSED, RESTART = 1000, 1001, 1008, 1012
"""Close codes. Source: RFC 6455, section 7.4.1, and its registry."""

PULL_MAX = 100
log = logging.getLogger("threadline.socket")
SWEEP_SECONDS = 1.0

Owner = tuple[int, str]
"""The owner of a socket: the session's key in the store and the participant's id."""

Encode = Callable[[dict[str, Any]], bytes]
"""An event with the model's member names -> its frame."""

Pull = Callable[[Owner, int, int], Awaitable[tuple[Viewer, list[Item], int]]]
"""(owner, cursor, limit) -> the owner's viewer; the items among the next `limit` entries that they may see; the new
cursor."""


class SocketConnection(Protocol):
    """The connection under a socket."""

    @property
    def is_open(self) -> bool:
        """Whether a push can succeed, now or after `drained`."""

    def push(self, frame: bytes) -> bool:
        """Send an encoded frame. False when the client is not reading or is gone; then nothing was sent."""

    async def drained(self) -> None:
        """Wait until the client has read enough for a push to succeed, or is gone."""

    def close(self, code: int, reason: str) -> None:
        """Close with a closing handshake, or drop a client that is not reading."""

    def abort(self) -> None:
        """Drop the connection."""


class Socket:
    """One open socket: its owner, its cursor, and the times on which its timeouts depend (seconds of the loop)."""

    __slots__ = (
        "blocked_since",
        "connection",
        "cursor",
        "ends_at",
        "is_subscribed",
        "owner",
        "pulling",
        "received_at",
        "viewer",
    )

    def __init__(self, owner: Owner, connection: SocketConnection) -> None:
        self.owner = owner
        self.connection = connection
        self.is_subscribed = False
        self.viewer: Viewer | None = None
        self.cursor = 0
        self.received_at = _now()
        self.blocked_since: float | None = None
        self.ends_at: float | None = None
        self.pulling: asyncio.Task[Any] | None = None


class Topic:
    """The subscribed sockets of one session, and the number of its newest entry that this process knows of."""

    __slots__ = ("end", "initial_contact_id", "sockets")

    def __init__(self, initial_contact_id: str) -> None:
        self.initial_contact_id = initial_contact_id
        self.sockets: list[Socket] = []
        self.end = 0


class Hub(StoreObserver):
    """The bus of one process, which observes its store. All of it runs on the event loop."""

    def __init__(self, settings: Settings, pull: Pull, encode: Encode) -> None:
        self._settings = settings
        self._subscribe_seconds = min(settings.request_seconds_max, settings.socket_idle_seconds)
        self._pull = pull
        self._encode = encode
        self._sockets: dict[Owner, list[Socket]] = {}
        self._topics: dict[int, Topic] = {}
        self.pushes = 0
        """The frames sent to sockets so far."""
        self.pulls = 0
        """The reads of the store for sockets so far."""
        self._open: Counter[int] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self.on_follow: Callable[[int, bool], None] = lambda session, is_followed: None
        """Called when a session gets its first socket here, subscribed or not yet, and when its last one is gone."""

    def add(self, socket: Socket) -> None:
        """Keep an open socket. A participant with too many sockets loses the oldest one."""
        if self._is_closing:
            socket.connection.close(RESTART, "The server restarts.")
            return
        sockets = self._sockets.setdefault(socket.owner, [])
        sockets.append(socket)
        self._open[socket.owner[0]] += 1
        if self._open[socket.owner[0]] == 1:
            self.on_follow(socket.owner[0], True)
        for oldest in sockets[: -self._settings.sockets_per_participant_max]:
            self.remove(oldest)
            oldest.connection.close(REFUSED, "This participant has opened too many sockets.")

    def remove(self, socket: Socket) -> None:
        """Forget a socket. A second call has no effect."""
        session = socket.owner[0]
        sockets = self._sockets.get(socket.owner, [])
        if socket not in sockets:
            return
        sockets.remove(socket)
        if not sockets:
            del self._sockets[socket.owner]
        topic = self._topics.get(session)
        if topic is not None and socket in topic.sockets:
            topic.sockets.remove(socket)
            if not topic.sockets:
                del self._topics[session]
        self._open[session] -= 1
        if not self._open[session]:
            del self._open[session]
            self.on_follow(session, False)

    def subscribe(self, socket: Socket, cursor: int, initial_contact_id: str) -> None:
        """Send `socket` the entries after number `cursor` that its owner may see, now and from now on."""
        if socket.is_subscribed or socket not in self._sockets.get(socket.owner, ()):
            return
        socket.is_subscribed = True
        socket.received_at = _now()
        socket.cursor = cursor
        if (topic := self._topics.get(socket.owner[0])) is None:
            topic = self._topics[socket.owner[0]] = Topic(initial_contact_id)
        topic.sockets.append(socket)
        topic.end = max(topic.end, cursor)
        self._start_pull(socket, topic)

    def hold(self, socket: Socket) -> None:
        """Keep `socket` open without delivering anything, as if it had subscribed."""
        socket.is_subscribed = True

    def received(self, socket: Socket) -> None:
        """Note that the client has sent a frame. Before the subscription, frames do not extend the timeout."""
        if socket.is_subscribed:
            socket.received_at = _now()

    async def catch_up(self, socket: Socket) -> None:
        """Send the entries that `socket` has not sent yet, also without a wake; return when it is done or closed."""
        if (topic := self._topics.get(socket.owner[0])) is None or not socket.is_subscribed:
            return
        while socket.pulling is not None:  # that pull may have begun before the newest entry was committed
            await asyncio.wait([socket.pulling])
        await self._pull_all(socket, topic)

    def wake(self, session: int, last_seq: int = 0) -> None:
        """Another node has written `session` up to entry `last_seq` (0: unknown): its sockets pull what they lack."""
        if (topic := self._topics.get(session)) is not None:
            topic.end = max(topic.end, last_seq)
            for socket in topic.sockets:
                if not last_seq or socket.cursor < last_seq:
                    self._start_pull(socket, topic)

    def wake_all(self) -> None:
        """Have every socket pull, since wakes may have been lost."""
        for session in self.sessions():
            self.wake(session)

    def count_sockets(self) -> int:
        """The number of open sockets, subscribed or not."""
        return self._open.total()

    def count_subscriptions(self) -> int:
        """The number of subscribed sockets."""
        return sum(len(topic.sockets) for topic in self._topics.values())

    def sessions(self) -> list[int]:
        """The sessions with a socket here."""
        return list(self._open)

    def committed(self, committed: Committed) -> None:
        """Push the new items, or wake the sockets that have to pull them. Never blocks."""
        for appended in committed.appended:
            if (topic := self._topics.get(appended.session)) is not None:
                self._push_items(topic, appended)
        for signal in committed.signals:
            if (topic := self._topics.get(signal.session)) is not None:
                self._push_signal(topic, signal)

    def _push_items(self, topic: Topic, appended: Appended) -> None:
        topic.end = max(topic.end, appended.items[-1].seq)
        frames = [self._frame(topic, item) for item in appended.items]
        for socket in list(topic.sockets):
            if socket.cursor != appended.before or socket.pulling is not None:
                if socket.cursor < topic.end:
                    self._start_pull(socket, topic)
                continue
            for item, frame in zip(appended.items, frames, strict=True):
                if not self._send(socket, item, frame):
                    self._start_pull(socket, topic)
                    break

    def _frame(self, topic: Topic, item: Item) -> bytes:
        return self._encode(as_event(item, topic.initial_contact_id))

    def _send(self, socket: Socket, item: Item, frame: bytes) -> bool:
        """Push an item to a socket whose cursor is just before it. False when the socket has to pull instead."""
        viewer = socket.viewer
        if viewer is None or viewer.left_seq is not None or _leaves(viewer, item):
            return False  # the store decides which entries a participant sees after leaving
        if may_see(viewer, item):
            if not socket.connection.push(frame):
                return False
            self.pushes += 1
            if item.content_type == CHAT_ENDED:
                self._end_after_chat(socket)
        socket.cursor = item.seq
        return True

    def _end_after_chat(self, socket: Socket) -> None:
        if socket.ends_at is None:
            socket.ends_at = _now() + self._settings.socket_after_end_seconds

    def _push_signal(self, topic: Topic, signal: Signal) -> None:
        frame = self._encode(signal.event)
        for socket in topic.sockets:
            viewer = socket.viewer
            if viewer is not None and viewer.left_seq is None and viewer.participant_id != signal.sender:
                self.pushes += socket.connection.push(frame)

    def _start_pull(self, socket: Socket, topic: Topic) -> None:
        if socket.pulling is None:
            socket.pulling = self._spawn(self._pull_all(socket, topic))

    async def _pull_all(self, socket: Socket, topic: Topic) -> None:
        """Pull until nothing is left, as fast as the client reads."""
        socket.pulling = asyncio.current_task()
        try:
            while socket.connection.is_open:
                before, end = socket.cursor, topic.end
                self.pulls += 1
                socket.viewer, items, reached = await self._pull(socket.owner, before, PULL_MAX)
                for item in items:
                    await self._deliver(socket, topic, item)
                    socket.cursor = item.seq
                socket.cursor = reached
                topic.end = max(topic.end, reached)
                if socket.viewer.left_seq is not None:
                    self._end_after_chat(socket)
                if reached - before < PULL_MAX and topic.end in (end, reached):
                    return  # the log has no more entries, even if a wake announced more
        finally:
            socket.pulling = None

    async def _deliver(self, socket: Socket, topic: Topic, item: Item) -> None:
        """Push an item. Wait until the client has made room for it, or is gone."""
        frame = self._frame(topic, item)
        while not (is_sent := socket.connection.push(frame)) and socket.connection.is_open:
            socket.blocked_since = _now()
            await socket.connection.drained()
            socket.blocked_since = None
        self.pushes += is_sent
        if item.content_type == CHAT_ENDED:
            self._end_after_chat(socket)

    async def sweep(self) -> None:
        """Close the sockets whose clients send nothing, do not read, or stay after the chat's end. Runs for ever."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._close_silent()

    def _close_silent(self) -> None:
        now = _now()
        for socket in [socket for sockets in self._sockets.values() for socket in sockets]:
            self._close_if_silent(socket, now)

    def _close_if_silent(self, socket: Socket, now: float) -> None:
        settings = self._settings
        if socket.blocked_since is not None and now - socket.blocked_since > settings.socket_stalled_seconds:
            self.remove(socket)
            socket.connection.abort()
        elif not socket.is_subscribed and now - socket.received_at > self._subscribe_seconds:
            self.remove(socket)
            socket.connection.close(GOING_AWAY, "No subscription has come in time.")
        elif now - socket.received_at > settings.socket_idle_seconds:
            self.remove(socket)
            socket.connection.close(GOING_AWAY, "No frame has come for too long.")
        elif socket.ends_at is not None and now > socket.ends_at:
            self.remove(socket)
            socket.connection.close(NORMAL, "The chat has ended.")

    def close(self) -> None:
        """Close every socket, now and from now on. The server restarts, and clients connect again."""
        self._is_closing = True
        sockets = [socket for sockets in self._sockets.values() for socket in sockets]
        for socket in sockets:
            self.remove(socket)
            socket.connection.close(RESTART, "The server restarts.")

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Unavailable):  # the store has logged it
            log.error(
                "a socket could not read from the store: %s; it tries again at the next wake",
                type(error).__name__,
            )


def _leaves(viewer: Viewer, item: Item) -> bool:
    return item.content_type == LEFT and item.participant_id == viewer.participant_id


def _now() -> float:
    return asyncio.get_running_loop().time()
