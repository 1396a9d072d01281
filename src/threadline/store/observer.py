"""The observer of a store: the one way in which a store reports what happens in it. It goes to the constructor."""

from collections.abc import Callable

from threadline.store import Committed


class StoreObserver:
    """Receives the events of one store, on the event loop. Each method does nothing here; override what you need.

    A store calls these methods on the path of requests: they return fast and never block.
    """

    def written(self, batches: int, units: int) -> None:
        """The batch of the number `batches`, in which `units` units ran, is about to become visible to readers.

        On PostgreSQL it has just become visible.
        """

    def synced(self, batches: int, seconds: float) -> None:
        """One fsync made `batches` more batches durable and took `seconds`."""

    def durable(self, batches: int) -> None:
        """The first `batches` batches are durable."""

    def committed(self, committed: Committed) -> None:
        """A unit of work is durable, and its caller is about to be answered."""

    def troubled(self, reason: str | None) -> None:
        """`Store.trouble` has changed to `reason`."""

    def failed(self) -> None:
        """An fsync failed: from now on the store answers every call with that error. Only a restart helps."""


class Observers(StoreObserver):
    """Passes every event on to the observers that override its method, in the order in which they were added.

    A server adds its parts once they exist, since most of them need the store for their own constructor.
    """

    def __init__(self, *observers: StoreObserver) -> None:
        self._written: list[Callable[[int, int], None]] = []
        self._synced: list[Callable[[int, float], None]] = []
        self._durable: list[Callable[[int], None]] = []
        self._committed: list[Callable[[Committed], None]] = []
        self._troubled: list[Callable[[str | None], None]] = []
        self._failed: list[Callable[[], None]] = []
        for observer in observers:
            self.add(observer)

    def add(self, observer: StoreObserver) -> None:
        """Pass the events from now on to `observer` too."""
        for name in ("written", "synced", "durable", "committed", "troubled", "failed"):
            if getattr(type(observer), name) is not getattr(StoreObserver, name):
                getattr(self, f"_{name}").append(getattr(observer, name))

    def written(self, batches: int, units: int) -> None:
        for written in self._written:
            written(batches, units)

    def synced(self, batches: int, seconds: float) -> None:
        for synced in self._synced:
            synced(batches, seconds)

    def durable(self, batches: int) -> None:
        for durable in self._durable:
            durable(batches)

    def committed(self, committed: Committed) -> None:
        for each in self._committed:
            each(committed)

    def troubled(self, reason: str | None) -> None:
        for troubled in self._troubled:
            troubled(reason)

    def failed(self) -> None:
        for failed in self._failed:
            failed()
