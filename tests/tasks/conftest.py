"""The workspace of the tests of flows."""

from tests.flows.fixture import fixture

__all__ = ["fixture"]
