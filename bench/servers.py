"""The servers that are measured, each in a process of its own."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from socket import create_connection, create_server
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter, sleep
from typing import Any, NamedTuple
from urllib.parse import quote

from bench.http import request
from bench.processes import use_of

LONG = "86400"
READY_SECONDS = 60
SQLITE, POSTGRES = "SQLite, fsync before the reply", "PostgreSQL, fsync before the reply"
MEMORY = "in memory"


class Server(NamedTuple):
    """A server that answers on 127.0.0.1. `keeps` says how durable it is; it took `seconds` to start."""

    process: subprocess.Popen[str]
    port: int
    keeps: str
    seconds: float = 0.0

    def resident_mb(self) -> float:
        """Memory in use by the server's processes, in megabytes of 2^20 bytes."""
        return use_of(self.process.pid).resident_mb


@contextmanager
def threadline(folder: Path, store: str = "", bus: str = "") -> Iterator[Server]:
    """Threadline with its data in `folder`, or in `store` on PostgreSQL, fsync and all; chats nobody connects to
    stay for the whole run, and as many sockets as one likes are let in.
    """
    command = [sys.executable, "-m", "threadline", "serve", "--port", "0", "--data", str(folder)]
    settings = {
        "THREADLINE_CHAT_CONNECT_SECONDS": LONG,
        "THREADLINE_CONNECTIONS_MAX": "50000",
        "THREADLINE_LOG_LEVEL": "error",
        "THREADLINE_STORE": store,
        "THREADLINE_ENCRYPTION_KEY": "0" * 64,
        "THREADLINE_BUS": bus,
    }
    start = perf_counter()
    with running(command, stdout=subprocess.PIPE, env={**os.environ, **settings}) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                keeps = POSTGRES if store else SQLITE
                yield Server(process, int(found[1]), kept(keeps, folder), perf_counter() - start)
                return
        raise RuntimeError("threadline did not start")


@asynccontextmanager
async def backups_of(folder: Path) -> AsyncIterator[None]:
    """`threadline backup` of `folder`, one after the other, as long as the context lasts."""

    async def copy_again_and_again() -> None:
        while True:
            with TemporaryDirectory(dir=folder.parent) as to:
                command = [sys.executable, "-m", "threadline", "backup", f"{to}/copy", "--data", str(folder)]
                process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)
                try:
                    assert await process.wait() == 0, "the backup failed"
                finally:
                    if process.returncode is None:
                        process.kill()
                        await process.wait()

    copying = asyncio.create_task(copy_again_and_again())
    yield
    assert not copying.done(), "backups ended early"
    copying.cancel()
    with suppress(asyncio.CancelledError):
        await copying


@contextmanager
def moto() -> Iterator[Server]:
    """moto_server, as its users start it."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for(port)
        yield Server(process, port, MEMORY)


def moto_tag_requests(server: Server, count: int) -> list[bytes]:
    """`count` TagResource calls on an instance made for them. moto checks no signature and only reads its scope."""
    scope = {"Authorization": "AWS4-HMAC-SHA256 Credential=key/20261122/us-east-1/connect/aws4_request"}
    wanted = {
        "IdentityManagementType": "CONNECT_MANAGED",
        "InboundCallsEnabled": False,
        "OutboundCallsEnabled": False,
    }
    connection = HTTPConnection("127.0.0.1", server.port)
    connection.request("PUT", "/instance", json.dumps(wanted), scope)
    path = f"/tags/{quote(json.loads(connection.getresponse().read())['Arn'], safe='')}"
    connection.close()
    bodies = (json.dumps({"tags": {"number": str(number)}}).encode() for number in range(count))
    return [request("POST", path, server.port, body, scope) for body in bodies]


def kept(how: str, folder: Path) -> str:
    """Return how durable the files in `folder` are: `how`, unless the file system is in memory."""
    return f"{MEMORY} ({how})" if file_system(folder) in {"tmpfs", "ramfs"} else how


def file_system(folder: Path) -> str:
    """The type of the file system that `folder` is on."""
    command = ["df", "--output=fstype", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]


def wait_for(port: int) -> None:
    """Wait until a server listens on `port` of 127.0.0.1. Raises TimeoutError."""
    deadline = monotonic() + READY_SECONDS
    while monotonic() < deadline:
        try:
            create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")


def free_port() -> int:
    """Return a free port."""
    with create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a process for as long as the block runs."""
    with subprocess.Popen(command, text=True, stdin=subprocess.DEVNULL, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)
