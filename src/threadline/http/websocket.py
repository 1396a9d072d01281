"""WebSocket connections on the sans-IO protocol of `websockets`, from an accepted handshake to the end.

The library parses frames and enforces their rules. This module adds time, back-pressure, and a way to push frames that
are already encoded.
"""

import asyncio
import base64
import hashlib
import logging
from collections.abc import Coroutine
from enum import Enum, auto
from typing import Any, Protocol

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol as Rules
from websockets.protocol import Side
from websockets.protocol import State as RuleState

from threadline.config import Settings
from threadline.http.lingering import Connections, HasTransport, drop, linger
from threadline.http.pace import Pace

PIECE_BYTES = 2_048
"""The bytes parsed at a time, before their messages are handled. A frame in memory takes fifty times its bytes on the
wire, and the hundreds of smallest frames in one piece take a few milliseconds."""

FRAME_BYTES = 1_024
"""So many bytes use up as much of a client's pace as one frame does."""

CLOSING_SECONDS = 10.0
"""The time a client has to answer our close, or to read its last frames."""

NOT_TEXT, NOT_UTF8, TRY_AGAIN_LATER = 1003, 1007, 1013
"""Close codes. Source: RFC 6455, section 7.4.1, and its registry."""

KEY_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

_quiet = logging.getLogger("threadline.websockets")
_quiet.setLevel(logging.CRITICAL)  # the endpoint logs what an operator needs


def switching(key: bytes) -> bytes:
    """Return the answer that accepts a handshake. Source: RFC 6455, section 4.2.2."""
    digest = hashlib.sha1(key + KEY_SUFFIX, usedforsecurity=False).digest()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-accept: %b\r\n\r\n" % base64.b64encode(digest)
    )


class Receiver(Protocol):
    """The application behind a WebSocket. It is called for each message."""

    def received(self, text: str) -> Coroutine[Any, Any, None] | None:
        """Handle a message. The next one is handed over when the returned work is done; at once when it is None."""

    def lost(self) -> None:
        """Handle the end: no more messages come, and none can be sent. Called once."""


class SocketState(Enum):
    """How far a WebSocket is."""

    OPEN = auto()
    CLOSING = auto()
    """We have sent a close frame, and the client has not answered it yet."""
    CLOSED = auto()


OPEN = SocketState.OPEN
"""By a name of its own, since Python 3.11 takes 60 ns to look up a member, and each push asks for it."""


