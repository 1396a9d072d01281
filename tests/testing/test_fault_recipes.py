"""The recipes of docs/faults.md are run as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

from tests.testing.recipes import recipes

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"


def test_the_recipes_of_the_page_on_faults(tmp_path: Path) -> None:
    found = recipes(PAGE)
    assert len(found) == 11
    for recipe in found.values():
        recipe.write(tmp_path)
        tests = sum(len(re.findall(r"^def test_", text, re.MULTILINE)) for text in recipe.files.values())
        assert tests >= 2 or recipe.name == "Everything at once", recipe.name
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
