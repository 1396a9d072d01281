"""The recipes of docs/faults.md are run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.clients import node
from tests.testing.recipes import recipes
from tests.testing.test_recipes import BIN, run

RECIPES = recipes(Path(__file__).parents[2] / "docs" / "faults.md")
OF_NODE = "Node, over plain HTTP"


def test_the_recipes_of_the_page_on_faults(tmp_path: Path) -> None:
    assert len(RECIPES) == 12
    for name, recipe in RECIPES.items():
        if name != OF_NODE:
            recipe.write(tmp_path)
            tests = sum(len(re.findall(r"^def test_", text, re.MULTILINE)) for text in recipe.files.values())
            assert tests >= 2 or name == "Everything at once", name
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_recipe_of_node(tmp_path: Path) -> None:
    path = os.pathsep.join([str(BIN), str(node.NODE.parent), os.environ["PATH"]])
    printed = run(RECIPES[OF_NODE], tmp_path, PATH=path, NODE_PATH=node.environment()["NODE_PATH"])
    assert re.search(r"^\S pass 2$", printed, re.MULTILINE), printed
