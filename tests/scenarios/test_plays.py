from collections.abc import Iterator
from pathlib import Path

import pytest

import tests.scenarios.moving
import tests.scenarios.reading
import tests.scenarios.streaming  # noqa: F401 - these modules register their sentences
from tests.engines import store_of
from tests.scenarios.plays import HERE, Play
from tests.streams.aws import Aws
from threadline.testing import Threadline
from threadline.testing.options import Options

WITH_AWS = ["bridge"]
"""The plays in which a server reaches SNS."""
NEEDS = {"disconnect-on-customer-exit": "connect.StartChatContactRequest.DisconnectOnCustomerExit"}
FILES = [
    pytest.param(
        file, id=file.stem, marks=[pytest.mark.model_has(NEEDS[file.stem])] if file.stem in NEEDS else []
    )
    for file in sorted(HERE.glob("*.play"))
    if file.stem not in WITH_AWS
]


@pytest.mark.parametrize("file", FILES)
def test_play(file: Path, threadline: Threadline) -> None:
    Play(threadline).perform(file)


@pytest.fixture(params=["sqlite", "postgres"])
def reaching_aws(request: pytest.FixtureRequest, aws: Aws) -> Iterator[Threadline]:
    options: Options = {**store_of(request), "sns_url": aws.url}
    with Threadline(verify=True, **options) as server:
        yield server


@pytest.mark.parametrize("name", WITH_AWS)
def test_play_with_aws(name: str, reaching_aws: Threadline, aws: Aws) -> None:
    Play(reaching_aws, aws=aws).perform(HERE / f"{name}.play")
