"""Colours text on a terminal that supports it, unless NO_COLOR is set. Other output gets plain text."""

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
"""Colours that are legible on black and on white, of the 240 that are the same in every theme.

The first 16 of the 256 vary by theme: blue is hardly legible on black, cyan and yellow hardly on white. `red` is for
errors.
"""


def knows_style(stream: IO[str]) -> bool:
    """Whether `stream` is a terminal that supports colour, and the user has not switched it off."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM", "dumb") != "dumb"


def styled(text: str, *styles: str, stream: IO[str] | None = None) -> str:
    """`text` in the given `styles`, for standard output or `stream`; only bold on a terminal of 16 colours."""
    if not knows_style(stream or sys.stdout):
        return text
    if "COLORTERM" not in os.environ and not os.environ["TERM"].endswith(("256color", "direct")):
        styles = ("bold",) if "bold" in styles else ()
    return f"\x1b[{';'.join(STYLES[style] for style in styles)}m{text}\x1b[0m" if styles else text


def padded(text: str, width: int, *styles: str) -> str:
    """`text`, styled and padded with spaces to `width` columns."""
    return styled(text, *styles) + " " * max(width - len(text), 0)


def folded(text: str, column: int, margin: str, *styles: str, stream: IO[str] | None = None) -> str:
    """`text` that begins at `column`, wrapped to the terminal's width, with `margin` before each further line.

    Output that is no terminal gets one line. `stream` is standard output unless another is given.
    """
    if not (stream or sys.stdout).isatty():
        return text
    terminal = shutil.get_terminal_size() if stream is None else os.get_terminal_size(stream.fileno())
    width = max((terminal.columns or 80) - column, 20)  # some terminals say 0 columns
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{margin}".join(styled(line, *styles) for line in lines)


def say(text: str) -> None:
    """Print `text` on standard error after the program's name, wrapped between words on a terminal."""
    name = "threadline: "
    lines = [folded(line, len(name), " " * len(name), stream=sys.stderr) for line in text.split("\n")]
    print(name + "\n".join(lines), file=sys.stderr, flush=True)
