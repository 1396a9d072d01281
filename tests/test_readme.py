"""The README's commands, run one after the other as a reader does, in an empty folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes.supervised import supervised

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PATIENCE_SECONDS = 60.0
HOSTILE = {
    "AWS_SESSION_TOKEN": "stray",
    "AWS_PROFILE": "nonexistent",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A shell in which threadline is installed, npm runs a test that passes, and AWS's variables are another's."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "npm").write_text('#!/bin/sh\necho "$1: $THREADLINE_URL"\n')
    (programs / "npm").chmod(0o755)
    path = os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"]))
    return os.environ | HOSTILE | {"PATH": path, "THREADLINE_PORT": "0"}


def shell(script: str, folder: Path, environment: dict[str, str], said: str = "") -> str:
    done = subprocess.run(
        ["bash", "-euc", script], cwd=folder, env=environment, input=said,
        capture_output=True, text=True, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_demo_needs_no_server(tmp_path: Path, environment: dict[str, str]) -> None:
    (install,) = [block for block in blocks("sh") if "pip install" in block]
    commands = install.splitlines()
    assert [command.split()[0] for command in commands] == ["python3", ".venv/bin/threadline"]
    out = shell(commands[1].replace(".venv/bin/", ""), tmp_path, environment)
    assert "C3 is left out" in out


def test_a_command_runs_beside_a_server_of_its_own(tmp_path: Path, environment: dict[str, str]) -> None:
    (block,) = [block for block in blocks("sh") if "threadline exec" in block]
    lines = [line for line in block.splitlines() if line.startswith("threadline")]
    assert "threadline exec -- npm test" in lines
    for line in lines:
        out = shell(line, tmp_path, environment)
        assert "test: http://127.0.0.1:" in out or "shown 3" in out, f"{line}: {out}"


def test_a_past_chat_comes_back_by_hand(tmp_path: Path, environment: dict[str, str]) -> None:
    (block,) = [block for block in blocks("sh") if "demo --seed" in block]
    (program,) = [block for block in blocks("python") if "start_chat_contact" in block]
    (tmp_path / "continue.py").write_text(program)
    with supervised(tmp_path / "data"):
        point, seed = block.splitlines()
        ids = json.loads(shell(f"{point}\n{seed}", tmp_path, environment))
        out = shell(f"{point}\n{sys.executable} continue.py", tmp_path, environment, f"{ids['C2']}\n")
    assert out.removeprefix("C2: ").splitlines() == [
        "Casey: My parcel has not come.",
        "Alex: I will ask the depot.",
        "Robin: It left this morning.",
        "Casey: Wonderful, thank you.",
    ]


def test_the_test_passes(tmp_path: Path, environment: dict[str, str]) -> None:
    (test,) = [block for block in blocks("python") if "def test_" in block]
    (tmp_path / "test_readme.py").write_text(test)
    out = shell(f"{sys.executable} -m pytest -q -p no:cacheprovider test_readme.py", tmp_path, environment)
    assert "1 passed" in out
