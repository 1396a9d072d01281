"""A server that is killed, in part or whole, and is there again afterwards."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

from tests.processes.supervised import COMMAND, PATIENCE_SECONDS, Supervised, children_of, gone
from threadline.testing import Workspace

SURPRISE = re.compile(r"failed request=|Traceback|\.py:\d+ ")


class Killed:
    """`threadline serve` on a data folder, always on the same port. `errors` is the log of those that have ended."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.errors = ""
        self.server = Supervised(data)

    @property
    def workspace(self) -> Workspace:
        return self.server.workspace

    def worker(self) -> None:
        """Kill the process that writes; its parent starts the next."""
        os.kill(self.writer(), signal.SIGKILL)

    def frontend(self) -> None:
        """Kill the process that answers clients; the worker ends with it."""
        os.kill(self._frontends()[0], signal.SIGKILL)

    def parent(self) -> None:
        """Kill the parent alone and start the server again at once, while its orphans end by themselves."""
        self._kill(self.server.parent.pid)

    def all(self) -> None:
        """Kill every process, the parent first so that it starts no other, and start the server again at once."""
        self._kill(self.server.parent.pid, self.writer(), *self._frontends())

    def kill_all(self) -> None:
        """As `all`, and leave it so."""
        for pid in (self.server.parent.pid, self.writer(), *self._frontends()):
            os.kill(pid, signal.SIGKILL)
        self.errors += self.server.end()[1]

    def starting(self, seconds: float) -> None:
        """As `all`, and kill what is started so long after its start, before it is started for good."""
        self.kill_all()
        command = [*COMMAND, "--data", str(self.data), *self._port]
        begun = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        Event().wait(seconds)
        workers = children_of(begun.pid)
        for pid in (begun.pid, *workers):
            os.kill(pid, signal.SIGKILL)
        begun.wait()
        self.start()

    def start(self) -> None:
        """Serve again on the same port, so that everybody finds it."""
        self.server = Supervised(self.data, *self._port)

    @property
    def _port(self) -> tuple[str, str]:
        return "--port", self.server.url.rpartition(":")[2]

    def starts(self) -> bool:
        """Start where that may be impossible; whether it serves, as it says itself or does not."""
        try:
            self.start()
        except AssertionError as refused:
            self.errors += str(refused)
            return False
        return True

    def end(self) -> None:
        """Stop in good order."""
        self.server.signal(signal.SIGTERM)
        self.errors += self.server.end()[1]

    def surprises(self) -> list[str]:
        """Lines of the log that tell of a call that failed, or that show where in the program something did."""
        return [line for line in self.errors.splitlines() if SURPRISE.search(line)]

    def _kill(self, *pids: int) -> None:
        old, orphans = self.server, {self.writer(), *self._frontends()}
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        old.parent.wait()
        self.start()
        self.errors += old.end()[1]
        assert all(gone(pid) for pid in orphans), "processes outlive their parent"

    def writer(self) -> int:
        return _there(lambda: children_of(self.server.parent.pid))[0]

    def _frontends(self) -> list[int]:
        return _there(lambda: children_of(self.writer()))


def _there(children: Callable[[], list[int]]) -> list[int]:
    """Wait until there are some: a server that was just killed may have none for a moment."""
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if found := children():
                return found
        except FileNotFoundError:  # its parent has ended meanwhile
            pass
        assert monotonic() < deadline, "the server has not started anew"


@contextmanager
def killed(data: Path) -> Iterator[Killed]:
    server = Killed(data)
    try:
        yield server
    except BaseException:
        server.server.signal(signal.SIGKILL)  # its orphans end by themselves
        server.server.end()
        raise
    server.end()
