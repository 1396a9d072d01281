"""Type checkers and editors know the settings of a test server by their names."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

from threadline.config import TABLE
from threadline.testing.options import Options

WRONG = """
from threadline.testing import Threadline

Threadline(strict_limit=True)
Threadline(strict_limits="yes")
Threadline(require_same_customer="same")
Threadline().clock.advance(weeks=1)
Threadline().connect.describe_instance(InstanceID="x")
"""


def test_the_options_are_the_settings() -> None:
    hints = get_type_hints(Options)
    assert sorted(hints) == sorted(row.name for row in TABLE)
    for row in TABLE:
        hint = hints[row.name]
        if row.choices:
            assert get_origin(hint) is Literal
            assert get_args(hint) == row.choices
        else:
            assert hint is row.type, row.name


def test_a_wrong_name_or_value_is_found_before_it_is_run(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "wrong.py"],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line]
    assert lines == [4, 5, 6, 7, 8], done.stdout + done.stderr
