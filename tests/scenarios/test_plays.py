from pathlib import Path

import pytest

from tests.scenarios.plays import HERE, Play
from threadline.testing import Threadline


@pytest.mark.parametrize("file", sorted(HERE.glob("*.play")), ids=lambda file: file.stem)
def test_play(file: Path, threadline: Threadline) -> None:
    Play(threadline).perform(file)
