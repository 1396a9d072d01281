"""A server of a test: until it is ready, in a process of its own, and each time that it begins anew."""

import subprocess
import sys

from bench.http import Run

RESETS = 20
PROGRAM = f"""
import boto3, pytest
from time import perf_counter
begun = perf_counter()
from threadline.testing import Threadline
with Threadline() as threadline:
    print(perf_counter() - begun)
    for _ in range({RESETS}):
        threadline.customer().say("hello")
        begun = perf_counter()
        threadline.reset()
        print(perf_counter() - begun)
"""


def ready_and_reset() -> list[Run]:
    """The start of a test server in a process that has pytest and boto3, and its resets after a chat."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    ready, *resets = map(float, done.stdout.split())
    return [Run(ready, [ready]), Run(sum(resets), resets)]
