"""`threadline serve` as it is run: a process of its own, with its data in a folder."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from threadline.testing import Workspace

STOP_SECONDS = 15


class Served:
    """A served data folder; `workspace` reaches it, `worker()` is the process that answers."""

    def __init__(self, data: Path) -> None:
        command = [sys.executable, "-m", "threadline"]
        self.process = subprocess.Popen(
            [*command, "serve", "--port", "0", "--data", str(data)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.told: list[str] = []
        while "http://127.0.0.1:" not in "".join(self.told):
            line = self.process.stdout.readline()
            assert line, f"it ended after telling: {self.told}"
            self.told.append(line)
        lines = subprocess.run(
            [*command, "env", "--data", str(data)], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        exports = [line.removeprefix("export ") for line in lines if line.startswith("export ")]
        env = dict(export.replace("'", "").split("=", 1) for export in exports)
        self.workspace = Workspace(env["AWS_ENDPOINT_URL_CONNECT"], env)

    def worker(self) -> int:
        """The worker's process id; it is the parent's only child."""
        parent = self.process.pid
        (child,) = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return int(child)

    def kill_worker(self) -> None:
        """Kill -9."""
        os.kill(self.worker(), signal.SIGKILL)

    def stop(self) -> int:
        """End it as an operator does; returns its exit status."""
        self.workspace.close()
        self.process.terminate()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()
