"""How a conversation reads, on both engines."""

from tests.engines import postgres, threadline, threadline_server
from tests.streams.aws import aws

__all__ = ["aws", "postgres", "threadline", "threadline_server"]
