from tests.engines import postgres, threadline_server

__all__ = ["postgres", "threadline_server"]
