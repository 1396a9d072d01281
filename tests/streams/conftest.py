"""Servers on both engines with the services of moto around them."""

from collections.abc import Iterator

import pytest

from tests.engines import postgres, store_of
from tests.streams.aws import Aws, aws
from threadline.testing import Threadline
from threadline.testing.options import Options

__all__ = ["aws", "postgres"]


@pytest.fixture(params=["sqlite", "postgres"])
def threadline(request: pytest.FixtureRequest, aws: Aws) -> Iterator[Threadline]:
    """A server on each engine that reaches SNS."""
    options: Options = {**store_of(request), "sns_url": aws.url}
    with Threadline(verify=True, **options) as server:
        yield server
