"""`threadline serve` as its users run it: a process of its own, which the tests signal, kill and watch."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from threadline.testing.workspace import Workspace, environment

PATIENCE_SECONDS = 120.0
COMMAND = [sys.executable, "-m", "threadline", "serve"]


class Supervised:
    """A running server: its parent process, the URL it printed, and its data folder.

    `under` is a command that runs it, such as one that sets limits.
    """

    def __init__(
        self, data: Path | str, *options: str, env: dict[str, str] | None = None, under: Sequence[str] = ()
    ) -> None:
        self.data = data
        self._errors = os.memfd_create(
            "stderr"
        )  # a pipe that nobody empties holds up a server that logs much
        self.parent = subprocess.Popen(
            [*under, *COMMAND, "--data", str(data), *(options or ("--port", "0"))],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,  # so that what can be read is seen by select
            env=os.environ | (env or {}),
        )
        self.url = self.said("Threadline serves at ")

    def said(self, what: str, seconds: float = PATIENCE_SECONDS) -> str:
        """Wait for a line of standard output that begins with `what`. Return the rest of it."""
        assert self.parent.stdout is not None
        while True:
            ready, _, _ = select.select([self.parent.stdout], [], [], seconds)
            line = self.parent.stdout.readline().decode() if ready else ""
            if line.startswith(what):
                return line.removeprefix(what).strip()
            if not line:
                self.kill()
                raise AssertionError(f"no {what!r}; on standard error: {self.end()[1]}")

    @property
    def workspace(self) -> Workspace:
        """The demo's workspace, by the files of the data folder."""
        ids: dict[str, Any] = json.loads((Path(self.data) / "workspace.json").read_text())
        return Workspace(self.url, environment(self.url, ids))

    def worker(self) -> int:
        """The process id of the worker."""
        (worker,) = children_of(self.parent.pid)
        return worker

    def frontends(self) -> list[int]:
        """The process ids of the frontends beside the worker."""
        return children_of(self.worker())

    def signal(self, number: signal.Signals) -> None:
        self.parent.send_signal(number)

    def kill(self) -> None:
        """Kill all processes of the server. A worker that is stopped would outlive its parent."""
        if self.parent.poll() is None:
            self.signal(signal.SIGSTOP)  # so that it starts no further worker
            below = descendants_of(self.parent.pid)
            for pid in (self.parent.pid, *below):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def end(self) -> tuple[int, str]:
        """Wait for the end. Return the exit status and the text on standard error."""
        try:
            self.parent.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        if self._errors >= 0:
            self._said = os.pread(self._errors, os.fstat(self._errors).st_size, 0).decode()
            os.close(self._errors)
            self._errors = -1
        return self.parent.returncode, self._said


@contextmanager
def supervised(
    data: Path | str, *options: str, env: dict[str, str] | None = None, under: Sequence[str] = ()
) -> Iterator[Supervised]:
    server = Supervised(data, *options, env=env, under=under)
    try:
        yield server
    finally:
        server.signal(signal.SIGTERM)  # does nothing to one that has ended
        server.end()


def children_of(pid: int) -> list[int]:
    """The processes that `pid` has started and that run."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descendants_of(pid: int) -> list[int]:
    """The processes that `pid` has started and that run, those that they have started, and so on."""
    children = children_of(pid)
    return children + [below for child in children for below in descendants_of(child)]


def gone(pid: int) -> bool:
    """Wait for any process to end; False when it does not in time."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], PATIENCE_SECONDS)[0])
    finally:
        os.close(fd)


def refused(data: Path, *options: str, **env: str) -> str:
    """The message of a start that is refused. It is one line."""
    done = subprocess.run(
        [*COMMAND, "--port", "0", "--data", str(data), *options],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env=os.environ | env,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr
