"""An observer of a store that keeps what it receives, for tests to look at."""

from threadline.store import Committed
from threadline.store.observer import StoreObserver


class Recorder(StoreObserver):
    """The events of a store, in their order."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, int]] = []
        self.syncs: list[tuple[int, float]] = []
        self.durables: list[int] = []
        self.commits: list[Committed] = []
        self.reasons: list[str | None] = []
        self.failures = 0

    def written(self, batches: int, units: int) -> None:
        self.batches.append((batches, units))

    def synced(self, batches: int, seconds: float) -> None:
        self.syncs.append((batches, seconds))

    def durable(self, batches: int) -> None:
        self.durables.append(batches)

    def committed(self, committed: Committed) -> None:
        self.commits.append(committed)

    def troubled(self, reason: str | None) -> None:
        self.reasons.append(reason)

    def failed(self) -> None:
        self.failures += 1
