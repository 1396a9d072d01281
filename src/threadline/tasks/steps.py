"""Steps of work that erases or deletes many chats in the background. Each step is one short transaction."""

from threadline.clock import monotonic
from threadline.operations.erasure import erase_words
from threadline.store import Tx

STEP_SECONDS = 0.0005
"""Time after which a step begins no other chat. Other writers wait for a step, and a message may take that much longer.
The steps of a busy server are counted: one in a hundred messages meets one."""

ITEMS_MAX = 40
"""Entries that one step takes at most. Their words are deleted at its end, in about as long again."""

AGAIN_MS = 5
REMAINS_AGAIN_MS = 10


class ErasureStep:
    """One step: the runs of logs that it has taken, and whether it has room for more."""

    def __init__(self) -> None:
        self._until = monotonic() + STEP_SECONDS
        self._runs: list[tuple[int, range]] = []
        self.items = 0

    @property
    def is_full(self) -> bool:
        """Whether the time or the number of entries is used up."""
        return self.items >= ITEMS_MAX or monotonic() >= self._until

    def take(self, session: int, first: int, last: int) -> range:
        """Take the entries of a log from `first` to `last`, or as many of these as there is room for."""
        seqs = range(first, min(last, first + ITEMS_MAX - self.items - 1) + 1)
        self._runs.append((session, seqs))
        self.items += len(seqs)
        return seqs

    def finish(self, tx: Tx) -> None:
        """Delete the words of all entries, by one statement, since each writes a segment of the index."""
        erase_words(tx, self._runs)
