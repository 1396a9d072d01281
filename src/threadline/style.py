"""Colour for people: on a terminal that knows it, unless NO_COLOR is set; nothing but the text everywhere else."""

import os
import shutil
import sys
import textwrap
from typing import IO

STYLES = {
    "bold": "1",
    "grey": "38;5;243",
    "red": "38;5;160",
    "amber": "38;5;130",
    "green": "38;5;28",
    "teal": "38;5;30",
    "blue": "38;5;63",
}
"""Of the 256 colours that are the same everywhere, those that stand out from black and from white alike.

The first 16 are each theme's own: blue is hardly seen on black, cyan and yellow hardly on white. `red` is for errors.
"""


def knows_style(stream: IO[str]) -> bool:
    """Whether `stream` is a terminal, and somebody who wants more there than the text."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM", "dumb") != "dumb"


def styled(text: str, *styles: str, stream: IO[str] | None = None) -> str:
    """`text` in the given `styles`, for standard output or `stream`; without colours on a terminal of 16."""
    if not knows_style(stream or sys.stdout):
        return text
    if "COLORTERM" not in os.environ and not os.environ["TERM"].endswith(("256color", "direct")):
        styles = ("bold",) if "bold" in styles else ()
    return f"\x1b[{';'.join(STYLES[style] for style in styles)}m{text}\x1b[0m" if styles else text


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
