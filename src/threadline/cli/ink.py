"""Colour for people: on a terminal that knows it, unless NO_COLOR is set; nothing but the text everywhere else."""

import os
import sys

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "blue": "34", "cyan": "36"}


def styled(text: str, *styles: str) -> str:
    """`text` in the given `styles`."""
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{';'.join(STYLES[style] for style in styles)}m{text}\x1b[0m"


def padded(text: str, width: int, *styles: str) -> str:
    """`text` styled and filled up with spaces to `width` columns."""
    return styled(text, *styles) + " " * max(width - len(text), 0)
