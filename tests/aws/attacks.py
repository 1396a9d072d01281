"""Texts that make a regular expression backtrack, and a child process that tries them.

Run as a script it reads patterns as JSON, pairs of text and length, and writes a line before it tries each. A pattern
of a model comes without flags, one of our own with the flags of `re`.
"""

import json
import re
import sys
from collections.abc import Iterator
from itertools import product

SIMPLE = ["a", "A", "0", "-", "_", " ", ".", "/", ":", "@", "$", "\u00e9", "\u20ac", "\n"]
PAIRS = [a + b for a, b in product("a0-_./:@", repeat=2) if a != b]
HEADS = ["", "a@a", "arn:aws:connect:us-east-1:1:instance/", "https://a.s3.", '"', "'"]
TAILS = ["", "\0", "@"]


def attacks(pattern: str, size: int) -> Iterator[str]:
    """Long runs of one or two characters and of the pattern's own words, with ends that prevent a match."""
    own = set(re.sub(r"\\[pP]\{\w\}", "", pattern)) - set(SIMPLE)
    words = re.findall(r"[a-z0-9]{2,}[:/.]*", pattern)
    for head, piece, tail in product(HEADS, [*SIMPLE, *sorted(own), *words, *PAIRS], TAILS):
        room = max(size - len(head) - len(tail), 0)
        yield head + (piece * room)[:room] + tail


def main() -> None:
    from threadline.aws.validate import compiled_pattern

    for pattern, size, flags in json.load(sys.stdin):
        print("next", flush=True)
        compiled = compiled_pattern(pattern) if flags is None else re.compile(pattern, flags)
        for text in attacks(pattern, size):
            compiled.search(text)
    print("done", flush=True)


if __name__ == "__main__":
    main()
