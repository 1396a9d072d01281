"""No pattern of a model can be kept busy: a client that sends a bad text must not stop the server.

The patterns are tried in another process, since one that takes for ever could not be stopped in this one.
"""

import json
import subprocess
import sys
from select import select

import pytest

from threadline.wire.model import load
from threadline.wire.names import SERVICES
from threadline.wire.validate import PATTERN_CHARACTERS_MAX

PATIENCE_SECONDS = 60
"""Time for the attacks on one pattern, which take a tenth of a second on an idle machine."""


def patterns() -> list[tuple[str, int]]:
    """Every pattern of the three models, with the longest text that is ever matched against it."""
    longest: dict[str, int] = {}
    for service in SERVICES:
        for shape in load(service).shapes.values():
            if "pattern" in shape:
                size = min(shape.get("max", PATTERN_CHARACTERS_MAX), PATTERN_CHARACTERS_MAX)
                longest[shape["pattern"]] = max(size, longest.get(shape["pattern"], 0))
    return sorted(longest.items())


def busy(tried: list[tuple[str, int]], seconds: float) -> str | None:
    """The first of `tried` that an attack keeps busy for longer than `seconds`."""
    command = [sys.executable, "-m", "tests.wire.attacks"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(tried).encode())
        child.stdin.close()
        try:
            for pattern, _ in tried:
                assert child.stdout.readline() == b"next\n"
                if not select([child.stdout], [], [], seconds)[0]:
                    return pattern
            assert child.stdout.readline() == b"done\n"
            return None
        finally:
            child.kill()


def test_no_pattern_of_the_models_can_be_kept_busy() -> None:
    assert len(patterns()) > 50
    assert busy(patterns(), PATIENCE_SECONDS) is None


@pytest.mark.parametrize(
    "pattern", [r"^(a+)+$", r"^(?:\w|\d\d?)+:$", r"^(/[^@]*)*\.$", r"^(?:[a-z0-9]+_?)+$"]
)
def test_the_attacks_find_a_pattern_that_can(pattern: str) -> None:
    assert busy([(r"^[a-z]*$", 256), (pattern, 256)], 1.5) == pattern
