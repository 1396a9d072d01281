import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _nothing_went_wrong_unsaid(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """A server that answers a test must not log an error behind its back: no 500, no failed task."""
    yield
    if {"threadline", "threadline_server"} & set(request.fixturenames):
        records = [record for phase in ("setup", "call") for record in caplog.get_records(phase)]
        assert not [record.getMessage() for record in records if record.levelno >= logging.ERROR]
