"""A server's data folder and its lock, its listening socket and its URL.

The supervisor imports little else of the package, so that it stays small.
"""

import errno
import fcntl
import json
import os
import select
import socket
import stat
from pathlib import Path
from typing import Any

from threadline.clock import monotonic

BACKLOG = 4_096
"""Connections that may wait while no worker runs. The system's bound (net.core.somaxconn) may be lower."""

DATABASE, WORKSPACE, ADDRESS, LOCK = "threadline.db", "workspace.json", "server.json", "server.lock"
"""The files of a data folder."""

ENCRYPTION_KEY = "encryption.key"
"""The file with the key for the secrets in the database. It is in no backup, and a restore leaves it alone."""

OBJECTS = "objects"
"""The folder of attachments and transcript files."""

DATA = (
    DATABASE,
    f"{DATABASE}-wal",
    f"{DATABASE}-shm",
    f"{DATABASE}-journal",
    "threadline.state",
    WORKSPACE,
    OBJECTS,
)
"""The files and folders that together are one state of the data. A restore replaces all of them."""

RESTORING, PLACING, REPLACED = "restoring-", "placing-", "replaced-"
"""Prefixes of the folders in a data folder that a restore makes, by the data they hold.

`restoring-` will replace the present data, `placing-` is being moved to its place, `replaced-` is the earlier data.
"""

REFUSED = 3
"""The exit status of a worker that finds less data than the folder had. It is not restarted."""

ACCEPT_LOSS = "--accept-loss"
SIGN_IN = "--sign-in"
READY = b"ready"
REASON_BYTES = 4_096
"""A worker writes READY to its parent once it serves, or up to REASON_BYTES that say why it cannot.

With the argument SIGN_IN a space follows READY, and a token with which a browser signs in.
"""

ORPHAN_SECONDS = 10.0
"""Time that a server waits for the processes of a killed one to finish their work and end."""

RETRY_SECONDS = 0.05


MEMORY = ":memory:"
"""The data folder of a server that keeps its data in memory."""


class Taken(Exception):
    """Another server uses the data folder; the text says which."""


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens on `host` and `port`, 0 for a free port. Raises OSError, such as for a port in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def url_of(bound: socket.socket) -> str:
    """The URL of `bound` for clients on this machine."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def sign_in_link(url: str, token: str) -> str:
    """The address by which a browser signs in. A browser sends the part after # to no server, so no log has it."""
    return f"{url}/#token={token}"


def memory_folder(bound: socket.socket) -> Path:
    """The folder in which a server that keeps its data in memory says where it is and which key it has.

    Raises OSError when another user could read or replace it.
    """
    host, port = bound.getsockname()[:2]
    parent = _memory_folders()
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_private(parent):
        raise PermissionError(errno.EACCES, "others may use it", str(parent))
    return parent / f"{host}-{port}"


def memory_folders() -> list[Path]:
    """The folders of the servers of this user that keep their data in memory, and that still run."""
    parent = _memory_folders()
    found = sorted(parent.glob(f"*/{ADDRESS}")) if _is_private(parent) else []
    return [file.parent for file in found if is_owned(file.parent)]


def _memory_folders() -> Path:
    """A folder of this user that a restart of the machine empties."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    temporary = os.environ.get("TMPDIR", "/tmp")
    return Path(runtime, "threadline") if runtime else Path(temporary, f"threadline-{os.getuid()}")


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def is_owned(folder: Path) -> bool:
    """Whether a server has locked the folder."""
    try:
        lock = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def own(folder: Path) -> int:
    """Create the data folder if needed and lock it, until every copy of the returned file descriptor is closed.

    This waits for the remaining processes of a killed server, and finishes an interrupted restore.
    Raises Taken when another server has locked it, OSError when it cannot be created or written.
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
    """Whether the process `owner`, which locked a data folder, has ended, and only its children still hold the lock."""
    try:
        pid = int(owner)
        if pid == os.getpid():  # as in a restarted container, where process ids repeat
            return True
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (ValueError, OSError):
        return not owner  # it has locked the file and not yet written its id
    return False


def finish_restoring(folder: Path) -> None:
    """Move the present data to `replaced-..` and the data of a complete `restoring-..` to its place.

    The caller holds the lock. After an interruption the next call continues: while a folder `restoring-..` exists,
    all data in place is the earlier data.
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
    """Write the list of a folder's files to the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read(file: Path) -> dict[str, Any] | None:
    """The content that `write_private` wrote; None without a file, and an empty dict for anything else."""
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        content = {}
    return content if isinstance(content, dict) else {}


def write_private(file: Path, content: dict[str, Any]) -> None:
    """Write `content` atomically, as JSON that only this user may read."""
    draft = file.with_suffix(".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump(content, out, indent=2)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
