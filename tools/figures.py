"""Draw the figures of ARCHITECTURE.md into docs/: `python -m tools.figures`, or `make docs`.

A figure is boxes and arrows at given places, written as SVG. Its colours follow the reader's light or dark scheme.
tests/test_docs.py fails when a drawn figure is stale.
"""

import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parents[1] / "docs"
ROW = 17
"""The height of a line of text."""
LIGHT = {
    "page": "#ffffff", "ink": "#1c1917", "faint": "#57534e", "line": "#57534e", "frame": "#d6d3d1",
    "box": "#f5f5f4", "ours": "#ccfbf1", "kept": "#fef3c7",
}  # fmt: skip
DARK = {
    "page": "#1c1917", "ink": "#f5f5f4", "faint": "#c7c2bd", "line": "#a8a29e", "frame": "#57534e",
    "box": "#292524", "ours": "#134e4a", "kept": "#57430f",
}  # fmt: skip
RULES = (
    "text { font: 13px 'DejaVu Sans', Verdana, sans-serif; fill: var(--ink) }"
    " .title { font-weight: bold } .note { fill: var(--faint); font-size: 12px }"
    " rect { stroke: var(--line); stroke-width: 1 } path { fill: none; stroke: var(--line); stroke-width: 1.4 }"
    " .head { fill: var(--line); stroke: none } .page { fill: var(--page); stroke: none }"
    " .group { fill: none; stroke: var(--frame); stroke-dasharray: 5 4 }"
    " .box { fill: var(--box) } .ours { fill: var(--ours) } .kept { fill: var(--kept) }"
)


class Box(NamedTuple):
    """A rectangle with a title and lines below it. `kind` is box, ours (our code), kept (data) or group (a frame)."""

    left: int
    top: int
    width: int
    height: int
    title: str
    lines: tuple[str, ...] = ()
    kind: str = "ours"


class Arrow(NamedTuple):
    """A line through `points` with a head at its end (and at its start, if `both`), and a note at `at`."""

    points: tuple[tuple[int, int], ...]
    note: str = ""
    at: tuple[int, int] = (0, 0)
    both: bool = False


class Figure(NamedTuple):
    """A drawing of `width` by `height`; `text` describes it to those who cannot see it."""

    width: int
    height: int
    text: str
    parts: tuple[Box | Arrow, ...]


def svg(figure: Figure, *, dark: bool | None = None) -> str:
    """The figure as SVG; `dark` fixes the scheme, else the reader's decides."""
    schemes = f"svg {{ {_colours(DARK if dark else LIGHT)} }}"
    if dark is None:
        schemes += f" @media (prefers-color-scheme: dark) {{ svg {{ {_colours(DARK)} }} }}"
    marks = "\n".join(
        mark for part in figure.parts for mark in (_box(part) if isinstance(part, Box) else _arrow(part))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {figure.width} {figure.height}"'
        f' width="{figure.width}" height="{figure.height}" role="img">\n<title>{escape(figure.text)}</title>\n'
        f"<style>{schemes} {RULES}</style>\n"
        f'<rect class="page" width="{figure.width}" height="{figure.height}" rx="8"/>\n{marks}\n</svg>\n'
    )


def _colours(scheme: dict[str, str]) -> str:
    return "; ".join(f"--{name}: {colour}" for name, colour in scheme.items())


