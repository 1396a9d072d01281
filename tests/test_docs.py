"""The documents say what the code does: generated pages are fresh, links lead somewhere, commands exist."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from bench.document import page_of
from tests.attack.figures import FIGURES
from threadline.aws.names import SERVICES
from threadline.config import TABLE
from tools import demo_picture, figures
from tools.docs import DEVIATIONS, PAGES, sections

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
SETTING = re.compile(r"\bTHREADLINE_[A-Z_]+\b")
NO_SETTINGS = re.compile(
    r"THREADLINE_(INSTANCE_ID|\w+_FLOW_ID|QUEUE_ID|AGENT_A\d|URL|PAST_C\d|\w*ACCESS_KEY\w*|REGION|FIRST_$|$)"
)


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_fresh(name: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


def test_a_docstring_keeps_what_is_assumed_differs_and_was_seen_apart() -> None:
    docstring = """Do it.

    Source: the model. Assumed: nobody says when.
    On purpose: not at night,
    nor at noon. Observed: a log shows it.
    """
    assert sections(docstring) == (
        "Do it.",
        [
            ("Source", "the model."),
            ("Assumed", "nobody says when."),
            ("On purpose", "not at night, nor at noon."),
            ("Observed", "a log shows it."),
        ],
    )


def test_the_page_of_deviations_has_a_part_for_each_label() -> None:
    parts = re.findall(r"^## (.*)\n\n(.*)$", PAGES["deviations.md"](), re.MULTILINE)
    assert parts == list(DEVIATIONS.items())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_is_true(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for link in LINK.findall(text):
        assert (document.parent / link).exists(), f"a link leads nowhere: {link}"
    unknown = {name for name in SETTING.findall(text) if not NO_SETTINGS.match(name)}
    assert unknown <= {row.env for row in TABLE} | {
        f"THREADLINE_{name}" for name in (*FIGURES, "SEED", "SEEDS", "SOCKETS")
    }
    for language, block in BLOCK.findall(text):
        if language == "python":
            compile(block, str(document), "exec")
        if language in {"sh", "console"}:
            for line in block.replace("\\\n", " ").splitlines():
                check_command(line.removeprefix("$ "))


def test_nobody_is_sent_to_a_registry_that_has_no_threadline() -> None:
    installers = r"pip3? install|pipx (run|install)|uvx|uv (add|pip install)"
    registry = re.compile(rf"({installers}) [^\n`]*?['\" ]?threadline(\[|\b)")
    sources = [*DOCUMENTS, *(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.json")]
    for file in sources:
        for found in registry.finditer(file.read_text(encoding="utf-8")):
            local = re.search(r"(/|--from |--spec )\S*threadline|--(from|spec) ", found[0])
            assert local, f"{file.name} says {found[0]!r}, and no registry has it: name a file or folder"


def test_the_page_of_measurements_is_that_of_its_numbers() -> None:
    for numbers in (ROOT / "docs").glob("performance.json"):
        page = numbers.with_suffix(".md").read_text(encoding="utf-8")
        assert page == page_of(json.loads(numbers.read_text(encoding="utf-8"))), "run `make bench-page`"


def test_the_walk_of_an_operation_names_what_there_is() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    walk = text[text.index("## One operation") : text.index("## Adding an operation")]
    files = [*(ROOT / "src").rglob("*.*"), *(ROOT / "tests" / "operations").glob("*.py")]
    named = {file.name for file in files}
    source = "\n".join(
        file.read_text(encoding="utf-8") for file in files if file.suffix in {".py", ".json", ".sql"}
    )
    for name in re.findall(r"`([A-Za-z_]+(?:\.sql)?)`", walk):
        assert name in named or re.search(rf"\b{name}\b", source), f"there is no {name}"


@cache
def words_of_the_sources() -> set[str]:
    """Every word of the files that a document may name something in."""
    files = [ROOT / "pyproject.toml", ROOT / "Makefile", *(ROOT / "docs").glob("operations.md")]
    files += [
        file
        for top in ("src", "tests", "tools")
        for file in (ROOT / top).rglob("*.*")
        if file != Path(__file__)
    ]
    texts = (
        f.read_text(encoding="utf-8")
        for f in files
        if f.suffix in {".py", ".sql", ".json", ".md", ".toml", ""}
    )
    return {row.env for row in TABLE} | {word for text in texts for word in re.findall(r"\w+", text)}


def missing(name: str) -> str | None:
    """The problem with a name that a document has in code type; None for one that exists, or that is no plain name."""
    if re.fullmatch(r"[\w.-]*(/[\w.-]*)+|[\w-]+\.(py|sql|txt)", name) and not name.startswith(
        ("/", "build", "dist/")
    ):
        tops = (ROOT, ROOT / "src" / "threadline")
        found = any((top / name).exists() for top in tops) or any(
            str(file).endswith(f"/{name}") for top in ("src", "tests") for file in (ROOT / top).rglob("*.*")
        )
        return None if found else f"there is no file {name}"
    if re.fullmatch(r"(?!v\d)\w+(\.\w+)*", name):
        lost = [word for word in name.split(".") if word not in words_of_the_sources()]
        lost = [word for word in lost if not any((ROOT / "src" / "threadline").rglob(f"{word}*"))]
        return f"nothing is named {lost[0]} (in {name})" if lost else None
    return None


def test_the_wheel_has_every_page_of_the_documentation() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    wanted = {f"docs/{file.name}": f"threadline/docs/{file.name}" for file in (ROOT / "docs").glob("*.md")}
    assert included == wanted, "list it in pyproject.toml, [tool.hatch.build.targets.wheel.force-include]"


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_a_document_names_files_and_classes_that_exist(document: str) -> None:
    text = re.sub(
        r"^```.*?^```", "", (ROOT / document).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    wrong = [problem for name in re.findall(r"`([^`\n]+)`", text) if (problem := missing(name))]
    assert not wrong, f"{document}: {'; '.join(wrong)}"


def test_the_parts_of_the_architecture_are_those_of_the_package() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    block = text[text.index("## The parts") : text.index("Imports point one way")]
    named = set(re.findall(r"^(\w+)/ ", block, re.MULTILINE)) | set(re.findall(r"\b(\w+\.py)\b", block))
    package = ROOT / "src" / "threadline"
    there = {
        file.name
        for file in package.iterdir()
        if (file / "__init__.py").exists() or file.name in {"models", "pages"}
    }
    there |= {file.name for file in package.glob("*.py") if not file.name.startswith("_")}
    assert named == there, f"add or remove {sorted(named ^ there)} in The parts"


@pytest.mark.parametrize(
    "name", ["store/sqlite/gone.py", "tests/nowhere", "GoneClass", "http.gone_module", "Store.gone_it"]
)
def test_a_name_that_is_gone_is_found(name: str) -> None:
    assert missing(name)


def test_the_history_of_the_bench_is_in_order() -> None:
    lines = (ROOT / "bench" / "history.jsonl").read_text(encoding="utf-8").splitlines()
    runs = [json.loads(line) for line in lines]
    assert runs == sorted(runs, key=lambda run: run["at"])
    for run in runs:
        assert run.keys() == {"at", "commit", "kind", "python", "machine", "others_share", "ratios"}
        assert run["kind"] in {"bench", "full"}


def check_command(line: str) -> None:
    words = shlex.split(line, comments=True)
    if words[:1] == ["make"]:
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert {word for word in words[1:] if "=" not in word} <= set(targets), line
    if words[:1] == ["threadline"]:
        run = subprocess.run(
            [sys.executable, "-m", "threadline", *words[1:2], "help" if words[1] in SERVICES else "--help"],
            capture_output=True,
            check=False,
            text=True,
        )
        assert run.returncode == 0, f"{line}: {run.stderr}"


@pytest.mark.parametrize("name", figures.FIGURES)
def test_a_figure_is_that_of_its_description(name: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == figures.svg(figures.FIGURES[name]), (
        "run `make docs`"
    )


def test_the_picture_of_the_demo_is_what_the_demo_prints() -> None:
    assert demo_picture.FILE.read_text(encoding="utf-8") == demo_picture.svg(demo_picture.printed()), (
        "run `make docs`"
    )


def test_the_glossary_names_classes_that_exist_and_every_row_of_a_chat() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| [^|]*\(`(\w+)`\) \|", text, re.MULTILINE))
    package = ROOT / "src" / "threadline"
    sources = {file: file.read_text(encoding="utf-8") for file in package.rglob("*.py")}
    classes = {
        name for source in sources.values() for name in re.findall(r"^class (\w+)", source, re.MULTILINE)
    }
    assert named <= classes, "terms whose class is gone"
    core = "\n".join(sources[package / "chat" / f"{part}.py"] for part in ("contact", "transcript"))
    assert {*re.findall(r"^class (\w+)\(NamedTuple\)", core, re.MULTILINE)} <= named, "classes without a term"
