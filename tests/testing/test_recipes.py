"""Each recipe of docs/testing.md does what it says: its files are written, and its commands are run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients import node
from tests.testing.recipes import Recipe, recipes

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
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in recipe.commands:
        done = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env={**os.environ, **SHELL, "PATH": path, **environment},
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
