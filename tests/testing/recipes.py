"""The recipes of a page: the files and the commands of each section."""

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"(?:#|//) (\S+)\n")


class Recipe(NamedTuple):
    """A section: its heading, its files by their names, the lines of its shell blocks, and its prose."""

    name: str
    files: dict[str, str]
    commands: list[str]
    prose: str

    def write(self, folder: Path) -> None:
        """Write the files into `folder`."""
        for name, text in self.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")


def recipes(page: Path = PAGE) -> dict[str, Recipe]:
    """The sections of the part "Recipes", by their headings."""
    text = page.read_text(encoding="utf-8")
    part = re.search(r"^## Recipes\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert part
    sections = re.split(r"^### (.*)\n", part[1], flags=re.MULTILINE)
    return {name: _recipe(name, body) for name, body in zip(sections[1::2], sections[2::2], strict=True)}


def _recipe(name: str, body: str) -> Recipe:
    files: dict[str, str] = {}
    commands: list[str] = []
    for language, block in BLOCK.findall(body):
        if language == "sh":
            commands += block.splitlines()
            continue
        named = NAMED.match(block)
        assert named, f"{name}: the first line of this block names no file:\n{block}"
        files[named[1]] = block[named.end() :]
    return Recipe(name, files, commands, BLOCK.sub("", body))
