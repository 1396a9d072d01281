"""Colour for people: on a terminal that knows it, unless NO_COLOR is set; nothing but the text everywhere else."""

import os
import shutil
import sys
import textwrap
from typing import IO

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "blue": "34", "cyan": "36"}


def knows_colour(stream: IO[str]) -> bool:
    """Whether `stream` is a terminal that shows colours, and somebody who wants them."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def styled(text: str, *styles: str, stream: IO[str] | None = None) -> str:
    """`text` in the given `styles`, for standard output or `stream`."""
    if not knows_colour(stream or sys.stdout):
        return text
    return f"\x1b[{';'.join(STYLES[style] for style in styles)}m{text}\x1b[0m"


def padded(text: str, width: int, *styles: str) -> str:
    """`text` styled and filled up with spaces to `width` columns."""
    return styled(text, *styles) + " " * max(width - len(text), 0)


def folded(text: str, column: int, margin: str, *styles: str) -> str:
    """`text`, begun at `column`, in lines that fit the terminal, the further ones after `margin`; else in one."""
    if not sys.stdout.isatty():
        return text
    width = max(shutil.get_terminal_size().columns - column, 20)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{margin}".join(styled(line, *styles) for line in lines)
