"""Long output on a terminal goes through a pager: `cli_pager`, `AWS_PAGER`, `PAGER`, else `less`."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from threadline.cli.endpoint import Surroundings
from threadline.cli.failures import BadConfiguration

LESS_OPTIONS = "FRX"


@contextmanager
def output(surroundings: Surroundings) -> Iterator[IO[str]]:
    """The pager that is configured; standard output when none is."""
    command = _command(surroundings)
    if not command:
        yield sys.stdout
        return
    environment = {"LESS": LESS_OPTIONS, **os.environ}
    try:
        process = subprocess.Popen(
            shlex.split(command), stdin=subprocess.PIPE, text=True, env=environment, errors="replace"
        )
    except OSError as error:
        raise BadConfiguration(
            f"Unable to redirect output to pager. Received the following error when opening pager:\n{error}"
        ) from error
    assert process.stdin is not None
    try:
        with suppress(BrokenPipeError):
            yield process.stdin
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()


def _command(surroundings: Surroundings) -> str:
    for source in (surroundings.environment.get("AWS_PAGER"), surroundings.profile.text("cli_pager")):
        if source is not None:
            return source
    return surroundings.environment.get("PAGER", "less")
