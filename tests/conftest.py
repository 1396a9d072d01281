import logging
import os
from collections.abc import Iterator
from importlib.metadata import version
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

from threadline.aws.model import load
from threadline.aws.names import SERVICES
from threadline.client.participants import ScriptedParticipant
from threadline.operations.registry import OPERATIONS
from threadline.testing import Threadline

# A shell may be full of AWS credentials and proxies: no test wants those, nor does a process that a test starts.
for name in list(os.environ):
    if name.startswith("AWS_") or name.lower() in {"http_proxy", "https_proxy", "all_proxy"}:
        del os.environ[name]

# Nor a server that somebody else runs in memory.
_runtime = TemporaryDirectory(prefix="threadline-tests-")
os.environ["XDG_RUNTIME_DIR"] = _runtime.name

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

# The same goes for how long an item takes: only a test that fails waits for this time.
ScriptedParticipant.patience_seconds = 60

CURRENT = (1, 44, 5)
"""The botocore from which on every test runs. An older one, as in tests/oldest.txt, knows less of the model."""


def is_in_model(name: str) -> bool:
    """Whether the installed botocore knows a member of a shape, or a value: `connect.Contact.NextContacts`."""
    service, shape, part = name.split(".")
    shapes = next(load(known).shapes for known in SERVICES if known == service)
    found = shapes.get(shape) or {}
    return part in (found.get("members") or found.get("enum") or ())


for service, name in list(OPERATIONS):
    if name not in load(service).operations:  # an older botocore, as in tests/oldest.txt
        del OPERATIONS[service, name]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of members that an older model lacks, by their marks `model_has`."""
    lacking = {
        item: missing
        for item in items
        for mark in item.iter_markers("model_has")
        if (missing := [name for name in mark.args if not is_in_model(name)])
    }
    if lacking and tuple(map(int, version("botocore").split("."))) >= CURRENT:
        raise pytest.UsageError(f"botocore {version('botocore')} knows no {next(iter(lacking.values()))}")
    config.hook.pytest_deselected(items=list(lacking))
    items[:] = [item for item in items if item not in lacking]


@pytest.fixture
def verifying_server() -> Iterator[Threadline]:
    """A server that verifies signatures, as every one does that is not for tests."""
    with Threadline(verify=True) as server:
        yield server


@pytest.fixture(autouse=True)
def _nothing_went_wrong_unsaid(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """A server that answers a test must not log an error behind its back: no 500, no failed task."""
    yield
    if {"threadline", "threadline_server", "verifying_server"} & set(request.fixturenames):
        records = [record for phase in ("setup", "call") for record in caplog.get_records(phase)]
        assert not [record.getMessage() for record in records if record.levelno >= logging.ERROR]


LOGGERS = ("", "threadline", "threadline.api", "threadline.calls", "threadline.flows")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command that a test runs in this process sets up the log: put it back for the next test."""
    loggers = [logging.getLogger(name or None) for name in LOGGERS]
    before = [(logger.level, logger.handlers[:], logger.propagate) for logger in loggers]
    yield
    for logger, (level, handlers, propagate) in zip(loggers, before, strict=True):
        logger.handlers, logger.propagate = handlers, propagate
        if logger.level != level:
            logger.setLevel(level)
