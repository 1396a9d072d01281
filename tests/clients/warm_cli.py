"""The genuine AWS CLI, loaded once for many command lines: see warm/warm_aws.py."""

import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

from tests.clients.awscli import aws_cli
from tests.clients.warm.warm_aws import LISTENING

PLUGINS = Path(__file__).parent / "warm"
SECONDS_MAX = 60


class WarmCli:
    """A running program; a context manager that ends it. Threads may share it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        (folder / "config.ini").write_text(
            f"[plugins]\ncli_legacy_plugin_path = {PLUGINS}\nwarm = warm_aws\n"
        )
        self._address = str(folder / "socket")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self._address)
            listening.listen()
            self._process = subprocess.Popen(
                [aws_cli(), "--version"],
                env={
                    "PATH": os.environ["PATH"],
                    "LC_ALL": "C.UTF-8",
                    "AWS_CONFIG_FILE": str(folder / "config.ini"),
                    "AWS_REGION": "us-east-1",
                    LISTENING: str(listening.fileno()),
                },
                stdin=subprocess.DEVNULL,
                pass_fds=(listening.fileno(),),
            )

    def run(
        self, words: list[str], folder: Path, environment: Mapping[str, str], out: IO[bytes], err: IO[bytes]
    ) -> int:
        """The exit status of one command line, after it has written to `out` and `err`."""
        asked = {"words": words, "folder": str(folder), "environment": dict(environment)}
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(SECONDS_MAX)
            connection.connect(self._address)
            socket.send_fds(connection, [json.dumps(asked).encode()], [out.fileno(), err.fileno()])
            status = connection.recv(16)
        assert status, f"The AWS CLI went away over {words}"
        return int(status)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(SECONDS_MAX)
        self._folder.cleanup()
