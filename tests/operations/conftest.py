"""What boto3 sees, on both engines."""

from tests.engines import postgres, threadline, threadline_server

__all__ = ["postgres", "threadline", "threadline_server"]
