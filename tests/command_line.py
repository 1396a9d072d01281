import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from threadline.cli import main
from threadline.testing import Threadline


class Done(NamedTuple):
    """The output and exit status of a command line."""

    status: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and working folder, and no setting in the environment."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "THREADLINE_")):
            monkeypatch.delenv(name)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in this process."""

    def call(*words: str) -> Done:
        try:
            status = main(list(words))
        except SystemExit as done:
            status = int(done.code or 0)
        out, err = capsys.readouterr()
        return Done(status, out, err)

    return call


@pytest.fixture
def here(threadline: Threadline, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line as after `eval "$(threadline env)"`."""
    for name, value in threadline.env.items():
        monkeypatch.setenv(name, value)
    return run
