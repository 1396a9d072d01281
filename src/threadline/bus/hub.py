"""The open sockets of one process, and how new items reach them.

A socket remembers only how far it has got. One that is exactly at the previous end gets a new item's frame pushed,
the same bytes for all of them; any other pulls from the store. There is no queue per socket: a slow reader costs its
transport's buffer and nothing more, and is cut off when it takes nothing for too long.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from threadline.chat.transcript import CHAT_ENDED, LEFT, Item, Viewer, as_event, may_see
from threadline.config import Settings
from threadline.store import Committed, Grown, Signal, Unavailable

NORMAL, GOING_AWAY, REFUSED, RESTART = 1000, 1001, 1008, 1012
"""Close codes. Source: RFC 6455, section 7.4.1, and its registry."""

PULL_MAX = 100
log = logging.getLogger("threadline.socket")
SWEEP_SECONDS = 1.0

Owner = tuple[int, str]
"""Whose socket it is: the session's key in the store and the participant's id."""

Encode = Callable[[dict[str, Any]], bytes]
"""An event with the model's member names -> its frame."""

Pull = Callable[[Owner, int, int], Awaitable[tuple[Viewer, list[Item], int]]]
"""(owner, cursor, limit) -> who they are now; those of the next `limit` entries they may see; the cursor after."""


class Line(Protocol):
    """The connection under a socket."""

    @property
    def is_open(self) -> bool:
        """Whether a push can succeed, now or after `drained`."""

    def push(self, frame: bytes) -> bool:
        """Send a ready frame; False, and nothing sent, when the client is not reading or is gone."""

    async def drained(self) -> None:
        """Wait until the client has read enough for a push to succeed, or is gone."""

    def close(self, code: int, reason: str) -> None:
        """Close in good order, or drop a client that is not reading."""

    def abort(self) -> None:
        """Drop the connection."""


class Socket:
    """One open socket: whose it is, how far it has got, and what its patience depends on (seconds of the loop)."""

    __slots__ = (
        "cursor",
        "ends_at",
        "heard_at",
        "is_subscribed",
        "line",
        "owner",
        "pulling",
        "stuck_since",
        "viewer",
    )

    def __init__(self, owner: Owner, line: Line) -> None:
        self.owner = owner
        self.line = line
        self.is_subscribed = False
        self.viewer: Viewer | None = None
        self.cursor = 0
        self.heard_at = _now()
        self.stuck_since: float | None = None
        self.ends_at: float | None = None
        self.pulling: asyncio.Task[Any] | None = None


class Channel:
    """The subscribed sockets of one session and the number of its newest item that was heard of."""

    __slots__ = ("end", "initial_contact_id", "sockets")

    def __init__(self, initial_contact_id: str) -> None:
        self.initial_contact_id = initial_contact_id
        self.sockets: list[Socket] = []
        self.end = 0


