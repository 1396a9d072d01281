"""Shows long output on a terminal in a pager: `cli_pager`, `AWS_PAGER`, `PAGER`, else `less`."""

import io
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, cast

from threadline.client.failures import BadConfiguration
from threadline.client.session import ClientSession

LESS_OPTIONS = "FRX"


@contextmanager
def output(session: ClientSession) -> Iterator[IO[str]]:
    """A stream to the configured pager, which the first text starts; standard output when none is configured."""
    command = _command(session)
    if not command:
        yield sys.stdout
        return
    pager = _Pager(command)
    try:
        with suppress(BrokenPipeError):
            yield cast(IO[str], pager)
    finally:
        pager.finish()


class _Pager(io.TextIOBase):
    """Starts the pager at the first output, so that Ctrl-C during a slow call does not leave a pager open."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._process: subprocess.Popen[str] | None = None

    def write(self, text: str) -> int:
        if self._process is None:
            self._process = self._start()
        assert self._process.stdin is not None
        return self._process.stdin.write(text)

    def _start(self) -> "subprocess.Popen[str]":
        environment = {"LESS": LESS_OPTIONS, **os.environ}
        words = shlex.split(self._command)
        try:
            return subprocess.Popen(
                words, stdin=subprocess.PIPE, text=True, env=environment, errors="replace"
            )
        except OSError as error:
            raise BadConfiguration(
                f"Unable to redirect output to pager. Received the following error when opening pager:\n{error}"
            ) from error

    def finish(self) -> None:
        """Wait until the pager ends. Until then only the pager handles Ctrl-C."""
        if self._process is None:
            return
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            assert self._process.stdin is not None
            with suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.wait()
        finally:
            signal.signal(signal.SIGINT, before)


def _command(session: ClientSession) -> str:
    for source in (session.environment.get("AWS_PAGER"), session.profile.text("cli_pager")):
        if source is not None:
            return source
    return session.environment.get("PAGER", "less")
