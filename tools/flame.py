"""A flame graph as SVG: a row for each depth of calls, the caller above, as wide as the time it took."""

from collections.abc import Callable, Iterator
from html import escape
from typing import NamedTuple

from tools.stacks import Call, Function

FONT = "DejaVu Sans Mono, Menlo, Consolas, monospace"
WIDTH, ROW, MARGIN, TOP = 1600, 19, 12, 58
LETTER = 6.3
"""The width of a letter at the size of the labels, with a little to spare."""
NARROWEST = 0.4
"""Boxes that would be narrower are left out, with all below them."""
GREY = {"C": "#e7e5e4", "Python": "#d6d3d1"}
COLORS = (
    "#5eead4", "#fcd34d", "#93c5fd", "#fda4af", "#c4b5fd", "#bef264", "#fdba74", "#67e8f9", "#f0abfc", "#a7f3d0",
)  # fmt: skip


class CallBox(NamedTuple):
    """One rectangle: the call that it shows, and its position."""

    call: Call
    left: float
    width: float
    depth: int


def boxes(call: Call, left: float, scale: float, depth: int) -> Iterator[CallBox]:
    """Yield the boxes of `call` and of the calls below it. `scale` is the width of a nanosecond."""
    width = call.ns * scale
    if width < NARROWEST:
        return
    yield CallBox(call, left, width, depth)
    for below in call.calls.values():
        yield from boxes(below, left, scale, depth + 1)
        left += below.ns * scale


def draw(roots: list[Call], title: str, below: str, requests: int, part: Callable[[Function], str]) -> str:
    """The SVG of `roots`, one beside the other; `part` says what colours a function."""
    total = sum(root.ns for root in roots) or 1
    scale = (WIDTH - 2 * MARGIN) / total
    placed: list[CallBox] = []
    left = float(MARGIN)
    for root in roots:
        placed += boxes(root, left, scale, 0)
        left += root.ns * scale
    parts = list(dict.fromkeys(part(box.call.function) for box in placed))
    ours = [name for name in parts if name not in GREY]
    colors = {name: COLORS[number % len(COLORS)] for number, name in enumerate(ours)} | GREY
    height = TOP + ROW * (1 + max((box.depth for box in placed), default=0)) + MARGIN
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-size="10.5" fill="#292524" font-family="{FONT}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{MARGIN}" y="22" font-size="15" font-weight="bold">{escape(title)}</text>',
        f'<text x="{MARGIN}" y="42" fill="#78716c">{escape(below)}</text>',
        *_legend(ours, colors),
    ]
    lines += [_box(box, colors[part(box.call.function)], total, requests) for box in placed]
    return "\n".join([*lines, "</svg>", ""])


def _legend(ours: list[str], colors: dict[str, str]) -> Iterator[str]:
    left = float(WIDTH - MARGIN)
    for name in ("C", "Python", *reversed(ours)):
        left -= len(name) * LETTER + 26
        yield f'<rect x="{left:.0f}" y="33" width="11" height="11" fill="{colors[name]}"/>'
        yield f'<text x="{left + 15:.0f}" y="42">{escape(name)}</text>'


def _box(box: CallBox, color: str, total: int, requests: int) -> str:
    function = box.call.function
    where = f"{function.file}:{function.line}" if function.line else function.file
    told = (
        f"{function.name}\n{where}\n{box.call.ns / requests / 1000:.1f} us and "
        f"{box.call.count / requests:.3g} calls a request, {box.call.ns / total:.1%}"
    )
    top = TOP + box.depth * ROW
    room = int((box.width - 6) / LETTER)
    name = function.name if len(function.name) <= room else function.name.rpartition(".")[2]
    shown = name if len(name) <= room else f"{name[: room - 1]}…"
    label = (
        f'<text x="{box.left + 3:.1f}" y="{top + 13}" pointer-events="none">{escape(shown)}</text>'
        if room >= 3
        else ""
    )
    return (
        f'<g><title>{escape(told)}</title><rect x="{box.left:.2f}" y="{top}" width="{box.width:.2f}"'
        f' height="{ROW - 1}" fill="{color}" stroke="white" stroke-width="0.5"/>{label}</g>'
    )
