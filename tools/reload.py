"""`make run RELOAD=1`: run `threadline serve`, and reload it when a file of the package has changed.

A reload is the server's own, by SIGHUP: its parent process keeps the listening socket, the worker finishes its
requests, and the next worker imports the new files. The parent itself and its settings stay as they were.
"""

import signal
import subprocess
import sys
from pathlib import Path

import threadline

LOOK_SECONDS = 0.3
PACKAGE = Path(threadline.__file__).parent

Snapshot = dict[Path, int]
"""Each file and when it was written, in nanoseconds."""


def snapshot(folder: Path) -> Snapshot:
    """The files below `folder`, without what Python compiles."""
    found: Snapshot = {}
    for file in folder.rglob("*.*"):
        if "__pycache__" not in file.parts:
            try:
                found[file] = file.stat().st_mtime_ns
            except OSError:  # an editor's own file, gone again
                continue
    return found


def run(server: subprocess.Popen[bytes], folder: Path) -> int:
    """Reload `server` after each change below `folder` until it ends; its exit status.

    A reload waits until two looks in a row see the same, so that a checkout of many files is one change.
    """
    loaded = last = snapshot(folder)
    while True:
        try:
            return server.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            now = snapshot(folder)
        if now == last and now != loaded:
            changed = {file for file, _ in loaded.items() ^ now.items()}
            names = ", ".join(sorted(str(file.relative_to(folder)) for file in changed))
            print(f"reload: {names}", file=sys.stderr, flush=True)
            server.send_signal(signal.SIGHUP)
            loaded = now
        last = now


def main(arguments: list[str], folder: Path = PACKAGE) -> int:
    """Serve with `arguments` until told to stop."""
    server = subprocess.Popen([sys.executable, "-m", "threadline", "serve", *arguments], process_group=0)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: server.send_signal(number))
    return run(server, folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
