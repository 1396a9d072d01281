"""Where a server lives: its listening socket, its URL, its data folder and the lock that makes the folder its own.

Kept apart and light, since the supervising parent needs nothing else of the package.
"""

import fcntl
import json
import os
import select
import socket
from pathlib import Path
from typing import Any

from threadline.clock import monotonic

BACKLOG = 4_096
"""Connections that wait while no worker runs; the system's own bound (net.core.somaxconn) may be lower."""

DATABASE, WORKSPACE, ADDRESS, LOCK = "threadline.db", "workspace.json", "server.json", "server.lock"
"""The files of a data folder."""

DATA = (
    DATABASE,
    f"{DATABASE}-wal",
    f"{DATABASE}-shm",
    f"{DATABASE}-journal",
    "threadline.state",
    WORKSPACE,
)
"""Those of them that belong to one state of the data, and are replaced together."""

RESTORING, PLACING, REPLACED = "restoring-", "placing-", "replaced-"
"""How the names of folders in a data folder begin: with data that is to replace what is there, with data that is to be
moved to where nothing is any more, and with the data that was replaced.
"""


REFUSED = 3
"""The exit status of a worker that finds less data than the folder knows of: another one would find no more."""

ACCEPT_LOSS = "--accept-loss"
READY = b"ready"
REASON_BYTES = 4_096
"""What a worker says to its parent: that it serves, or in so many bytes why it cannot."""

ORPHAN_SECONDS = 10.0
"""Time that a server waits for the processes of one that was killed: they finish what they are about and end."""

RETRY_SECONDS = 0.05


class Taken(Exception):
    """Another server uses the data folder; the text says which."""


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens on `host` and `port`, 0 for a free port. Raises OSError, for a port in use among others."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def url_of(bound: socket.socket) -> str:
    """Where `bound` is reached from this machine."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def own(folder: Path) -> int:
    """Make the data folder if need be and lock it for as long as the returned file descriptor is open anywhere.

    A restore that was interrupted is finished first. The orphans of a server that was killed are waited for.
    Raises Taken when another server has locked it, OSError when it cannot be made or written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = monotonic() + ORPHAN_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            owner = os.pread(lock, 20, 0).decode().strip()
            if not _is_orphaned(owner) or monotonic() > deadline:
                os.close(lock)
                raise Taken(
                    f"The data folder {folder} is in use by another server (process {owner or 'unknown'}):"
                    " stop it, or choose another."
                ) from None
        select.select([], [], [], RETRY_SECONDS)
    os.truncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    try:
        finish_restoring(folder)
    except OSError:
        os.close(lock)
        raise
    return lock


def _is_orphaned(owner: str) -> bool:
    """Whether the process `owner`, which has locked a data folder, is gone, and only its children have the lock yet."""
    try:
        pid = int(owner)
        if pid == os.getpid():  # as in a container, whose processes are numbered anew
            return True
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (ValueError, OSError):
        return not owner  # it has the lock, and has not written its name yet
    return False


def finish_restoring(folder: Path) -> None:
    """Move the data to `replaced-..` and what is whole in a folder `restoring-..` to its place. To be called locked.

    Interrupted anywhere and run again, it goes on: as long as the folder is called so, all data in place is old.
    """
    for waiting in sorted(folder.glob(f"{RESTORING}*")):
        stamp = waiting.name.removeprefix(RESTORING)
        if old := [folder / name for name in DATA if (folder / name).exists()]:
            replaced = folder / f"{REPLACED}{stamp}"
            replaced.mkdir(mode=0o700, exist_ok=True)
            for file in old:
                file.rename(replaced / file.name)
            sync_folder(replaced)
        waiting.rename(folder / f"{PLACING}{stamp}")
        sync_folder(folder)
    for waiting in sorted(folder.glob(f"{PLACING}*")):
        for file in list(waiting.iterdir()):
            file.rename(folder / file.name)
        sync_folder(folder)
        waiting.rmdir()


def sync_folder(folder: Path) -> None:
    """See on the disk which files a folder has."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read(file: Path) -> dict[str, Any] | None:
    """What `write_private` has written; None without a file, nothing where it cannot be read as that."""
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        content = {}
    return content if isinstance(content, dict) else {}


def write_private(file: Path, content: dict[str, Any]) -> None:
    """Write `content` as JSON that only this user may read: all of it or nothing."""
    draft = file.with_suffix(".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump(content, out, indent=2)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
