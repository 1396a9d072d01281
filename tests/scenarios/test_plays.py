from pathlib import Path

import pytest

import tests.scenarios.moving  # noqa: F401 - it registers its sentences
from tests.scenarios.plays import HERE, Play
from threadline.testing import Threadline

NEEDS = {"disconnect-on-customer-exit": "connect.StartChatContactRequest.DisconnectOnCustomerExit"}
FILES = [
    pytest.param(
        file, id=file.stem, marks=[pytest.mark.model_has(NEEDS[file.stem])] if file.stem in NEEDS else []
    )
    for file in sorted(HERE.glob("*.play"))
]


@pytest.mark.parametrize("file", FILES)
def test_play(file: Path, threadline: Threadline) -> None:
    Play(threadline).perform(file)
