import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import threadline
from tools.dist import ROOT, NotReady, head, missing


@pytest.mark.parametrize(
    ("line", "found"),
    [("## 1.2.3 - 2026-11-26", ("1.2.3", True)), ("## 1.2.3 (unreleased)", ("1.2.3", False))],
)
def test_the_version_is_the_first_that_the_changelog_names(line: str, found: tuple[str, bool]) -> None:
    assert head(f"# Changelog\n\nWords.\n\n{line}\n\n### Added\n\n## 1.2.2 - 2026-01-01\n") == found


@pytest.mark.parametrize("line", ["## Unreleased", "## 1.2.3", ""])
def test_a_changelog_without_a_version_at_its_head_is_refused(line: str) -> None:
    with pytest.raises(NotReady, match=f"'{line}'" if line else "no head"):
        head(f"# Changelog\n\n{line}\n")


def test_the_package_has_the_version_of_the_changelog() -> None:
    assert threadline.__version__ == head((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))[0]


def test_wheel_and_sdist_hold_the_package_whole_and_the_sdist_builds_the_wheel(tmp_path: Path) -> None:
    wheel, sdist = built(ROOT, tmp_path, "wheel"), built(ROOT, tmp_path, "sdist")
    assert missing(wheel) == missing(sdist) == []
    kinds = {Path(name).suffix for name in names(wheel)}
    assert {".py", ".sql", ".json", ".typed"} <= kinds
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = tmp_path / sdist.name.removesuffix(".tar.gz")
    assert {"tests", "docs", "Makefile", "README.md", "CHANGELOG.md", "LICENSE"} <= {
        file.name for file in unpacked.iterdir()
    }, "the sdist has all that its own tests need"
    assert names(built(unpacked, tmp_path / "again", "wheel")) == names(wheel)


def test_a_wheel_says_what_it_lacks(tmp_path: Path) -> None:
    wheel = built(ROOT, tmp_path, "wheel")
    short = tmp_path / "short.whl"
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(short, "w") as rest:
        for name in whole.namelist():
            if not name.endswith("contacts.sql"):
                rest.writestr(name, whole.read(name))
    assert missing(short) == ["threadline/store/sql/contacts.sql"]


def built(root: Path, folder: Path, kind: str) -> Path:
    """The wheel or the sdist of a checkout, by the build backend alone."""
    folder.mkdir(exist_ok=True)
    program = f"from hatchling import build; print(build.build_{kind}({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_each_floor_is_a_version_that_is_tried() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    oldest = dict(
        line.split("==") for line in (ROOT / "tests" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    )
    for text in [*project["dependencies"], *extras["postgres"], *extras["nats"]]:
        requirement = Requirement(text)
        (floor,) = requirement.specifier
        assert floor.operator == ">=", f"{text}: a bound needs a reason and a line here"
        assert Version(oldest[requirement.name]) in requirement.specifier
        assert oldest[requirement.name].startswith(floor.version), (
            f"{text}: {oldest[requirement.name]} is tried"
        )
