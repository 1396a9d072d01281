"""The fixtures of `tests.command_line`."""

from tests.command_line import nowhere

__all__ = ["nowhere"]
