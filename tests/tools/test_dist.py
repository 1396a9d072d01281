import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import threadline
from tools.dist import ROOT, NotReady, head


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
