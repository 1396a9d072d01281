"""Draw what `threadline demo` prints on a terminal into docs/demo.svg: `python -m tools.demo_picture`, or `make docs`.

The demo runs on a terminal of its own. Ids and the port differ from run to run, so they are replaced by fixed ones.
The colours follow the reader's light or dark scheme. tests/test_docs.py fails when the picture is stale.
"""

import os
import pty
import re
import sys
from collections.abc import Iterator
from html import escape
from itertools import count
from pathlib import Path

from threadline.style import STYLES

FILE = Path(__file__).parents[1] / "docs" / "demo.svg"
COLUMNS, ROW, CHARACTER, MARGIN = 92, 19, 7.83, 22
END = "case 2"
"""The picture ends before this: one return says enough."""

LIGHT = {
    "page": "#ffffff", "frame": "#d0d7de", "text": "#1f2328", "grey": "#656d76", "amber": "#953800",
    "green": "#116329", "teal": "#0a6070", "blue": "#4a44c8", "red": "#b3261e",
}  # fmt: skip
DARK = {
    "page": "#0d1117", "frame": "#30363d", "text": "#e6edf3", "grey": "#8b949e", "amber": "#f0a860",
    "green": "#56d364", "teal": "#4ec9d6", "blue": "#a5a1ff", "red": "#ff7b72",
}  # fmt: skip
STYLED = re.compile(r"\x1b\[([0-9;]*)m")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PORT = re.compile(r"(?<=127\.0\.0\.1:)\d+")
NAMES = {code: name for name, code in STYLES.items()}


def printed() -> str:
    """The output of the demo on a terminal of 256 colours, without a server and without any setting."""
    child, terminal = pty.fork()
    if child == 0:
        known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = known | {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": "60"}
        os.chdir("/")
        os.execve(sys.executable, [sys.executable, "-P", "-m", "threadline", "demo"], environment)
    said = b"".join(_read(terminal)).decode()
    os.close(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        raise RuntimeError(f"the demo ended with {status}: {said}")
    return said


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(terminal, 65_536)
        except OSError:  # the other end is closed
            return
        if not data:
            return
        yield data


def lines_of(said: str) -> list[str]:
    """The lines of the picture, with fixed ids and a fixed port."""
    numbers = count(1)
    known: dict[str, str] = {}
    said = UUID.sub(
        lambda found: known.setdefault(found[0], f"01a21b07-5dfd-7591-bd17-0e03e3d3c9c{next(numbers):x}"),
        said,
    )
    lines = PORT.sub("40123", said).replace("\r\n", "\n").split("\n")
    end = next((number for number, line in enumerate(lines) if END in line), len(lines))
    return ["\x1b[1m$ threadline demo\x1b[0m", *lines[:end]]


def svg(said: str) -> str:
    """The picture."""
    lines = lines_of(said)
    while not lines[-1]:
        lines.pop()
    width, height = round(COLUMNS * CHARACTER) + 2 * MARGIN, len(lines) * ROW + 2 * MARGIN - 4
    text = "\n".join(
        f'<text x="{MARGIN}" y="{MARGIN + 11 + number * ROW}">{_spans(line)}</text>'
        for number, line in enumerate(lines)
        if line
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">
<title>threadline demo: a chat of three contacts ends, the customer comes back, and two come with them</title>
<style>
svg {{ {_variables(LIGHT)} }}
@media (prefers-color-scheme: dark) {{ svg {{ {_variables(DARK)} }} }}
rect {{ fill: var(--page); stroke: var(--frame) }}
text {{ font: 13px 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: var(--text); white-space: pre }}
.bold {{ font-weight: bold }}
{" ".join(f".{name} {{ fill: var(--{name}) }}" for name in STYLES if name != "bold")}
</style>
<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>
{text}
</svg>
"""


def _spans(line: str) -> str:
    """A line as SVG's text, with a span for each run of one style."""
    spans = []
    first, *styled = STYLED.split(line)
    runs = [("", first), *zip(styled[::2], styled[1::2], strict=True)]
    for codes, run in runs:
        names = [name for code, name in NAMES.items() if re.search(rf"(^|;){code}($|;)", codes)]
        if run:
            shown = escape(run, quote=False)
            spans.append(f'<tspan class="{" ".join(names)}">{shown}</tspan>' if names else shown)
    return "".join(spans)


def _variables(colours: dict[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


if __name__ == "__main__":
    FILE.write_text(svg(printed()), encoding="utf-8")
    print(f"{FILE.relative_to(FILE.parents[1])} written")
