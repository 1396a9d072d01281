"""How a conversation reads, on both engines."""

from tests.engines import postgres, threadline, threadline_server

__all__ = ["postgres", "threadline", "threadline_server"]
