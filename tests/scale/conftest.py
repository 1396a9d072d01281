"""Several nodes on one PostgreSQL."""

from tests.engines import postgres

__all__ = ["postgres"]