def _text(left: int, top: int, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{left}" y="{top}" text-anchor="{anchor}">{escape(text)}</text>'


def _box(box: Box) -> Iterator[str]:
    yield (
        f'<rect class="{box.kind}" x="{box.left}" y="{box.top}" width="{box.width}" height="{box.height}" rx="6"/>'
    )
    if box.kind == "group":
        yield _text(box.left + 12, box.top + 20, box.title, "title")
        return
    top = box.top + (box.height - ROW * (len(box.lines) + 1)) // 2 + 13
    middle = box.left + box.width // 2
    yield _text(middle, top, box.title, "title", "middle")
    for number, line in enumerate(box.lines, 1):
        yield _text(middle, top + number * ROW, line, "note", "middle")


def _arrow(arrow: Arrow) -> Iterator[str]:
    first, *rest = arrow.points
    yield f'<path d="M{first[0]} {first[1]} {" ".join(f"L{x} {y}" for x, y in rest)}"/>'
    yield _head(arrow.points[-2], arrow.points[-1])
    if arrow.both:
        yield _head(arrow.points[1], arrow.points[0])
    for number, line in enumerate(arrow.note.split("\n") if arrow.note else ()):
        yield _text(arrow.at[0], arrow.at[1] + number * ROW, line, "note")


def _head(before: tuple[int, int], tip: tuple[int, int]) -> str:
    """The head of an arrow that runs along an axis."""
    x, y = tip
    along = ((x > before[0]) - (x < before[0]), (y > before[1]) - (y < before[1]))
    corners = [
        (x, y),
        (x - 9 * along[0] - 4 * along[1], y - 9 * along[1] - 4 * along[0]),
        (x - 9 * along[0] + 4 * along[1], y - 9 * along[1] + 4 * along[0]),
    ]
    return f'<path class="head" d="M{" L".join(f"{a} {b}" for a, b in corners)} Z"/>'


def _down(x: int, top: int, bottom: int, note: str = "") -> Arrow:
    return Arrow(((x, top), (x, bottom)), note, (x + 10, (top + bottom) // 2 + 4))


REQUEST = Figure(
    760,
    640,
    "A request, from the client to the operation and back",
    (
        Box(30, 20, 700, 40, "client: PUT /contact/chat", (), "box"),
        Box(20, 88, 720, 186, "frontend, async", (), "group"),
        Box(40, 122, 150, 58, "http", ("head, bounded body",)),
        Box(220, 122, 150, 58, "Router", ("operation, labels",)),
        Box(400, 122, 150, 58, "caller", ("signature or token",)),
        Box(580, 122, 140, 58, "arguments", ("decoded, validated",)),
        Box(40, 206, 330, 52, "Hub", ("pushes new items to sockets",)),
        Arrow(((178, 60), (178, 122))),
        Arrow(((190, 151), (220, 151))),
        Arrow(((370, 151), (400, 151))),
        Arrow(((550, 151), (580, 151))),
        Arrow(((650, 180), (650, 330)), "the call, as a value", (518, 260)),
        Box(20, 296, 720, 244, "writer: one transaction, no await", (), "group"),
        Box(480, 330, 240, 52, "dispatch", ("same ClientToken: the stored reply",)),
        Box(480, 408, 240, 52, "operation", ("rules of chat/, named SQL",)),
        Box(480, 476, 240, 52, "due tasks", ("a flow's first steps",)),
        _down(600, 382, 408),
        _down(600, 460, 476),
        Box(320, 476, 130, 52, "COMMIT", ("up to 16 calls",)),
        Arrow(((480, 502), (450, 502))),
        Box(40, 566, 680, 52, "disk", ("one fsync for all that is committed by then",), "kept"),
        _down(385, 528, 566),
        Arrow(((290, 566), (290, 258)), "durable: new items,\nthen the reply", (160, 400)),
        Arrow(((155, 206), (155, 180))),
        Arrow(((155, 122), (155, 60)), "reply", (115, 78)),
    ),
)

COMMIT = Figure(
    820,
    360,
    "A commit on SQLite: the loop runs the next batch while a thread waits for the disk",
    (
        Box(20, 20, 780, 150, "event loop of the writer", (), "group"),
        Box(40, 60, 170, 84, "batch 1", ("up to 16 units of work,", "BEGIN .. COMMIT")),
        Box(230, 60, 170, 84, "batch 2", ("does not wait", "for the sync")),
        Box(420, 60, 170, 84, "answers of 1", ("callers, sockets and", "reads that saw it")),
        Box(610, 60, 170, 84, "batch 3", ("and so on",)),
        Arrow(((210, 102), (230, 102))),
        Arrow(((400, 102), (420, 102))),
        Arrow(((590, 102), (610, 102))),
        Box(20, 200, 780, 140, "disk thread", (), "group"),
        Box(
            190,
            238,
            250,
            76,
            "fdatasync of the WAL",
            ("covers every batch", "that is written by then"),
            "kept",
        ),
        Box(590, 238, 190, 76, "next fdatasync", ("batches 2 and 3",), "kept"),
        Arrow(((150, 144), (150, 276), (190, 276)), "written", (95, 194)),
        Arrow(((440, 276), (505, 276), (505, 144)), "durable", (515, 194)),
        Arrow(((695, 144), (695, 238)), "written", (705, 194)),
    ),
)

PROCESSES = Figure(
    780,
    430,
    "The processes of threadline serve on a data folder",
    (
        Box(20, 150, 130, 60, "clients", ("HTTP, WebSocket",), "box"),
        Box(
            240,
            20,
            500,
            56,
            "supervisor",
            ("binds the listening socket and keeps it; starts the writer anew",),
        ),
        Box(
            240,
            130,
            210,
            100,
            "frontend",
            ("requests, signatures,", "answers, sockets;", "as many as cores allow"),
        ),
        Box(560, 130, 180, 100, "writer", ("runs what writes,", "commits, syncs,", "timers")),
        Arrow(((150, 180), (240, 180)), "accepts", (170, 172), both=True),
        Arrow(((450, 160), (560, 160)), "calls, values", (462, 152)),
        Arrow(((560, 205), (450, 205)), "answers,\ncommits", (470, 222)),
        Arrow(((650, 76), (650, 130)), "starts; a channel tells the death of either", (394, 108)),
        Arrow(
            ((600, 230), (600, 262), (400, 262), (400, 230)),
            "forks, with a counter of batches in shared memory",
            (340, 282),
        ),
        Box(
            240,
            340,
            500,
            66,
            "data folder",
            ("threadline.db and its WAL; how far it is durable; the lock",),
            "kept",
        ),
        Arrow(((690, 230), (690, 340)), "writes", (700, 312)),
        Arrow(((290, 340), (290, 230)), "reads", (250, 312)),
    ),
)

NODES = Figure(
    860,
    470,
    "Two nodes on one PostgreSQL",
    (
        Box(300, 20, 260, 44, "load balancer", (), "box"),
        Box(20, 110, 390, 170, "node A", (), "group"),
        Box(450, 110, 390, 170, "node B", (), "group"),
        Box(40, 146, 170, 50, "requests, sockets"),
        Box(230, 146, 160, 50, "Hub"),
        Box(40, 216, 170, 50, "operations", ("in batches",)),
        Box(230, 216, 160, 50, "Relay", ("session, last number",)),
        Box(470, 146, 160, 50, "Hub"),
        Box(650, 146, 170, 50, "requests, sockets"),
        Box(470, 216, 160, 50, "Relay", ("wakes the hub",)),
        Box(650, 216, 170, 50, "operations", ("a read by cursor",)),
        Arrow(((340, 64), (340, 88), (125, 88), (125, 146))),
        Arrow(((520, 64), (520, 88), (735, 88), (735, 146))),
        _down(125, 196, 216),
        Arrow(((210, 241), (230, 241))),
        Arrow(((310, 216), (310, 196))),
        Arrow(((550, 216), (550, 196))),
        Arrow(((630, 171), (650, 171))),
        Arrow(((735, 196), (735, 216))),
        Box(230, 326, 400, 46, "bus: LISTEN and NOTIFY, or NATS", ()),
        Arrow(((310, 266), (310, 326)), "wake, after the commit", (160, 300)),
        Arrow(((550, 326), (550, 266)), "wake", (560, 300)),
        Box(
            20,
            402,
            820,
            50,
            "PostgreSQL",
            ("the session's row is the lock; a task's row is the lease",),
            "kept",
        ),
        Arrow(((125, 266), (125, 402)), "a batch: one commit", (135, 390), both=True),
        Arrow(((735, 266), (735, 402)), "new items", (665, 390), both=True),
    ),
)

FIGURES = {"request.svg": REQUEST, "commit.svg": COMMIT, "processes.svg": PROCESSES, "nodes.svg": NODES}


def main() -> int:
    """Write each figure into docs/."""
    for name, figure in FIGURES.items():
        (DOCS / name).write_text(svg(figure), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
