"""Frames as no client sends them: of every opcode and length, masked or not, in pieces, with any bytes in them."""

import struct
from collections.abc import Callable
from random import Random
from typing import Any

from tests.attack.mutations import ANY, RAW, written
from tests.aws.samples import spoil

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
FIN = 0x80
COMMANDS: list[dict[str, Any]] = [
    {"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}},
    {"topic": "aws/ping"},
    {"topic": "aws/subscribe", "content": {"topics": ["aws/task"]}},
    {"topic": "aws/chat", "contentType": "application/json", "content": "{}"},
]
"""All but the heartbeat: its echo tells that the server has come past an attack."""
CLOSE_CODES = [
    0,
    1,
    999,
    1000,
    1001,
    1003,
    1004,
    1005,
    1006,
    1007,
    1011,
    1015,
    1016,
    2999,
    3000,
    4999,
    5000,
    65_535,
]


def frame(
    opcode: int, payload: bytes, *, fin: int = FIN, reserved: int = 0, mask: bytes | None = b"\1\2\3\4"
) -> bytes:
    """A client's frame. `mask` None is none. Source: RFC 6455, section 5.2."""
    return head(opcode, len(payload), fin, reserved, mask) + (
        payload if mask is None else masked(payload, mask)
    )


def head(opcode: int, length: int, fin: int, reserved: int, mask: bytes | None, size: int = 0) -> bytes:
    """The head of a frame; `size` is how many bytes its length takes, 0 for as few as will do."""
    first, bit = fin | reserved << 4 | opcode, 0 if mask is None else 0x80
    size = size or (1 if length < 126 else 2 if length < 65_536 else 8)
    if size == 1:
        packed = struct.pack("!BB", first, bit | length)
    elif size == 2:
        packed = struct.pack("!BBH", first, bit | 126, length)
    else:
        packed = struct.pack("!BBQ", first, bit | 127, length)
    return packed + (mask or b"")


def masked(payload: bytes, mask: bytes) -> bytes:
    key = int.from_bytes((mask * (len(payload) // 4 + 1))[: len(payload)], "big")
    return (int.from_bytes(payload, "big") ^ key).to_bytes(len(payload), "big")


def payload(random: Random) -> bytes:
    """JSON, or nearly."""
    text = written(random.choice(COMMANDS))
    match random.randrange(6):
        case 0:
            return text
        case 1:
            return written(spoil(random.choice(COMMANDS), random, ANY))
        case 2:
            return random.choice(RAW).text
        case 3:
            return text[: random.randrange(len(text))]
        case 4:
            at = random.randrange(len(text))
            return text[:at] + random.randbytes(random.randint(1, 3)) + text[at:]
        case _:
            return random.choice(
                [b"", b" ", b")", text + b")", text * 2, b"\xef\xbb\xbf" + text, random.randbytes(40)]
            )


# Attacks: each answers the bytes, and whether they are whole frames, so that something can follow


Attack = Callable[[Random], tuple[bytes, bool]]


def words(random: Random) -> tuple[bytes, bool]:
    """A frame in good order."""
    return frame(TEXT, payload(random), mask=random.randbytes(4)), True


def any_opcode(random: Random) -> tuple[bytes, bool]:
    fin, reserved = random.choice([0, FIN]), random.choice([0, 0, 0, 1, 2, 4, 7])
    return frame(random.randrange(16), payload(random)[:125], fin=fin, reserved=reserved), True


def unmasked(random: Random) -> tuple[bytes, bool]:
    return frame(random.choice([TEXT, BINARY, PING, CLOSE]), payload(random)[:125], mask=None), True


def odd_length(random: Random) -> tuple[bytes, bool]:
    """A length in more bytes than it takes; of a control frame that is too long; of a frame that is far too long."""
    opcode, size = random.choice([TEXT, BINARY, PING]), random.choice([2, 8])
    content = payload(random)[:60_000]
    return head(opcode, len(content), FIN, 0, b"\0\0\0\0", size) + content, True


def announced(random: Random) -> tuple[bytes, bool]:
    """The head of a frame that does not come, or not whole."""
    length = random.choice(
        [10, 125, 126, 65_535, 65_536, 65_537, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 1]
    )
    opcode = random.choice([0, TEXT, BINARY, PING, CLOSE])
    begun = head(opcode, length, random.choice([0, FIN]), 0, b"\0\0\0\0") + random.randbytes(
        random.randrange(9)
    )
    return begun[: random.randint(1, len(begun))], False


def too_long(random: Random) -> tuple[bytes, bool]:
    """More than a frame may hold, at once or in pieces."""
    content = b'"' + b"x" * random.choice([65_535, 65_536, 70_000]) + b'"'
    return (frame(TEXT, content) if random.random() < 0.5 else pieces(content, 8, random)), True


def in_pieces(random: Random) -> tuple[bytes, bool]:
    content = payload(random)[:3_000]
    return pieces(content, random.randint(1, 20), random), True


def pieces(content: bytes, count: int, random: Random) -> bytes:
    """A message in fragments, perhaps with control frames between, perhaps with an end or order that is wrong."""
    cuts = sorted(random.randrange(len(content) + 1) for _ in range(count))
    parts = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    opcode = random.choice([TEXT, TEXT, TEXT, BINARY, 0])
    frames = [
        frame(0 if n else opcode, part, fin=0 if n < len(parts) - 1 else FIN) for n, part in enumerate(parts)
    ]
    for _ in range(random.randrange(3)):
        frames.insert(random.randrange(len(frames) + 1), frame(random.choice([PING, PONG]), b"between"))
    match random.randrange(6):
        case 0:
            frames.pop()
        case 1:
            random.shuffle(frames)
        case 2:
            frames.insert(random.randrange(len(frames)), frame(TEXT, b"{}"))
    return b"".join(frames)


def goodbye(random: Random) -> tuple[bytes, bool]:
    """A close frame, valid or not, perhaps with bytes after it."""
    reason = random.choice([b"", b"bye", b"\xff\xfe", b"x" * 123, b"x" * 124, "é".encode() * 61])
    content = random.choice([b"", b"\x03", struct.pack("!H", random.choice(CLOSE_CODES)) + reason])
    after = random.choice([b"", b"", frame(TEXT, b"{}"), frame(CLOSE, b""), random.randbytes(10)])
    return frame(CLOSE, content) + after, True


def controls(random: Random) -> tuple[bytes, bool]:
    several = [
        frame(random.choice([PING, PONG]), random.randbytes(random.choice([0, 1, 125]))) for _ in range(5)
    ]
    return b"".join(several), True


def noise(random: Random) -> tuple[bytes, bool]:
    http = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
    return random.choice([http, b"\x16\x03\x01\x02", random.randbytes(random.randint(1, 300))]), False


ATTACKS: list[Attack] = [
    words, words, words, words, any_opcode, unmasked, odd_length, announced, too_long, in_pieces, in_pieces, goodbye,
    controls, noise,
]  # fmt: skip
