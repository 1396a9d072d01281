"""Where a server lives: its listening socket, its URL, its data folder and the lock that makes the folder its own.

Kept apart and light, since the supervising parent needs nothing else of the package.
"""

import fcntl
import json
import os
import socket
from pathlib import Path
from typing import Any

BACKLOG = 4_096
"""Connections that wait while no worker runs; the system's own bound (net.core.somaxconn) may be lower."""

DATABASE, WORKSPACE, ADDRESS, LOCK = "threadline.db", "workspace.json", "server.json", "server.lock"
"""The files of a data folder."""


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

    Raises Taken when another server has locked it, OSError when it cannot be made or written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(lock, 20).decode().strip() or "unknown"
        os.close(lock)
        raise Taken(
            f"The data folder {folder} is in use by another server (process {owner}): stop it, or choose another."
        ) from None
    os.truncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def write_private(file: Path, content: dict[str, Any]) -> None:
    """Write `content` as JSON that only this user may read: all of it or nothing."""
    draft = file.with_suffix(".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump(content, out, indent=2)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
