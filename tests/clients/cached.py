"""Make a folder once, however many test processes ask for it at the same moment."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache"


def folder(name: str, fill: Callable[[Path], None]) -> Path:
    """Return `.cache/name`, filled by `fill(folder)` if this is the first to ask for it.

    The folder appears complete or not at all: it is filled beside its place, under a lock shared by all
    processes, then renamed.
    """
    ready = CACHE / name
    if ready.is_dir():
        return ready
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.is_dir():
            fresh = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=CACHE))
            try:
                fill(fresh)
                os.replace(fresh, ready)
            except BaseException:
                shutil.rmtree(fresh, ignore_errors=True)
                raise
    return ready