class Hub:
    """The bus of one process. All of it runs on the event loop."""

    def __init__(self, settings: Settings, pull: Pull, encode: Encode) -> None:
        self._settings = settings
        self._subscribe_seconds = min(settings.request_seconds_max, settings.socket_idle_seconds)
        self._pull = pull
        self._encode = encode
        self._sockets: dict[Owner, list[Socket]] = {}
        self._channels: dict[int, Channel] = {}
        self._open: Counter[int] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self.followed: Callable[[int, bool], None] = lambda session, is_followed: None
        """Told when a session gets its first socket here, subscribed or not yet, and when it has lost the last."""

    def add(self, socket: Socket) -> None:
        """Count an open socket. One too many closes its participant's oldest."""
        if self._is_closing:
            socket.line.close(RESTART, "The server restarts.")
            return
        sockets = self._sockets.setdefault(socket.owner, [])
        sockets.append(socket)
        self._open[socket.owner[0]] += 1
        if self._open[socket.owner[0]] == 1:
            self.followed(socket.owner[0], True)
        for oldest in sockets[: -self._settings.sockets_per_participant_max]:
            self.remove(oldest)
            oldest.line.close(REFUSED, "This participant has opened too many sockets.")

    def remove(self, socket: Socket) -> None:
        """Forget a socket; twice does no harm."""
        session = socket.owner[0]
        sockets = self._sockets.get(socket.owner, [])
        if socket not in sockets:
            return
        sockets.remove(socket)
        if not sockets:
            del self._sockets[socket.owner]
        channel = self._channels.get(session)
        if channel is not None and socket in channel.sockets:
            channel.sockets.remove(socket)
            if not channel.sockets:
                del self._channels[session]
        self._open[session] -= 1
        if not self._open[session]:
            del self._open[session]
            self.followed(session, False)

    def subscribe(self, socket: Socket, cursor: int, initial_contact_id: str) -> None:
        """Send `socket` what its owner may see after the entry numbered `cursor`, now and from now on."""
        if socket.is_subscribed or socket not in self._sockets.get(socket.owner, ()):
            return
        socket.is_subscribed = True
        socket.heard_at = _now()
        socket.cursor = cursor
        if (channel := self._channels.get(socket.owner[0])) is None:
            channel = self._channels[socket.owner[0]] = Channel(initial_contact_id)
        channel.sockets.append(socket)
        channel.end = max(channel.end, cursor)
        self._rouse(socket, channel)

    def heard(self, socket: Socket) -> None:
        """The client has sent a frame. As long as it has not subscribed, it has not said anything that counts."""
        if socket.is_subscribed:
            socket.heard_at = _now()

    async def look(self, socket: Socket) -> None:
        """Send what `socket` has not sent yet, wakes or no wakes; returns when it has caught up or is gone."""
        if (channel := self._channels.get(socket.owner[0])) is None or not socket.is_subscribed:
            return
        while socket.pulling is not None:  # that one may have looked before what is to be seen was there
            await asyncio.wait([socket.pulling])
        await self._catch_up(socket, channel)

    def wake(self, session: int, last_seq: int = 0) -> None:
        """Another node's: the log of `session` has grown up to `last_seq`; its sockets look for what they lack."""
        if (channel := self._channels.get(session)) is not None:
            channel.end = max(channel.end, last_seq)
            for socket in channel.sockets:
                if not last_seq or socket.cursor < last_seq:
                    self._rouse(socket, channel)

    def look_everywhere(self) -> None:
        """Wakes may have been lost: every socket looks."""
        for session in self.sessions():
            self.wake(session)

    def sessions(self) -> list[int]:
        """The sessions with a socket here."""
        return list(self._open)

    def committed(self, committed: Committed) -> None:
        """See `Bus.committed`."""
        for grown in committed.grown:
            if (channel := self._channels.get(grown.session)) is not None:
                self._grow(channel, grown)
        for signal in committed.signals:
            if (channel := self._channels.get(signal.session)) is not None:
                self._show(channel, signal)

    def _grow(self, channel: Channel, grown: Grown) -> None:
        channel.end = max(channel.end, grown.items[-1].seq)
        frames = [self._frame(channel, item) for item in grown.items]
        for socket in list(channel.sockets):
            if socket.cursor != grown.before or socket.pulling is not None:
                if socket.cursor < channel.end:
                    self._rouse(socket, channel)
                continue
            for item, frame in zip(grown.items, frames, strict=True):
                if not self._send(socket, item, frame):
                    self._rouse(socket, channel)
                    break

    def _frame(self, channel: Channel, item: Item) -> bytes:
        return self._encode(as_event(item, channel.initial_contact_id))

    def _send(self, socket: Socket, item: Item, frame: bytes) -> bool:
        """Push an item to a socket that is just before it, if it may see it; False when it has to pull instead."""
        viewer = socket.viewer
        if viewer is None or viewer.left_seq is not None or _leaves(viewer, item):
            return False  # what a participant still sees after leaving is the store's to say
        if may_see(viewer, item):
            if not socket.line.push(frame):
                return False
            if item.content_type == CHAT_ENDED:
                self._end(socket)
        socket.cursor = item.seq
        return True

    def _end(self, socket: Socket) -> None:
        if socket.ends_at is None:
            socket.ends_at = _now() + self._settings.socket_after_end_seconds

    def _show(self, channel: Channel, signal: Signal) -> None:
        frame = self._encode(signal.event)
        for socket in channel.sockets:
            viewer = socket.viewer
            if viewer is not None and viewer.left_seq is None and viewer.participant_id != signal.sender:
                socket.line.push(frame)

    def _rouse(self, socket: Socket, channel: Channel) -> None:
        if socket.pulling is None:
            socket.pulling = self._spawn(self._catch_up(socket, channel))

    async def _catch_up(self, socket: Socket, channel: Channel) -> None:
        """Pull until nothing is left, at the pace at which the client reads."""
        socket.pulling = asyncio.current_task()
        try:
            while socket.line.is_open:
                before, end = socket.cursor, channel.end
                socket.viewer, items, reached = await self._pull(socket.owner, before, PULL_MAX)
                for item in items:
                    await self._deliver(socket, channel, item)
                    socket.cursor = item.seq
                socket.cursor = reached
                channel.end = max(channel.end, reached)
                if socket.viewer.left_seq is not None:
                    self._end(socket)
                if reached - before < PULL_MAX and channel.end in (end, reached):
                    return  # all there is, also where somebody has told of more
        finally:
            socket.pulling = None

    async def _deliver(self, socket: Socket, channel: Channel, item: Item) -> None:
        """Push an item, however long the client takes to make room; gives up when the client is gone."""
        frame = self._frame(channel, item)
        while not socket.line.push(frame) and socket.line.is_open:
            socket.stuck_since = _now()
            await socket.line.drained()
            socket.stuck_since = None
        if item.content_type == CHAT_ENDED:
            self._end(socket)

    async def sweep(self) -> None:
        """Close the sockets whose clients are silent, do not read, or stay after the end. Runs for ever."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._check_all()

    def _check_all(self) -> None:
        now = _now()
        for socket in [socket for sockets in self._sockets.values() for socket in sockets]:
            self._check(socket, now)

    def _check(self, socket: Socket, now: float) -> None:
        settings = self._settings
        if socket.stuck_since is not None and now - socket.stuck_since > settings.socket_stalled_seconds:
            self.remove(socket)
            socket.line.abort()
        elif not socket.is_subscribed and now - socket.heard_at > self._subscribe_seconds:
            self.remove(socket)
            socket.line.close(GOING_AWAY, "No subscription has come in time.")
        elif now - socket.heard_at > settings.socket_idle_seconds:
            self.remove(socket)
            socket.line.close(GOING_AWAY, "No frame has come for too long.")
        elif socket.ends_at is not None and now > socket.ends_at:
            self.remove(socket)
            socket.line.close(NORMAL, "The chat has ended.")

    def close(self) -> None:
        """Close every socket, and those that are still to come: the server restarts, clients come back."""
        self._is_closing = True
        sockets = [socket for sockets in self._sockets.values() for socket in sockets]
        for socket in sockets:
            self.remove(socket)
            socket.line.close(RESTART, "The server restarts.")

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Unavailable):  # of which the store has told
            log.error(
                "a socket could not be served: %s; it catches up with the next wake", type(error).__name__
            )


def _leaves(viewer: Viewer, item: Item) -> bool:
    return item.content_type == LEFT and item.participant_id == viewer.participant_id


def _now() -> float:
    return asyncio.get_running_loop().time()
