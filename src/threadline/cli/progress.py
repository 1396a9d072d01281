"""The progress of a long command: one line on standard error, only on a terminal."""

import shutil
import sys
from typing import Self

from threadline.clock import Clock

QUIET_MS = 2_000
REDRAWN_MS = 200


class Live:
    """The progress line: call it with the step, the amount done and the total. Leaving its context clears it."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._due_ms = self._clock.now_ms() + QUIET_MS
        self._is_drawn = False

    def __call__(self, step: str, done: int, of: int) -> None:
        now_ms = self._clock.now_ms()
        if now_ms < self._due_ms or not sys.stderr.isatty():
            return
        self._due_ms = now_ms + REDRAWN_MS
        self._is_drawn = True
        share = f"{100 * done // of:3} % {step}" if of else f"{step} .."
        sys.stderr.write(f"\r\x1b[K{share[: shutil.get_terminal_size().columns - 1]}")
        sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def clear(self) -> None:
        """Erase the line before other output."""
        if self._is_drawn:
            self._is_drawn = False
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
