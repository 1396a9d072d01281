"""No pattern takes long: a text from a client must not stop the server, nor a word of the command line the command.

The patterns are tried in another process, since one that takes for ever could not be stopped in this one.
"""

import ast
import json
import re
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from select import select
from typing import NamedTuple

import pytest

import threadline
from threadline.aws.model import load
from threadline.aws.names import SERVICES
from threadline.aws.validate import PATTERN_CHARACTERS_MAX

PATIENCE_SECONDS = 60
"""Time for the attacks on one pattern, which take a tenth of a second on an idle machine."""


class Tried(NamedTuple):
    """A pattern, the length of the texts it is tried with, and its flags."""

    pattern: str
    size: int
    flags: int | None = None


def patterns() -> list[Tried]:
    """Every pattern of the three models, with the longest text that is ever matched against it."""
    longest: dict[str, int] = {}
    for service in SERVICES:
        for shape in load(service).shapes.values():
            if "pattern" in shape:
                size = min(shape.get("max", PATTERN_CHARACTERS_MAX), PATTERN_CHARACTERS_MAX)
                longest[shape["pattern"]] = max(size, longest.get(shape["pattern"], 0))
    return [Tried(*row) for row in sorted(longest.items())]


def our_patterns() -> list[Tried]:
    """Every pattern that a module of the package has compiled or passes to `re` as a literal."""
    found: set[tuple[str | bytes, int]] = set()
    for module in walk_packages(threadline.__path__, "threadline."):
        if module.name.endswith("__main__"):
            continue
        with suppress(ModuleNotFoundError):  # a package that is optional
            values = vars(import_module(module.name)).values()
            found |= {(value.pattern, value.flags) for value in values if isinstance(value, re.Pattern)}
    for file in Path(threadline.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name("re")),
                    args=[ast.Constant(value=(str() | bytes()) as pattern), *_],
                ):
                    found.add((pattern, 0))
    return sorted(
        Tried(*row) for row in {(_text(pattern), 256, flags & ~re.UNICODE) for pattern, flags in found}
    )


def _text(pattern: str | bytes) -> str:
    return pattern if isinstance(pattern, str) else pattern.decode("latin-1")


def busy(tried: list[Tried], seconds: float) -> str | None:
    """The first of `tried` for which an attack takes longer than `seconds`."""
    command = [sys.executable, "-m", "tests.aws.attacks"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(tried).encode())
        child.stdin.close()
        try:
            for pattern, *_ in tried:
                assert child.stdout.readline() == b"next\n"
                if not select([child.stdout], [], [], seconds)[0]:
                    return pattern
            assert child.stdout.readline() == b"done\n"
            return None
        finally:
            child.kill()


def test_no_pattern_of_the_models_can_be_kept_busy() -> None:
    assert len(patterns()) > 30
    assert busy(patterns(), PATIENCE_SECONDS) is None


def test_no_pattern_of_ours_can_be_kept_busy() -> None:
    assert len(our_patterns()) > 20
    assert busy(our_patterns(), PATIENCE_SECONDS) is None


SLOW = [
    r"^(a+)+$",
    r"^(?:\w|\d\d?)+:$",
    r"^(/[^@]*)*\.$",
    r"^(?:[a-z0-9]+_?)+$",
    r'"(?:\\\\|\\"|[^"])*"',
]


@pytest.mark.parametrize("pattern", SLOW)
def test_the_attacks_find_a_pattern_that_can(pattern: str) -> None:
    assert busy([Tried(r"^[a-z]*$", 256), Tried(pattern, 256, 0)], 1.5) == pattern
