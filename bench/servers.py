"""The servers that are measured, each in a process of its own."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from socket import create_connection, create_server
from time import monotonic, sleep
from typing import Any, NamedTuple
from urllib.parse import quote

from bench.http import request

LONG = "86400"
READY_SECONDS = 60


class Server(NamedTuple):
    """A server that answers on 127.0.0.1."""

    process: subprocess.Popen[str]
    port: int

    def resident_mb(self) -> float:
        """Memory in use by the server's processes, in megabytes of 2^20 bytes."""
        table = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True
        ).stdout
        rows = [tuple(map(int, line.split())) for line in table.splitlines()]
        return sum(rss for pid, parent, rss in rows if self.process.pid in (pid, parent)) / 1024


@contextmanager
def threadline(folder: Path) -> Iterator[Server]:
    """Threadline with its data in `folder`, fsync and all; chats nobody connects to stay for the whole run."""
    command = [sys.executable, "-m", "threadline", "serve", "--port", "0", "--data", str(folder)]
    patience = {"THREADLINE_CHAT_CONNECT_SECONDS": LONG, "THREADLINE_LOG_LEVEL": "error"}
    with _running(command, stdout=subprocess.PIPE, env={**os.environ, **patience}) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                yield Server(process, int(found[1]))
                return
        raise RuntimeError("threadline did not start")


@contextmanager
def moto() -> Iterator[Server]:
    """moto_server, as its users start it."""
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _wait_for(port)
        yield Server(process, port)


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


def _wait_for(port: int) -> None:
    deadline = monotonic() + READY_SECONDS
    while monotonic() < deadline:
        try:
            create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")


@contextmanager
def _running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, text=True, stdin=subprocess.DEVNULL, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)
