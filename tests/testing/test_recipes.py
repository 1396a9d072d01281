"""Each recipe of docs/testing.md does what it says: its files are written, and its commands are run."""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.clients import node
from tests.testing.recipes import Recipe, recipes

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
RECIPES = recipes()
OF_TOOLS = {"Node's own test runner", "Java", "Go", "GitHub Actions"}
"""Recipes for which the machine needs more than Python; each has a test of its own."""

SHELL = {
    "AWS_SESSION_TOKEN": "of another account",
    "AWS_PROFILE": "nonexistent",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
}
"""The settings of a shell in which nothing would work if they counted."""


def run(recipe: Recipe, folder: Path, **environment: str) -> str:
    """Run a recipe's commands in `folder`, as in a shell of its user; returns what they print."""
    recipe.write(folder)
    assert recipe.commands, f"{recipe.name} has no command"
    printed = ""
    environment.setdefault("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    for command in recipe.commands:
        done = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env={**os.environ, **SHELL, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        printed += done.stdout + done.stderr
    return printed


@pytest.mark.parametrize("name", sorted({*RECIPES} - OF_TOOLS))
def test_a_recipe_of_python(name: str, tmp_path: Path) -> None:
    recipe = RECIPES[name]
    printed = run(recipe, tmp_path)
    tests = sum(len(re.findall(r"^ *def test_", text, re.MULTILINE)) for text in recipe.files.values())
    if "pytest" in recipe.commands[-1] and "-n" not in recipe.commands[-1]:
        assert f"{tests} passed" in printed


def test_every_recipe_is_run() -> None:
    assert {*RECIPES} >= OF_TOOLS
    assert len(RECIPES) == 12


def test_nodes_own_test_runner(tmp_path: Path) -> None:
    path = os.pathsep.join([str(BIN), str(node.NODE.parent), os.environ["PATH"]])
    printed = run(
        RECIPES["Node's own test runner"],
        tmp_path,
        PATH=path,
        NODE_PATH=node.environment()["NODE_PATH"],
    )
    assert re.search(r"^\S pass 1$", printed, re.MULTILINE), printed


def test_java_where_there_is_a_jdk(tmp_path: Path) -> None:
    if shutil.which("java"):
        run(RECIPES["Java"], tmp_path)
    else:
        RECIPES["Java"].write(tmp_path)
    assert "That SDK is not at hand" in " ".join(RECIPES["Java"].prose.split())


def test_go_is_said_to_be_untried() -> None:
    assert "this one has not been compiled" in " ".join(RECIPES["Go"].prose.split())
    assert RECIPES["Go"].files["chat_test.go"].startswith("package chat")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this source."""
    folder = tmp_path_factory.mktemp("wheel")
    command = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run(
        [sys.executable, *command, "--wheel-dir", str(folder), str(ROOT)], check=True, capture_output=True
    )
    (built,) = folder.glob("threadline-*.whl")
    return built


def bare_environment(folder: Path) -> Path:
    """An environment with pip and, instead of a package index, this one's packages but for Threadline; its commands."""
    venv.create(folder / "venv", with_pip=True)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    packages = folder / "packages"
    packages.mkdir()
    for entry in Path(pytest.__file__).parents[1].iterdir():
        if "threadline" not in entry.name and not entry.name.startswith(("pip", "_virtualenv", "distutils")):
            (packages / entry.name).symlink_to(entry)
    (site / "packages.pth").write_text(f"{packages}\n")
    return folder / "venv" / "bin"


def test_the_steps_of_github_actions(tmp_path: Path, wheel: Path) -> None:
    """In an environment without Threadline: the wheel is installed from the repository, as the page says."""
    recipe = RECIPES["GitHub Actions"]
    workflow = YAML(typ="safe").load(recipe.files[".github/workflows/tests.yml"])
    (job,) = workflow["jobs"].values()
    assert {"push", "pull_request"} == {*workflow["on"]}
    assert [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step] == [
        "actions/checkout",
        "actions/setup-python",
    ]
    project = RECIPES["pytest-xdist"]
    steps = [step["run"] for step in job["steps"] if "run" in step]
    (tmp_path / "project" / "vendor").mkdir(parents=True)
    shutil.copy(wheel, tmp_path / "project" / "vendor")
    path = f"{bare_environment(tmp_path)}{os.pathsep}{os.environ['PATH']}"
    printed = run(
        project._replace(commands=steps), tmp_path / "project", PATH=path, PIP_NO_INDEX="1", CI="true"
    )
    assert "20 passed" in printed
    assert (tmp_path / "venv" / "bin" / "threadline").exists()
