"""One call through the command line: `threadline`, and the genuine AWS CLI, in turn."""

import os
import subprocess
import sys
from time import perf_counter

from bench.http import Run
from tests.clients.awscli import aws_cli
from threadline.testing.workspace import MODELS

CALL = ("connect", "list-users", "--instance-id")


def call_seconds(program: list[str], env: dict[str, str]) -> float:
    """Wall time of one call in a process of its own, from its start to its end."""
    settings = {"PATH": os.environ["PATH"], "AWS_DATA_PATH": MODELS, "AWS_PAGER": "", **env}
    started = perf_counter()
    subprocess.run(
        [*program, *CALL, env["THREADLINE_INSTANCE_ID"]], env=settings, stdout=subprocess.DEVNULL, check=True
    )
    return perf_counter() - started


def both(env: dict[str, str]) -> list[Run]:
    """One call with `threadline` and one with the AWS CLI, one after the other."""
    programs = [sys.executable, "-m", "threadline"], [str(aws_cli())]
    return [Run(seconds, [seconds]) for seconds in (call_seconds(program, env) for program in programs)]
