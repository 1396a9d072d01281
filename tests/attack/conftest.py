from tests.engines import postgres

__all__ = ["postgres"]
