"""The access keys that a process has looked up: a cache in memory, which every commit about a key corrects."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from threadline.aws import sigv4
from threadline.clock import Clock, monotonic_ms
from threadline.operations.keys import ACTIVE, key_of
from threadline.operations.units import NoteUse
from threadline.server.cache import Cache
from threadline.store import Committed, Store, Unavailable
from threadline.store.observer import StoreObserver

log = logging.getLogger(__name__)

KEPT_MS = 500
"""Time for which a key that was read counts as it was then.

The processes of one server hear of a change with its commit. For another node on the same PostgreSQL this is the time
until it notices, so that nothing depends on a message that may be lost.
"""

USE_NOTED_MS = 60_000
"""Time between two writes of a key's last use, in each process."""


class AccessKeys(StoreObserver):
    """The access keys of a store, by id, and when they were last used.

    A server for tests accepts any key: one that the store does not have belongs to `unverified_account`.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        now_ms: Callable[[], int] = monotonic_ms,
        unverified_account: str | None = None,
    ) -> None:
        self.unverified_account = unverified_account
        self._store = store
        self._clock = clock
        self._now_ms = now_ms
        self._keys: Cache[sigv4.Key] = Cache(now_ms)
        self.known = self._keys.get
        self._reading: dict[str, asyncio.Task[sigv4.Key]] = {}
        self._noted: dict[str, int] = {}
        self._writing: set[asyncio.Task[None]] = set()

    async def read(self, access_key_id: str) -> sigv4.Key:
        """The key as the store has it now; it is `known` for a while. Faults: it does not exist or is inactive.

        Requests that come during a look-up share it.
        """
        reading = self._reading.get(access_key_id)
        if reading is None:
            reading = self._reading[access_key_id] = asyncio.create_task(self._read(access_key_id))
        return await asyncio.shield(reading)

    async def _read(self, access_key_id: str) -> sigv4.Key:
        try:
            key, until_ms = await self._look_up(access_key_id)
        finally:
            is_current = self._reading.get(access_key_id) is asyncio.current_task()
            if is_current:
                del self._reading[access_key_id]
        if is_current:  # the key was not changed meanwhile
            self._keys.keep(access_key_id, key, until_ms)
        return key

    async def _look_up(self, access_key_id: str) -> tuple[sigv4.Key, int]:
        """The key in the store, and until when it counts."""
        read_at_ms = self._now_ms()
        row = await self._store.read(lambda tx: key_of(tx, access_key_id))
        if row is not None and (row.status == ACTIVE or self.unverified_account):
            key = sigv4.Key(row.secret, row.account_id, row.session_token_hash, row.expires_at_ms)
        elif self.unverified_account:
            key = sigv4.Key("", self.unverified_account)
        elif row is None:
            raise sigv4.unknown(access_key_id)
        else:
            raise sigv4.inactive(access_key_id)
        return key, read_at_ms + KEPT_MS

    def committed(self, committed: Committed) -> None:
        """Look up again the keys that were changed."""
        for access_key_id in committed.access_keys:
            self._keys.forget(access_key_id)
            self._reading.pop(access_key_id, None)

    def note_use(self, access_key_id: str) -> None:
        """Have the time of this use written, unless it was less than a minute ago. Nobody waits for that."""
        now_ms = self._clock.now_ms()
        if now_ms - self._noted.get(access_key_id, -USE_NOTED_MS) < USE_NOTED_MS:
            return
        self._noted[access_key_id] = now_ms
        task = asyncio.ensure_future(self._write(NoteUse(access_key_id, now_ms)))
        self._writing.add(task)
        task.add_done_callback(self._written)

    async def _write(self, use: NoteUse) -> None:
        with contextlib.suppress(Unavailable):  # the store has logged it
            await self._store.write(use)

    def _written(self, task: "asyncio.Task[None]") -> None:
        self._writing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the last use of an access key was not kept: %s", type(error).__name__)

    async def close(self) -> None:
        """Wait for the writes that have begun."""
        await asyncio.gather(*self._writing, return_exceptions=True)
