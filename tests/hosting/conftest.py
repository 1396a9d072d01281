"""The fixture `postgres` of `tests.engines`."""

from tests.engines import postgres

__all__ = ["postgres"]
