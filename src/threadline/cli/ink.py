"""Colour for people: on a terminal only, and never when NO_COLOR is set."""

import os
from typing import TextIO

VOICES = {"CUSTOMER": "36", "AGENT": "33", "SYSTEM": "35", "CUSTOM_BOT": "35", "SUPERVISOR": "34"}


class Ink:
    """Marks up text for one stream, or leaves it as it is."""

    def __init__(self, stream: TextIO) -> None:
        self._on = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def bold(self, text: str) -> str:
        """Text that stands out."""
        return self._in("1", text)

    def dim(self, text: str) -> str:
        """Text that stands back."""
        return self._in("2", text)

    def good(self, text: str) -> str:
        """What is there."""
        return self._in("32", text)

    def voice(self, text: str, role: str) -> str:
        """What somebody of this role says."""
        return self._in(VOICES.get(role, "0"), text)

    def title(self, text: str) -> str:
        """A heading with a line under it."""
        return f"{self._in('1', text)}\n{self._in('2', '─' * len(text))}"

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._on else text
