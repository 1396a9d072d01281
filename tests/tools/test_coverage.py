from typing import Any

from tools.coverage import told


def found(*missing: int) -> dict[str, Any]:
    """As SlipCover writes it: a file of ten lines, and one that is all run."""
    covered = 20 - len(missing)
    return {
        "files": {"whole.py": {"missing_lines": []}, "some.py": {"missing_lines": list(missing)}},
        "summary": {
            "covered_lines": covered,
            "missing_lines": len(missing),
            "percent_covered": 100 * covered / 20,
        },
    }


def test_enough_lines_are_said_in_one() -> None:
    assert told(found(3, 4), 90) == (
        "Coverage: 90.0 % of 20 lines in the tests' own processes; at least 90 % are wanted.",
        True,
    )


def test_too_few_lines_name_the_files_that_miss_most() -> None:
    text, is_enough = told(found(3, 4, 9), 90)
    assert not is_enough
    assert "     3 lines of some.py never ran, such as 3" in text.splitlines()
    assert "whole.py" not in text
