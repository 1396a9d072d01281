"""Whether clients should be sent to this process: the answer of `/ready`.

The store says why its last attempts to write have failed. Beside that, and at most once a second however often anybody
asks, a look shows what nobody has run into yet: an empty transaction, which needs the writer, its lock and the database
but writes nothing, the names of the files, and the room on their disk.
"""

import asyncio
import json
import os
from pathlib import Path

from threadline import __version__, datadir
from threadline.config import Settings
from threadline.operations.units import Probe
from threadline.store import Store

LOOK_SECONDS = 1.0
"""How long a look holds, and how long an answer waits for one."""

TROUBLE_SECONDS = 0.05
"""Between two questions to the store, while a look takes its time, for why it cannot write."""

ROOM_BYTES_MIN = 1 << 20
"""Less room on the disk than this is none: a few messages more, and it is full."""

DRAINING, DISK_FULL, UNLINKED = "draining", "disk full", "files unlinked"
AWAY, SILENT = "database away", "writer silent"


class Files:
    """The files of the database `file`, which is open: they must keep their names, and need room."""

    def __init__(self, file: Path) -> None:
        self._folder = file.parent
        self._identities = {each: _identity(each) for each in (file, Path(f"{file}-wal"))}

    def look(self) -> str | None:
        """The fault of the files; None without one."""
        if any(_identity(file) != identity for file, identity in self._identities.items()):
            return UNLINKED
        disk = os.statvfs(self._folder)
        free = disk.f_bavail if os.geteuid() else disk.f_bfree
        return DISK_FULL if disk.f_blocks and free * disk.f_frsize < ROOM_BYTES_MIN else None


class Readiness:
    """Of one process that answers clients, on its loop. `is_draining` is set when it stops."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        keeps_files = not settings.store and not settings.keeps_nothing
        self._files = Files(Path(settings.data) / datadir.DATABASE) if keeps_files else None
        self._silent = AWAY if settings.store else SILENT
        self._look: asyncio.Task[str | None] | None = None
        self._looked_at = 0.0
        self._found: str | None = None
        self.is_draining = False

    async def answer(self) -> tuple[int, bytes]:
        """The status and the body of `/ready`."""
        reason = await self.reason()
        if reason is None:
            return 200, json.dumps({"status": "ready", "version": __version__}).encode()
        return 503, json.dumps({"status": "unavailable", "reason": reason, "version": __version__}).encode()

    async def reason(self) -> str | None:
        """Why no client should be sent here, in two or three words; None when they should be."""
        if not self.is_draining and self._store.trouble is None:
            await self._looked()
        return DRAINING if self.is_draining else self._store.trouble or self._found

    async def _looked(self) -> None:
        """Return when the last look is recent enough, has taken too long, or waits for a trouble of the store."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._look is None:
            if self._looked_at and now - self._looked_at < LOOK_SECONDS:
                return
            self._looked_at = now
            self._look = asyncio.create_task(self._look_now())
            self._look.add_done_callback(self._end_of_look)
        look, end = self._look, self._looked_at + LOOK_SECONDS
        while not look.done() and self._store.trouble is None:
            if (left := end - loop.time()) <= 0:
                self._found = self._silent
                return
            await asyncio.wait([look], timeout=min(left, TROUBLE_SECONDS))

    async def _look_now(self) -> str | None:
        if self._files is not None and (found := await asyncio.to_thread(self._files.look)):
            return found
        try:
            await self._store.write(Probe())
        except Exception:  # noqa: BLE001 - the store has logged what it was
            return self._silent
        return None

    def _end_of_look(self, look: "asyncio.Task[str | None]") -> None:
        self._look = None
        self._found = self._silent if look.cancelled() or look.exception() else look.result()


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
