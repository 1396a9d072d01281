"""Time, identifiers and secrets: every source of variation, in one injectable class.

No other module reads the system clock or draws random bytes, so a test or a simulation that passes its own
`Clock` replays exactly.
"""

import base64
import hashlib
import random
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

monotonic = time.monotonic
"""Seconds since some moment, to measure durations on this machine. A `Clock` times the chats."""


def monotonic_ms() -> int:
    """Milliseconds since some moment, as `monotonic`."""
    return time.monotonic_ns() // 1_000_000


REPEAT_SECONDS = 10.0
UUID_RANDOM = (1 << 74) - 1
"""The random bits of a UUIDv7."""


class Clock:
    """The real clock. Times are integer milliseconds since the epoch."""

    _last_id = (0, 0)
    """The time and the random bits of the last UUIDv7 that `contact_id` made."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""
        return time.time_ns() // 1_000_000

    def random_bytes(self, count: int) -> bytes:
        """`count` random bytes, good enough for secrets."""
        return secrets.token_bytes(count)

    def contact_id(self) -> str:
        """A UUIDv7, greater than the one before. Source: RFC 9562, sections 5.7 and 6.2.

        So an index on it grows at its end, and resources are listed in the order in which they were made.
        """
        at_ms = self.now_ms()
        random_bits = int.from_bytes(self.random_bytes(10), "big") & UUID_RANDOM
        last_ms, last_bits = self._last_id
        if at_ms == last_ms and random_bits <= last_bits:
            random_bits = last_bits + 1
        self._last_id = at_ms, random_bits
        return _uuid7(at_ms, random_bits)

    def token(self) -> str:
        """256 random bits, URL-safe base64 without padding (43 characters).

        The first character is no hyphen: a command line would take such a token for an option.
        """
        text = base64.urlsafe_b64encode(self.random_bytes(32)).rstrip(b"=").decode()
        return f"_{text[1:]}" if text.startswith("-") else text

    def named_id(self, name: str) -> str:
        """The id of something that has the same one whenever it is made, by a name that nothing else has."""
        drawn = hashlib.sha256(name.encode()).hexdigest()
        return f"{drawn[:8]}-{drawn[8:12]}-8{drawn[13:16]}-a{drawn[17:20]}-{drawn[20:32]}"

    def item_id(self, at_ms: int, seq: int) -> str:
        """A UUIDv7 that carries the item's sequence number in its last 32 bits, so that an id finds its row."""
        return _uuid7(at_ms, self.random_42_bits() << 32 | seq)

    def random_42_bits(self) -> int:
        """Random bits that distinguish ids of the same millisecond. They are no secret, so no system call is needed."""
        return random.getrandbits(42)


class Limited:
    """Logs a line at most once in ten seconds for each key, with the number of lines left out since."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: dict[str, tuple[float, int]] = {}

    def say(self, key: str, line: str, count: int = 1) -> None:
        """Log `line`, which stands for `count` events."""
        now = monotonic()
        at, unsaid = self._said.get(key, (now - REPEAT_SECONDS, 0))
        if now - at < REPEAT_SECONDS:
            self._said[key] = at, unsaid + count
        else:
            self._say(f"{line} (and {unsaid:,} more)" if unsaid else line)
            self._said[key] = now, count - 1

    def left_out(self, key: str) -> int:
        """The number of events of this key that no line has reported. They count as reported from now on."""
        at, unsaid = self._said.get(key, (0.0, 0))
        if unsaid:
            self._said[key] = at, 0
        return unsaid


FROZEN_MS = 1_796_029_200_000
"""The moment at which a clock with a seed begins: 2026-11-30, 09:00 UTC."""


class ManualClock(Clock):
    """A clock that only `advance` moves, with ids and secrets drawn from a seed. For tests and simulations."""

    def __init__(self, start_ms: int = 1_795_359_600_000, seed: int = 0) -> None:
        self._now_ms = start_ms
        self._random = random.Random(seed)
        self.on_advance: Callable[[], None] = lambda: None

    def now_ms(self) -> int:
        return self._now_ms

    def random_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def random_42_bits(self) -> int:
        return self._random.getrandbits(42)

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0, ms: int = 0
    ) -> None:
        """Move forward and call `on_advance`, which wakes the waiting tasks."""
        all_minutes = (days * 24 + hours) * 60 + minutes
        self._now_ms += int(all_minutes * 60_000 + seconds * 1_000) + ms
        self.on_advance()


class MovableClock(ManualClock):
    """The real time plus every `advance`. When `advance` or `set` returns, all tasks that became due have run.

    With a seed it is frozen: it begins at the same moment in every run, only `advance` and `set` move it, and ids and
    secrets are drawn from the seed.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(start_ms=0)
        self._stopped_ms: int | None = None
        self._is_seeded = False
        self.reset(seed)

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        real_ms = Clock.now_ms(self) if self._stopped_ms is None else self._stopped_ms
        return real_ms + super().now_ms()

    def now(self) -> datetime:
        """The time of the clock, in UTC."""
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)

    def set(self, time: datetime | str) -> None:
        """Move to `time`, also back: a datetime with its time zone, or a text such as `2026-12-24T18:00:00Z`.

        The clock goes on from there. Raises ValueError for a time without a zone.
        """
        try:
            wanted = datetime.fromisoformat(time) if isinstance(time, str) else time
        except ValueError:
            raise ValueError(f"{time!r} is no time: write it as 2026-12-24T18:00:00Z.") from None
        if wanted.tzinfo is None:
            raise ValueError(
                f"{time!r} has no time zone: write it as 2026-12-24T18:00:00Z, or give a tzinfo."
            )
        self.advance(ms=round(wanted.timestamp() * 1000) - self.now_ms())

    def stop(self) -> None:
        """Stop the real time: from now on only `advance` and `set` move the clock."""
        self._stopped_ms = Clock.now_ms(self)

    def reset(self, seed: int | None = None) -> None:
        """Go with the real time again; with a seed, begin at its moment and stay there."""
        self._now_ms = 0
        self._is_seeded = seed is not None
        self._stopped_ms = FROZEN_MS if self._is_seeded else None
        if seed is not None:
            self._random = random.Random(seed)
            self._last_id = (0, 0)

    def random_bytes(self, count: int) -> bytes:
        """`count` random bytes: good enough for secrets without a seed."""
        return super().random_bytes(count) if self._is_seeded else Clock.random_bytes(self, count)


def seq_of_item_id(item_id: str) -> int | None:
    """The sequence number that `item_id` carries, or None when it is not an id of ours."""
    digits = item_id.replace("-", "")
    if len(item_id) != 36 or len(digits) != 32 or not digits.isascii():
        return None
    try:
        return int(digits, 16) & 0xFFFF_FFFF
    except ValueError:
        return None


def token_hash(token: str) -> str:
    """The stored form of a token: its SHA-256 in hex, from which the token cannot be recovered."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _uuid7(at_ms: int, random_bits: int) -> str:
    random_bits &= UUID_RANDOM
    value = at_ms << 80 | 7 << 76 | (random_bits >> 62) << 64 | 2 << 62 | random_bits & ((1 << 62) - 1)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