class WebSocket(HasTransport):
    """One WebSocket. The application may push encoded frames to it, without waiting and without a queue.

    A client that sends too many frames is read more slowly, so that TCP holds it back. None of its frames is lost. If
    its socket were closed instead, it would connect again at once.
    """

    __slots__ = (
        "_connections",
        "_credential",
        "_is_held",
        "_message",
        "_pace",
        "_rest",
        "_resting",
        "_rules",
        "_timer",
        "_waiting",
        "_working",
        "_writable",
        "receiver",
        "state",
    )

    def __init__(
        self, transport: asyncio.Transport, connections: Connections, bounds: Settings, credential: str
    ) -> None:
        self.transport = transport
        self.state = OPEN
        self.receiver: Receiver | None = None
        self._connections = connections
        self._credential = credential
        self._rules = Rules(Side.SERVER, max_size=bounds.frame_bytes_max, logger=_quiet)
        self._pace = Pace(bounds.socket_frames_max, asyncio.get_running_loop().time())
        self._resting: asyncio.TimerHandle | None = None
        self._rest = b""
        self._is_held = False
        self._message: bytearray | None = None
        self._waiting: list[str] = []
        self._working: asyncio.Task[None] | None = None
        self._writable: asyncio.Event | None = None  # there is one while the client is not reading
        self._timer: asyncio.TimerHandle | None = None

    # Sending

    def push(self, frame: bytes) -> bool:
        """Send an encoded frame. When the client does not read or is gone, send nothing and return False."""
        if self._writable is not None or self.state is not OPEN or self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True

    async def drained(self) -> None:
        """Wait until the client has read enough for `push` to succeed again, or is gone."""
        if self._writable is not None:
            await self._writable.wait()

    @property
    def is_open(self) -> bool:
        """Whether a push can still succeed, now or later."""
        return self.state is OPEN and not self.transport.is_closing()

    def close(self, code: int, reason: str) -> None:
        """Close with a close frame, or drop a client that does not read."""
        if self._writable is not None:
            self.abort()
        elif self.is_open:
            self._rules.send_close(code, reason)
            self.transport.write(b"".join(self._rules.data_to_send()))
            self.state = SocketState.CLOSING
            self._let_receiver_go()
            self._timer = asyncio.get_running_loop().call_later(CLOSING_SECONDS, self.abort)
            self._read_on()

    def abort(self) -> None:
        """Drop the connection and everything that the client has not read, in the system's buffers too."""
        drop(self.transport)

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = asyncio.Event()
        unread = self.transport.get_write_buffer_size()
        if not self._connections.budget.leave_unread(self.transport, unread, self._credential):
            self.abort()

    def resume_writing(self) -> None:
        self._connections.budget.leave_unread(self.transport, 0, self._credential)
        self._let_writers_go()

    def _let_writers_go(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    # Receiving

    def data_received(self, data: bytes) -> None:
        self._rest = self._rest + data if self._rest else data
        self._read_on()

    def _read_on(self) -> None:
        """Parse the bytes that have come and handle their messages, until one has to be waited for."""
        while self._working is None and self._resting is None and self.state is not SocketState.CLOSED:
            if self._waiting:
                self._tell(self._waiting.pop(0))
            elif self._rest:
                piece, self._rest = self._rest[:PIECE_BYTES], self._rest[PIECE_BYTES:]
                self._parse(piece)
            else:
                break
        self._count()
        is_held = self._working is not None or self._resting is not None
        if self.state is not SocketState.CLOSED and is_held is not self._is_held:
            self._is_held = is_held
            (self.transport.pause_reading if is_held else self.transport.resume_reading)()

    def _count(self) -> None:
        """Count the bytes that are not handled yet in the budget. Close when it has no room for them."""
        held = len(self._rest) + len(self._rules.reader.buffer) + len(self._message or b"")
        held += sum(map(len, self._waiting))
        if not self._connections.budget.take_in(self.transport, held, self._credential):
            self._rest, self._waiting, self._message = b"", [], None
            self.close(TRY_AGAIN_LATER, "The server holds too much that was not read yet.")

    def _parse(self, piece: bytes) -> None:
        rules = self._rules
        rules.receive_data(piece)
        frames = rules.events_received()
        for frame in frames:
            if isinstance(frame, Frame) and rules.state is RuleState.OPEN:
                self._take(frame)
        answers = b"".join(rules.data_to_send())
        if rules.eof_sent:
            self._end(answers)
            return
        if answers and self._writable is None:  # a client that does not read gets no more pongs
            self.transport.write(answers)
        loop = asyncio.get_running_loop()
        if seconds := self._pace.pay(len(frames) + len(piece) // FRAME_BYTES, loop.time()):
            self._resting = loop.call_later(seconds, self._rested)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self._rules.fail(NOT_TEXT, "Frames must be text.")
        elif frame.opcode is Opcode.TEXT:
            if frame.fin:
                self._understand(frame.data)
            else:
                self._message = bytearray(frame.data)
        elif frame.opcode is Opcode.CONT and self._message is not None:
            self._message += frame.data
            if frame.fin:
                self._understand(self._message)
                self._message = None

    def _understand(self, message: bytes | bytearray | memoryview) -> None:
        try:
            text = bytes(message).decode()
        except UnicodeDecodeError:
            self._rules.fail(NOT_UTF8, "Text must be UTF-8.")
        else:
            self._waiting.append(text)

    def _tell(self, text: str) -> None:
        if self.receiver is None or self.state is not OPEN:
            return
        work = self.receiver.received(text)
        if work is not None:
            self._working = asyncio.get_running_loop().create_task(work)
            self._connections.tasks.add(self._working)
            self._working.add_done_callback(self._worked)

    def _worked(self, task: "asyncio.Task[None]") -> None:
        self._connections.tasks.discard(task)
        self._working = None
        self._read_on()

    def _rested(self) -> None:
        self._resting = None
        self._read_on()

    # The end

    def eof_received(self) -> None:
        if self.state is not SocketState.CLOSED:
            self._end(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()
        if self._timer is not None:
            self._timer.cancel()
        self._connections.replace(self, None)

    def _end(self, last_words: bytes) -> None:
        """End after the close frames, or after a client has broken the rules: send the last frames, read no more."""
        is_stalled = self._writable is not None
        self._lost()
        if is_stalled:
            self.abort()
            return
        if last_words:
            self.transport.write(last_words)
        if not linger(self.transport, self._connections, self, CLOSING_SECONDS):
            self.transport.close()
            self._timer = asyncio.get_running_loop().call_later(CLOSING_SECONDS, self.abort)

    def _lost(self) -> None:
        if self.state is SocketState.CLOSED:
            return
        self.state = SocketState.CLOSED
        self._rest, self._waiting = b"", []
        for timer in (self._timer, self._resting):
            if timer is not None:
                timer.cancel()
        self._let_writers_go()
        self._let_receiver_go()

    def _let_receiver_go(self) -> None:
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.lost()
