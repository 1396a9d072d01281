"""Mutated frames on sockets that were let in: each is answered, passed over or the end of its socket, with a reason."""

import contextlib
import json
import socket
import struct
from collections import Counter
from random import Random
from urllib.parse import urlsplit

import pytest

from tests.attack.figures import rounds
from tests.attack.frames import ATTACKS, CLOSE, CLOSE_CODES, COMMANDS, PONG, TEXT, frame, goodbye
from tests.server.test_sockets import KEY, PATIENCE_SECONDS, ticket_url
from threadline.testing import Agent, Customer, Workspace

ROUND = 500
ON = ("sqlite", "sqlite", "sqlite", "processes")
ROUNDS = [(ON[number % len(ON)], *each) for number, each in enumerate(rounds("FRAMES", ROUND))]
NEW_TICKET = 100
"""Attacks with one ticket, which opens sockets for a minute and a half."""
HEARTBEAT = frame(TEXT, b'{"topic":"aws/heartbeat"}')
MAY = {"goes on"} | {f"closed with {code}" for code in (1000, 1002, 1003, 1007, 1008, 1009)}
"""1011, a failure of the server, is not among the codes."""
ECHOES = {f"closed with {code}" for code in CLOSE_CODES}
"""A client's own code comes back, which may be any that is allowed."""


class Attacker:
    """A socket that was let in, and sends and takes bytes."""

    def __init__(self, url: str, random: Random) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self._socket.sendall(
            f"GET {parts.path}?{parts.query} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
            f"sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._rest:
            self._more()
        answer, _, self._rest = self._rest.partition(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        if random.random() < 0.5:
            self._socket.sendall(frame(TEXT, json.dumps(COMMANDS[0]).encode()))

    def attack(self, data: bytes, is_whole: bool) -> str:
        """Send, and see how it is taken: the socket goes on, or is closed with a code, or cut off.

        After whole frames a heartbeat is answered, or the socket is closed; else nothing more is sent.
        """
        with contextlib.suppress(OSError):  # closed already: its answer is still to be read
            self._socket.sendall(data + HEARTBEAT if is_whole else data)
            if not is_whole:
                self._socket.shutdown(socket.SHUT_WR)
        try:
            while True:
                opcode, payload = self._frame()
                if opcode == CLOSE:
                    return f"closed with {struct.unpack('!H', payload[:2])[0] if payload else 1000}"
                assert opcode in (TEXT, PONG), f"the server sends a frame of opcode {opcode}"
                if opcode == TEXT and json.loads(payload)["topic"] == "aws/heartbeat":
                    return "goes on"
        except (EOFError, ConnectionError):
            return "cut off"

    def _frame(self) -> tuple[int, bytes]:
        while len(self._rest) < 2:
            self._more()
        first, length = self._rest[:2]
        assert first & 0xF0 == 0x80, "a server sends whole frames without extensions"
        size = {126: 2, 127: 8}.get(length, 0)
        while len(self._rest) < 2 + size:
            self._more()
        length = int.from_bytes(self._rest[2 : 2 + size], "big") if size else length
        while len(self._rest) < 2 + size + length:
            self._more()
        payload, self._rest = self._rest[2 + size : 2 + size + length], self._rest[2 + size + length :]
        return first & 0x0F, payload

    def _more(self) -> None:
        data = self._socket.recv(65_536)
        if not data:
            raise EOFError
        self._rest += data

    def close(self) -> None:
        self._socket.close()


def heard(casey: Customer, agent: Agent, number: int) -> None:
    """Others go on hearing what is said."""
    casey.say(f"after {number}")
    agent.see(f"after {number}")


@pytest.mark.parametrize(("threadline", "seed", "count"), ROUNDS, indirect=["threadline"])
def test_every_mutated_frame_is_taken_in_good_order(threadline: Workspace, seed: str, count: int) -> None:
    random = Random(seed)
    casey = threadline.customer()
    agent = threadline.agent("a1").accept(casey)
    url, attacker = "", None
    seen: Counter[str] = Counter()
    with contextlib.ExitStack() as open_now:
        for number in range(count):
            if number % NEW_TICKET == 0:
                url = ticket_url(casey)
                heard(casey, agent, number)
            if attacker is None:
                attacker = open_now.enter_context(contextlib.closing(Attacker(url, random)))
            kind = random.choice(ATTACKS)
            data, is_whole = kind(random)
            told = f"seed {seed}, attack {number}: {kind.__name__}, {data[:100]!r} of {len(data)}"
            try:
                outcome = attacker.attack(data, is_whole)
            except TimeoutError:
                raise AssertionError(f"{told}: neither answered nor closed") from None
            seen[outcome] += 1
            may = MAY | ({"cut off"} if not is_whole else set()) | (ECHOES if kind is goodbye else set())
            assert outcome in may, f"{told}: {outcome}"
            if outcome != "goes on":
                attacker = None
                open_now.close()
    heard(casey, agent, count)
    assert seen["goes on"] > count / 10, f"the frames do not come far: {seen}"
