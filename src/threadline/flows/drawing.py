"""A picture of a flow as SVG: a box for each action, a row in it for each branch, and a line from there to its target.

Branches with one target share a row, and lines to one box share their way. The colours follow the viewer's scheme.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from threadline.flows.actions import ACTION_FUNCTIONS
from threadline.flows.language import Action, Flow
from threadline.flows.layout import ENTRY, WIDTH, Box, Layout, Segment, arrange, positioned

HEAD, ROW, MARGIN, LOOP = 46, 19, 48, 34
TITLE_CHARACTERS_MAX, TEXT_CHARACTERS_MAX = 28, 33
STYLE = """
svg { --back: #fff; --box: #fff; --text: #1b2233; --soft: #6b7487; --line: #9aa3b5; --frame: #cfd5e1; --bad: #c8503f;
  font: 13px system-ui, "Segoe UI", sans-serif; background: var(--back) }
@media (prefers-color-scheme: dark) {
  svg { --back: #14171f; --box: #1d222d; --text: #e8ebf2; --soft: #98a2b6; --line: #667085; --frame: #3a4256;
    --bad: #f08a78 } }
.box { fill: var(--box); stroke: var(--frame) } .away .box { stroke-dasharray: 4 3 }
.messages { fill: #4f74e3 } .contact { fill: #8a63d2 } .branching { fill: #c98a1b } .services { fill: #17898b }
.transfers { fill: #3b9d5a } .end { fill: #7d8699 }
text { fill: var(--text) } .title { font-weight: 600 } .soft { fill: var(--soft); font-size: 11px }
.row { font-size: 11px } .port { fill: var(--line) } text.bad, .port.bad { fill: var(--bad) }
path { fill: none; stroke: var(--line); stroke-width: 1.4 } path.bad { stroke: var(--bad); stroke-dasharray: 5 3 }
.tip { fill: var(--line); stroke: none } .start { fill: #3b9d5a }
"""


class Branch(NamedTuple):
    """A row of a box: the target, the values or errors that lead to it, and whether they are all errors."""

    target: str
    labels: tuple[str, ...]
    failed: bool


def draw(flow: Flow, places: Mapping[str, tuple[float, float]] | None = None) -> str:
    """Draw a flow, with its actions at `places` if these are given."""
    branches = {name: list(_branches(action)) for name, action in flow.actions.items()}
    boxes = {
        name: Box(
            HEAD + ROW * len(rows) + (6 if rows else 0),
            [
                (row.target, _height(number), row.failed)
                for number, row in enumerate(rows)
                if row.target != name
            ],
        )
        for name, rows in branches.items()
    }
    layout = arrange(boxes, flow.start) if places is None else positioned(boxes, _moved(places))
    reached = _reached(flow.start, branches)
    width = max(x for x, _ in layout.places.values()) + WIDTH + 2 * MARGIN
    bottom = max(y + boxes[name].height for name, (_, y) in layout.places.items())
    lowest = max([bottom, *(part.end[1] for part in layout.segments)])
    height = lowest + 2 * MARGIN
    drawn = [*_lines(layout), _start(layout.places[flow.start])]
    drawn += [
        _box(flow.actions[name], rows, layout.places[name], boxes[name].height, reached=name in reached)
        for name, rows in branches.items()
    ]
    marker = (
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        '<path class="tip" d="M0 0 8 4 0 8z"/></marker>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-MARGIN} {-MARGIN} {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}"><style>{STYLE}</style><defs>{marker}</defs>'
        f"{''.join(drawn)}</svg>\n"
    )


def _branches(action: Action) -> Iterable[Branch]:
    """The branches of an action, those with one target in one row."""
    labels: dict[tuple[str, bool], list[str]] = {}
    if action.next_action is not None and not action.conditions:
        labels.setdefault((action.next_action, False), []).append("Success")
    for condition in action.conditions:
        sign = "" if condition.operator == "Equals" else f"{condition.operator} "
        labels.setdefault((condition.next_action, False), []).append(sign + ", ".join(condition.operands))
    for error, target in action.errors.items():
        labels.setdefault((target, True), []).append(error)
    if action.next_action is not None and action.conditions and "NoMatchingCondition" not in action.errors:
        labels.setdefault((action.next_action, False), []).append("otherwise")
    for (target, failed), names in labels.items():
        yield Branch(target, tuple(names), failed)


def _height(number: int) -> float:
    """The height of a row's middle, from the top of its box."""
    return HEAD + ROW * number + ROW / 2


def _moved(places: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """The places, moved so that the first ones are at the left and the top."""
    left, top = min(x for x, _ in places.values()), min(y for _, y in places.values())
    return {name: (x - left, y - top) for name, (x, y) in places.items()}


def _reached(start: str, branches: Mapping[str, Sequence[Branch]]) -> set[str]:
    reached, todo = set[str](), [start]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += [row.target for row in branches[name]]
    return reached


def _lines(layout: Layout) -> Iterable[str]:
    """The paths of all lines. A part that several lines share is drawn once, as an error only if all of them are."""
    for part, failed in layout.segments.items():
        kind = ' class="bad"' if failed else ""
        tip = ' marker-end="url(#tip)"' if part.arrives else ""
        yield f'<path{kind} d="{_curve(part)}"{tip}/>'


def _curve(part: Segment) -> str:
    (x, y), (to_x, to_y) = part.start, part.end
    if part.turns or (part.arrives and to_x <= x):
        out = LOOP if part.arrives and to_x <= x and not part.turns else LOOP * (-1 if part.arrives else 1)
        into = -LOOP if part.arrives else LOOP
        return f"M{x:g} {y:g}C{x + out:g} {y:g} {to_x + into:g} {to_y:g} {to_x:g} {to_y:g}"
    if y == to_y:
        return f"M{x:g} {y:g}H{to_x:g}"
    bend = (to_x - x) / 2
    return f"M{x:g} {y:g}C{x + bend:g} {y:g} {to_x - bend:g} {to_y:g} {to_x:g} {to_y:g}"


def _start(place: tuple[float, float]) -> str:
    x, y = place[0], place[1] + ENTRY
    return (
        f'<circle class="start" cx="{x - 34:g}" cy="{y:g}" r="6"><title>Start</title></circle>'
        f'<path d="M{x - 28:g} {y:g}H{x:g}" marker-end="url(#tip)"/>'
    )


def _box(
    action: Action, rows: Sequence[Branch], place: tuple[float, float], height: float, *, reached: bool
) -> str:
    module = ACTION_FUNCTIONS[action.type].__module__.rpartition(".")[2]
    colour = module if rows else "end"
    away = "" if reached else ' class="away"'
    parts = [
        f'<g{away} transform="translate({place[0]:g} {place[1]:g})"><title>{escape(action.identifier)}</title>',
        f'<rect class="box" width="{WIDTH}" height="{height:g}" rx="7"/>',
        f'<rect class="{colour}" width="4" height="{height - 12:g}" y="6" rx="2"/>',
        f'<text class="title" x="14" y="20">{escape(_short(action.type, TITLE_CHARACTERS_MAX))}</text>',
        f'<text class="soft" x="14" y="36">{escape(_short(_detail(action), TEXT_CHARACTERS_MAX))}</text>',
    ]
    for number, row in enumerate(rows):
        y, label = _height(number), ", ".join(row.labels)
        bad = " bad" if row.failed else ""
        shown = f"<title>{escape(label)}</title>{escape(_short(label, TEXT_CHARACTERS_MAX))}"
        parts += [
            f'<text class="row{bad}" x="{WIDTH - 12}" y="{y + 4:g}" text-anchor="end">{shown}</text>',
            f'<circle class="port{bad}" cx="{WIDTH}" cy="{y:g}" r="3"/>',
        ]
        if row.target == action.identifier:
            kind = "bad" if row.failed else ""
            way = f"M{WIDTH} {y:g}h14V-12H-16V{ENTRY:g}H0"
            parts.append(f'<path class="{kind}" d="{way}" marker-end="url(#tip)"/>')
    return "".join([*parts, "</g>"])


def _detail(action: Action) -> str:
    """The parameter that tells most about an action; without one its identifier."""
    return next(filter(None, map(_told, action.parameters.values())), action.identifier)


def _told(value: Any) -> str:
    """A value in a few words: a text, the last part of an ARN, the first entry of an object."""
    if isinstance(value, str):
        return value.rpartition("/")[2].rpartition(":function:")[2] if value.startswith("arn:") else value
    if isinstance(value, Mapping) and value:
        name, entry = next(iter(value.items()))
        return f"{name}: {_told(entry)}"
    if isinstance(value, list | tuple) and value:
        return _told(value[0])
    return ""


def _short(text: str, characters_max: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= characters_max else line[: characters_max - 1] + "…"
