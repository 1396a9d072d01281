"""The last step of `make test`: print the share of the package's lines that the tests have run, and check its floor.

SlipCover counts at no measurable cost: it removes a line's counter once the line has run. It sees the test processes
only. Servers and commands that tests start as processes of their own do not count, so the floor is lower than the real
share. It serves to notice a new module that no test in the process calls.
"""

import json
import sys
from pathlib import Path
from typing import Any

FLOOR = 85
"""The least share of all lines, in percent."""
WORST = 12
"""Files that are named when there are too few."""


def told(found: dict[str, Any], floor: float) -> tuple[str, bool]:
    """What to print of SlipCover's JSON, and whether at least `floor` percent of the lines ran."""
    total = found["summary"]
    percent = total["percent_covered"]
    lines = total["covered_lines"] + total["missing_lines"]
    text = f"Coverage: {percent:.1f} % of {lines:,} lines in the tests' own processes; at least {floor} % are wanted."
    if percent >= floor:
        return text, True
    files = found["files"].items()
    worst = sorted(files, key=lambda item: len(item[1]["missing_lines"]), reverse=True)[:WORST]
    rows = [
        f"{len(file['missing_lines']):6} lines of {name} never ran, such as {file['missing_lines'][0]}"
        for name, file in worst
        if file["missing_lines"]
    ]
    return "\n".join([text, *rows, "Test what is new, or take away what nothing needs."]), False


def main(file: Path) -> int:
    """Print; the exit status."""
    text, is_enough = told(json.loads(file.read_text(encoding="utf-8")), FLOOR)
    print(text)
    return 0 if is_enough else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
