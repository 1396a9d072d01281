"""The fixtures of `tests.command_line`."""

from tests.command_line import here, nowhere, run

__all__ = ["here", "nowhere", "run"]
